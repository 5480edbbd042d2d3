//! Integration tests, in one binary: one file per deed, and the rules that hold everywhere.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
#![expect(unreachable_pub, reason = "nothing here is public")]

mod account;
mod admin;
mod bodies;
mod broken_log;
mod browser;
mod browser_sessions;
mod command_line;
mod cookie;
mod curl;
mod door;
mod events;
mod harness;
mod hash_upgrade;
mod house_rules;
mod limits;
mod login;
mod logout;
mod logs;
mod metrics;
mod openapi;
mod orders;
mod origins;
mod races;
mod reasons;
mod redirects;
mod restart;
mod screenshots;
mod secrets;
mod serve;
mod session_commands;
mod session_data;
mod sessions;
mod settings;
mod setup;
mod signup;
mod stamps;
mod store_contract;
mod store_model;
mod timeouts;
mod tower_sessions;
mod verify;
