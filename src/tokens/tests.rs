//! The rules of access tokens, one by one.

mod forged;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::accounts::{Email, Epoch, Groups, Name, Role, Status, User, UserId};
use crate::sessions::{
    AccessToken, AccessTokenId, Client as Browser, Owner, Session, SessionId, TimeoutRule,
};

const ISSUER: &str = "https://id.example.org";
const API: &str = "https://api.example.org";
const NOW: OffsetDateTime = datetime!(2026-11-30 09:00 UTC);
const FIVE_MINUTES: Duration = Duration::from_mins(5);
const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn user() -> User {
    User {
        id: UserId::from_uuid(id(1)),
        email: Email::parse("ada@example.org").unwrap(),
        email_verified: true,
        name: Name::parse("Ada").unwrap(),
        role: Role::User,
        status: Status::Active,
        groups: Groups::parse(["dev", "ops"]).unwrap(),
        created_at: NOW,
    }
}

fn session() -> Session {
    Session {
        id: SessionId::from_uuid(id(2)),
        owner: Owner::User { id: user().id, epoch: Epoch::FIRST },
        created_at: NOW,
        authenticated_at: Some(NOW),
        second_factor: None,
        passkey: None,
        last_seen_at: NOW,
        expires_at: NOW + Duration::from_hours(24),
        rule: TimeoutRule::Standard,
        remember_me: false,
        client: Browser::default(),
        moved_to: None,
    }
}

fn key(algorithm: Algorithm, signs: bool, retired_at: Option<OffsetDateTime>) -> SigningKey {
    let new = NewKey::generate(algorithm).unwrap();
    SigningKey::from_stored(&new, NOW, (signs.then_some(NOW), retired_at)).unwrap()
}

fn client(number: u128, algorithm: Algorithm, audiences: &[&str]) -> OAuthClient {
    let new = NewClient {
        name: format!("client {number}"),
        audiences: audiences.iter().map(|&text| text.to_owned()).collect(),
        scopes: vec!["groups".to_owned(), "orders:read".to_owned()],
        algorithm,
        ..NewClient::default()
    };
    let mut client = new.checked((ClientId::from_uuid(id(number)), NOW), ISSUER).unwrap();
    if algorithm == Algorithm::Hs256 {
        client.secrets.push(StoredSecret {
            id: ClientSecretId::from_uuid(id(number)),
            digest: SecretDigest::from_bytes([0; 32]),
            text: Some(SECRET.into()),
            created_at: NOW,
        });
    }
    client
}

/// A back end, one with Ed25519, one whose secret signs, and one for the public URL.
fn registry() -> Registry {
    let clients = vec![
        client(11, Algorithm::Es256, &[API]),
        client(12, Algorithm::EdDsa, &["https://fast.example.org"]),
        client(13, Algorithm::Hs256, &["https://old.example.org"]),
        client(14, Algorithm::Es256, &[]),
    ];
    let keys = vec![
        key(Algorithm::Es256, true, None),
        key(Algorithm::Es256, false, None),
        key(Algorithm::EdDsa, true, None),
    ];
    Registry { issuer: ISSUER.into(), clients, keys }
}

