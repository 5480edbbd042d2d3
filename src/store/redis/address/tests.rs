use super::*;

fn shown(text: &str) -> Result<String, String> {
    Address::parse(text).map(|address| address.display().to_owned())
}

#[test]
fn an_address_is_shown_without_user_and_password() {
    for (text, expected) in [
        ("redis://localhost", "localhost:6379"),
        ("redis://:hunter2@10.0.0.7:7000/3", "10.0.0.7:7000"),
        ("rediss://ann:hunter2@[::1]:7000", "::1:7000"),
        ("redis+sentinel://one,two:7000/main", "main by one,two:7000"),
        (
            "rediss+sentinel://ann:hunt%40er2@one:7000,[::1]/main/3?sentinel_password=hunter2",
            "main by one:7000,[::1]",
        ),
    ] {
        assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_malformed_address_is_refused_without_showing_the_password() {
    for text in [
        "",
        "redis",
        "http://h",
        "redis://",
        "redis://h/zero",
        "redis://h:99999",
        "redis://:hunter2@h?protocol=resp2",
        "rediss://:hunter2@h#insecure",
        "redis+sentinel://:hunter2@h",
        "redis+sentinel://:hunter2@h/",
        "redis+sentinel://:hunter2@h,,i/main",
        "redis+sentinel://:hunter2@h/main/zero",
        "redis+sentinel://h/main?password=hunter2",
    ] {
        let refused = shown(text).unwrap_err();
        assert!(!refused.contains("hunter2") && !refused.contains('\n'), "{text}: {refused}");
    }
}

#[test]
fn connections_have_no_delay_and_report_disconnection() {
    let Ok(Address { reach: Reach::Server(client), .. }) = Address::parse("redis://u:p@h") else {
        panic!("no address");
    };
    let info = client.get_connection_info();
    assert!(info.tcp_settings().nodelay());
    assert_eq!(info.redis_settings().protocol(), ProtocolVersion::RESP3);
    assert_eq!(info.redis_settings().username(), Some("u"));
}
