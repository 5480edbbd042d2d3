use std::time::Duration;

use time::OffsetDateTime;

use super::path::segments;
use super::pattern::{HostPattern, PathPattern};
use super::{Ambiguous, ApplicationRequest, Decision, KnownHost, Rules, Visitor};
use crate::accounts::{Email, Groups, Name, Role, Status, User, UserId};

fn hosts() -> Vec<KnownHost> {
    let host = |host: &str, port| KnownHost { host: host.to_owned(), port };
    vec![host("auth.example.org", 443), host("wiki.example.org", 443), host("[::1]", 8443)]
}

fn parse(text: &str) -> Result<Rules, Vec<String>> {
    Rules::parse(text, &hosts()).map_err(|invalid| invalid.0)
}

fn ada() -> User {
    User {
        id: UserId::from_uuid(uuid::Uuid::nil()),
        email: Email::parse("ada@example.org").unwrap(),
        email_verified: true,
        name: Name::parse("Ada").unwrap(),
        role: Role::User,
        groups: Groups::parse(["editors"]).unwrap(),
        status: Status::Active,
        created_at: OffsetDateTime::UNIX_EPOCH,
    }
}

/// The line of the rule that matched, and the decision about Ada, who has just signed in.
fn decide(rules: &Rules, method: &str, url: &str) -> (Option<usize>, Decision) {
    let rest = url.strip_prefix("https://").unwrap();
    let (host, target) = rest.split_at(rest.find('/').unwrap());
    let request = ApplicationRequest { method, host, port: 443, target };
    let Ok(found) = rules.find(&request) else { return (None, Decision::Forbidden) };
    let user = ada();
    let visitor = Visitor { user: &user, since_proof: Duration::ZERO, has_factor: false };
    (found.line, found.decide(Some(visitor)))
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = parse(
        r#"default = "deny"

[[rule]]
host = "wiki.example.org"
path = "/public/**"
methods = ["GET"]
allow = "public"

[[rule]]
host = "*.example.org"
path = "/edit/*"
allow = "group:editors"

[[rule]]
path = "/admin/**"
allow = "role:admin"

[[rule]]
path = "/board/**"
allow = "email:*@EXAMPLE.org"

[[rule]]
path = "/vault/**"
allow = "email:ada@example.org"
factor = true
"#,
    )
    .unwrap();
    for (method, url, expected) in [
        ("GET", "https://wiki.example.org/public/a/b", (Some(3), Decision::Allowed)),
        ("HEAD", "https://wiki.example.org/public", (Some(3), Decision::Allowed)),
        ("POST", "https://wiki.example.org/public", (None, Decision::Forbidden)),
        ("get", "https://wiki.example.org/public", (None, Decision::Forbidden)),
        ("GET", "https://auth.example.org/public", (None, Decision::Forbidden)),
        ("GET", "https://wiki.example.org/Public", (None, Decision::Forbidden)),
        ("GET", "https://wiki.example.org/public/../edit/x", (Some(9), Decision::Allowed)),
        ("GET", "https://wiki.example.org/%65dit/x?y=/public", (Some(9), Decision::Allowed)),
        ("GET", "https://wiki.example.org/edit/x/y", (None, Decision::Forbidden)),
        ("GET", "https://wiki.example.org/edit/", (None, Decision::Forbidden)),
        ("GET", "https://auth.example.org/admin", (Some(14), Decision::Forbidden)),
        ("GET", "https://auth.example.org/admin/", (Some(14), Decision::Forbidden)),
        ("DELETE", "https://auth.example.org/board/1", (Some(18), Decision::Allowed)),
        ("GET", "https://auth.example.org/vault", (Some(22), Decision::SecondFactor)),
    ] {
        assert_eq!(decide(&rules, method, url), expected, "{method} {url}");
    }
}

