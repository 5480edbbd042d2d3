//! The commands about the key file and about mail.

use clap::Subcommand;

/// A command about the key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum KeyCommand {
    /// Create the key file, for a database server; with an `SQLite` file the server does it
    Create,
    /// Encrypt every secret under a new key, while servers run
    Rotate {
        /// Only add the new key to the key file, to copy the file to other servers first
        #[arg(long)]
        prepare: bool,
    },
}

/// A command about mail.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum MailCommand {
    /// Send a message to an address, and print what the mail server answered
    Test {
        /// Email address of the recipient
        address: String,
    },
}
