//! The relying party of `WebAuthn`: what a browser is asked, and whether its answer is right.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Host, Url};
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AttestationFormat, COSEAlgorithm, Credential, ParsedAttestation, PublicKeyCredential,
    RegisterPublicKeyCredential, UserVerificationPolicy,
};

use super::{Ceremony, Passkey};
use crate::accounts::User;
use crate::failure::StoreError;

/// The algorithms that are offered. Every authenticator has one of them. The library cannot check
/// `EdDSA`: a key that is made with it would be refused.
const ALGORITHMS: [COSEAlgorithm; 2] = [COSEAlgorithm::ES256, COSEAlgorithm::RS256];

/// The most bytes that the id of a credential may have.
const MOST_ID_BYTES: usize = 1023;

/// A challenge: 32 random bytes.
pub(super) type Challenge = [u8; 32];

/// The server to which passkeys belong. Cheap to clone.
#[derive(Clone)]
pub struct RelyingParty(Arc<Inner>);

struct Inner {
    core: WebauthnCore,
    id: String,
    origin: String,
}

/// The options of a ceremony for the browser, and the state to keep until it answers.
pub(super) struct Asked {
    pub(super) options: Value,
    pub(super) state: String,
}

/// The answer of the browser for a new passkey: `PublicKeyCredential.toJSON()`.
#[derive(Clone, Debug)]
pub struct Registration {
    credential: RegisterPublicKeyCredential,
    client: ClientData,
}

/// The answer of the browser as a proof: `PublicKeyCredential.toJSON()`.
#[derive(Clone, Debug)]
pub struct Assertion {
    credential: PublicKeyCredential,
    client: ClientData,
}

/// The part of the client data that is checked here; the library checks the rest.
#[derive(Clone, Debug, Deserialize)]
struct ClientData {
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<Value>,
}

impl ClientData {
    fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    fn challenge(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.challenge).unwrap_or_default()
    }
}

/// A new passkey without its name.
#[derive(Debug)]
pub(super) struct NewKey {
    pub(super) credential_id: Vec<u8>,
    pub(super) credential: String,
    pub(super) sign_count: u32,
    pub(super) backed_up: bool,
}

/// The content of a right assertion.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) sign_count: u32,
    pub(super) backed_up: bool,
}

/// The answer of a browser is not right.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotRight(String);

/// Removes what is not read, so that no future member of it makes an answer unreadable.
fn without_extensions(mut credential: Value) -> Value {
    if let Some(members) = credential.as_object_mut() {
        members.remove("clientExtensionResults");
        members.remove("extensions");
    }
    credential
}

impl Registration {
    /// Reads it; `None` if a part is missing or malformed.
    #[must_use]
    pub fn read(credential: Value) -> Option<Self> {
        let credential: RegisterPublicKeyCredential =
            serde_json::from_value(without_extensions(credential)).ok()?;
        let client = ClientData::read(&credential.response.client_data_json)?;
        Some(Self { credential, client })
    }

    /// The challenge that was signed.
    pub(super) fn challenge(&self) -> Vec<u8> {
        self.client.challenge()
    }
}

impl Assertion {
    /// Reads it; `None` if a part is missing or malformed.
    #[must_use]
    pub fn read(credential: Value) -> Option<Self> {
        let credential: PublicKeyCredential =
            serde_json::from_value(without_extensions(credential)).ok()?;
        let client = ClientData::read(&credential.response.client_data_json)?;
        Some(Self { credential, client })
    }

    /// The challenge that was signed.
    pub(super) fn challenge(&self) -> Vec<u8> {
        self.client.challenge()
    }

    /// The id of the credential.
    pub(super) fn credential_id(&self) -> &[u8] {
        &self.credential.raw_id
    }

    /// The id of the credential in base64url, as browsers have it.
    #[must_use]
    pub fn credential_name(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.credential.raw_id)
    }

    /// The id of the account, as the authenticator keeps it.
    pub(super) fn user_handle(&self) -> Option<&[u8]> {
        // Browsers send an empty one where the authenticator has none.
        self.credential.get_user_unique_id().filter(|handle| !handle.is_empty())
    }
}

impl RelyingParty {
    /// The server under this public URL. `None` where its host is an IP address: browsers accept
    /// only names.
    #[must_use]
    pub fn at(public_url: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok()?;
        let Some(Host::Domain(host)) = url.host() else { return None };
        let (id, origin) = (host.to_owned(), url.origin().ascii_serialization());
        // Neither subdomains nor other ports. Other origins in frames are refused by default.
        let core = WebauthnCore::new_unsafe_experts_only(
            &id,
            &id,
            vec![url],
            Ceremony::LIFETIME,
            Some(false),
            Some(false),
        );
        Some(Self(Arc::new(Inner { core, id, origin })))
    }

