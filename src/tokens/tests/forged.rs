//! Tokens that were not signed by the key pairs of this server, but with a secret that somebody has.

use ring::hmac;

use super::*;

/// A token with these claims, signed with the secret of the client.
fn signed_by_client(claims: &Value) -> String {
    let header = json!({ "alg": "HS256", "typ": "at+jwt" }).to_string();
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

const SHARED: &str = "https://old.example.org";

#[test]
fn attack_139_a_token_that_a_client_could_have_made_counts_at_introspection_only() {
    let registry = registry();
    let shared = verified(&registry, &mint_for(&registry, SHARED, &[])).unwrap();
    assert!(shared.is_client_signed && !shared.is_for(SHARED));
    let signed = verified(&registry, &mint_for(&registry, API, &[])).unwrap();
    assert!(signed.is_for(API) && !signed.is_for(SHARED) && !signed.is_for(ISSUER));
}

#[test]
fn jwt_5_times_that_a_client_chose_are_those_of_this_server_or_refused() {
    let registry = registry();
    let claims = part(&mint_for(&registry, SHARED, &[]), 1);
    let now = NOW.unix_timestamp();
    let with = |iat: i64, exp: i64| {
        let mut other = claims.clone();
        (other["iat"], other["exp"]) = (json!(iat), json!(exp));
        verified(&registry, &signed_by_client(&other)).is_some()
    };
    assert!(with(now, now + 300) && with(now, now + 3600) && with(now + 5, now + 3605));
    assert!(!with(now, now + 3601), "no token lives longer than an hour");
    assert!(!with(now + 6, now + 300), "clocks differ by five seconds at most");
    assert!(!with(now - 3600, now + 1));
}

#[test]
fn attack_139_a_token_with_the_id_of_its_session_is_refused() {
    let registry = registry();
    let mut claims = part(&mint_for(&registry, SHARED, &[]), 1);
    assert!(verified(&registry, &signed_by_client(&claims)).is_some());
    claims["jti"] = claims["sid"].clone();
    assert!(verified(&registry, &signed_by_client(&claims)).is_none());
}

#[test]
fn jwt_3_claims_as_an_array_are_refused() {
    let registry = registry();
    let claims = part(&mint_for(&registry, SHARED, &[]), 1);
    let order = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "client_id",
        "scope",
        "sid",
        "auth_time",
        "amr",
        "roles",
        "groups",
    ];
    let values = order.map(|name| claims.get(name).cloned().unwrap_or(Value::Null));
    assert!(verified(&registry, &signed_by_client(&json!(values))).is_none());
}

#[test]
fn jwt_1_attack_139_a_public_key_is_no_secret_of_hs256() {
    let registry = registry();
    let claims = part(&mint_for(&registry, API, &[]), 1).to_string();
    let header = json!({ "alg": "HS256", "typ": "at+jwt" }).to_string();
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let public = registry.keys[0].to_jwk().to_string();
    for secret in [public.as_bytes(), SECRET.as_bytes(), b""] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert!(verified(&registry, &token).is_none());
    }
}
