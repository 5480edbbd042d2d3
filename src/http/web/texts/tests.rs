use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fluent_bundle::{FluentResource, FluentValue};
use time::macros::datetime;

use crate::http::session::language::Language;
use crate::http::session::language::Language::{English, Korean};
use crate::http::web::texts::{Texts, machine_time};

const ENGLISH: &str = include_str!("en.ftl");
const KOREAN: &str = include_str!("ko.ftl");

const REASONS: [&str; 13] = [
    "idle_timeout",
    "absolute_timeout",
    "signed_out",
    "revoked_by_user",
    "revoked_by_admin",
    "password_changed",
    "role_changed",
    "session_limit",
    "account_disabled",
    "account_deleted",
    "replaced",
    "factor_changed",
    "credential_removed",
];

const CODES: [&str; 30] = [
    "email_unverified",
    "link_expired",
    "already_verified",
    "invalid_credentials",
    "too_many_attempts",
    "busy",
    "no_session",
    "session_ended",
    "reauthentication_required",
    "cross_origin",
    "forbidden",
    "email_taken",
    "signup_closed",
    "session_limit_reached",
    "too_many_passkeys",
    "client_not_found",
    "last_administrator",
    "cursor_expired",
    "malformed_body",
    "invalid_input",
    "unsupported_media_type",
    "body_too_large",
    "precondition_failed",
    "not_found",
    "method_not_allowed",
    "misdirected",
    "unavailable",
    "internal",
    "setup_unusable",
    "invitation_unusable",
];

const FIELD_MESSAGES: [&str; 18] = [
    "email-missing",
    "email-invalid",
    "email-too_long",
    "email-taken",
    "name-too_long",
    "name-invisible",
    "groups-invalid_name",
    "groups-reserved_name",
    "groups-too_many",
    "password-missing",
    "password-wrong",
    "new-password-missing",
    "sign-in-refused",
    "weak-password-too_short",
    "weak-password-too_long",
    "weak-password-guessable",
    "weak-password-personal",
    "weak-password-control_characters",
];

/// Keys of a file with the names of their arguments; a key that is there twice fails.
fn keys(source: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut keys = BTreeMap::new();
    let mut key = "";
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            key = line.split_once(" =").unwrap().0;
            assert!(keys.insert(key, BTreeSet::new()).is_none(), "{key} is there twice");
        }
        for after in line.split('$').skip(1) {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
            keys.get_mut(key).unwrap().insert(&after[..end]);
        }
    }
    keys
}

/// How templates and code ask for a text.
const LOOKUPS: [&str; 9] = [
    "text(\"",
    "text_with(\"",
    "texts.get(\"",
    "texts.with(\"",
    "texts().get(\"",
    "texts().with(\"",
    "self.get(\"",
    "self.with(\"",
    "with_all(\"",
];

/// Every key that a page, a template or these texts themselves ask for.
fn used() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut open = vec![http.join("endpoints"), http.join("web")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else if !path.ends_with("tests.rs")
            && path.extension().is_some_and(|kind| kind == "html" || kind == "rs")
        {
            // A call that is broken into lines has white space before its key.
            let content = std::fs::read_to_string(&path).unwrap();
            let content = content.replace('\n', "").replace("  ", "");
            let asked = LOOKUPS.iter().flat_map(|lookup| content.split(lookup).skip(1));
            found.extend(asked.filter_map(|after| Some(after.split_once('"')?.0.to_owned())));
        }
    }
    found
}

