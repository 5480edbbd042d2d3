use time::Duration;
use time::macros::datetime;

use super::*;

const DAWN: OffsetDateTime = datetime!(2030-01-01 00:00:00.007 UTC);

fn session() -> Session {
    Session {
        id: SessionId::from_uuid(Uuid::from_u128(7)),
        owner: Owner::User {
            id: UserId::from_uuid(Uuid::from_u128(8)),
            epoch: Epoch::from_number(9),
        },
        created_at: DAWN,
        authenticated_at: Some(DAWN + Duration::minutes(1)),
        second_factor: None,
        passkey: None,
        last_seen_at: DAWN + Duration::minutes(2),
        expires_at: DAWN + Duration::days(30),
        rule: TimeoutRule::Administrator,
        remember_me: false,
        client: Client {
            ip_address: "2001:db8::7".parse().ok(),
            user_agent:
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                         Gecko) Chrome/140.0.0.0 Safari/537.36"
                    .to_owned(),
        },
        moved_to: None,
    }
}

/// Bytes as a dump of Redis shows them.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// As in the answer of a script.
fn through(session: &Session) -> Option<FoundToken> {
    parse(&as_shown(session))
}

fn as_shown(session: &Session) -> Vec<u8> {
    let last = session.moved_to.as_ref().map(client).unwrap_or_default();
    let length = u16::try_from(last.len()).unwrap().to_be_bytes();
    [&live(session), &last, &length[..], &time(session.last_seen_at)[..]].concat()
}

#[test]
fn every_child_is_restored_exactly() {
    for (origin, client) in [
        ("https://wiki.example.org", session().client),
        ("", Client::default()),
        ("https://[2001:db8::7]:8443", Client { ip_address: None, user_agent: "x".repeat(256) }),
    ] {
        let written = Child {
            id: SessionId::from_uuid(Uuid::from_u128(11)),
            parent: session().id,
            origin: Origin::of(origin),
            created_at: DAWN,
            client,
        };
        let record = child(&written).unwrap();
        assert_eq!(parse_child(&record), Some(written.clone()));
        for length in 0..record.len() {
            assert_ne!(parse_child(&record[..length]), Some(written.clone()));
        }

        let length = u16::try_from(record.len()).unwrap().to_be_bytes();
        let shown = [&[CHILD][..], &length, &record, &as_shown(&session())].concat();
        let live = LiveChild { child: written, parent: session() };
        assert_eq!(parse(&shown), Some(FoundToken::Child(live)));
        assert_eq!(parse(&shown[..record.len()]), None);
    }
    let ended = Ended { reason: EndReason::SignedOut, at: DAWN };
    let record = [&[ENDED, WAS_CHILD][..], &why(ended), &[7; 16]].concat();
    assert_eq!(parse(&record), Some(FoundToken::EndedChild(ended)));
}

#[test]
fn every_session_is_restored_exactly() {
    let whole = session();
    let visitor = Session {
        owner: Owner::Anonymous,
        authenticated_at: None,
        second_factor: None,
        passkey: None,
        client: Client::default(),
        ..whole.clone()
    };
    let remembered = Session {
        rule: TimeoutRule::Remembered,
        remember_me: true,
        client: Client { ip_address: "192.0.2.7".parse().ok(), ..whole.client.clone() },
        ..whole.clone()
    };
    let nowhere = Client { ip_address: None, user_agent: String::new() };
    let moved = Session { moved_to: Some(remembered.client.clone()), ..whole.clone() };
    let lost = Session { moved_to: Some(nowhere), ..whole.clone() };
    let proven = |session: &Session, factor| Session {
        second_factor: Some(ProvenFactor { factor, at: DAWN + Duration::minutes(3) }),
        ..session.clone()
    };
    let by_app = proven(&moved, Factor::Totp);
    let by_code = proven(&remembered, Factor::RecoveryCode);
    let with_passkey = |session: &Session, is_alone| Session {
        passkey: Some(SessionPasskey { id: PasskeyId::from_uuid(Uuid::from_u128(3)), is_alone }),
        ..proven(session, Factor::Passkey)
    };
    let alone = with_passkey(&moved, true);
    let after_password = with_passkey(&whole, false);
    // A later proof leaves the passkey that started the session.
    let other_proof = Session { second_factor: by_code.second_factor, ..alone.clone() };
    let by_passkey = [alone, after_password, other_proof];
    let others = [whole, visitor, remembered, moved, lost, by_app, by_code];
    for session in others.into_iter().chain(by_passkey) {
        assert_eq!(through(&session), Some(FoundToken::Live(session)));
    }
}

/// A record of `session()`, without the factor that later releases put before the client.
const BEFORE_FACTORS: [&str; 2] = [
    "01 3a 000000 00000000000000000000000000000007 00000000000000000000000000000008 0000000009
     01593e2e16c807 01593e2e17b267 01593ec8959007",
    "c0000207 6375726c2f382e352e30",
];

fn session_of_curl() -> Session {
    let client = Client { ip_address: "192.0.2.7".parse().ok(), user_agent: "curl/8.5.0".into() };
    Session { client, ..session() }
}

