//! `ANTEROOM_RULES` and `anteroom rules check`, as an operator uses them.

use crate::command_line::{done, refused};
use crate::harness::server::{Outcome, Place, Server, wait_for};

const RULES: &str = r#"default = "signed-in"

[[rule]]
path = "/public/**"
methods = ["GET"]
allow = "public"

[[rule]]
path = "/drafts/*"
allow = "group:editors"
fresh = "10m"

[[rule]]
path = "/vault"
allow = "role:admin"
factor = true
"#;

fn place_with(rules: &str) -> Place {
    let place = Place::new().with_file("rules.toml", rules).with("ANTEROOM_RULES", "rules.toml");
    place.with("ANTEROOM_PUBLIC_URL", "https://wiki.example.org")
}

fn check(place: &Place, arguments: &[&str]) -> Outcome {
    place.run(&[&["rules", "check"], arguments].concat())
}

fn add(place: &Place, email: &str, more: &[&str]) {
    let line = [&["user", "add", email, "--password-stdin"], more].concat();
    done(&place.run_with_input(&line, "velvet otter hums at nine\n"));
}

#[test]
fn a_check_prints_the_rule_and_the_decision() {
    let place = place_with(RULES);
    add(&place, "ada@example.org", &[]);
    add(&place, "root@example.org", &["--admin"]);
    add(&place, "gone@example.org", &[]);
    done(&place.run(&["user", "add-group", "ada@example.org", "editors"]));
    done(&place.run(&["user", "disable", "gone@example.org"]));
    for (arguments, code, rule, decision) in [
        (&["GET", "/public/a"][..], 0, "the rule in line 3: public", "allowed"),
        (&["POST", "/public/a"], 3, "no rule; the default: signed-in", "denied: only signed-in"),
        (&["POST", "/public/a", "--as", "ada@example.org"], 0, "no rule; ", "allowed"),
        (&["GET", "/drafts/7", "--as", "Ada@Example.org"], 0, "the rule in line 8: ", "allowed"),
        (
            &["GET", "/drafts/7", "--as", "root@example.org"],
            3,
            "the rule in line 8: ",
            "denied: the rule does not",
        ),
        (
            &["GET", "/vault", "--as", "root@example.org"],
            0,
            "the rule in line 13: role:admin, with a second factor",
            "allowed",
        ),
        (
            &["GET", "/public/a", "--as", "gone@example.org"],
            3,
            "the rule in line 3",
            "denied: the account is disabled",
        ),
        (&["GET", "/a//b"], 3, "none", "denied: the path has an empty segment"),
        (&["GET", "/a#b"], 3, "none", "denied: the path has a number sign"),
    ] {
        let url = format!("https://wiki.example.org{}", arguments[1]);
        let line = [&[arguments[0], &url], &arguments[2..]].concat();
        let outcome = check(&place, &line);
        assert_eq!((outcome.code, &*outcome.stderr), (Some(code), ""), "{line:?} {outcome:?}");
        for expected in [format!("rule:     {rule}"), format!("decision: {decision}")] {
            assert!(outcome.stdout.contains(&expected), "{line:?}: {}", outcome.stdout);
        }
    }
    let fresh =
        check(&place, &["GET", "https://wiki.example.org/drafts/7", "--as", "ada@example.org"]);
    assert!(fresh.stdout.contains("group:editors, fresh within 10m"), "{}", fresh.stdout);
    assert!(
        fresh.stdout.contains("just reauthenticated, with a second factor"),
        "{}",
        fresh.stdout
    );
}

#[test]
fn a_check_tells_a_denied_origin_from_a_url_that_cannot_be_read() {
    let place = place_with(RULES);
    for url in
        ["https://other.example.org/", "http://wiki.example.org/", "https://a@wiki.example.org/"]
    {
        let outcome = check(&place, &["GET", url]);
        assert_eq!(outcome.code, Some(3), "{url}: {outcome:?}");
        assert!(outcome.stdout.contains("denied: its origin is not"), "{url}: {}", outcome.stdout);
    }
    for url in ["/public/a", "wiki.example.org", "https:///a", "https://wiki.example.org/a b", ""] {
        assert!(refused(&check(&place, &["GET", url]), 2).contains("cannot read the URL"), "{url}");
    }
    let stranger = check(&place, &["GET", "https://wiki.example.org/", "--as", "bo@example.org"]);
    assert!(
        refused(&stranger, 1).contains("bo@example.org") || stranger.stderr.contains("no database")
    );
}

#[test]
fn a_file_with_mistakes_is_refused_with_the_line_of_each() {
    let place = place_with("default = \"deny\"\n[[rule]]\npath = \"a\"\nallow = \"x\"\n");
    let outcome = place.run(&[]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for mistake in ["line 3: path: begin", "line 4: allow: write"] {
        assert!(outcome.stderr.contains(mistake), "{}", outcome.stderr);
    }
    let missing = Place::new().with("ANTEROOM_RULES", "no-such-file.toml").run(&["config"]);
    assert!(refused(&missing, 2).contains("cannot read it"), "{missing:?}");
}

#[test]
fn sighup_reads_the_rules_again_and_keeps_them_where_the_file_is_wrong() {
    let place = Place::new().with_file("rules.toml", RULES).with("ANTEROOM_RULES", "rules.toml");
    let server: Server = place.serve(&[]);
    let file = server.place.path().join("rules.toml");

    std::fs::write(&file, "default = \"deny\"").unwrap();
    server.signal("HUP");
    wait_for(|| server.stderr().contains("reloaded the rules").then_some(()));
    let log = server.stderr();
    let count = |line: &str| log.lines().find(|logged| logged.contains(line)).unwrap().to_owned();
    let expected = format!("rules={}", RULES.matches("[[rule]]").count());
    assert!(count(" read the rules").contains(&expected), "{log}");
    assert!(count("reloaded the rules").contains("rules=0"), "{log}");

    std::fs::write(&file, "default = \"public\"").unwrap();
    server.signal("HUP");
    wait_for(|| server.stderr().contains("could not reload the rules").then_some(()));
    assert!(server.stderr().contains("default may not be public"), "{}", server.stderr());
    assert!(!server.stderr().contains("nothing was reloaded"), "{}", server.stderr());
}
