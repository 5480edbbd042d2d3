//! The commands about accounts.

use clap::Subcommand;

use crate::accounts::{Group, InvalidGroups, Role};

/// An account command.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum UserCommand {
    /// Add an account; prompts for its password
    Add {
        /// Email address of the account
        email: String,
        /// Make the account an administrator
        #[arg(long)]
        admin: bool,
        /// Display name
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// Read the password from the first line of stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// List accounts
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Disable an account and revoke its sessions
    Disable {
        /// Email address of the account
        email: String,
    },
    /// Enable a disabled account
    Enable {
        /// Email address of the account
        email: String,
    },
    /// Delete an account and revoke its sessions; asks for confirmation
    Delete {
        /// Email address of the account
        email: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Change the role of an account and revoke its sessions
    SetRole {
        /// Email address of the account
        email: String,
        /// New role: user or admin
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Add an account to a group; its sessions stay
    AddGroup {
        /// Email address of the account
        email: String,
        /// Name of the group: 1 to 64 of a to z, 0 to 9, _ and -
        #[arg(value_parser = group)]
        group: Group,
    },
    /// Remove an account from a group; its sessions stay
    RemoveGroup {
        /// Email address of the account
        email: String,
        /// Name of the group
        #[arg(value_parser = group)]
        group: Group,
    },
    /// Set a new password and revoke all sessions of the account
    SetPassword {
        /// Email address of the account
        email: String,
        /// Read the password from the first line of stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove every second factor of an account and revoke its sessions
    ResetFactors {
        /// Email address of the account
        email: String,
    },
}

fn role(text: &str) -> Result<Role, &'static str> {
    Role::parse(text).ok_or("write user or admin")
}

fn group(text: &str) -> Result<Group, InvalidGroups> {
    Group::parse(text)
}
