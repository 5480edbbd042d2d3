use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use crate::audit::Kind as Event;
use crate::config::WrittenDuration;
use crate::config::values::parse_origin;
use crate::config::values::{self, SessionStorage};
use crate::duration;
use crate::http::PublicUrl;
use crate::store::DatabaseAt;
use crate::throttle::Rate;

#[test]
fn durations_are_a_whole_number_and_a_unit() {
    let seconds = |text| duration::parse(text).unwrap().as_secs();

    assert_eq!(seconds("45s"), 45);
    assert_eq!(seconds("30m"), 1800);
    assert_eq!(seconds("1h"), 3600);
    assert_eq!(seconds("14d"), 14 * 86_400);
    assert_eq!(seconds("2w"), 14 * 86_400);
    assert_eq!(seconds("400d"), 400 * 86_400);
}

#[test]
fn anything_else_is_no_duration() {
    let wrong = [
        "",
        "s",
        "30",
        "30 m",
        " 30m",
        "30m ",
        "-1h",
        "+1h",
        "1.5h",
        "1h30m",
        "1H",
        "30ms",
        "0s",
        "0d",
        "401d",
        "9600h1",
        "18446744073709551615s",
        "18446744073709551616s",
        "99999999999999999999999999w",
        "1é",
        "é",
        "١h",
        "1y",
        "inf",
        "0x1s",
    ];
    for text in wrong {
        assert!(duration::parse(text).is_err(), "{text:?} was taken for a duration");
    }
}

proptest! {
    #[test]
    fn a_duration_survives_being_written_and_read(seconds in 1..=400 * 86_400_u64) {
        let duration = Duration::from_secs(seconds);
        let written = WrittenDuration(duration).to_string();
        prop_assert_eq!(duration::parse(&written), Ok(duration));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC*|[0-9]{0,25}[smhdw/,:.]?[0-9]{0,25}[smhdw]?") {
        let _ = duration::parse(&text);
        let _ = values::throttle(&text);
        let _ = values::networks(&text);
        let _ = values::origins(&text);
        let _ = values::database(&text);
        let _ = values::sessions(&text);
        let _ = values::log(&text);
        let _ = PublicUrl::parse(&text);
        let _ = crate::config::mask(&text);
    }

    #[test]
    fn no_directive_makes_the_log_panic(text in r#"[a-zA-Z0-9=,:*.+?^$|/"'(){}\[\]\\-]{0,40}"#) {
        let _ = values::log(&text);
    }

    #[test]
    fn what_is_taken_for_an_origin_is_written_as_browsers_write_it(
        text in "https?://[a-zA-Z0-9.:@/-]{1,20}",
    ) {
        if let Ok(origin) = parse_origin(&text) {
            prop_assert_eq!(origin, text);
        }
    }
}

#[test]
fn a_duration_is_written_in_its_longest_unit() {
    let written = |seconds| WrittenDuration(Duration::from_secs(seconds)).to_string();

    assert_eq!(written(0), "0s");
    assert_eq!(written(90), "90s");
    assert_eq!(written(3600), "1h");
    assert_eq!(written(14 * 86_400), "2w");
}

#[test]
fn a_public_url_is_normalised_as_browsers_do() {
    let url = PublicUrl::parse("HTTPS://Auth.Example.ORG:443/").unwrap();

    assert_eq!(url.origin(), "https://auth.example.org");
    assert_eq!(url.to_string(), "https://auth.example.org");
    assert_eq!((url.scheme(), url.host(), url.port()), ("https", "auth.example.org", 443));
    assert_eq!(url.authority(), "auth.example.org");
    assert!(url.is_https() && !url.is_loopback());

    let url = PublicUrl::parse("http://[0:0:0:0:0:0:0:1]:8080").unwrap();
    assert_eq!(url.origin(), "http://[::1]:8080");
    assert_eq!((url.host(), url.port(), url.authority()), ("[::1]", 8080, "[::1]:8080"));
    assert!(!url.is_https() && url.is_loopback());

    assert_eq!(PublicUrl::parse("https://bücher.example").unwrap().host(), "xn--bcher-kva.example");
}

