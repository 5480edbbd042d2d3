//! Test suites for implementations of this crate's traits. Not part of a normal build.

pub mod conformance;
