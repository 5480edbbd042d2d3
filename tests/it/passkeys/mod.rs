//! Passkeys: adding, signing in, proving again, deleting, and everything that must be refused.

mod adding;
mod authenticator;
mod in_chromium;
mod removing;
mod settings;
mod signing_in;

pub use authenticator::{add, key, sign_in_with, signed_in_with};