#[test]
fn plain_http_is_for_loopback_hosts_only() {
    let fine = ["http://localhost", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]"];
    for text in fine {
        assert!(PublicUrl::parse(text).is_ok(), "{text} was refused");
    }
    let wrong = [
        "http://example.org",
        "http://0.0.0.0:8080",
        "http://192.168.0.1",
        "http://[::]",
        "http://localhost.example.org",
        "http://localhost.",
        "http://127.0.0.1.example.org",
        "http://[::ffff:127.0.0.1]",
    ];
    for text in wrong {
        assert!(PublicUrl::parse(text).is_err(), "{text} was let pass");
    }
}

#[test]
fn a_public_url_has_scheme_host_and_port_alone() {
    let wrong = [
        "",
        "example.org",
        "//example.org",
        "https://",
        "https:///",
        "https:example.org",
        "https:/example.org",
        "https:\\\\example.org",
        "https://example.org/login",
        "https://example.org//",
        "https://example.org/.",
        "https://example.org?",
        "https://example.org/?next=1",
        "https://example.org#",
        "https://user@example.org",
        "https://@example.org",
        "https://user:secret@example.org",
        "https://exam ple.org",
        " https://example.org",
        "https://example.org ",
        "https://exam\tple.org",
        "https://example.org\n",
        "https://example.org:0",
        "https://example.org:65536",
        "https://example.org:x",
        "ftp://example.org",
        "file:///etc",
        "javascript://example.org",
        "https://[::1",
        "https://exa%mple.org",
        "wss://example.org",
        "https://&",
        "https://exa!mple.org",
    ];
    for text in wrong {
        assert!(PublicUrl::parse(text).is_err(), "{text:?} was let pass");
    }
}

#[test]
fn a_public_url_that_is_accepted_can_be_reached_under_its_own_host() {
    for text in ["https://auth_1.example.org", "https://auth-1.example.org:8443", "http://[::1]"] {
        let url = PublicUrl::parse(text).unwrap();
        assert!(url.is_host(url.authority()), "{text}");
    }
}

#[test]
fn a_trusted_origin_is_written_exactly_as_browsers_send_it() {
    let list = values::origins("https://app.example.org, http://localhost:3000").unwrap();
    assert_eq!(list, ["https://app.example.org", "http://localhost:3000"]);
    assert!(values::origins("").unwrap().is_empty());

    let corrections = [
        ("https://app.example.org/", "https://app.example.org"),
        ("https://App.example.org", "https://app.example.org"),
        ("https://app.example.org:443", "https://app.example.org"),
    ];
    for (wrong, right) in corrections {
        let advice = values::origins(wrong).unwrap_err();
        assert!(advice.ends_with(&format!("write it as browsers do: {right}")), "{advice}");
    }
    for wrong in ["null", "*", "http://app.example.org", "https://*.example.org", "https://a,"] {
        assert!(values::origins(wrong).is_err(), "{wrong} was let pass");
    }
}

