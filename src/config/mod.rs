//! Settings: their values, the source of each value, and all mistakes at once.
//!
//! [`SETTINGS`] declares every setting once. The variable, the flag, the `.env` key, the help
//! text, `.env.example` and `anteroom config` are generated from it. [`Config::load`] reads only its
//! arguments, and the files that are named to hold a secret.
//!
//! Only `cli` and `app` import this module.

mod dotenv;
mod forward_auth;
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

pub use crate::duration::WrittenDuration;
pub use dotenv::Dotenv;
pub use load::{AccountSettings, Config, HttpSettings, Logging, StorageSettings};
pub use mask::mask;
pub use mistakes::{Mistake, Mistakes};
pub use render::env_example;
pub use settings::{SETTINGS, Setting, SettingForm, SettingGroup};
pub use sources::{Flags, Provenance};
pub use values::{SessionStorage, Signup};
