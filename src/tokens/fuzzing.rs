//! Properties that hold for every access token. See [`crate::fuzzing`].

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::{Algorithm, ClientId, NewClient, NewKey, OAuthClient, Registry, SigningKey};

const NOW: OffsetDateTime = datetime!(2026-11-30 09:00 UTC);
const ISSUER: &str = "https://id.example.org";
const AUDIENCE: &str = "https://api.example.org";

/// One client with one key, which the corpus cannot know.
static REGISTRY: LazyLock<Option<Registry>> = LazyLock::new(|| {
    let key = NewKey::generate(Algorithm::Es256).ok()?;
    let key = SigningKey::from_stored(&key, NOW, (Some(NOW), None)).ok()?;
    Some(Registry { issuer: ISSUER.into(), clients: vec![client()?], keys: vec![key] })
});

fn client() -> Option<OAuthClient> {
    let new = NewClient {
        name: "Orders".to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        ..NewClient::default()
    };
    new.checked((ClientId::from_uuid(Uuid::from_u128(11)), NOW), ISSUER).ok()
}

/// Two lines, the header and the claims: only a text that our key signed is a token, and only with
/// claims that are ours. `kid` in a header stands for the id of the key.
pub(crate) fn access_token(input: &[u8]) {
    let Some(registry) = &*REGISTRY else { return };
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(registry.verify(text, NOW).is_none(), "nobody signed it");
    }
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let header = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let header = header.replace("KID", &registry.keys[0].id.to_string());
    let claims = lines.next().unwrap_or_default();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(claims));
    let Ok(signature) = registry.keys[0].sign(signed.as_bytes()) else { return };
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    let Some(shown) = registry.verify(&token, NOW) else { return };
    assert_eq!(&*shown.audience, AUDIENCE);
    assert!(shown.expires_at > NOW);
    assert_eq!(ClientId::parse(&shown.client), Some(registry.clients[0].id));
    for part in ["\"ES256\"", "\"at+jwt\""] {
        assert!(header.contains(part) || header.contains('\\'), "{header}");
    }
}
