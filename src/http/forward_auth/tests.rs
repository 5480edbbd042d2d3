use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::cookies;
use super::original::OriginalRequest;
use super::settings::{ForwardAuthProxy, IdentityHeaders};
use crate::accounts::{Email, Groups, Name, Role, Status, User, UserId};
use crate::http::{Applications, PublicUrl};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::try_from(*name).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// By each family: the parts that were read, or whether it was an error.
fn read(proxy: ForwardAuthProxy, lines: &[(&str, &str)]) -> Result<Option<String>, &'static str> {
    let headers = headers(lines);
    let original = OriginalRequest::read(proxy, &headers)?;
    Ok(original.map(|o| format!("{} {}://{} {}", o.method, o.scheme, o.host, o.target)))
}

const CADDY: [(&str, &str); 4] = [
    ("x-forwarded-method", "GET"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "app.example.org"),
    ("x-forwarded-uri", "/a?b=c,d"),
];
const NGINX: [(&str, &str); 2] =
    [("x-original-method", "GET"), ("x-original-url", "https://app.example.org/a?b=c,d")];

#[test]
fn each_proxy_has_its_family_and_the_other_one_is_not_read() {
    let all = [&CADDY[..], &NGINX[..]].concat();
    let wrong = [("x-original-url", "https://evil.example/"), ("x-original-method", "POST")];
    let wrong_uri = [("x-forwarded-uri", "/public"), ("x-forwarded-method", "POST")];
    for (proxy, own, other) in [
        (ForwardAuthProxy::Nginx, &NGINX[..], &wrong_uri),
        (ForwardAuthProxy::Haproxy, &NGINX[..], &wrong_uri),
        (ForwardAuthProxy::Caddy, &CADDY[..], &wrong),
        (ForwardAuthProxy::Traefik, &CADDY[..], &wrong),
    ] {
        let expected = Ok(Some("GET https://app.example.org /a?b=c,d".to_owned()));
        assert_eq!(read(proxy, own), expected, "{proxy:?}");
        assert_eq!(read(proxy, &all), expected, "{proxy:?}");
        assert_eq!(read(proxy, &[own, other].concat()), expected, "{proxy:?}");
        assert_eq!(read(proxy, other), Ok(None), "{proxy:?}");
    }
}

#[test]
fn what_is_missing_doubled_or_unreadable_is_an_error() {
    for (family, proxy) in
        [(&CADDY[..], ForwardAuthProxy::Caddy), (&NGINX[..], ForwardAuthProxy::Nginx)]
    {
        for (place, (name, value)) in family.iter().enumerate() {
            let mut without = family.to_vec();
            without.remove(place);
            assert!(read(proxy, &without).is_err(), "without {name}");
            let twice = [family, &[(*name, *value)]].concat();
            assert!(read(proxy, &twice).is_err(), "{name} twice");
            for wrong in ["", " ", "a b", "é", "GET,GET", "https://a,b/", "/ä"] {
                let mut lines = family.to_vec();
                lines[place].1 = wrong;
                assert!(read(proxy, &lines).is_err(), "{name}: {wrong}");
            }
        }
    }
}

#[test]
fn only_an_origin_written_without_tricks_is_ours() {
    let ours = PublicUrl::parse("https://app.example.org").unwrap();
    for (url, expected) in [
        ("https://app.example.org/", true),
        ("https://app.example.org", false),
        ("https://app.example.org?/", false),
        ("https://app.example.org:443/", true),
        ("https://APP.example.org/", true),
        ("wss://app.example.org/", true),
        ("http://app.example.org/", false),
        ("https://app.example.org:8443/", false),
        ("https://wiki.example.org/", false),
        ("https://app.example.org.evil.example/", false),
        ("https://app.example.org@evil.example/", false),
        ("https://evil.example\\@app.example.org/", false),
        ("https://app%2eexample.org/", false),
        ("https://app.example.org/a#b", false),
        ("https://app.example.org#@evil.example/", false),
        ("https:///app.example.org/", false),
    ] {
        let headers = headers(&[("x-original-method", "GET"), ("x-original-url", url)]);
        let original = OriginalRequest::read(ForwardAuthProxy::Nginx, &headers);
        let is_ours = original
            .is_ok_and(|original| original.unwrap().at((&ours, &Applications::default())).is_ok());
        assert_eq!(is_ours, expected, "{url}");
    }
}