#[test]
fn who_is_not_signed_in_passes_public_rules_alone() {
    let text = r#"default = "signed-in"
        [[rule]]
        path = "/public"
        allow = "public"
        [[rule]]
        path = "/closed"
        allow = "deny""#;
    let rules = parse(text).unwrap();
    for (target, nobody, ada_is_let_in) in [
        ("/public", Decision::Allowed, Decision::Allowed),
        ("/closed", Decision::Forbidden, Decision::Forbidden),
        ("/else", Decision::SignIn, Decision::Allowed),
    ] {
        let request = ApplicationRequest { method: "GET", host: "a", port: 443, target };
        assert_eq!(rules.find(&request).unwrap().decide(None), nobody, "{target}");
        let url = format!("https://a{target}");
        assert_eq!(decide(&rules, "GET", &url).1, ada_is_let_in, "{target}");
    }
}

#[test]
fn only_a_verified_address_counts() {
    let text = "default = \"deny\"\n[[rule]]\npath = \"/\"\nallow = \"email:*@example.org\"";
    let rules = parse(text).unwrap();
    let request = ApplicationRequest { method: "GET", host: "a", port: 443, target: "" };
    let found = rules.find(&request).unwrap();
    for (email, email_verified, expected) in [
        ("ada@example.org", true, Decision::Allowed),
        ("ada@example.org", false, Decision::Forbidden),
        ("ada@sub.example.org", true, Decision::Forbidden),
        ("ada@badexample.org", true, Decision::Forbidden),
    ] {
        let user = User { email: Email::parse(email).unwrap(), email_verified, ..ada() };
        let visitor = Visitor { user: &user, since_proof: Duration::MAX, has_factor: false };
        assert_eq!(found.decide(Some(visitor)), expected, "{email} {email_verified}");
    }
}

#[test]
fn a_proof_is_fresh_up_to_the_very_second() {
    let text = "default = \"deny\"\n[[rule]]\npath = \"/\"\nallow = \"signed-in\"\nfresh = \"10m\"";
    let rules = parse(text).unwrap();
    let request = ApplicationRequest { method: "GET", host: "a", port: 443, target: "/" };
    let user = ada();
    for (seconds, expected) in [(600, Decision::Allowed), (601, Decision::Reauthenticate)] {
        let since_proof = Duration::from_secs(seconds);
        let visitor = Visitor { user: &user, since_proof, has_factor: false };
        assert_eq!(rules.find(&request).unwrap().decide(Some(visitor)), expected, "{seconds}");
    }
}

#[test]
fn without_a_file_every_path_needs_a_user_and_none_is_judged() {
    let rules = Rules::signed_in();
    for target in ["/", "//a;b", "/%2f%00", "no slash"] {
        let request = ApplicationRequest { method: "GET", host: "a", port: 443, target };
        let found = rules.find(&request).unwrap();
        assert_eq!(found.decide(None), Decision::SignIn);
    }
}

