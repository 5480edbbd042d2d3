//! Checks from memory, under a lease that no revoke escapes.

mod faults;
mod model;