/// The proxy puts the URL together: `https://`, the host and the path, of which the client writes all.
#[test]
fn no_host_of_a_client_chooses_the_path_that_is_judged() {
    const OURS: &str = "app.example.org";
    let (ours, none) =
        (PublicUrl::parse("https://app.example.org").unwrap(), Applications::default());
    for (host, is_named_again, expected) in [
        (OURS, false, true),
        (OURS, true, true),
        ("APP.example.org", true, true),
        ("app.example.org:443", true, true),
        ("app.example.org?", false, false),
        ("app.example.org?", true, false),
        ("app.example.org:443?", false, false),
        ("app.example.org/public/x?", false, false),
        ("app.example.org/public/x?", true, false),
        ("app.example.org/public", false, false),
        ("app.example.org#", false, false),
        ("x@app.example.org", false, false),
        ("app.example.org/public/x?,app.example.org", true, false),
    ] {
        let url = format!("https://{host}/vault/keys");
        let lines = [("x-original-method", "GET"), ("x-original-url", &*url), ("host", host)];
        let again = [("x-forwarded-host", host)];
        let sent = headers(&[&lines[..], if is_named_again { &again } else { &[] }].concat());
        for proxy in [ForwardAuthProxy::Nginx, ForwardAuthProxy::Haproxy] {
            let original = OriginalRequest::read(proxy, &sent).map(Option::unwrap);
            let guarded = original.and_then(|o| o.at((&ours, &none)));
            assert_eq!(guarded.is_ok(), expected, "{proxy:?}, {host}: {guarded:?}");
        }
        // Where only one of the three is the client's.
        let lines = [("x-original-method", "GET"), ("x-original-url", "https://app.example.org/a")];
        for name in ["host", "x-forwarded-host"] {
            let sent = headers(&[&lines[..], &[(name, host)]].concat());
            let is_read = OriginalRequest::read(ForwardAuthProxy::Nginx, &sent).is_ok();
            let is_plain = expected && (name == "host" || host.eq_ignore_ascii_case(OURS));
            assert_eq!(is_read, is_plain, "{name}: {host}");
        }
    }
}

#[test]
fn a_browser_that_shows_a_page_navigates() {
    for (method, lines, expected) in [
        ("GET", &[("sec-fetch-mode", "navigate")][..], true),
        ("HEAD", &[("sec-fetch-mode", "navigate")], true),
        ("POST", &[("sec-fetch-mode", "navigate")], false),
        ("GET", &[("sec-fetch-mode", "cors"), ("accept", "text/html")], false),
        ("GET", &[("sec-fetch-mode", "no-cors")], false),
        ("GET", &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], true),
        ("GET", &[("accept", "application/xml, text/HTML;q=0.9")], true),
        ("GET", &[("accept", "*/*")], false),
        ("GET", &[], false),
        ("POST", &[("accept", "text/html")], false),
    ] {
        let original = OriginalRequest { method, scheme: "https", host: "a", target: "/" };
        assert_eq!(original.is_navigation(&headers(lines)), expected, "{method} {lines:?}");
    }
}

#[test]
fn every_spelling_that_an_application_may_fold_is_found() {
    let families = [
        (IdentityHeaders::Remote, "remote-user"),
        (IdentityHeaders::XAuthRequest, "x-auth-request-preferred-username"),
        (IdentityHeaders::XForwarded, "x-forwarded-groups"),
    ];
    for (family, name) in families {
        for separator in "!#$%&'*+-.^_`|~".chars() {
            let spelled = name.replace('-', &separator.to_string());
            let brought = headers(&[("accept", "*/*"), (&spelled, "root")]);
            assert!(family.brought_by(&brought).is_some(), "{spelled}");
            let mixed = name.replacen('-', &separator.to_string(), 1);
            assert!(family.brought_by(&headers(&[(&mixed, "")])).is_some(), "{mixed}");
            for (other, _) in families.iter().filter(|(other, _)| *other != family) {
                assert!(other.brought_by(&brought).is_none(), "{spelled}");
            }
        }
    }
    for other in ["remote-users", "remoteuser", "remote-addr", "xremote-user", "remote1user"] {
        assert!(IdentityHeaders::Remote.brought_by(&headers(&[(other, "")])).is_none(), "{other}");
    }
}

#[test]
fn each_family_has_the_role_and_then_the_groups() {
    let mut user = User {
        id: UserId::from_uuid(uuid::Uuid::nil()),
        email: Email::parse("ada@example.org").unwrap(),
        email_verified: true,
        name: Name::default(),
        role: Role::Admin,
        groups: Groups::default(),
        status: Status::Active,
        created_at: time::OffsetDateTime::UNIX_EPOCH,
    };
    for (groups, expected) in [("", "admin"), ("ops,dev", "admin,dev,ops")] {
        user.groups = Groups::from_stored(groups).unwrap();
        for (family, name) in [
            (IdentityHeaders::Remote, "remote-groups"),
            (IdentityHeaders::XAuthRequest, "x-auth-request-groups"),
            (IdentityHeaders::XForwarded, "x-forwarded-groups"),
        ] {
            let mut headers = HeaderMap::new();
            family.identify(Some(&user), &mut headers).unwrap();
            assert_eq!(headers.get(name).unwrap(), expected, "{name}");
            assert_eq!(headers.len(), 4, "{name}");
        }
    }
}

#[test]
fn the_cookies_come_without_ours_wherever_it_stands() {
    for (lines, expected) in [
        (&["__Host-anteroom=T"][..], ""),
        (&[], ""),
        (&["a=1; __Host-anteroom=T; b=2"], "a=1; b=2"),
        (&["__Host-anteroom=T;a=1"], "a=1"),
        (&["a=1", "__Host-anteroom=T", "b=\"x y\""], "a=1; b=\"x y\""),
        (&["__Host-anteroom=T; a=1; __Host-anteroom=U"], "a=1"),
        (&["\t __Host-anteroom =T; x__Host-anteroom=1"], "x__Host-anteroom=1"),
        (&["a=1; __Host-anteroom-state=S; __Host-anteroom=T"], "a=1"),
        (&["__Host-anteroom; __Host-anteroom-node=n"], "__Host-anteroom-node=n"),
    ] {
        let sent: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
        assert_eq!(
            cookies::without(["__Host-anteroom", "__Host-anteroom-state"], &headers(&sent)),
            expected,
            "{lines:?}"
        );
    }
}