#[test]
fn a_path_that_two_servers_may_read_in_two_ways_is_ambiguous() {
    for (target, expected) in [
        ("/a%2fb", Ambiguous::EncodedSlash),
        ("/a%2Fb", Ambiguous::EncodedSlash),
        ("/a\\b", Ambiguous::Backslash),
        ("/a%5cb", Ambiguous::Backslash),
        ("/a%00", Ambiguous::Control),
        ("/a%0d%0a", Ambiguous::Control),
        ("/a%7f", Ambiguous::Control),
        ("/a%C2%85", Ambiguous::Control),
        ("/a%252e", Ambiguous::EncodedTwice),
        ("/a%25%34%31", Ambiguous::EncodedTwice),
        ("//a", Ambiguous::EmptySegment),
        ("/a//b", Ambiguous::EmptySegment),
        ("/a/..//b", Ambiguous::EmptySegment),
        ("/a;b", Ambiguous::Parameter),
        ("/a%3Bb", Ambiguous::Parameter),
        ("/..;/a", Ambiguous::Parameter),
        ("/a%c0%af", Ambiguous::NotUtf8),
        ("/a%ff", Ambiguous::NotUtf8),
        ("/a%", Ambiguous::Percent),
        ("/a%g0", Ambiguous::Percent),
        ("/a%2", Ambiguous::Percent),
        ("/a#b", Ambiguous::Fragment),
        ("/a?b#c", Ambiguous::Fragment),
        ("a", Ambiguous::Relative),
        ("*", Ambiguous::Relative),
    ] {
        assert_eq!(segments(target), Err(expected), "{target}");
    }
    for (target, expected) in [
        ("", "/"),
        ("?a//b;c", "/"),
        ("/", "/"),
        ("/..", "/"),
        ("/../../a", "/a"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/a/%2e%2E/b", "/b"),
        ("/%61/", "/a/"),
        ("/100%25", "/100%"),
        ("/C%23/%3F", "/C#/?"),
        ("/%40me", "/@me"),
        ("/%ED%95%9C", "/한"),
        ("/...", "/..."),
    ] {
        let read = segments(target).map(|segments| format!("/{}", segments.join("/")));
        assert_eq!(read.as_deref(), Ok(expected), "{target}");
    }
}

#[test]
fn a_method_in_lower_case_and_a_tunnel_are_ambiguous() {
    let text = "default = \"signed-in\"\n[[rule]]\nmethods = [\"POST\"]\nallow = \"deny\"";
    let rules = parse(text).unwrap();
    for (method, expected) in [
        ("POST", Ok(Some(2))),
        ("GET", Ok(None)),
        ("M-SEARCH", Ok(None)),
        ("post", Err(Ambiguous::Method)),
        ("POsT", Err(Ambiguous::Method)),
        ("CONNECT", Err(Ambiguous::Tunnel)),
    ] {
        let request = ApplicationRequest { method, host: "a", port: 443, target: "/" };
        assert_eq!(rules.find(&request).map(|rule| rule.line), expected, "{method}");
    }
}

#[test]
fn every_mistake_of_a_file_is_named_with_its_line() {
    let deny = "default = \"deny\"\n";
    for (text, expected) in [
        ("", "line 1: default is missing"),
        ("[[rule]]\npath = \"/\"\nallow = \"deny\"", "line 1: default is missing"),
        ("default = \"public\"", "line 1: default may not be public"),
        ("default = \"open\"", "line 1: default: write"),
        ("default = \"deny\"\ndefault = \"deny\"", "line 2: "),
        ("default = \"deny\"\nrules = 1", "line 2: unknown field"),
        (&format!("{deny}[[rule]]\npath = \"/\"\nalow = \"deny\""), "line 4: unknown field"),
        (&format!("{deny}[[rule]]\npath = \"/\""), "line 2: allow is missing"),
        (&format!("{deny}[[rule]]\nallow = \"public\""), "line 2: this rule matches everything"),
        (&format!("{deny}[[rule]]\npath = 1\nallow = \"deny\""), "line 3: "),
        (&format!("{deny}[[rule]]\npath = \"a\"\nallow = \"deny\""), "line 3: path: begin"),
        (&format!("{deny}[[rule]]\npath = \"/a*\"\nallow = \"deny\""), "line 3: path: let *"),
        (&format!("{deny}[[rule]]\npath = \"/a//b\"\nallow = \"deny\""), "line 3: path: write one"),
        (
            &format!("{deny}[[rule]]\npath = \"/a;b\"\nallow = \"deny\""),
            "line 3: path: the path has",
        ),
        (&format!("{deny}[[rule]]\npath = \"/a?b\"\nallow = \"deny\""), "line 3: path: leave out"),
        (&format!("{deny}[[rule]]\npath = \"/../a\"\nallow = \"deny\""), "line 3: path: leave out"),
        (
            &format!("{deny}[[rule]]\nhost = \"x.example\"\nallow = \"deny\""),
            "line 3: host: neither ANTEROOM_PUBLIC_URL nor",
        ),
        (
            &format!("{deny}[[rule]]\nhost = \"*example.org\"\nallow = \"deny\""),
            "line 3: host: write",
        ),
        (&format!("{deny}[[rule]]\nhost = \"a/b\"\nallow = \"deny\""), "line 3: host: write"),
        (&format!("{deny}[[rule]]\nmethods = []\nallow = \"deny\""), "line 3: methods: write"),
        (
            &format!("{deny}[[rule]]\nmethods = [\"get\"]\nallow = \"deny\""),
            "line 3: methods: \"get\"",
        ),
        (&format!("{deny}[[rule]]\npath = \"/\"\nallow = \"admin\""), "line 4: allow: write"),
        (&format!("{deny}[[rule]]\npath = \"/\"\nallow = \"role:root\""), "line 4: allow: write"),
        (&format!("{deny}[[rule]]\npath = \"/\"\nallow = \"group:admin\""), "line 4: allow: "),
        (&format!("{deny}[[rule]]\npath = \"/\"\nallow = \"email:*\""), "line 4: allow: "),
        (
            &format!("{deny}[[rule]]\npath = \"/\"\nallow = \"public\"\nfresh = \"1m\""),
            "line 5: fresh",
        ),
        (
            &format!("{deny}[[rule]]\npath = \"/\"\nallow = \"deny\"\nfactor = true"),
            "line 5: fresh",
        ),
        (
            &format!("{deny}[[rule]]\npath = \"/\"\nallow = \"signed-in\"\nfresh = \"1x\""),
            "line 5: fresh: ",
        ),
    ] {
        let mistakes = parse(text).map(drop).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(expected), "{text}: {mistakes:?}");
    }
    let two = parse("[[rule]]\npath = \"a\"\nallow = \"x\"").map(drop).unwrap_err();
    assert_eq!(two.len(), 3, "{two:?}");
}

