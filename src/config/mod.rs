//! What an operator can set, where each value came from, and what is wrong with it.
//!
//! [`SETTINGS`] declares every setting once. The variable, the flag, the `.env` key, the help
//! text, `.env.example` and `anteroom config` all come from it. [`Config::load`] judges what it is
//! given and asks nobody: it reads no environment and no file.
//!
//! Only `cli` may import this room; the others get the typed values handed to them.

mod dotenv;
mod duration;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod load;
mod mistakes;
mod read;
mod render;
mod settings;
mod sources;
mod values;
mod warnings;

#[cfg(test)]
mod tests;

pub use dotenv::Dotenv;
pub use duration::WrittenDuration;
pub use load::{Config, Door, Keeping, Logging, SignUps};
pub use mistakes::{Mistake, Mistakes};
pub use render::{env_example, mask};
pub use settings::{Group, SETTINGS, Setting};
pub use sources::{Flags, Provenance};
pub use values::{Database, SessionsIn, Signup};
