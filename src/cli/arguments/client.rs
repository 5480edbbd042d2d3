//! The grammar of `anteroom client` and `anteroom keys`.

use clap::{Args, Subcommand};

use crate::tokens::Algorithm;

/// Text, because a comment would need backticks around a name in capitals and small letters.
const ALGORITHM_HELP: &str =
    "Algorithm that signs its access tokens: ES256, EdDSA, or HS256 with its secret";

/// How people sign in to a client.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct SignInArguments {
    /// Where the browsers of people who sign in may be sent, exactly; several separated by blanks
    #[arg(long, value_name = "URI", num_args = 1..)]
    pub redirect_uri: Vec<String>,
    /// The client can keep no secret: it is an app on a device
    #[arg(long)]
    pub public: bool,
    /// People are not asked before they sign in to it, and its tokens count in place of their cookie
    #[arg(long)]
    pub trusted: bool,
    /// Group that may sign in to it; several separated by commas; without any everybody
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub allow_group: Vec<String>,
}

/// A command about the clients that access tokens are for.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum ClientCommand {
    /// Register a client, and print its secret once
    Add {
        /// Name for people; no other client has the same
        name: String,
        /// Audience of its access tokens: the URL of a back end, or a name; several separated by
        /// commas; without any the public URL
        #[arg(long, value_name = "AUDIENCE", value_delimiter = ',')]
        audience: Vec<String>,
        /// Scopes that its access tokens may have, separated by commas
        #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
        scopes: Vec<String>,
        #[arg(long, help = ALGORITHM_HELP, value_name = "ALGORITHM", default_value = "ES256", value_parser = algorithm)]
        alg: Algorithm,
        #[command(flatten)]
        sign_in: SignInArguments,
        /// Print a JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// List the clients
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Print one client
    Show {
        /// Id or name of the client
        client: String,
        /// Print a JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Give a client another secret, and print it once; the latest one stays valid until the next
    /// rotation
    RotateSecret {
        /// Id or name of the client
        client: String,
        /// Refuse every earlier secret at once
        #[arg(long)]
        drop_old: bool,
        /// Print a JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Remove a client; its tokens are refused from then on
    Remove {
        /// Id or name of the client
        client: String,
    },
}

/// A command about the keys that sign tokens.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum KeysCommand {
    /// List the keys that sign tokens
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Delete every key, so that all tokens are refused at once: after a leak, or without the key file.
    /// Servers make new keys within half a minute. Clients with HS256 need another secret
    Delete,
    /// Let the announced keys sign, and announce others; servers do so by themselves every 90 days
    Rotate {
        /// Also where a key was announced less than a day ago, so that some verifiers may not know it
        #[arg(long)]
        now: bool,
    },
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "write ES256, EdDSA or HS256".to_owned())
}
