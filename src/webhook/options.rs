//! The settings of the webhook.

use std::collections::BTreeSet;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use crate::audit::Kind;
use crate::outbound::Target;

/// The fewest bytes of a secret, which is what the signature has.
const SHORTEST_SECRET: usize = 32;
/// One that is in use, and one that comes or goes.
const MOST_SECRETS: usize = 2;

/// The settings of the webhook.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// Where events are sent.
    pub target: Target,
    /// The keys of the signatures.
    pub secrets: Secrets,
    /// Which of them are sent.
    pub events: BTreeSet<Kind>,
}

/// One secret or two, each of which signs.
#[derive(Clone)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Reads them, with a comma between two.
    ///
    /// # Errors
    /// One sentence that says what to write instead, and nothing of what was written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let secrets: Vec<&str> = text.split(',').collect();
        let is_good = |secret: &&str| {
            secret.len() >= SHORTEST_SECRET
                && !secret.contains(|c: char| c.is_control() || c.is_whitespace())
        };
        if secrets.len() > MOST_SECRETS || !secrets.iter().all(is_good) {
            return Err("write at least 32 characters without blanks, for example what `openssl \
                        rand -base64 32` prints; a second one after a comma while you change them"
                .to_owned());
        }
        Ok(Self(secrets.into_iter().map(SecretString::from).collect()))
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|secret| secret.expose_secret().as_bytes())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}
