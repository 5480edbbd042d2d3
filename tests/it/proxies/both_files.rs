//! Each proxy has a file for one host and one for several. What both have to do is the same in both.

use super::shipped;

/// The lines of a block, from the one that begins so to the one that ends it at the same depth.
/// Without comments, indentation and blank lines.
fn block(text: &str, begin: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| line.trim() != begin);
    let first = lines.next().unwrap_or_else(|| panic!("there is no `{begin}`"));
    let end = format!("{}}}", &first[..first.len() - first.trim_start().len()]);
    code(lines.take_while(|line| **line != end))
}

fn code<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<String> {
    let lines = lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// The file for one host, and the one for several.
fn both(name: &str) -> [String; 2] {
    [
        shipped(&format!("forward-auth/{name}")),
        shipped(&format!("forward-auth/several-hosts/{name}")),
    ]
}

#[test]
fn nginx_checks_and_hands_on_in_the_same_way() {
    let [one, several] = both("nginx.conf");
    let several = several.replace("http://$application;", "http://application;");
    // The one server of the first file, and that of the applications.
    let of_applications = several.rsplit_once("    server {\n").unwrap().1;
    for begin in ["location / {", "location = /auth/verify {", "location @refused {"] {
        assert_eq!(block(&one, begin), block(of_applications, begin), "{begin}");
    }
    for begin in [
        "map $upstream_status $again {",
        "map \"$host $http_host\" $odd_host {",
        "map $http_upgrade $passed_upgrade {",
        "map $passed_upgrade $passed_connection {",
        "if ($odd_host) {",
    ] {
        assert_eq!(block(&one, begin), block(&several, begin), "{begin}");
    }
}

#[test]
fn caddy_checks_and_hands_on_in_the_same_way() {
    let [one, several] = both("Caddyfile");
    for begin in ["(without_identity_headers) {", "@websocket {", "@no_websocket not {"] {
        assert_eq!(block(&one, begin), block(&several, begin), "{begin}");
    }
    let mut asked = block(&several, "(ask_anteroom) {");
    // There the state of a hand-over has a cookie.
    asked.retain(|line| !line.contains("__Host-anteroom-state"));
    let mut route = block(&one, "route {");
    let own = ["import without_identity_headers", "reverse_proxy 127.0.0.1:3000"];
    route.retain(|line| !own.contains(&line.as_str()));
    assert_eq!(route, asked);
}

#[test]
fn haproxy_checks_and_hands_on_in_the_same_way() {
    let rules = both("haproxy.cfg").map(|text| {
        let of_hosts = |line: &String| line.contains("of_") || line.contains("for_anteroom path");
        let mut rules = code(text.lines());
        rules.retain(|line| line.starts_with("http-request") || line.starts_with("acl "));
        rules.retain(|line| {
            !of_hosts(line) && !line.contains("redirect") && !line.contains("auth.")
        });
        let rules =
            rules.into_iter().map(|line| line.replace(" unless for_anteroom or ", " unless "));
        let mut rules: Vec<_> =
            rules.map(|line| line.replace(" unless for_anteroom", "")).collect();
        // The order of the two parts of the file for one host.
        rules.sort();
        rules
    });
    assert_eq!(rules[0], rules[1]);
    assert!(rules[0].len() > 12, "{rules:?}");
}

#[test]
fn traefik_checks_and_hands_on_in_the_same_way() {
    let middlewares = both("traefik-dynamic.yaml").map(|text| {
        let (_, text) = text.split_once("\n  middlewares:\n").unwrap();
        code(text.split_once("\n  services:\n").unwrap().0.lines())
    });
    assert_eq!(middlewares[0], middlewares[1]);
    let entry_points = both("traefik.yaml").map(|text| code(text.lines()));
    assert_eq!(entry_points[0], entry_points[1]);
}
