//! What a proxy costs that asks about every request: alone, asking an endpoint that answers 200 to
//! everything with the headers of Anteroom, and asking Anteroom. All of them share one core.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::client::{FIREFOX, ask};
use crate::figures::{Spread, print_table};
use crate::load::{BARE, CONNECTIONS, LOAD_CORE, OURS, Plan};
use crate::servers::{self, Process, Server, cpu_seconds_of, pinned};

/// The application behind the proxies answers this path, whoever asks.
const PATH: &str = "/api/session";

/// Whom a proxy asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nobody,
    Anything,
    Anteroom,
}

struct Proxy {
    name: &'static str,
    asks: Asks,
    address: SocketAddr,
    process: Process,
    _folder: TempDir,
}

/// Of one round.
struct Sample {
    /// Of one connection, in microseconds.
    latency: f64,
    requests_per_second: f64,
    /// Of the proxy, and of whom it asks, for a request.
    cpu: (f64, f64),
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn nginx(address: SocketAddr, application: SocketAddr, asked: Option<SocketAddr>) -> String {
    let check = asked.map_or("", |_| "auth_request /check; auth_request_set $user $upstream_http_remote_user; proxy_set_header Remote-User $user;");
    let asked = asked.unwrap_or(application);
    format!(
        "daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr crit;
         events {{ worker_connections 1024; }}
         http {{
             access_log off;
             upstream application {{ server {application}; keepalive 64; }}
             upstream asked {{ server {asked}; keepalive 64; }}
             proxy_http_version 1.1;
             proxy_set_header Connection '';
             server {{
                 listen {address};
                 location / {{ {check} proxy_set_header Connection ''; proxy_pass http://application; }}
                 location = /check {{
                     internal;
                     proxy_pass http://asked/auth/verify;
                     proxy_pass_request_body off;
                     proxy_pass_request_headers off;
                     proxy_set_header Content-Length '';
                     proxy_set_header Connection '';
                     proxy_set_header Host localhost;
                     proxy_set_header Cookie $http_cookie;
                     proxy_set_header X-Original-Method $request_method;
                     proxy_set_header X-Original-URL http://localhost$request_uri;
                 }}
             }}
         }}"
    )
}

fn caddy(address: SocketAddr, application: SocketAddr, asked: Option<SocketAddr>) -> String {
    let check = asked.map_or_else(String::new, |asked| {
        format!("forward_auth {asked} {{\nuri /auth/verify\ncopy_headers Remote-User\n}}")
    });
    format!(
        "{{\nadmin off\nauto_https off\n}}\nhttp://:{} {{\nbind {}\nroute {{\n{check}\n\
         reverse_proxy {application}\n}}\n}}\n",
        address.port(),
        address.ip()
    )
}

fn start(name: &'static str, asks: Asks, application: &Server, asked: Option<&Server>) -> Proxy {
    let (folder, address) = (TempDir::new().unwrap(), free_address());
    let asked = asked.map(|asked| asked.address);
    let mut command = if name == "nginx" {
        fs::write(folder.path().join("nginx.conf"), nginx(address, application.address, asked))
            .unwrap();
        let mut command = pinned("nginx".as_ref());
        command.args(["-c", "nginx.conf", "-e", "stderr", "-p"]).arg(folder.path());
        command
    } else {
        let file = folder.path().join("Caddyfile");
        fs::write(&file, caddy(address, application.address, asked)).unwrap();
        let mut command = pinned(Path::new("caddy"));
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        command.env("GOMAXPROCS", "1").env("HOME", folder.path());
        command
    };
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let proxy = Proxy { name, asks, address, process: Process(process.unwrap()), _folder: folder };
    for _ in 0..500 {
        if TcpStream::connect(address).is_ok() {
            return proxy;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{name} does not listen");
}

/// The output of wrk against a proxy.
fn wrk(proxy: &Proxy, cookie: &str, seconds: u32, connections: u32) -> String {
    let output = Command::new("taskset")
        .args(["-c", LOAD_CORE, "wrk", "-t1", "--latency", "-c", &connections.to_string()])
        .arg(format!("-d{seconds}s"))
        .args(["-H", "Host: localhost", "-H", &format!("User-Agent: {FIREFOX}")])
        .args(["-H", &format!("Cookie: {cookie}")])
        .arg(format!("http://{}{PATH}", proxy.address))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for trouble in ["Non-2xx", "Socket errors"] {
        assert!(!text.contains(trouble), "{}: {text}", proxy.name);
    }
    text
}

fn after<'t>(text: &'t str, mark: &str) -> &'t str {
    text.split(mark).nth(1).unwrap().split_whitespace().next().unwrap()
}

/// Of a duration as wrk writes it.
fn microseconds(text: &str) -> f64 {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let found = units.iter().find_map(|(unit, factor)| {
        text.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor)
    });
    found.unwrap()
}

fn sample(proxy: &Proxy, asked: Option<&Server>, cookie: &str, seconds: u32) -> Sample {
    let latency = microseconds(after(&wrk(proxy, cookie, seconds, 1), "50%"));
    let cpu = || {
        let of_proxy = cpu_seconds_of(proxy.process.0.id()).unwrap();
        (of_proxy, asked.map_or(0.0, Server::cpu_seconds))
    };
    let before = cpu();
    let text = wrk(proxy, cookie, seconds, CONNECTIONS);
    let used = cpu();
    let requests = text.split("requests in").next().unwrap().split_whitespace().last().unwrap();
    let requests: f64 = requests.parse().unwrap();
    Sample {
        latency,
        requests_per_second: after(&text, "Requests/sec:").parse().unwrap(),
        cpu: ((used.0 - before.0) * 1e6 / requests, (used.1 - before.1) * 1e6 / requests),
    }
}

/// A row for each proxy, beside the same proxy alone.
fn rows(proxies: &[Proxy], samples: &[Vec<Sample>]) -> Vec<Vec<String>> {
    proxies
        .iter()
        .zip(samples)
        .enumerate()
        .map(|(index, (proxy, own))| {
            let alone = &samples[index - index % 3];
            let each = |of: fn(&Sample) -> f64| own.iter().map(of).collect::<Vec<_>>();
            let to_alone = |of: fn(&Sample) -> f64| {
                Spread::of_ratios(&each(of), &alone.iter().map(of).collect::<Vec<_>>()).show(2)
            };
            let asks = match proxy.asks {
                Asks::Nobody => "nobody",
                Asks::Anything => "an endpoint that always answers 200",
                Asks::Anteroom => "Anteroom",
            };
            vec![
                proxy.name.to_owned(),
                asks.to_owned(),
                Spread::of(each(|sample| sample.latency)).show(0),
                to_alone(|sample| sample.latency),
                Spread::of(each(|sample| sample.requests_per_second)).show(0),
                to_alone(|sample| sample.requests_per_second),
                Spread::of(each(|sample| sample.cpu.0)).show(1),
                Spread::of(each(|sample| sample.cpu.1)).show(1),
            ]
        })
        .collect()
}

/// Measures every proxy in every round, and prints the table.
pub fn run(plan: Plan) {
    let folder = TempDir::new().unwrap();
    let settings = [("ANTEROOM_SESSIONS", "memory:"), ("ANTEROOM_PUBLIC_URL", "http://localhost")];
    let anteroom = servers::anteroom(OURS, &settings);
    let answers = servers::keep_answers(&anteroom, &folder);
    let application = servers::peer(BARE, &answers);
    let anything = servers::peer(BARE, &answers);
    let cookie = anteroom.session_header.1.clone();
    let asked = |asks: Asks| match asks {
        Asks::Nobody => None,
        Asks::Anything => Some(&anything),
        Asks::Anteroom => Some(&anteroom),
    };
    let mut proxies = Vec::new();
    for name in ["nginx", "Caddy"] {
        for asks in [Asks::Nobody, Asks::Anything, Asks::Anteroom] {
            let proxy = start(name, asks, &application, asked(asks));
            let status = |cookie: &str| {
                ask(proxy.address, &format!("GET {PATH}"), &[("Cookie", cookie)], "").status
            };
            assert_eq!(status(&cookie), 200, "{name}");
            let without = if asks == Asks::Anteroom { 401 } else { 200 };
            assert_eq!(status("a=b"), without, "{name}");
            proxies.push(proxy);
        }
    }
    let mut samples: Vec<Vec<Sample>> = proxies.iter().map(|_| Vec::new()).collect();
    for round in 0..plan.rounds {
        eprintln!("proxies: round {} of {}", round + 1, plan.rounds);
        for (proxy, samples) in proxies.iter().zip(&mut samples) {
            samples.push(sample(proxy, asked(proxy.asks), &cookie, plan.seconds));
        }
    }
    let rows = rows(&proxies, &samples);
    let head = [
        "proxy",
        "asks",
        "median latency, µs",
        "to alone",
        "requests/s",
        "to alone",
        "CPU µs of the proxy",
        "CPU µs of whom it asks",
    ];
    let Plan { rounds, seconds } = plan;
    let what = format!("{rounds} rounds, {seconds} s of each kind in each round:");
    print_table("proxies", &what, &head, &rows);
}
