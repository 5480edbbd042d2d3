use axum::http::HeaderValue;

use super::*;

/// Who a request through a trusted proxy comes from, by these lines of `X-Forwarded-For`.
fn through_proxy(lines: &[&[u8]]) -> String {
    let mut extensions = Extensions::new();
    extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4000))));
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
    }
    let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    proxies.client_address(&headers, &extensions).unwrap().to_string()
}

#[test]
fn what_a_browser_claims_does_not_hide_the_address_that_the_proxy_adds() {
    for claimed in ["1.2.3.4", "unknown", "", "\u{FF}", "\u{FF}, 1.2.3.4", "10.0.0.9"] {
        let line = format!("{claimed}, 192.0.2.7");
        assert_eq!(through_proxy(&[line.as_bytes()]), "192.0.2.7", "{claimed:?}");
        assert_eq!(through_proxy(&[claimed.as_bytes(), b"192.0.2.7"]), "192.0.2.7", "{claimed:?}");
    }
}

#[test]
fn behind_several_proxies_the_first_stranger_from_the_right_counts() {
    assert_eq!(through_proxy(&[b"1.2.3.4, 192.0.2.7, 10.0.0.2"]), "192.0.2.7");
    assert_eq!(through_proxy(&[b"192.0.2.7", b"10.0.0.2, 10.0.0.3"]), "192.0.2.7");
    assert_eq!(through_proxy(&[b"10.0.0.4, 10.0.0.2"]), "10.0.0.4");
}

#[test]
fn what_is_no_address_leaves_the_peer() {
    for last in ["unknown", "_hidden", "", "\u{FF}", "192.0.2.7:x", "256.0.0.1"] {
        assert_eq!(through_proxy(&[format!("192.0.2.7, {last}").as_bytes()]), "10.0.0.1", "{last}");
    }
    for last in ["192.0.2.7:4711", "[192.0.2.7]", "::ffff:192.0.2.7", "[::ffff:192.0.2.7]:80"] {
        assert_eq!(through_proxy(&[last.as_bytes()]), "192.0.2.7", "{last}");
    }
}