#[test]
fn both_languages_are_read_without_a_mistake() {
    for source in [ENGLISH, KOREAN] {
        let resource = FluentResource::try_new(source.to_owned());
        assert!(resource.is_ok(), "{:?}", resource.err().map(|(_, mistakes)| mistakes));
    }
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_arguments() {
    let (english, korean) = (keys(ENGLISH), keys(KOREAN));
    assert!(english.len() > 150, "only {} keys were found", english.len());
    for key in english.keys().chain(korean.keys()) {
        assert_eq!(english.get(key), korean.get(key), "{key} differs");
    }
}

#[test]
fn every_text_takes_exactly_the_arguments_that_it_names() {
    for (key, names) in keys(ENGLISH) {
        for language in Language::ALL {
            let mut values = fluent_bundle::FluentArgs::new();
            for name in &names {
                values.set(*name, FluentValue::from(3));
            }
            let text = Texts::of(language).format(key, Some(&values));
            assert!(!text.contains(['{', '}', '$']), "{key} in {language:?}: {text}");
            assert!(!text.is_empty(), "{key} in {language:?}: {text}");
        }
    }
}

#[test]
fn korean_is_translated() {
    for key in keys(ENGLISH).keys().filter(|key| **key != "product") {
        let text = Texts::of(Korean).get(key);
        assert!(text.chars().any(|c| ('가'..='힣').contains(&c)), "{key}: {text}");
    }
}

#[test]
fn every_key_that_a_page_uses_exists() {
    let (known, used) = (keys(ENGLISH), used());
    assert!(used.len() > 80, "only {} uses were found", used.len());
    for key in used {
        assert!(known.contains_key(key.as_str()), "{key} is missing");
    }
}

#[test]
fn every_text_is_used() {
    let asked_by_code = |key: &str| {
        FIELD_MESSAGES.contains(&key)
            || ["ended-", "error-", "activity-", "admin-decision-", "field-", "mail-"]
                .iter()
                .any(|prefix| key.starts_with(prefix))
    };
    let used = used();
    for key in keys(ENGLISH).keys().filter(|key| !asked_by_code(key)) {
        assert!(used.contains(*key), "no page uses {key}");
    }
}

#[test]
fn every_reason_code_and_message_has_a_text_in_both_languages() {
    for source in [ENGLISH, KOREAN] {
        let known = keys(source);
        for reason in REASONS {
            assert!(known.contains_key(format!("ended-{reason}").as_str()), "{reason}");
        }
        assert!(known.contains_key("ended-unknown"));
        for code in CODES {
            assert!(known.contains_key(format!("error-title-{code}").as_str()), "{code}");
            assert!(known.contains_key(format!("error-detail-{code}").as_str()), "{code}");
        }
        for key in FIELD_MESSAGES {
            assert!(known.contains_key(key), "{key}");
        }
    }
}

#[test]
fn what_has_no_text_never_panics() {
    for language in Language::ALL {
        let texts = Texts::of(language);
        for key in ["no-such-key", "", "{", "ended-\u{0}", "-term", "키"] {
            assert_eq!(texts.get(key), key);
        }
        assert_eq!(texts.ended("no_such_reason"), None);
        assert_eq!(texts.error_title("no_such_code"), texts.error_title("internal"));
        assert_eq!(texts.error_detail("no_such_code"), texts.error_detail("internal"));
        // An argument that is missing or of the wrong kind.
        let _ = texts.get("password-hint");
        let _ = texts.with("sessions-ended-others", "count", "many");
    }
}

#[test]
fn the_minimum_length_of_a_password_is_shown() {
    for language in Language::ALL {
        assert!(Texts::of(language).weak_password("too_short", 23).contains("23"));
        assert!(Texts::of(language).with("password-hint", "minimum", 23_u32).contains("23"));
    }
}

#[test]
fn times_are_formatted_in_the_language() {
    let at = datetime!(2026-11-21 19:42:59 +9);

    assert_eq!(Texts::of(English).exact_time(at), "21 Nov 2026, 10:42 UTC");
    assert_eq!(Texts::of(Korean).exact_time(at), "2026년 11월 21일 10:42 UTC");
    assert_eq!(Texts::of(English).day(at), "21 Nov 2026");
    assert_eq!(Texts::of(Korean).day(at), "2026년 11월 21일");
    assert_eq!(machine_time(at), "2026-11-21T10:42:59Z");
}

#[test]
fn every_month_has_its_own_name_in_english() {
    let names: BTreeSet<String> = (1..=12)
        .map(|month| {
            datetime!(2026-01-01 0:00 UTC)
                .replace_month(time::Month::try_from(month).unwrap())
                .unwrap()
        })
        .map(|at| Texts::of(English).day(at))
        .collect();
    assert_eq!(names.len(), 12);
    assert!(names.contains("1 May 2026"));
}

#[test]
fn activity_is_shown_by_its_age() {
    let now = datetime!(2026-11-21 10:42 UTC);
    let told = |language, ago| Texts::of(language).active(now - ago, now);

    assert_eq!(told(English, time::Duration::seconds(-30)), "Active now");
    assert_eq!(told(English, time::Duration::seconds(119)), "Active now");
    assert_eq!(told(English, time::Duration::minutes(2)), "Active 2 minutes ago");
    assert_eq!(told(English, time::Duration::minutes(59)), "Active 59 minutes ago");
    assert_eq!(told(English, time::Duration::hours(1)), "Active 1 hour ago");
    assert_eq!(told(English, time::Duration::hours(47)), "Active 1 day ago");
    assert_eq!(told(Korean, time::Duration::hours(3)), "3시간 전에 사용");
    assert_eq!(told(Korean, time::Duration::days(12)), "12일 전에 사용");
}

#[test]
fn how_many_sessions_were_ended_is_counted_in_words() {
    let told =
        |language, count: u64| Texts::of(language).with("sessions-ended-others", "count", count);

    assert!(told(English, 0).starts_with("There was no other session"));
    assert!(told(English, 1).starts_with("One other session was ended"));
    assert!(told(English, 2).starts_with("2 other sessions were ended"));
    assert!(told(Korean, 2).starts_with("다른 세션 2개를 끝냈어요"));
}