    /// The id under which browsers keep passkeys: the host.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The question to a browser for a new passkey of a user who has these.
    pub(super) fn ask_to_register(
        &self,
        user: &User,
        existing: &[Passkey],
        challenge: &Challenge,
    ) -> Result<Asked, StoreError> {
        let core = &self.0.core;
        let (name, email) = (user.name.as_str(), user.email.display());
        let shown = if name.is_empty() { email.as_str() } else { name };
        let excluded = existing.iter().map(|passkey| passkey.credential_id.clone()).collect();
        let (mut asked, state) = core
            .new_challenge_register_builder(user.id.as_uuid().as_bytes(), &email, shown)
            .and_then(|builder| {
                let builder = builder
                    .user_verification_policy(UserVerificationPolicy::Required)
                    .require_resident_key(true)
                    .credential_algorithms(ALGORITHMS.to_vec())
                    .exclude_credentials(Some(excluded));
                core.generate_challenge_register(builder)
            })
            .map_err(StoreError::backend)?;
        asked.public_key.challenge = challenge.to_vec();
        Ok(Asked {
            options: to_json(&asked.public_key)?,
            state: with_challenge(&state, challenge)?,
        })
    }

    /// The question to a browser for a proof by one of these passkeys; none: any that it has.
    pub(super) fn ask_to_prove(
        &self,
        passkeys: &[Passkey],
        challenge: &Challenge,
    ) -> Result<Asked, StoreError> {
        let core = &self.0.core;
        let credentials = passkeys.iter().map(credential_of).collect::<Result<Vec<_>, _>>()?;
        let (mut asked, mut state) = core
            .new_challenge_authenticate_builder(credentials, Some(UserVerificationPolicy::Required))
            .and_then(|builder| core.generate_challenge_authenticate(builder))
            .map_err(StoreError::backend)?;
        asked.public_key.challenge = challenge.to_vec();
        // The credential is looked up when the answer arrives: it may be deleted by then.
        state.set_allowed_credentials(Vec::new());
        Ok(Asked {
            options: to_json(&asked.public_key)?,
            state: with_challenge(&state, challenge)?,
        })
    }

    /// The key of a right answer to [`RelyingParty::ask_to_register`].
    pub(super) fn register(
        &self,
        state: &str,
        registration: &Registration,
    ) -> Result<NewKey, NotRight> {
        self.check_client(&registration.client)?;
        let state = read(state)?;
        let credential = self.0.core.register_credential(&registration.credential, &state, None);
        let credential = credential.map_err(not_right)?;
        // WebAuthn 3, section 7.1, step 24.
        if credential.cred_id.is_empty() || credential.cred_id.len() > MOST_ID_BYTES {
            return Err(NotRight("the id of the credential has a wrong length".to_owned()));
        }
        // Who made the authenticator is not asked, and not kept where a browser tells it.
        let kept = Credential {
            attestation: ParsedAttestation::default(),
            attestation_format: AttestationFormat::None,
            ..credential
        };
        Ok(NewKey {
            credential: serde_json::to_string(&kept).map_err(not_right)?,
            credential_id: kept.cred_id,
            sign_count: kept.counter,
            backed_up: kept.backup_state,
        })
    }

    /// Checks an answer to [`RelyingParty::ask_to_prove`] by this passkey.
    pub(super) fn prove(
        &self,
        state: &str,
        passkey: &Passkey,
        assertion: &Assertion,
    ) -> Result<Signed, NotRight> {
        self.check_client(&assertion.client)?;
        let mut credential = credential_of(passkey).map_err(not_right)?;
        // The library would refuse a count that goes back for backed-up keys, too. The store judges
        // it, in the step that writes it.
        credential.counter = 0;
        let mut state: webauthn_rs_core::proto::AuthenticationState = read(state)?;
        state.set_allowed_credentials(vec![credential]);
        let result = self.0.core.authenticate_credential(&assertion.credential, &state);
        let result = result.map_err(not_right)?;
        if !result.user_verified() {
            return Err(NotRight("the user was not verified".to_owned()));
        }
        Ok(Signed { sign_count: result.counter(), backed_up: result.backup_state() })
    }

    /// The library compares parsed URLs, and does not know `topOrigin`.
    fn check_client(&self, client: &ClientData) -> Result<(), NotRight> {
        if client.origin != self.0.origin {
            return Err(NotRight("another origin".to_owned()));
        }
        if client.cross_origin || client.top_origin.is_some() {
            return Err(NotRight("a frame of another origin".to_owned()));
        }
        Ok(())
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelyingParty({})", self.0.id)
    }
}

fn credential_of(passkey: &Passkey) -> Result<Credential, StoreError> {
    serde_json::from_str(&passkey.credential).map_err(|_| StoreError::Corrupt("a passkey"))
}

fn to_json(value: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(StoreError::backend)
}

fn read<T: DeserializeOwned>(state: &str) -> Result<T, NotRight> {
    serde_json::from_str(state).map_err(not_right)
}

fn not_right(error: impl fmt::Display) -> NotRight {
    NotRight(error.to_string())
}

/// The state with our challenge in place of the one that the library drew, which does not know the
/// one source of randomness.
fn with_challenge(state: &impl Serialize, challenge: &Challenge) -> Result<String, StoreError> {
    let mut state = to_json(state)?;
    let members = state.as_object_mut().ok_or(StoreError::Corrupt("the state of a ceremony"))?;
    members.insert("challenge".to_owned(), URL_SAFE_NO_PAD.encode(challenge).into());
    Ok(state.to_string())
}
