//! The URL of a server, read.

use std::fmt;
use std::str::FromStr as _;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::store::sql::OpenError;

/// What a URL may say beside host, user and database. The driver passes over everything else, and
/// writes it to the log, where it could be a password.
const PARAMETERS: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Where a server is and how to come in. It shows neither user nor password.
#[derive(Clone)]
pub(in crate::store::sql) struct Address {
    pub(super) options: PgConnectOptions,
    place: String,
}

impl Address {
    /// Reads a URL of the form `postgres://user:password@host:port/database?sslmode=…`.
    pub(in crate::store::sql) fn parse(url: &SecretString) -> Result<Self, OpenError> {
        let wrong = |what: String| OpenError::Address { what };
        let text = url.expose_secret();
        let known = url::Url::parse(text)
            .map_err(|error| wrong(format!("{error}; percent-encode what is special in it")))?;
        for (parameter, value) in known.query_pairs() {
            // Without a value it could be the secret itself.
            if value.is_empty() {
                return Err(wrong("a parameter after the ? has no value".to_owned()));
            }
            if !PARAMETERS.contains(&&*parameter) {
                let known = PARAMETERS.join(", ");
                return Err(wrong(format!(
                    "`{parameter}` is no parameter of it; these are: {known}"
                )));
            }
        }
        let options = PgConnectOptions::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("anteroom"),
        };
        // The driver looks for a host of the name `[::1]`.
        let bare = options.get_host().trim_matches(['[', ']']).to_owned();
        let options = options.host(&bare);
        let place = place_of(&options);
        Ok(Self { options, place })
    }
}

fn place_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("{}/{database}", socket.display()),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}
