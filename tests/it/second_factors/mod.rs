//! Second factors: authenticator apps, recovery codes, pending sessions, and who must have one.

mod authenticator;
mod codes;
mod mail;
mod pages;
mod pending;
mod policy;
mod step_up;

pub use authenticator::{Authenticator, send_recovery_code, set_up};
