//! The signature, in the form of Standard Webhooks: HMAC-SHA256 over id, time and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Secrets;

/// The value of `Webhook-Signature`: `v1,` and the signature for each secret, blanks in between.
pub(super) fn sign(secrets: &Secrets, id: &str, timestamp: i64, body: &str) -> String {
    let signatures = secrets.each().filter_map(|secret| {
        // Keys of any length are taken.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    signatures.collect::<Vec<_>>().join(" ")
}
