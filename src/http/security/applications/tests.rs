use super::*;

fn beside(public_url: &str, urls: &[&str]) -> Result<Applications, String> {
    let parse = |text: &&str| PublicUrl::parse(text).unwrap();
    Applications::beside(&parse(&public_url), urls.iter().map(parse).collect::<Vec<_>>())
}

#[test]
fn applications_need_the_scheme_of_the_public_url_and_a_host_each() {
    let auth = "https://auth.example.org";
    for (public_url, urls, mistake) in [
        (auth, &["https://wiki.example.org", "https://a.example.com:8443"][..], None),
        (auth, &["http://localhost:3000"], Some("begins with the same")),
        ("http://localhost:8080", &["https://wiki.example.org"], Some("use https for both")),
        ("http://localhost:8080", &["http://127.0.0.1:3000"], None),
        ("http://localhost:8080", &["http://localhost:3000"], Some("has the same host")),
        (auth, &["https://auth.example.org:8443"], Some("has the same host")),
        (auth, &["https://a.example.org", "https://a.example.org:444"], Some("has the same host")),
        (auth, &["https://wiki.example.org", "https://wiki.example.org:443/"], None),
    ] {
        let outcome = beside(public_url, urls).map(|_| ());
        match mistake {
            None => assert_eq!(outcome, Ok(()), "{urls:?}"),
            Some(mistake) => assert!(outcome.unwrap_err().contains(mistake), "{urls:?}"),
        }
    }
    let own = beside(auth, &["https://auth.example.org/", "https://wiki.example.org"]).unwrap();
    assert_eq!(own.urls().map(PublicUrl::origin).collect::<Vec<_>>(), ["https://wiki.example.org"]);
    assert!(Applications::default().is_empty() && !own.is_empty());
}

#[test]
fn a_host_is_an_applications_only_if_it_is_its_very_own() {
    let https = beside("https://auth.example.org", &["https://wiki.example.org"]).unwrap();
    for (host, expected) in [
        ("wiki.example.org", true),
        ("WIKI.example.org", true),
        ("wiki.example.org:443", true),
        ("wiki.example.org:8443", false),
        ("wiki.example.org.", false),
        ("auth.example.org", false),
        ("a.wiki.example.org", false),
        ("wiki.example.org@evil.example", false),
        ("wiki.example.org/", false),
        ("wiki%2eexample.org", false),
        ("", false),
    ] {
        assert_eq!(https.at_host(host).is_some(), expected, "{host}");
    }
    let http = beside("http://localhost:8080", &["http://127.0.0.1:3000"]).unwrap();
    assert!(http.at_host("127.0.0.1:3000").is_some());
    assert!(http.at_host("localhost:3000").is_none(), "it has cookies of its own");
}
