//! Attempts on the service that no file of an operation has, each named by the row of
//! `docs/security-checklist.md` that it shows.

mod caching;
mod chance;
mod claims;
mod cookies;
mod ends;
mod lookups;
mod tokens;