#[test]
fn proxies_are_addresses_or_whole_networks() {
    let list = values::networks("10.0.0.0/8, 192.0.2.7,fd00::/8,::1").unwrap();
    let written: Vec<String> = list.iter().map(ToString::to_string).collect();
    assert_eq!(written, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8", "::1/128"]);
    assert!(values::networks(" ").unwrap().is_empty());

    let advice = values::networks("10.1.2.3/8").unwrap_err();
    assert_eq!(advice, "\"10.1.2.3/8\": write 10.0.0.0/8, or the address alone");
    let wrong = ["10.0.0.0/33", "10.0.0", "proxy", "10.0.0.1,,::1", ",", "::ffff:10.0.0.1", "1/8"];
    for text in wrong {
        assert!(values::networks(text).is_err(), "{text} was let pass");
    }
}

#[test]
fn a_throttle_is_a_count_and_a_time_or_off() {
    let ten = Rate { count: 10, per: Duration::from_mins(10) };
    assert_eq!(values::throttle("10/10m"), Ok(Some(ten)));
    assert_eq!(values::throttle("off"), Ok(None));

    for wrong in ["", "10", "10/", "/10m", "0/10m", "10/0m", "-1/10m", "10/10", "1000001/1m"] {
        assert!(values::throttle(wrong).is_err(), "{wrong} was let pass");
    }
}

#[test]
fn retention_is_a_day_at_least_or_without_a_limit() {
    assert_eq!(values::retention("1d"), Ok(Some(Duration::from_hours(24))));
    assert_eq!(values::retention("3660d"), Ok(Some(Duration::from_hours(3660 * 24))));
    assert_eq!(values::retention("off"), Ok(None));

    for wrong in ["", "0", "23h", "0d", "3661d", "never", "1y"] {
        let form = values::retention(wrong).unwrap_err();
        assert!(form.contains("off to keep it"), "{wrong}: {form}");
    }
}

#[test]
fn a_webhook_takes_only_kinds_that_exist() {
    assert_eq!(values::webhook_events("all").unwrap().len(), Event::ALL.len());
    let some = values::webhook_events("login_failed, signup,login_failed").unwrap();
    assert_eq!(some.into_iter().collect::<Vec<_>>(), [Event::Signup, Event::LoginFailed]);

    for wrong in ["logn", "login,", "all,login", "Login"] {
        assert!(values::webhook_events(wrong).is_err(), "{wrong} was let pass");
    }
}

#[test]
fn stores_are_named_by_urls() {
    let sqlite = values::database("sqlite:/var/lib/anteroom.db").unwrap();
    assert!(matches!(sqlite, DatabaseAt::Sqlite(path) if path.ends_with("anteroom.db")));
    assert!(matches!(values::database("postgres://h/d"), Ok(DatabaseAt::Postgres(_))));
    assert!(matches!(values::sessions("memory:"), Ok(SessionStorage::Memory { limit: 1_000_000 })));
    assert!(matches!(values::sessions("database"), Ok(SessionStorage::Database)));
    for url in [
        "rediss://:pw@h/1",
        "redis+sentinel://h:26379/main",
        "rediss+sentinel://u:p@h,h2:26379,[::1]/main/3?sentinel_password=q",
    ] {
        assert!(matches!(values::sessions(url), Ok(SessionStorage::Redis { .. })), "{url}");
    }

    let wrong = [
        "sqlite:",
        "sqlite://a.db",
        "sqlite::memory:",
        "sqlite:a?mode=rw",
        "mysql://h/d",
        "anteroom.db",
        "postgres://",
        "memory:",
    ];
    for text in wrong {
        assert!(values::database(text).is_err(), "{text} was let pass");
    }
    for text in [
        "memory",
        "sqlite:a.db",
        "redis:",
        "redis://",
        "redis+sentinel://h",
        "redis+sentinel://h,/main",
        "redis+sentinel://h/",
        "Database",
    ] {
        assert!(values::sessions(text).is_err(), "{text} was let pass");
    }
}

#[test]
fn a_url_with_a_password_does_not_show_it() {
    let database = values::database("postgres://u:hunter2@h/d").unwrap();
    let sessions = values::sessions("redis://:hunter2@h").unwrap();

    assert!(!format!("{database:?} {sessions:?}").contains("hunter2"));
}

#[test]
fn log_directives_are_checked_before_the_start() {
    for text in ["info", "off", "WARN", "info,anteroom::http=debug", "anteroom[login]=trace"] {
        assert!(values::log(text).is_ok(), "{text} was refused");
    }
    for text in
        ["inof", "info debug", "info,", "anteroom=loud", "anteroom", "info,sqlx", "=", "info,𑝅="]
    {
        assert!(values::log(text).is_err(), "{text} was let pass");
    }
}

#[test]
fn addresses_are_numeric() {
    assert_eq!(values::address("[::]:80"), Ok(SocketAddr::from(([0; 16], 80))));
    assert_eq!(values::address_or_off("off"), Ok(None));
    for text in ["localhost:8080", "127.0.0.1", ":8080", "8080", "127.0.0.1:65536"] {
        assert!(values::address(text).is_err(), "{text} was let pass");
        assert!(values::address_or_off(text).is_err(), "{text} was let pass");
    }
}