fn mint_for(registry: &Registry, audience: &str, scopes: &[&str]) -> String {
    let client = registry.client_of(audience).unwrap();
    let (session, user) = (&session(), &user());
    let scopes: Vec<Scope> = scopes.iter().map(|&scope| Scope::parse(scope).unwrap()).collect();
    let request = AccessRequest { session, user, client, audience, scopes: &scopes };
    let token = AccessTokenId::from_uuid(id(99));
    registry.mint(&request, (token, NOW, FIVE_MINUTES)).unwrap().0
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn verified(registry: &Registry, token: &str) -> Option<AccessToken> {
    registry.verify(token, NOW)
}

/// A token with these parts, signed by the key that signs in the registry.
fn forged(registry: &Registry, header: &Value, claims: &str) -> String {
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = registry.keys[0].sign(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_token_shows_its_session_to_one_audience() {
    let registry = registry();
    for audience in [API, "https://fast.example.org", "https://old.example.org", ISSUER] {
        let token = mint_for(&registry, audience, &[]);
        let shown = verified(&registry, &token).unwrap();
        assert_eq!(&*shown.audience, audience);
        assert_eq!((shown.session, shown.user), (session().id, user().id));
        assert_eq!((shown.issued_at, shown.expires_at), (NOW, NOW + FIVE_MINUTES));
    }
}

#[test]
fn claims_are_those_of_rfc_9068() {
    let registry = registry();
    let token = mint_for(&registry, API, &["groups", "orders:read"]);
    let kid = registry.keys[0].id.to_string();
    assert_eq!(part(&token, 0), json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }));
    let now = NOW.unix_timestamp();
    assert_eq!(
        part(&token, 1),
        json!({
            "iss": ISSUER, "sub": user().id.to_string(), "aud": API,
            "exp": now + 300, "iat": now, "jti": id(99).to_string(),
            "client_id": id(11).to_string(), "scope": "groups orders:read",
            "sid": session().id.to_string(), "auth_time": now, "amr": ["pwd"],
            "roles": ["user"], "groups": ["dev", "ops"],
        })
    );
    let without = part(&mint_for(&registry, API, &[]), 1);
    assert!(without.get("groups").is_none() && without["scope"] == "");
}

#[test]
fn jwt_5_a_token_expires_at_the_second_and_with_its_session() {
    let registry = registry();
    let session = Session { expires_at: NOW + Duration::from_secs(7), ..session() };
    let client = registry.client_of(API).unwrap();
    let (user, id) = (user(), AccessTokenId::from_uuid(id(99)));
    let request =
        AccessRequest { session: &session, user: &user, client, audience: API, scopes: &[] };
    let (token, expires_at) = registry.mint(&request, (id, NOW, FIVE_MINUTES)).unwrap();
    assert_eq!(expires_at, session.expires_at);
    assert!(registry.verify(&token, NOW + Duration::from_secs(6)).is_some());
    assert!(registry.verify(&token, NOW + Duration::from_secs(7)).is_none());
}

#[test]
fn jwt_1_jwt_2_jwt_4_attack_139_a_header_chooses_neither_algorithm_nor_key() {
    let registry = registry();
    let token = mint_for(&registry, API, &[]);
    let claims = part(&token, 1).to_string();
    let kid = registry.keys[0].id.to_string();
    let valid = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
    assert!(verified(&registry, &forged(&registry, &valid, &claims)).is_some());
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("EdDSA")),
        ("alg", json!("Ed25519")),
        ("alg", json!("RS256")),
        ("alg", json!("es256")),
        ("alg", json!(["ES256"])),
        ("typ", json!("JWT")),
        ("typ", json!("logout+jwt")),
        ("typ", json!("AT+JWT")),
        ("typ", json!(null)),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!(registry.keys[1].id.to_string())),
        ("kid", json!(registry.keys[2].id.to_string())),
        ("kid", json!("")),
        ("kid", json!(null)),
        ("kid", json!(7)),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("jku", json!("https://attacker.example/keys")),
        ("x5u", json!("https://attacker.example/keys")),
        ("x5c", json!([])),
        ("jwk", json!({})),
        ("jwk", json!(null)),
    ] {
        let mut header = valid.clone();
        header[name] = value.clone();
        assert!(verified(&registry, &forged(&registry, &header, &claims)).is_none(), "{value}");
    }
}

#[test]
fn jwt_3_attack_139_claims_of_another_form_are_refused() {
    let registry = registry();
    let token = mint_for(&registry, API, &[]);
    let (header, claims) = (part(&token, 0), part(&token, 1));
    for (name, value) in [
        ("iss", json!("https://id.example.org/")),
        ("iss", json!("https://ID.example.org")),
        ("iss", json!([ISSUER])),
        ("aud", json!([API])),
        ("aud", json!([API, ISSUER])),
        ("aud", json!("https://fast.example.org")),
        ("aud", json!(ISSUER)),
        ("exp", json!("1900000000")),
        ("exp", json!(-1)),
        ("exp", json!(1.0e300)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(null)),
        ("exp", json!(NOW.unix_timestamp())),
        ("iat", json!("now")),
        ("nbf", json!(NOW.unix_timestamp() + 1)),
        ("nbf", json!("0")),
        ("sub", json!("ada")),
        ("sub", json!(7)),
        ("sid", json!("")),
        ("jti", json!("{}")),
        ("client_id", json!(id(14).to_string())),
        ("client_id", json!(id(77).to_string())),
        ("scope", json!(["a"])),
        ("amr", json!("pwd")),
        ("roles", json!("admin")),
    ] {
        let mut other = claims.clone();
        other[name] = value.clone();
        let token = forged(&registry, &header, &other.to_string());
        assert!(verified(&registry, &token).is_none(), "{name}: {value}");
    }
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid"] {
        let mut other = claims.clone();
        other.as_object_mut().unwrap().remove(name);
        assert!(verified(&registry, &forged(&registry, &header, &other.to_string())).is_none());
    }
    let text = claims.to_string();
    let twice = text.replacen('{', &format!("{{\"sub\":\"{}\",", id(5)), 1);
    for claims in [&twice, "[]", "null", "", "{", &format!("{text}x")] {
        assert!(verified(&registry, &forged(&registry, &header, claims)).is_none(), "{claims}");
    }
}

