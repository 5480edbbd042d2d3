//! Clients: the applications and back ends that tokens are for, and their secrets.

use std::fmt;

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use time::OffsetDateTime;

use super::Algorithm;
use crate::entropy::{Entropy, NoEntropy, id};
use crate::failure::StoreError;
use crate::sessions::Token;

id! {
    /// The id of a client, its `client_id`.
    ClientId
}

id! {
    /// The id of a client's secret.
    ClientSecretId
}

/// Clients are remembered all at once.
pub(super) const MOST_CLIENTS: usize = 1000;
/// The most characters of a client's name.
const LONGEST_NAME: usize = 64;
/// The most characters of an audience or a scope.
const LONGEST_TEXT: usize = 200;
/// The most audiences, and the most scopes, of one client.
const MOST_ENTRIES: usize = 50;

/// The value of a token's `aud`: the URL of a back end, or any name that it agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Audience(Box<str>);

/// A scope (RFC 6749, section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Box<str>);

/// Why a client cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The name.
    #[error("a name has 1 to {LONGEST_NAME} characters, none of them a control character")]
    Name,
    /// An audience.
    #[error(
        "an audience has 1 to {LONGEST_TEXT} visible ASCII characters, without spaces, quotation \
         marks and backslashes"
    )]
    Audience,
    /// A scope.
    #[error(
        "a scope has 1 to {LONGEST_TEXT} visible ASCII characters, without spaces, quotation marks \
         and backslashes"
    )]
    Scope,
    /// Too many audiences or scopes.
    #[error("a client has at most {MOST_ENTRIES} audiences and as many scopes")]
    TooMany,
    /// A client could sign tokens that this server accepts for other people.
    #[error(
        "HS256 needs an audience that is not the public URL: the secret of the client can sign \
         tokens for it"
    )]
    SharedSecret,
    /// The audience is that of a client whose secret signs its tokens.
    #[error(
        "another client has the audience {0}: with HS256 an audience belongs to one client only"
    )]
    AudienceTaken(String),
}

impl ClientError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name => "invalid_name",
            Self::Audience => "invalid_audience",
            Self::Scope => "invalid_scope",
            Self::TooMany => "too_many",
            Self::SharedSecret => "shared_secret",
            Self::AudienceTaken(_) => "audience_taken",
        }
    }
}

/// Why a client was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddClientError {
    /// It is not valid.
    #[error(transparent)]
    Invalid(#[from] ClientError),
    /// Another client has the name.
    #[error("another client has this name: choose another one")]
    NameTaken,
    /// There are too many clients.
    #[error("there are {MOST_CLIENTS} clients already: remove one first")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Defines a text of visible ASCII, which needs no escape in JSON and separates at spaces.
macro_rules! visible_text {
    ($name:ident, $error:ident) => {
        impl $name {
            /// Reads one.
            ///
            /// # Errors
            /// [`ClientError`] says which characters are allowed.
            pub fn parse(text: &str) -> Result<Self, ClientError> {
                let is_allowed =
                    |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
                let fits = (1..=LONGEST_TEXT).contains(&text.len());
                if fits && text.bytes().all(is_allowed) {
                    Ok(Self(text.into()))
                } else {
                    Err(ClientError::$error)
                }
            }

            /// Those of a column: one as it was written, separated by spaces.
            pub(crate) fn from_stored(texts: &str) -> Vec<Self> {
                texts.split_ascii_whitespace().map(|text| Self(text.into())).collect()
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

visible_text!(Audience, Audience);
visible_text!(Scope, Scope);

/// A client to register.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Its name, for people. No other client has the same.
    pub name: String,
    /// The audiences of its access tokens. None: the public URL of this server.
    pub audiences: Vec<String>,
    /// The scopes that its access tokens may have.
    pub scopes: Vec<String>,
    /// Signs its access tokens.
    pub algorithm: Algorithm,
}

impl NewClient {
    /// Checks the client. `issuer` is the public URL.
    ///
    /// # Errors
    /// [`ClientError`] says what to change.
    pub(super) fn checked(
        &self,
        (id, created_at): (ClientId, OffsetDateTime),
        issuer: &str,
    ) -> Result<OAuthClient, ClientError> {
        let name = self.name.trim();
        let is_name = (1..=LONGEST_NAME).contains(&name.chars().count());
        if !is_name || name.chars().any(char::is_control) {
            return Err(ClientError::Name);
        }
        if self.audiences.len().max(self.scopes.len()) > MOST_ENTRIES {
            return Err(ClientError::TooMany);
        }
        let audiences = self.audiences.iter().map(|text| Audience::parse(text));
        let scopes = self.scopes.iter().map(|text| Scope::parse(text));
        let client = OAuthClient {
            id,
            name: name.into(),
            algorithm: self.algorithm,
            audiences: audiences.collect::<Result<_, _>>()?,
            scopes: scopes.collect::<Result<_, _>>()?,
            created_at,
            secrets: Vec::new(),
        };
        if client.algorithm == Algorithm::Hs256
            && (client.audiences.is_empty() || client.has_audience(issuer, issuer))
        {
            return Err(ClientError::SharedSecret);
        }
        Ok(client)
    }
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct OAuthClient {
    /// Its id.
    pub id: ClientId,
    /// Its name.
    pub name: Box<str>,
    /// Signs its access tokens.
    pub algorithm: Algorithm,
    /// The audiences that it was registered with; may be none.
    pub audiences: Vec<Audience>,
    /// The scopes that its access tokens may have.
    pub scopes: Vec<Scope>,
    /// When it was registered.
    pub created_at: OffsetDateTime,
    /// Its secrets, the newest first.
    pub secrets: Vec<StoredSecret>,
}

impl OAuthClient {
    /// Whether tokens for this audience are for the client. Without audiences it has the public URL.
    #[must_use]
    pub fn has_audience(&self, audience: &str, issuer: &str) -> bool {
        match &self.audiences[..] {
            [] => audience == issuer,
            audiences => audiences.iter().any(|own| own.as_str() == audience),
        }
    }

    /// The first of its audiences.
    #[must_use]
    pub fn first_audience<'c>(&'c self, issuer: &'c str) -> &'c str {
        self.audiences.first().map_or(issuer, Audience::as_str)
    }

    /// Whether this is one of its secrets. Takes the same time for each.
    #[must_use]
    pub fn accepts(&self, secret: &str) -> bool {
        let digest = SecretDigest::of(secret);
        let equal = |stored: &StoredSecret| stored.digest.0.ct_eq(&digest.0);
        self.secrets.iter().map(equal).fold(Choice::from(0), |any, one| any | one).into()
    }

    /// The secrets that sign its tokens, the newest first.
    pub(super) fn signing_secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.secrets.iter().filter_map(|secret| secret.text.as_ref())
    }
}

/// The secret of a client: 256 random bits. It is shown once.
#[derive(Clone)]
pub struct ClientSecret(Token);

impl ClientSecret {
    /// A new random secret.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system gives no random bytes.
    pub fn generate(entropy: &Entropy) -> Result<Self, NoEntropy> {
        Token::generate(entropy).map(Self)
    }

    /// Its text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// Its digest, which a store keeps.
    #[must_use]
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(self.reveal())
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// The SHA-256 of a client's secret. It needs no slow hash, for the secret is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The digest of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes that a store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A secret as a store keeps it.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// Its id.
    pub id: ClientSecretId,
    /// Its digest.
    pub digest: SecretDigest,
    /// Its text, only where it signs tokens.
    pub text: Option<SecretString>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}