#[test]
fn a_rule_that_can_never_match_is_refused() {
    let rule = |keys: &str| format!("[[rule]]\n{keys}\nallow = \"signed-in\"\n");
    for (earlier, later, is_covered) in [
        ("path = \"/a\"", "path = \"/a\"", true),
        ("path = \"/a/**\"", "path = \"/a\"", true),
        ("path = \"/**\"", "host = \"wiki.example.org\"", true),
        ("path = \"/%61/**\"", "path = \"/a/*/c\"", true),
        ("path = \"/a/*\"", "path = \"/a/**\"", false),
        ("path = \"/a/*\"", "path = \"/a/\"", false),
        ("path = \"/**/b\"", "path = \"/a/**/b\"", true),
        ("path = \"/**/a/**\"", "path = \"/**/a/*/a/**\"", true),
        ("path = \"/a\"\nmethods = [\"GET\"]", "path = \"/a\"", false),
        ("path = \"/a\"", "path = \"/a\"\nmethods = [\"GET\"]", true),
        ("methods = [\"GET\"]", "path = \"/a\"\nmethods = [\"HEAD\"]", true),
        ("host = \"*.example.org\"", "host = \"wiki.example.org\"", true),
        ("host = \"wiki.example.org\"", "host = \"*.example.org\"", false),
        ("host = \"wiki.example.org\"", "host = \"WIKI.example.org:443\"", true),
        ("host = \"wiki.example.org:443\"", "host = \"wiki.example.org\"", false),
        ("host = \"wiki.example.org\"", "path = \"/\"", false),
    ] {
        let text = format!("default = \"deny\"\n{}{}", rule(earlier), rule(later));
        let mistakes = parse(&text).map_or_else(|mistakes| mistakes, |_| Vec::new());
        let says_so = mistakes.iter().any(|mistake| mistake.contains("can never match"));
        assert_eq!(says_so, is_covered, "{text}: {mistakes:?}");
    }
}

#[test]
fn a_pattern_of_a_host_names_one_label() {
    for (pattern, host, port, expected) in [
        ("wiki.example.org", "wiki.example.org", 443, true),
        ("Wiki.Example.ORG", "wiki.example.org", 8443, true),
        ("wiki.example.org:8443", "wiki.example.org", 443, false),
        ("*.example.org", "wiki.example.org", 443, true),
        ("*.example.org", "a.wiki.example.org", 443, false),
        ("*.example.org", "example.org", 443, false),
        ("*.example.org", "wiki.example.org.", 443, false),
        ("[::1]:8443", "[::1]", 8443, true),
        ("bücher.example", "xn--bcher-kva.example", 443, true),
    ] {
        let parsed = HostPattern::parse(pattern).unwrap();
        assert_eq!(parsed.matches(host, port), expected, "{pattern} {host}:{port}");
    }
}