#[test]
fn a_token_is_its_exact_text() {
    let registry = registry();
    let token = mint_for(&registry, API, &[]);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = mint_for(&registry, "https://fast.example.org", &[]);
    for text in [
        signed.to_owned(),
        format!("{signed}."),
        format!("{token}="),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(" {token}"),
        format!("{token}\n"),
        token.to_uppercase(),
        format!("{signed}.{}", other.rsplit_once('.').unwrap().1),
        "..".to_owned(),
        String::new(),
        "a".repeat(10_000),
    ] {
        assert!(verified(&registry, &text).is_none(), "{text}");
    }
}

#[test]
fn a_client_that_is_gone_or_lost_its_audience_has_no_tokens() {
    let mut registry = registry();
    let token = mint_for(&registry, API, &[]);
    let gone = registry.clients.remove(0);
    assert!(verified(&registry, &token).is_none());
    registry.clients.insert(0, OAuthClient { audiences: Vec::new(), ..gone });
    assert!(verified(&registry, &token).is_none());
}

#[test]
fn jwt_6_a_retired_key_verifies_until_its_tokens_are_dead() {
    let mut registry = registry();
    let token = mint_for(&registry, API, &[]);
    let mut old = registry.keys.remove(0);
    old.retired_at = Some(NOW);
    registry.keys.push(old);
    assert!(registry.verify(&token, NOW + Duration::from_mins(4)).is_some());
    let late = NOW + Duration::from_hours(2);
    assert_eq!(registry.to_jwks(late)["keys"].as_array().unwrap().len(), 2);
    assert!(!registry.keys.last().unwrap().is_published(late));
}

#[test]
fn jwt_6_published_keys_have_no_private_members_and_are_named_by_their_thumbprint() {
    let keys = registry().to_jwks(NOW);
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    for key in keys {
        assert!(key.get("d").is_none(), "{key}");
        assert_eq!(key["use"], "sig");
        assert_eq!(URL_SAFE_NO_PAD.decode(key["kid"].as_str().unwrap()).unwrap().len(), 32);
    }
}

#[test]
fn a_key_of_another_pair_is_corrupt() {
    let new = || NewKey::generate(Algorithm::Es256).unwrap();
    let mixed = NewKey { public_key: new().public_key, ..new() };
    assert!(SigningKey::from_stored(&mixed, NOW, (None, None)).is_err());
}

#[test]
fn a_secret_that_signs_is_for_one_audience_that_is_not_the_public_url() {
    let new = |audiences: &[&str]| NewClient {
        name: "old".to_owned(),
        audiences: audiences.iter().map(|&text| text.to_owned()).collect(),
        scopes: Vec::new(),
        algorithm: Algorithm::Hs256,
        ..NewClient::default()
    };
    let check = |new: NewClient| new.checked((ClientId::from_uuid(id(20)), NOW), ISSUER).err();
    for audiences in [&[][..], &[API, ISSUER]] {
        assert_eq!(check(new(audiences)), Some(ClientError::SharedSecret));
    }
    assert_eq!(check(new(&[API])), None);
}

#[test]
fn names_audiences_and_scopes_have_bounds() {
    let client = |name: &str, audience: &str, scope: &str| {
        let new = NewClient {
            name: name.to_owned(),
            audiences: vec![audience.to_owned()],
            scopes: vec![scope.to_owned()],
            ..NewClient::default()
        };
        new.checked((ClientId::from_uuid(id(20)), NOW), ISSUER).err()
    };
    assert_eq!(client("Billing", API, "read"), None);
    for name in ["", "  ", "a\nb", &"x".repeat(65)] {
        assert_eq!(client(name, API, "read"), Some(ClientError::Name), "{name:?}");
    }
    for text in ["", "a b", "a\"", "a\\", "ä", &"x".repeat(201)] {
        assert_eq!(client("Billing", text, "read"), Some(ClientError::Audience), "{text:?}");
        assert_eq!(client("Billing", API, text), Some(ClientError::Scope), "{text:?}");
    }
}

#[test]
fn every_secret_of_a_client_counts_and_no_other_text() {
    let entropy = crate::entropy::Entropy::operating_system();
    let secrets =
        [ClientSecret::generate(&entropy).unwrap(), ClientSecret::generate(&entropy).unwrap()];
    let mut client = client(11, Algorithm::Es256, &[API]);
    assert!(!client.accepts(""));
    for secret in &secrets {
        client.secrets.push(StoredSecret {
            id: ClientSecretId::from_uuid(id(1)),
            digest: secret.digest(),
            text: None,
            created_at: NOW,
        });
    }
    assert!(secrets.iter().all(|secret| client.accepts(secret.reveal())));
    let almost = secrets[0].reveal().replacen(|_: char| true, "!", 1);
    assert!(!client.accepts(&almost) && !client.accepts(""));
}
