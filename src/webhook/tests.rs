use std::time::Duration;

use super::signature::sign;
use super::{DeliveryFailure, Secrets};
use crate::outbound::Target;
use crate::queue::wait_after;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const EXPECTED: &str = "v1,rkwp5YuvdrMkcu0ZhuMsXoTg44mHAr1Q0+FFgFpXsjY=";

#[test]
fn a_signature_is_the_one_of_the_convention() {
    let secrets = Secrets::parse(SECRET).unwrap();

    let signed = sign(&secrets, "msg_1", 1_700_000_000, "{\"a\":1}");

    // printf 'msg_1.1700000000.{"a":1}' | openssl dgst -sha256 -hmac "$SECRET" -binary | base64
    assert_eq!(signed, EXPECTED);
}

#[test]
fn two_secrets_sign_side_by_side() {
    let two = Secrets::parse(&format!("{SECRET},{}", SECRET.to_uppercase())).unwrap();

    let signed = sign(&two, "msg_1", 1_700_000_000, "{\"a\":1}");

    let (first, second) = signed.split_once(' ').unwrap();
    assert_eq!(first, EXPECTED);
    assert!(second.starts_with("v1,") && second != first);
}

#[test]
fn a_secret_is_long_and_tells_nothing_of_itself() {
    for refused in [
        "",
        "short",
        &SECRET[1..],
        &format!("{SECRET},short"),
        &format!("{SECRET},"),
        &format!("{SECRET},{SECRET},{SECRET}"),
        &format!("{SECRET} "),
        &format!("{SECRET}\n"),
    ] {
        let told = Secrets::parse(refused).unwrap_err();
        assert!(!told.contains("0123456789"), "{told}");
    }
    assert!(!format!("{:?}", Secrets::parse(SECRET).unwrap()).contains("0123"));
}

#[test]
fn a_target_is_https_or_here() {
    for (url, shown) in [
        ("https://example.org", "https://example.org/"),
        ("https://ann:hunter2@example.org:8443/a?token=b", "https://example.org:8443/a"),
        ("https://example.org/services/T0/B0/hunter2", "https://example.org/services/***"),
        ("http://localhost:3000/hook", "http://localhost:3000/hook"),
        ("http://127.0.0.1/x", "http://127.0.0.1/x"),
        ("http://[::1]:99/", "http://[::1]:99/"),
    ] {
        let target = Target::parse(url).unwrap();
        assert_eq!(target.shown(), shown);
        assert!(!format!("{target:?}").contains("hunter2"));
    }
    for refused in [
        "",
        "example.org",
        "http://example.org/",
        "http://8.8.8.8/",
        "http://172.32.0.1/",
        "http://169.254.169.254/",
        "http://0.0.0.0/",
        "http://[2001:db8::1]/",
        "http://[::ffff:8.8.8.8]/",
        "http://receiver./",
        "http:receiver/",
        "https:a.example/",
        "https:\\\\a.example/",
        "ftp://localhost/",
        "https://",
        "https://a/#b",
        "https://a b/",
        "http://localhost.example.org/",
        "off ",
    ] {
        assert!(Target::parse(refused).is_err(), "{refused}");
    }
    let named = Target::parse("https://ann:hun%20ter2@example.org/").unwrap();
    assert_eq!(named.authorization().unwrap(), "Basic YW5uOmh1biB0ZXIy");
    assert_eq!(named.authority(), "example.org");
}

#[test]
fn plain_http_is_allowed_to_a_private_network_with_a_warning() {
    for (url, host) in [
        ("http://receiver:3000/hook", Some("receiver")),
        ("http://10.0.0.1/", Some("10.0.0.1")),
        ("http://172.16.0.1/", Some("172.16.0.1")),
        ("http://192.168.1.9:81/", Some("192.168.1.9")),
        ("http://[fd00::1]/", Some("fd00::1")),
        ("http://[::ffff:10.0.0.1]/", Some("::ffff:a00:1")),
        ("http://localhost/", None),
        ("http://127.0.0.1/", None),
        ("http://[::1]/", None),
        ("https://10.0.0.1/", None),
    ] {
        assert_eq!(Target::parse(url).unwrap().in_the_clear(), host, "{url}");
    }
}

#[test]
fn attempts_go_on_for_about_a_day_each_later_than_the_one_before() {
    let all = |chance| -> Duration { (1..100).map_while(|n| wait_after(n, chance)).sum() };
    let hours = |chance| all(chance).as_secs() / 3600;
    assert!(hours(0) >= 20 && hours(255) <= 31, "{} to {}", hours(0), hours(255));
    for attempt in 1..11 {
        let (least, most) = (wait_after(attempt, 0).unwrap(), wait_after(attempt, 255).unwrap());
        assert!(least < most && most < wait_after(attempt + 1, 0).unwrap(), "{attempt}");
    }
    assert!(wait_after(1, 255).unwrap() <= Duration::from_secs(6));
    assert_eq!(wait_after(u32::MAX, 7), None);
}

#[test]
fn a_failure_comes_back_as_it_was_written() {
    for failure in [
        DeliveryFailure::Status(503),
        DeliveryFailure::Timeout,
        DeliveryFailure::Unreachable,
        DeliveryFailure::Tls,
        DeliveryFailure::Broken,
    ] {
        assert_eq!(DeliveryFailure::parse(&failure.written()), Some(failure));
    }
    assert_eq!(DeliveryFailure::parse("nonsense"), None);
}
