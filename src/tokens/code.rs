//! Authorization codes (RFC 6749, section 4.1): hand-over codes for a client.
//!
//! The text of a code has two parts: a hand-over code, which only the session store knows, and the
//! scopes, the nonce and the audience of the request. The store keeps a digest of these, of the redirect
//! URI and of the challenge. So nothing else has to be stored, and nothing can be exchanged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::{ClientId, Scope};
use crate::sessions::{AccessTokenId, Code, HandoverBinding, Origin};

/// The longest text of a code, in bytes: a nonce and the names of scopes are bounded.
const MOST_BYTES: usize = 4096;

/// A request for a code that was checked and allowed.
#[derive(Clone, Debug)]
pub struct CodeRequest {
    /// The client.
    pub client: ClientId,
    /// Where the code is sent.
    pub redirect_uri: String,
    /// The challenge of PKCE (RFC 7636): the SHA-256 of the verifier, in base64url.
    pub challenge: String,
    /// The request of the client.
    pub details: CodeDetails,
}

/// The terms of a code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeDetails {
    /// The id of the client.
    #[serde(rename = "c")]
    pub client: String,
    /// When the code was made, in seconds since 1970.
    #[serde(rename = "t")]
    pub made_at: u64,
    /// The scopes, separated by spaces.
    #[serde(rename = "s", default)]
    pub scope: String,
    /// The text by which the client recognises its request.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The audience of the access token, if not the first of the client.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// A code that a client sent. It is not `Debug`, so that no log has it.
#[derive(Clone)]
pub(crate) struct AuthorizationCode {
    pub(crate) handover: Code,
    details: String,
}

impl CodeRequest {
    /// The binding of the hand-over code.
    pub(crate) fn binding(&self) -> HandoverBinding {
        binding(&self.redirect_uri, &self.challenge, &self.details.encoded())
    }

    /// The text of the code.
    pub(crate) fn text(&self, handover: &Code) -> String {
        format!("{}.{}", handover.reveal(), self.details.encoded())
    }
}

impl CodeDetails {
    fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Each scope that was allowed.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        Scope::from_stored(&self.scope)
    }
}

impl AuthorizationCode {
    /// Reads the value of `code`. `None`: it has not the form of a code.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (handover, details) = text.split_once('.').filter(|_| text.len() <= MOST_BYTES)?;
        Some(Self { handover: Code::parse(handover.as_bytes())?, details: details.to_owned() })
    }

    /// The binding of a hand-over code that was made for this redirect URI and verifier.
    pub(crate) fn binding(&self, redirect_uri: &str, verifier: &str) -> HandoverBinding {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        binding(redirect_uri, &challenge, &self.details)
    }

    /// Its terms. Only to be believed once the binding was compared.
    pub(crate) fn details(&self) -> Option<CodeDetails> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&self.details).ok()?).ok()
    }

    /// The id of the access token that it is exchanged for. A second exchange finds it by the code.
    pub(crate) fn access_token_id(&self) -> AccessTokenId {
        let digest = Sha256::new()
            .chain_update("access token of a code")
            .chain_update(self.handover.digest().as_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        AccessTokenId::from_uuid(Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// The origin under which the codes of a client are kept. No URL has it.
pub(crate) fn origin_of(client: ClientId) -> Origin {
    Origin::of(format!("client:{client}"))
}

fn binding(redirect_uri: &str, challenge: &str, details: &str) -> HandoverBinding {
    let mut digest = Sha256::new();
    for part in [redirect_uri, challenge, details] {
        // With their lengths, so that no two requests have the same bytes.
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    HandoverBinding::from_bytes(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::entropy::Entropy;

    fn request() -> CodeRequest {
        let verifier = "a".repeat(43);
        CodeRequest {
            client: ClientId::from_uuid(Uuid::from_u128(1)),
            redirect_uri: "https://app.example.org/callback".to_owned(),
            challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)),
            details: CodeDetails {
                client: Uuid::from_u128(1).to_string(),
                made_at: 1_796_029_200,
                scope: "openid email".to_owned(),
                nonce: Some("n-0S6".to_owned()),
                audience: None,
            },
        }
    }

    #[test]
    fn a_code_is_bound_to_its_request_and_to_the_verifier() {
        let (request, verifier) = (request(), "a".repeat(43));
        let handover = Code::generate(&Entropy::operating_system()).unwrap();
        let text = request.text(&handover);
        let code = AuthorizationCode::parse(&text).unwrap();
        assert_eq!(code.details(), Some(request.details.clone()));
        assert_eq!(code.binding(&request.redirect_uri, &verifier), request.binding());
        assert_ne!(code.binding(&request.redirect_uri, &"b".repeat(43)), request.binding());
        assert_ne!(code.binding("https://app.example.org/other", &verifier), request.binding());
        let more =
            CodeDetails { scope: "openid email groups".to_owned(), ..request.details.clone() };
        let forged = format!("{}.{}", handover.reveal(), more.encoded());
        let forged = AuthorizationCode::parse(&forged).unwrap();
        assert_ne!(forged.binding(&request.redirect_uri, &verifier), request.binding());
        assert_eq!(forged.access_token_id(), code.access_token_id());
    }

    #[test]
    fn what_has_not_the_form_of_a_code_is_none() {
        let handover = Code::generate(&Entropy::operating_system()).unwrap();
        let text = handover.reveal();
        for other in ["", ".", text, &format!("{text}."), &format!("x{text}.e30")] {
            let code = AuthorizationCode::parse(other);
            assert!(code.is_none_or(|code| code.details().is_none()), "{other}");
        }
        let long = format!("{text}.{}", "a".repeat(5000));
        assert!(AuthorizationCode::parse(&long).is_none());
    }
}
