//! Clients: the applications and back ends that tokens are for, and their secrets.

use std::fmt;

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use time::OffsetDateTime;

use super::{Algorithm, RedirectUri};
use crate::accounts::{Groups, InvalidGroups, User};
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
    /// A redirect URI.
    #[error(
        "a redirect URI is an absolute https URL, exactly as browsers send it, without a fragment; \
         http for loopback addresses only; or it has a scheme such as com.example.app"
    )]
    RedirectUri,
    /// A group.
    #[error("a group cannot be used: {0}")]
    Groups(InvalidGroups),
    /// A public client has no secret that could sign.
    #[error("HS256 signs with the secret of the client, and a public client has none")]
    PublicWithoutSecret,
    /// A public client that is trusted, and that another program could pass itself off as.
    #[error(
        "a trusted public client needs https redirect URIs: any program of a device can take the others"
    )]
    PublicAndTrusted,
    /// A public client that nobody can sign in to.
    #[error("a public client needs a redirect URI: it has no other use")]
    PublicWithoutRedirect,
    /// Too many audiences, scopes, redirect URIs or groups.
    #[error(
        "a client has at most {MOST_ENTRIES} of each: audiences, scopes, redirect URIs, groups"
    )]
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
            Self::RedirectUri => "invalid_redirect_uri",
            Self::Groups(error) => error.code(),
            Self::PublicWithoutSecret => "public_client",
            Self::PublicAndTrusted => "redirect_uri_unsafe",
            Self::PublicWithoutRedirect => "redirect_uri_missing",
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
#[derive(Clone, Debug, Default)]
pub struct NewClient {
    /// Its name, for people. No other client has the same.
    pub name: String,
    /// The audiences of its access tokens. None: the public URL of this server.
    pub audiences: Vec<String>,
    /// The scopes that its access tokens may have.
    pub scopes: Vec<String>,
    /// Signs its tokens.
    pub algorithm: Algorithm,
    /// Where the browsers of people who sign in may be sent. None: nobody can sign in to the client.
    pub redirect_uris: Vec<String>,
    /// Whether the client can keep no secret, as an app on a device.
    pub is_public: bool,
    /// Whether people are not asked before they sign in to it.
    pub is_trusted: bool,
    /// The groups that may sign in to it. None: everybody.
    pub allowed_groups: Vec<String>,
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
        let lists = [&self.audiences, &self.scopes, &self.redirect_uris, &self.allowed_groups];
        if lists.iter().any(|list| list.len() > MOST_ENTRIES) {
            return Err(ClientError::TooMany);
        }
        let audiences = self.audiences.iter().map(|text| Audience::parse(text));
        let scopes = self.scopes.iter().map(|text| Scope::parse(text));
        let redirect_uris = self.redirect_uris.iter().map(|text| RedirectUri::parse(text));
        let groups = Groups::parse(self.allowed_groups.iter().map(String::as_str));
        let client = OAuthClient {
            id,
            name: name.into(),
            algorithm: self.algorithm,
            audiences: audiences.collect::<Result<_, _>>()?,
            scopes: scopes.collect::<Result<_, _>>()?,
            redirect_uris: redirect_uris.collect::<Option<_>>().ok_or(ClientError::RedirectUri)?,
            is_public: self.is_public,
            is_trusted: self.is_trusted,
            allowed_groups: groups.map_err(ClientError::Groups)?,
            created_at,
            secrets: Vec::new(),
        };
        if client.is_public && client.algorithm == Algorithm::Hs256 {
            return Err(ClientError::PublicWithoutSecret);
        }
        let is_safe = client.redirect_uris.iter().all(RedirectUri::is_of_one_owner);
        if client.is_public && client.is_trusted && !is_safe {
            return Err(ClientError::PublicAndTrusted);
        }
        if client.is_public && client.redirect_uris.is_empty() {
            return Err(ClientError::PublicWithoutRedirect);
        }
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
    /// Where the browsers of people who sign in may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// Whether it has no secret.
    pub is_public: bool,
    /// Whether people are not asked before they sign in to it.
    pub is_trusted: bool,
    /// The groups that may sign in to it. None: everybody.
    pub allowed_groups: Groups,
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

    /// Whether a request may name this redirect URI.
    #[must_use]
    pub fn allows_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|own| own.allows(uri))
    }

    /// The scopes that it may ask for when somebody signs in: those of `OpenID` Connect that say who
    /// that is, and its own.
    pub fn sign_in_scopes(&self) -> impl Iterator<Item = Scope> {
        let standard = Scope::from_stored("openid profile email");
        standard.into_iter().chain(self.scopes.iter().cloned())
    }

    /// Whether its tokens count in place of a session's cookie. Those of a client that people sign in
    /// to do not, unless it is trusted: it would use everything that they may.
    #[must_use]
    pub fn may_act_for_users(&self) -> bool {
        self.is_trusted || self.redirect_uris.is_empty()
    }

    /// Whether a user may sign in to it.
    #[must_use]
    pub fn admits(&self, user: &User) -> bool {
        let allowed = &self.allowed_groups;
        allowed.is_empty() || allowed.iter().any(|group| user.groups.contains(group))
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
