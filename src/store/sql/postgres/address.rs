//! Parses the URL of a database server.

use std::fmt;
use std::str::FromStr as _;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::store::sql::OpenError;

/// The allowed parameters. The driver ignores unknown ones and logs them, which could leak a
/// password.
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

/// A server with its credentials. `Display` shows neither user nor password.
#[derive(Clone)]
pub(in crate::store::sql) struct Address {
    pub(super) options: PgConnectOptions,
    place: String,
}

impl Address {
    /// Parses a URL of the form `postgres://user:password@host:port/database?sslmode=…`.
    pub(in crate::store::sql) fn parse(url: &SecretString) -> Result<Self, OpenError> {
        let wrong = |what: String| OpenError::Address { what };
        let text = url.expose_secret();
        let known = url::Url::parse(text)
            .map_err(|error| wrong(format!("{error}; percent-encode what is special in it")))?;
        for (parameter, value) in known.query_pairs() {
            // Its name could be the secret itself.
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
        // The driver would resolve `[::1]` as a host name.
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
