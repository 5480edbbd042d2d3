//! Every way in which an answer may be wrong, by a key that lies.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

use super::relying_party::{Asked, NewKey, NotRight, Signed};
use super::*;
use crate::accounts::{Email, Groups, Role, Status, User};

const ORIGIN: &str = "https://auth.example.org";

fn party() -> RelyingParty {
    RelyingParty::at(ORIGIN).unwrap()
}

fn user() -> User {
    User {
        id: UserId::from_uuid(Uuid::from_u128(0x1234_5678_9abc)),
        email: Email::parse("ada@example.org").unwrap(),
        email_verified: true,
        name: Name::parse("Ada").unwrap(),
        role: Role::User,
        groups: Groups::default(),
        status: Status::Active,
        created_at: datetime!(2026-11-21 10:42 UTC),
    }
}

fn passkey(new: NewKey) -> Passkey {
    Passkey {
        id: PasskeyId::from_uuid(Uuid::from_u128(9)),
        user: user().id,
        name: Name::parse("Phone").unwrap(),
        credential_id: new.credential_id,
        credential: new.credential,
        sign_count: new.sign_count,
        backed_up: new.backed_up,
        created_at: datetime!(2026-11-21 10:42 UTC),
        last_used_at: None,
    }
}

fn register(key: &mut SoftwareKey, quirks: &[Quirk]) -> Result<NewKey, NotRight> {
    let Asked { options, state } = party().ask_to_register(&user(), &[], &[7; 32]).unwrap();
    let answer = Registration::read(key.register(&options, quirks)).unwrap();
    party().register(&state, &answer)
}

fn prove(key: &mut SoftwareKey, passkey: &Passkey, quirks: &[Quirk]) -> Result<Signed, NotRight> {
    let Asked { options, state } =
        party().ask_to_prove(std::slice::from_ref(passkey), &[8; 32]).unwrap();
    let answer = Assertion::read(key.prove(&options, quirks)).unwrap();
    party().prove(&state, passkey, &answer)
}

#[test]
fn pk_2_a_key_proves_itself_where_it_was_registered() {
    for mut key in [SoftwareKey::new(ORIGIN), SoftwareKey::counting(ORIGIN)] {
        let is_backed_up = key.is_backed_up;
        let new = register(&mut key, &[]).unwrap();
        assert_eq!(new.credential_id, key.credential_id);
        assert_eq!(new.backed_up, is_backed_up);
        let passkey = passkey(new);
        let signed = prove(&mut key, &passkey, &[]).unwrap();
        assert_eq!((signed.sign_count, signed.backed_up), (key.count, is_backed_up));
    }
}

#[test]
fn pk_2_attack_127_every_wrong_proof_is_refused() {
    let mut key = SoftwareKey::new(ORIGIN);
    let passkey = passkey(register(&mut key, &[]).unwrap());
    let wrong = [
        Quirk::Origin("https://auth.example.org:8443"),
        Quirk::Origin("http://auth.example.org"),
        Quirk::Origin("https://evil.auth.example.org"),
        Quirk::Origin("https://example.org"),
        Quirk::Origin("https://auth.example.org/"),
        Quirk::CrossOrigin,
        Quirk::TopOrigin,
        Quirk::Host("example.org"),
        Quirk::Host("evil.example"),
        Quirk::NotVerified,
        Quirk::NotPresent,
        Quirk::BadSignature,
        Quirk::Type("webauthn.create"),
        Quirk::Type("payment.get"),
        Quirk::Challenge(URL_SAFE_NO_PAD.encode([9; 32])),
        Quirk::Challenge(String::new()),
        Quirk::OtherEligibility,
        Quirk::CredentialId(b"another".to_vec()),
    ];
    for quirk in wrong {
        assert!(prove(&mut key, &passkey, std::slice::from_ref(&quirk)).is_err(), "{quirk:?}");
    }
    assert!(prove(&mut key, &passkey, &[]).is_ok());
    let mut other = SoftwareKey::new(ORIGIN);
    other.credential_id.clone_from(&key.credential_id);
    assert!(prove(&mut other, &passkey, &[]).is_err(), "the signature of another key");
}

#[test]
fn pk_2_every_wrong_registration_is_refused() {
    let wrong = [
        Quirk::Origin("https://auth.example.org:8443"),
        Quirk::Origin("https://evil.auth.example.org"),
        Quirk::CrossOrigin,
        Quirk::TopOrigin,
        Quirk::Host("example.org"),
        Quirk::NotVerified,
        Quirk::NotPresent,
        Quirk::Type("webauthn.get"),
        Quirk::Challenge(URL_SAFE_NO_PAD.encode([9; 32])),
        Quirk::BackedUpButNotEligible,
        Quirk::TrailingBytes,
        Quirk::OtherAlgorithm,
        Quirk::ShortRsa,
    ];
    for quirk in wrong {
        let refused = register(&mut SoftwareKey::new(ORIGIN), std::slice::from_ref(&quirk));
        assert!(refused.is_err(), "{quirk:?}");
    }
}