/// Patterns of up to three parts against all paths of up to five segments.
#[test]
fn a_pattern_covers_another_one_exactly_where_it_matches_all_of_its_paths() {
    let mut patterns = Vec::new();
    let mut paths = Vec::new();
    sequences(&["a", "b", "*", "**"], 3, &mut patterns);
    sequences(&["a", "b", "c"], 5, &mut paths);
    patterns.extend(patterns.clone().into_iter().map(|pattern| format!("{pattern}/")));
    paths.extend(paths.clone().into_iter().map(|path| format!("{path}/")));
    paths.push("/".to_owned());
    let matches = |pattern: &String| {
        let pattern = PathPattern::parse(pattern).unwrap();
        let matched: Vec<bool> =
            paths.iter().map(|path| pattern.matches(&segments(path).unwrap())).collect();
        (pattern, matched)
    };
    let all: Vec<_> = patterns.iter().map(matches).collect();
    for ((pattern, matched), text) in all.iter().zip(&patterns) {
        for ((other, by_other), other_text) in all.iter().zip(&patterns).step_by(3) {
            let contains = by_other.iter().zip(matched).all(|(other, own)| !other || *own);
            assert_eq!(
                pattern.covers(other, &mut { u32::MAX }),
                contains,
                "{text} covers {other_text}"
            );
        }
    }
}

/// The first pattern remembers which of the last segments were an `a`: there are as many sets of
/// places as subsets of those.
#[test]
fn a_file_of_many_wildcards_is_read_within_seconds() {
    let (first, wildcards) = (format!("/**/a{}", "/*".repeat(58)), "/*".repeat(57));
    let paths = (1..1000).map(|number| format!("/**/a{wildcards}/b{number}"));
    let rule = |path: String| format!("[[rule]]\npath = \"{path}\"\nallow = \"signed-in\"\n");
    let rules: String = std::iter::once(first.clone()).chain(paths).map(rule).collect();
    let begun = std::time::Instant::now();

    assert_eq!(parse(&format!("default = \"deny\"\n{rules}")).unwrap().count(), 1000);

    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let [first, other] =
        [first, format!("/**/a{wildcards}/b")].map(|text| PathPattern::parse(&text).unwrap());
    assert!(first.covers(&first, &mut 0) && !first.covers(&other, &mut 1_000_000));
}

/// All paths of one to `most` of these segments.
fn sequences(segments: &[&str], most: usize, all: &mut Vec<String>) {
    let mut longest = vec![String::new()];
    for _ in 0..most {
        let longer =
            |path: &String| segments.iter().map(move |one| format!("{path}/{one}")).collect();
        longest = longest.iter().flat_map(|path| -> Vec<String> { longer(path) }).collect();
        all.extend(longest.clone());
    }
}

/// Paths of the pieces that servers disagree about, against the slower implementation.
#[test]
fn generated_paths_match_as_a_second_implementation_says() {
    generated_paths(100_000);
}

mod nightly {
    #[test]
    fn a_million_generated_paths_match_as_a_second_implementation_says() {
        super::generated_paths(1_000_000);
    }
}

fn generated_paths(count: u64) {
    const PIECES: [&str; 24] = [
        "/", "/", "/", "/a", "/b", "a", "b", "..", ".", "%2e", "%2E", "%61", "%2f", "%25", "%5c",
        "%00", "%c3%a9", "%ff", "%", ";", "?", "#", "\\", "é",
    ];
    const PATTERNS: [&str; 8] =
        ["/**", "/a/**", "/a/*", "/*/b", "/**/a/**", "/a", "/%61/b/", "/é/**"];
    let mut state = 1_u64;
    let mut next = |most: usize| {
        // Knuth's MMIX generator; its upper bits are the good ones.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    for _ in 0..count {
        let mut input = PATTERNS[next(PATTERNS.len())].to_owned();
        input.push('\n');
        for _ in 0..=next(7) {
            input.push_str(PIECES[next(PIECES.len())]);
        }
        input.push('\n');
        input.push_str(PATTERNS[next(PATTERNS.len())]);
        super::fuzzing::rule_path(input.as_bytes());
    }
}