/// Scripts add this to a record: no other client, and the last activity.
const SHOWN: &str = "0000 01593e2e189cc7";

/// Redis still holds the records that earlier releases wrote when a server is upgraded.
#[test]
fn a_session_of_a_release_before_factors_is_read_and_still_written_alike() {
    let [fields, client] = BEFORE_FACTORS.map(bytes);
    let record = [fields, client].concat();
    let shown = [&record[..], &bytes(SHOWN)].concat();
    assert_eq!(parse(&shown), Some(FoundToken::Live(session_of_curl())));
    // So the scripts, which other tests run over new records, can read it as well.
    assert_eq!(live(&session_of_curl()), record);
}

#[test]
fn a_session_of_a_release_before_passkeys_is_read_and_still_written_alike() {
    let [mut fields, client] = BEFORE_FACTORS.map(bytes);
    fields[1] |= 0x80;
    let record = [fields, bytes("01 01593e2e198727"), client].concat();
    let at = DAWN + Duration::minutes(3);
    let second_factor = Some(ProvenFactor { factor: Factor::Totp, at });
    let expected = Session { second_factor, ..session_of_curl() };
    let shown = [&record[..], &bytes(SHOWN)].concat();
    assert_eq!(parse(&shown), Some(FoundToken::Live(expected.clone())));
    assert_eq!(live(&expected), record);
}

#[test]
fn an_end_of_a_release_before_children_is_read() {
    let at = DAWN;
    for (record, reason, anonymous, rotated) in [
        ("02 00 03 01593e2e16c807", EndReason::RevokedByUser, false, false),
        ("02 01 00 01593e2e16c807", EndReason::IdleTimeout, true, false),
        ("02 02 0a 01593e2e16c807", EndReason::Replaced, false, true),
    ] {
        let record = [bytes(record), Uuid::from_u128(7).as_bytes().to_vec()].concat();
        let rotated_from = rotated.then(|| session().id);
        let ended = Ended { reason, at };
        assert_eq!(parse(&record), Some(FoundToken::Ended { ended, anonymous, rotated_from }));
    }
}

#[test]
fn children_and_codes_are_read_as_the_first_release_with_them_wrote_them() {
    let origin = Origin::of("https://wiki.example.org");
    let record = bytes(
        "03 20 0000000000000000000000000000000b 00000000000000000000000000000007 01593e2e16c807
         0018 68747470733a2f2f77696b692e6578616d706c652e6f7267 c0000207 6375726c2f382e352e30",
    );
    let written = Child {
        id: SessionId::from_uuid(Uuid::from_u128(11)),
        parent: session().id,
        origin: origin.clone(),
        created_at: DAWN,
        client: session_of_curl().client,
    };
    assert_eq!(parse_child(&record), Some(written.clone()));
    assert_eq!(child(&written).unwrap(), record);
    // Its parent is one of a release before factors.
    let length = u16::try_from(record.len()).unwrap().to_be_bytes();
    let parent = [BEFORE_FACTORS.map(bytes).concat(), bytes(SHOWN)].concat();
    let shown = [&[CHILD][..], &length, &record, &parent].concat();
    let live = LiveChild { child: written, parent: session_of_curl() };
    assert_eq!(parse(&shown), Some(FoundToken::Child(live)));

    let binding = [9; 32];
    let stored = [
        &bytes("00000000000000000000000000000007 01593e2e16c807")[..],
        &binding,
        origin.as_str().as_bytes(),
    ]
    .concat();
    let expected = HandoverCode {
        digest: CodeDigest::from_bytes([1; 32]),
        session: session().id,
        origin,
        binding: HandoverBinding::from_bytes(binding),
        expires_at: DAWN,
    };
    let read = code(expected.digest, &stored);
    assert_eq!(read.unwrap(), expected);
}

#[test]
fn a_common_session_takes_seventy_five_bytes() {
    let mut session = session();
    session.client.ip_address = "192.0.2.7".parse().ok();
    assert_eq!(live(&session).len(), 75);
}

#[test]
fn a_truncated_or_unknown_record_is_no_session() {
    let record = as_shown(&session());
    // Up to the user agent, because every prefix of it is valid.
    for length in 0..63 + 16 + 2 + 7 {
        assert_eq!(parse(&record[..length]), None, "{length} bytes");
    }
    for kind in [0, 3, 0xFF] {
        assert_eq!(parse(&[&[kind], &record[1..]].concat()), None);
    }
    let mut no_rule = record.clone();
    no_rule[1] |= RULE;
    assert_eq!(parse(&no_rule), None);
}

#[test]
fn every_reason_has_its_own_number() {
    let numbers = EndReason::ALL.map(reason);
    assert_eq!(numbers, std::array::from_fn(|place| u8::try_from(place).unwrap()));
}

#[test]
fn all_times_of_the_calendar_are_restored_exactly() {
    let instants = [
        datetime!(-9999-01-01 00:00 UTC),
        datetime!(1969-12-31 23:59 UTC),
        OffsetDateTime::UNIX_EPOCH,
        DAWN,
        datetime!(9999-12-31 23:59:59.999 UTC),
    ];
    let times = instants.map(time);
    assert!(times.is_sorted());
    assert_eq!(times.map(instant), instants);
}