#[test]
fn pk_2_a_key_that_cannot_be_backed_up_says_so_for_good() {
    let mut key = SoftwareKey::counting(ORIGIN);
    let passkey = passkey(register(&mut key, &[]).unwrap());
    assert!(prove(&mut key, &passkey, &[Quirk::BackedUpButNotEligible]).is_err());
    assert!(prove(&mut key, &passkey, &[Quirk::OtherEligibility]).is_err());
}

/// The store judges the count: the library would refuse backed-up keys, too.
#[test]
fn pk_5_the_count_of_signatures_is_reported_as_it_is() {
    let mut key = SoftwareKey::counting(ORIGIN);
    let passkey = Passkey { sign_count: 40, ..passkey(register(&mut key, &[]).unwrap()) };
    for count in [0, 1, 39, 40, 41] {
        let signed = prove(&mut key, &passkey, &[Quirk::Count(count)]).unwrap();
        assert_eq!(signed.sign_count, count);
    }
}

#[test]
fn pk_1_browsers_are_asked_for_a_verified_user_and_a_key_that_finds_its_account() {
    let mut key = SoftwareKey::new(ORIGIN);
    let existing = passkey(register(&mut key, &[]).unwrap());
    let asked = party().ask_to_register(&user(), std::slice::from_ref(&existing), &[7; 32]);
    let options = asked.unwrap().options;
    assert_eq!(options["rp"]["id"], "auth.example.org");
    assert_eq!(options["challenge"], URL_SAFE_NO_PAD.encode([7; 32]));
    assert_eq!(options["user"]["id"], URL_SAFE_NO_PAD.encode(user().id.as_uuid().as_bytes()));
    assert_eq!(options["user"]["name"], "ada@example.org");
    assert_eq!(options["user"]["displayName"], "Ada");
    assert_eq!(options["timeout"], 300_000);
    assert_eq!(options["attestation"], "none");
    let selection = &options["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["userVerification"], "required");
    let algorithms: Vec<&Value> = options["pubKeyCredParams"].as_array().unwrap().iter().collect();
    let algorithms: Vec<&Value> = algorithms.iter().map(|one| &one["alg"]).collect();
    assert_eq!(algorithms, [&json!(-7), &json!(-257)]);
    let excluded = &options["excludeCredentials"][0]["id"];
    assert_eq!(*excluded, URL_SAFE_NO_PAD.encode(&existing.credential_id));

    let asked = party().ask_to_prove(&[], &[8; 32]).unwrap();
    assert_eq!(asked.options["allowCredentials"], json!([]));
    assert_eq!(asked.options["rpId"], "auth.example.org");
    assert_eq!(asked.options["userVerification"], "required");
    // The library's own challenge is not the one that counts.
    let state: Value = serde_json::from_str(&asked.state).unwrap();
    assert_eq!(state["challenge"], URL_SAFE_NO_PAD.encode([8; 32]));
}

#[test]
fn passkeys_need_a_host_with_a_name() {
    for url in ["https://192.0.2.7", "https://[2001:db8::7]", "http://127.0.0.1:8080", "?"] {
        assert!(RelyingParty::at(url).is_none(), "{url}");
    }
    assert_eq!(RelyingParty::at("http://localhost:8080").unwrap().id(), "localhost");
}

#[test]
fn what_a_browser_cannot_have_sent_is_not_read() {
    let mut key = SoftwareKey::new(ORIGIN);
    let asked = party().ask_to_prove(&[], &[8; 32]).unwrap();
    let whole = key.prove(&asked.options, &[]);
    assert!(Assertion::read(whole.clone()).is_some());
    let odd = [
        ("/rawId", json!("not base64url!")),
        ("/rawId", json!(7)),
        ("/response/clientDataJSON", json!(URL_SAFE_NO_PAD.encode("{"))),
        ("/response/clientDataJSON", json!(URL_SAFE_NO_PAD.encode(r#"{"type":"webauthn.get"}"#))),
        ("/response/signature", Value::Null),
        ("/response", json!([])),
    ];
    for (path, value) in odd {
        let mut broken = whole.clone();
        *broken.pointer_mut(path).unwrap() = value;
        assert!(Assertion::read(broken).is_none(), "{path}");
    }
    assert!(Registration::read(whole).is_none(), "a proof is no registration");
}

#[test]
fn a_challenge_of_one_browser_is_none_of_another() {
    let id = Uuid::from_u128(5);
    let pending = crate::accounts::PendingDigest::from_bytes([5; 32]);
    let all = [
        BrowserBinding::session(id),
        BrowserBinding::session(Uuid::from_u128(6)),
        BrowserBinding::pending(&pending),
        BrowserBinding::browser(&[5; 32]),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|other| one != other), "{at}");
    }
}
