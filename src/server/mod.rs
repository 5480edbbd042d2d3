//! Serving: an accept loop of our own, because nobody else's ends what is slow, silent or idle.
//!
//! `listen` accepts and drains, `admission` counts and makes room, `connection` drives one
//! connection to its end, `activity` judges when that is, by what `stream`, `request` and
//! `unhurried` see of it. Nothing here knows a path or a handler.

mod activity;
mod admission;
mod connection;
mod listen;
mod options;
mod request;
mod stream;
mod unhurried;

pub use listen::{serve, serve_with};
pub use options::{ServeOptions, Times};
pub use request::Answers;
pub(crate) use unhurried::TooSlow;
