//! Requests that name their target in two ways. Each proxy judges and serves the same one, or
//! refuses.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anteroom::Options;
use anteroom::http::{Applications, ForwardAuthOptions, ForwardAuthProxy, PublicUrl};
use anteroom::rules::{KnownHost, LiveRules, RulesFile};
use tempfile::NamedTempFile;

use crate::harness::app::{Kind, TestApp};
use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::left_out::program;
use crate::harness::upstream::Upstream;
use crate::harness::wire::{parse, send};

/// Some paths of the first application are for everybody.
const RULES: &str = r#"default = "signed-in"
[[rule]]
host = "FIRST"
path = "/"
allow = "public"
[[rule]]
host = "FIRST"
path = "/public/**"
allow = "public"
[[rule]]
host = "FIRST"
path = "/closed/**"
methods = ["POST"]
allow = "deny"
[[rule]]
host = "FIRST"
path = "/closed/**"
allow = "public"
"#;

/// One application beside the pages of Anteroom, or two on hosts of their own.
pub(super) struct Stage {
    pub(super) what: String,
    _rules: NamedTempFile,
    _app: TestApp,
    pub(super) applications: [Upstream; 2],
    balancer: Balancer,
    /// The host of the application with public paths.
    pub(super) host: &'static str,
    /// Another host that is served.
    other: &'static str,
}

impl Stage {
    /// Behind each of the two files of a proxy.
    pub(super) async fn both(proxy: Proxy) -> Option<[Self; 2]> {
        Some([Self::one_host(proxy).await?, Self::several_hosts(proxy).await?])
    }

    async fn one_host(proxy: Proxy) -> Option<Self> {
        let host = "app.example.org";
        let (rules, app) = app(proxy, host, &["app.example.org"]).await;
        let applications = [Upstream::start(), Upstream::start()];
        let balancer = Balancer::forward_auth(proxy, app.address, applications[0].address)?;
        let what = format!("{proxy:?}, one host");
        let other = "other.example.org";
        Some(Self { what, _rules: rules, _app: app, applications, balancer, host, other })
    }

    async fn several_hosts(proxy: Proxy) -> Option<Self> {
        let (host, other) = ("wiki.example.org", "files.example.org");
        let (rules, app) = app(proxy, host, &["auth.example.org", host, other]).await;
        let applications = [Upstream::start(), Upstream::start()];
        let [wiki, files] = &applications;
        let addresses = [wiki.address, files.address];
        let balancer = Balancer::several_hosts(proxy, app.address, addresses)?;
        let what = format!("{proxy:?}, several hosts");
        Some(Self { what, _rules: rules, _app: app, applications, balancer, host, other })
    }

    pub(super) fn asked(&self) -> [usize; 2] {
        [self.applications[0].asked(), self.applications[1].asked()]
    }

    /// Sends the lines of a request, and gives the status of the answer; 0 where none came.
    pub(super) async fn send(&self, lines: &[&str]) -> u16 {
        let request = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
        let answer = send(self.address(), request.as_bytes());
        let answer = tokio::time::timeout(Duration::from_secs(10), answer).await;
        parse(&answer.unwrap_or_else(|_| panic!("{}: {lines:?} has no answer", self.what))).status
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.balancer.address()
    }

    /// The status of a request by HTTP/2 that names this as its host; 0 where no answer came.
    fn by_http2(&self, path: &str, host: &str) -> Option<u16> {
        let curl = program("curl", "HTTP/2 in front of an application")?;
        let port = self.balancer.https.port();
        let place = format!("{}:{port}:{}", self.balancer.name, self.balancer.https.ip());
        let output = Command::new(curl)
            .args(["--silent", "--http2", "--max-time", "10", "--resolve", &place, "--insecure"])
            .args(["--output", "/dev/null", "-w", "%{http_version} %{http_code}"])
            .args(["-H", &format!("Host: {host}")])
            .arg(format!("https://{}:{port}{path}", self.balancer.name))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let (version, status) = said.split_once(' ').unwrap();
        assert!(version == "2" || status == "000", "{}: HTTP/{version}", self.what);
        Some(status.parse().unwrap())
    }
}

async fn app(proxy: Proxy, first: &str, hosts: &[&str]) -> (NamedTempFile, TestApp) {
    let rules = NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), RULES.replace("FIRST", first)).unwrap();
    let known = |host: &&str| KnownHost { host: (*host).to_owned(), port: 443 };
    let known = hosts.iter().map(known).collect();
    let live = RulesFile { path: rules.path().to_owned(), hosts: known };
    let urls: Vec<_> =
        hosts.iter().map(|host| PublicUrl::parse(&format!("https://{host}")).unwrap()).collect();
    let set = |options: &mut Options| {
        urls[0].origin().clone_into(&mut options.public_url);
        options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        options.forward_auth = ForwardAuthOptions {
            proxy: Some(word_of(proxy)),
            applications: Applications::beside(&urls[0], urls[1..].to_vec()).unwrap(),
            rules: LiveRules::from_file(live).unwrap(),
            ..Default::default()
        };
    };
    let app = TestApp::start_with(Kind::Memory, set).await;
    (rules, app)
}

fn word_of(proxy: Proxy) -> ForwardAuthProxy {
    match proxy {
        Proxy::Haproxy => ForwardAuthProxy::Haproxy,
        Proxy::Nginx => ForwardAuthProxy::Nginx,
        Proxy::Caddy | Proxy::NewCaddy => ForwardAuthProxy::Caddy,
        Proxy::Traefik => ForwardAuthProxy::Traefik,
    }
}

