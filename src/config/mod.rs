//! What an operator can set, where each value came from, and what is wrong with it.
//!
//! [`SETTINGS`] declares every setting once. The variable, the flag, the `.env` key, the help
//! text, `.env.example` and `anteroom config` all come from it. [`Config::load`] judges what it is
//! given: it reads no environment, and no file but those that are named to hold a secret.
//!
//! Only `cli` may import this room; the others get the typed values handed to them.

mod dotenv;
mod duration;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod injected;
mod load;
mod mask;
mod mistakes;
mod read;
mod render;
mod secret_file;
mod settings;
mod sources;
pub(crate) mod values;
mod warnings;

#[cfg(test)]
mod tests;

pub use dotenv::Dotenv;
pub use duration::WrittenDuration;
pub use load::{Config, HttpSettings, Keeping, Logging, SignUps};
pub use mask::mask;
pub use mistakes::{Mistake, Mistakes};
pub use render::env_example;
pub use settings::{Group, SETTINGS, Setting};
pub use sources::{Flags, Form, Provenance};
pub use values::{SessionStorage, Signup};