macro_rules! behind_each_proxy {
    ($($proxy:ident as $module:ident,)*) => {$(
        mod $module {
            use crate::harness::balancer::Proxy;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn no_host_of_a_client_chooses_the_path_that_is_judged() {
                super::no_host_chooses_the_path(Proxy::$proxy).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn no_unusual_method_gets_past_the_rules() {
                super::unusual_methods(Proxy::$proxy).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn the_application_that_is_judged_is_the_one_that_answers() {
                super::one_application_is_judged_and_answers(Proxy::$proxy).await;
            }
        }
    )*};
}

behind_each_proxy! {
    Nginx as nginx,
    Haproxy as haproxy,
    Caddy as caddy,
    NewCaddy as new_caddy,
    Traefik as traefik,
}

/// What a client may write as its host to be judged by another path.
fn odd_hosts(host: &str) -> Vec<String> {
    let ends = ["?", "?x=", "/public/x?", "/public/x#", "/public/x", "/", "#", "\\?", "%3f", ";?"];
    let with_port = ends.map(|end| format!("{host}:443{end}"));
    let lists =
        [format!("{host}?,{host}"), format!("{host},{host}/public/x?"), format!("x@{host}")];
    ends.map(|end| format!("{host}{end}")).into_iter().chain(with_port).chain(lists).collect()
}

async fn no_host_chooses_the_path(proxy: Proxy) {
    let Some(stages) = Stage::both(proxy).await else { return };
    for stage in stages {
        let (what, host) = (&stage.what, stage.host);
        let plain = format!("Host: {host}");
        assert_eq!(stage.send(&["GET /public/x HTTP/1.1", &plain]).await, 200, "{what}");
        assert_eq!(stage.send(&["GET /vault/keys HTTP/1.1", &plain]).await, 401, "{what}");
        assert_eq!(stage.asked(), [1, 0], "{what}");
        for odd in odd_hosts(host) {
            let line = format!("Host: {odd}");
            let once = stage.send(&["GET /vault/keys HTTP/1.1", &line]).await;
            let twice = stage.send(&["GET /vault/keys HTTP/1.1", &plain, &line]).await;
            assert_eq!(stage.asked(), [1, 0], "{what}, {odd}: {once}, {twice}");
            // Caddy answers with an empty page where it knows no such host.
            let is_empty = matches!(proxy, Proxy::Caddy | Proxy::NewCaddy);
            let is_refused = |status| (400..500).contains(&status) || is_empty && status == 200;
            assert!(is_refused(once) && is_refused(twice), "{what}, {odd}: {once}, {twice}");
        }
        for odd in &odd_hosts(host)[..4] {
            let Some(status) = stage.by_http2("/vault/keys", odd) else { return };
            assert_eq!(stage.asked(), [1, 0], "{what}, {odd} by HTTP/2: {status}");
        }
        assert_eq!(stage.by_http2("/public/x", host), Some(200), "{what}");
    }
}

async fn unusual_methods(proxy: Proxy) {
    let Some(stages) = Stage::both(proxy).await else { return };
    for stage in stages {
        let (what, host) = (&stage.what, format!("Host: {}", stage.host));
        let authority = format!("{}:443", stage.host);
        for (method, target) in [
            ("post", "/closed/x"),
            ("Post", "/closed/x"),
            ("POST", "/closed/x"),
            ("get", "/public/x"),
            ("TRACE", "/vault/keys"),
            ("CONNECT", &authority),
            ("CONNECT", "/public/x"),
            ("OPTIONS", "*"),
            ("DEBUG", "/vault/keys"),
        ] {
            let status = stage.send(&[&format!("{method} {target} HTTP/1.1"), &host]).await;
            assert_eq!(stage.asked(), [0, 0], "{what}: {method} {target}: {status}");
        }
        assert_eq!(stage.send(&["PROPFIND /closed/x HTTP/1.1", &host]).await, 200, "{what}");
    }
}

/// The whole URL may stand in the first line of a request, with another host than in `Host`.
async fn one_application_is_judged_and_answers(proxy: Proxy) {
    let Some(stages) = Stage::both(proxy).await else { return };
    for stage in stages {
        let (what, host, other) = (&stage.what, stage.host, stage.other);
        for (scheme, at, named) in [
            ("http", other, host),
            ("https", other, host),
            ("http", host, other),
            ("https", host, other),
            ("https", "other.example.com", host),
            ("https", host, "other.example.com"),
        ] {
            let before = stage.asked();
            let first = format!("GET {scheme}://{at}/public/x HTTP/1.1");
            let status = stage.send(&[&first, &format!("Host: {named}")]).await;
            let asked = stage.asked();
            // The other application has no public path.
            assert_eq!(asked[1], before[1], "{what}: {first}, Host: {named}: {status}");
            // A server may ignore `Host` beside a whole URL, which then is what is judged, too.
            let is_of_url = at == host && asked[0] == before[0] + 1 && status == 200;
            let is_refused = asked[0] == before[0];
            assert!(is_of_url || is_refused, "{what}: {first}, Host: {named}: {status}");
            let first = format!("GET {scheme}://{at}/vault/keys HTTP/1.1");
            stage.send(&[&first, &format!("Host: {named}")]).await;
            assert_eq!(stage.asked(), asked, "{what}: {first}, Host: {named}");
        }
        for target in ["?/public/x", "", "#/public/x", ":443?/public/x"] {
            let (before, first) = (stage.asked(), format!("GET https://{host}{target} HTTP/1.1"));
            let status = stage.send(&[&first, &format!("Host: {host}")]).await;
            let heads = stage.applications[0].heads();
            let is_start = |head: &String| head.starts_with("GET / ") || head.starts_with("GET /?");
            let is_judged = stage.asked() == before || heads.last().is_some_and(is_start);
            assert!(is_judged, "{what}: {first}: {status}, {heads:?}");
        }
    }
}
