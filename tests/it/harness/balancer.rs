//! Real proxies, with the configurations that are shipped.
//!
//! What is shipped names the ports, addresses, files and users of a real place. Those are replaced
//! here by what a test has, and nothing else is touched.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::browser::Browser;
use super::chance::is_nightly;
use super::ground::Keeping;
use super::left_out::program;
use super::loopback::{free_address, free_port};
use super::server::wait_for;
use super::tunnel::Tunnel;

/// Where the shipped configurations have their nodes.
const NODES: [&str; 3] = ["10.0.0.11:8080", "10.0.0.12:8080", "10.0.0.13:8080"];
/// The folder of the files for applications on several hosts.
const SEVERAL_HOSTS: &str = "forward-auth/several-hosts";
/// The applications there.
const APPLICATIONS: [&str; 2] = ["wiki.example.org", "files.example.org"];
/// How long it has for ending by itself.
const LEAVE: Duration = Duration::from_secs(10);
/// As many lines of its log are shown when a test fails.
const LAST_LINES: usize = 30;

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    Haproxy,
    Nginx,
    /// Debian's, which is version 2.6.
    Caddy,
    NewCaddy,
    Traefik,
}

impl Proxy {
    /// Every proxy in the nightly run, and this one otherwise.
    pub fn tried(self) -> Vec<Self> {
        if is_nightly() { vec![Self::Haproxy, Self::Nginx] } else { vec![self] }
    }

    /// As [`Proxy::tried`], with another one for each place of the sessions.
    pub fn tried_before(keeping: Keeping) -> Vec<Self> {
        match keeping {
            Keeping::Postgres => Self::Haproxy.tried(),
            Keeping::Redis => Self::Nginx.tried(),
        }
    }

    /// How the program is called.
    fn name(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::NewCaddy => "caddy-2.11",
            Self::Traefik => "traefik",
        }
    }

    /// How its file in a folder of `deploy` is called.
    fn file(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy.cfg",
            Self::Nginx => "nginx.conf",
            Self::Caddy | Self::NewCaddy => "Caddyfile",
            Self::Traefik => "traefik.yaml",
        }
    }
}

/// A proxy that runs. However the test ends, its processes do not outlive it.
pub struct Balancer {
    /// Where it takes plain http.
    pub http: SocketAddr,
    /// Where it takes TLS.
    pub https: SocketAddr,
    /// What its certificate is for.
    pub name: &'static str,
    folder: TempDir,
    process: Child,
    /// Where it can be spoken to as if there were no TLS.
    tunnel: Tunnel,
}

impl Balancer {
    /// The proxy with its file of `deploy/kind` in front of three nodes. `None` where the program
    /// is missing, which has been said then.
    pub fn start(proxy: Proxy, kind: &str, nodes: &[SocketAddr]) -> Option<Self> {
        let put: Vec<_> = NODES
            .iter()
            .zip(nodes)
            .flat_map(|(shipped, node)| {
                let (node, escaped) = (node.to_string(), |text: &str| text.replace('.', "\\."));
                [(escaped(shipped), escaped(&node)), ((*shipped).to_owned(), node)]
            })
            .collect();
        assert_eq!(nodes.len(), NODES.len());
        Self::start_with(proxy, kind, "auth.example.org", &put)
    }

    /// A proxy in front of an application and of a node that it asks.
    pub fn forward_auth(proxy: Proxy, node: SocketAddr, application: SocketAddr) -> Option<Self> {
        let put = [
            ("127.0.0.1:8080".to_owned(), node.to_string()),
            ("127.0.0.1:3000".to_owned(), application.to_string()),
        ];
        Self::start_with(proxy, "forward-auth", "app.example.org", &put)
    }

    /// A proxy in front of two applications on hosts of their own, and of a node that it asks.
    pub fn several_hosts(
        proxy: Proxy,
        node: SocketAddr,
        applications: [SocketAddr; 2],
    ) -> Option<Self> {
        let put = [
            ("127.0.0.1:8080".to_owned(), node.to_string()),
            ("127.0.0.1:3000".to_owned(), applications[0].to_string()),
            ("127.0.0.1:3001".to_owned(), applications[1].to_string()),
        ];
        Self::start_with(proxy, SEVERAL_HOSTS, "auth.example.org", &put)
    }

    /// nginx with a file that is not shipped, in front of an application and of a node.
    pub fn nginx(text: &str, node: SocketAddr, application: SocketAddr) -> Option<Self> {
        let put = [
            ("127.0.0.1:8080".to_owned(), node.to_string()),
            ("127.0.0.1:3000".to_owned(), application.to_string()),
        ];
        Self::start_text(Proxy::Nginx, "", text, "localhost", &put)
    }

    fn start_with(
        proxy: Proxy,
        kind: &str,
        name: &'static str,
        put: &[(String, String)],
    ) -> Option<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(kind);
        let shipped = fs::read_to_string(file.join(proxy.file())).unwrap();
        Self::start_text(proxy, kind, &shipped, name, put)
    }

    fn start_text(
        proxy: Proxy,
        kind: &str,
        shipped: &str,
        name: &'static str,
        put: &[(String, String)],
    ) -> Option<Self> {
        let program = program(proxy.name(), "what the configurations of proxies do")?;
        let folder = TempDir::new().unwrap();
        let applications = if kind == SEVERAL_HOSTS { &APPLICATIONS[..] } else { &[] };
        certify(folder.path(), &[&[name], applications].concat());
        let http = free_address();
        // At one address: Caddy binds a site to one.
        let https = SocketAddr::new(http.ip(), free_port());
        let mut text = match proxy {
            Proxy::Haproxy => of_haproxy(shipped, folder.path(), http, https),
            Proxy::Nginx => of_nginx(shipped, folder.path(), http, https),
            Proxy::Caddy | Proxy::NewCaddy => of_caddy(shipped, folder.path(), http, https),
            Proxy::Traefik => of_traefik(shipped, folder.path(), http, https),
        };
        for (file, beside) in beside(proxy, kind, folder.path()) {
            let beside =
                put.iter().fold(beside, |text, (shipped, here)| text.replace(shipped, here));
            fs::write(folder.path().join(file), beside).unwrap();
        }
        for (shipped, here) in put {
            text = text.replace(shipped, here);
        }
        assert!(!text.contains("10.0.0."), "a node was left as it is shipped");
        let path = folder.path().join(proxy.file());
        fs::write(&path, text).unwrap();
        let process = launch(proxy, program, folder.path());
        let mut this = Starting { process: Some(process) };
        wait_for(|| {
            let ended = this.process.as_mut().unwrap().try_wait().unwrap();
            assert_eq!(ended, None, "{}", read_logs(folder.path()));
            TcpStream::connect(https).ok().and(TcpStream::connect(http).ok())
        });
        let tunnel = Tunnel::to(https, name, &folder.path().join("cert.pem"));
        if proxy == Proxy::Traefik {
            // It accepts connections before it has read its second file.
            wait_for(|| answers(tunnel.address, name));
        }
        Some(Self { http, https, name, folder, process: this.process.take().unwrap(), tunnel })
    }

    /// Where it can be spoken to without TLS; the proxy sees TLS, and the client's own address.
    pub fn address(&self) -> SocketAddr {
        self.tunnel.address
    }

    /// The URL that browsers have for what is behind it.
    pub fn public_url(&self) -> String {
        format!("https://{}", self.name)
    }

    /// A browser that has never been here, on a machine of its own.
    pub fn browser(&self, machine: u8) -> Browser {
        assert!(machine > 1, "the proxy itself is at 127.0.0.1");
        let source = IpAddr::from(Ipv4Addr::new(127, 0, 0, machine));
        Browser::from(Some(source), self.address(), &self.public_url())
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        read_logs(self.folder.path())
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
                eprintln!("proxy: {line}");
            }
        }
        end(&mut self.process);
    }
}

fn answers(address: SocketAddr, name: &str) -> Option<()> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("HEAD /login HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    stream.read_exact(&mut [0; 1]).ok()
}

/// A process that ends with its test even where it does not come to start.
struct Starting {
    process: Option<Child>,
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            end(process);
        }
    }
}

/// Ends a process and those that it started, which are its group.
fn end(process: &mut Child) {
    let signal = |name: &str, whom: &str| {
        let kill = format!("kill -{name} {whom}");
        let _ = Command::new("/bin/sh").args(["-c", &kill]).stderr(Stdio::null()).status();
    };
    let id = process.id();
    signal("TERM", &id.to_string());
    let deadline = Instant::now() + LEAVE;
    while matches!(process.try_wait(), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    // Whatever is left of it.
    signal("KILL", &format!("-{id}"));
    let _ = process.wait();
}

fn launch(proxy: Proxy, program: PathBuf, folder: &Path) -> Child {
    // Where the tests themselves are ended, their proxies are not left behind.
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    match proxy {
        Proxy::Haproxy => command.args(["-db", "-f", proxy.file()]),
        Proxy::Caddy | Proxy::NewCaddy => {
            command.env("HOME", folder).args(["run", "--adapter", "caddyfile", "--config"]);
            command.arg(proxy.file())
        }
        Proxy::Traefik => command.arg("--configFile=traefik.yaml"),
        Proxy::Nginx => {
            let folder = folder.display().to_string();
            let main = "daemon off;";
            command.args(["-p", &folder, "-c", proxy.file(), "-e", "stderr", "-g", main])
        }
    };
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(File::create(folder.join("stdout.log")).unwrap())
        .stderr(File::create(folder.join("stderr.log")).unwrap())
        .process_group(0)
        .spawn()
        .unwrap()
}

fn read_logs(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> =
        entries.filter(|path| path.extension() == Some("log".as_ref())).collect();
    logs.sort();
    let texts = logs.iter().map(|log| fs::read(log).unwrap());
    texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
}

/// Puts something in the place of what is shipped, which has to be there once.
#[track_caller]
fn put(text: &str, shipped: &str, here: &str) -> String {
    assert_eq!(text.matches(shipped).count(), 1, "`{shipped}` is not there once");
    text.replacen(shipped, here, 1)
}

fn of_haproxy(shipped: &str, folder: &Path, http: SocketAddr, https: SocketAddr) -> String {
    let of_root = "    user haproxy\n    group haproxy\n    chroot /var/lib/haproxy\n";
    let text = put(shipped, of_root, "");
    let text = put(&text, "bind :80\n", &format!("bind {http}\n"));
    let text = put(&text, "bind :443 ", &format!("bind {https} "));
    let text = text
        .replace("/etc/haproxy/anteroom.lua", &folder.join("anteroom.lua").display().to_string());
    put(&text, "/etc/haproxy/anteroom.pem", &folder.join("both.pem").display().to_string())
}

fn of_nginx(shipped: &str, folder: &Path, http: SocketAddr, https: SocketAddr) -> String {
    let here = folder.display();
    let text = put(shipped, "user www-data;\n", "");
    let text = put(&text, "/run/nginx.pid", &format!("{here}/pid"));
    let text = text.replace("/var/log/nginx/", &format!("{here}/"));
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|what| format!("    {what}_temp_path {here}/{what};\n"));
    let text = put(&text, "\nhttp {\n", &format!("\nhttp {{\n{}", temporary.concat()));
    let text = put(&text, "listen 80;", &format!("listen {http};"));
    assert!(text.contains("listen 443 ssl"));
    let text = text.replace("listen 443 ssl", &format!("listen {https} ssl"));
    let text = put(&text, "/etc/nginx/anteroom.crt", &format!("{here}/cert.pem"));
    put(&text, "/etc/nginx/anteroom.key", &format!("{here}/key.pem"))
}

/// Caddy has its ports for the whole process, and the address for each site.
fn of_caddy(shipped: &str, folder: &Path, http: SocketAddr, https: SocketAddr) -> String {
    let here = folder.display();
    assert_eq!(http.ip(), https.ip());
    let sites = ["\napp.example.org {\n", "\n(site) {\n"];
    let site = sites.into_iter().find(|site| shipped.contains(*site)).unwrap();
    let text = put(shipped, site, &format!("{site}\tbind {}\n", http.ip()));
    let text = put(&text, "/etc/caddy/anteroom.crt", &format!("{here}/cert.pem"));
    let text = put(&text, "/etc/caddy/anteroom.key", &format!("{here}/key.pem"));
    let (http, https) = (http.port(), https.port());
    format!("{{\n\tadmin off\n\thttp_port {http}\n\thttps_port {https}\n}}\n{text}")
}

fn of_traefik(shipped: &str, folder: &Path, http: SocketAddr, https: SocketAddr) -> String {
    let text = put(shipped, "address: \":80\"", &format!("address: \"{http}\""));
    let text = put(&text, "address: \":443\"", &format!("address: \"{https}\""));
    text.replace("/etc/traefik/", &format!("{}/", folder.display()))
}

/// The other files of a proxy, with the names of files as they are in a test.
fn beside(proxy: Proxy, kind: &str, folder: &Path) -> Vec<(&'static str, String)> {
    let file = match (proxy, kind) {
        (Proxy::Haproxy, "forward-auth") => "anteroom.lua",
        (Proxy::Haproxy, SEVERAL_HOSTS) => "../anteroom.lua",
        (Proxy::Traefik, _) => "traefik-dynamic.yaml",
        _ => return Vec::new(),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(kind).join(file);
    let text = fs::read_to_string(path).unwrap();
    let here = folder.display();
    let text = text.replace("/etc/traefik/anteroom.crt", &format!("{here}/cert.pem"));
    let file = file.trim_start_matches("../");
    vec![(file, text.replace("/etc/traefik/anteroom.key", &format!("{here}/key.pem")))]
}

/// Makes a certificate for these names that vouches for itself.
pub fn certify(folder: &Path, names: &[&str]) {
    let all: Vec<_> = names.iter().map(|name| format!("DNS:{name}")).collect();
    let subject = format!("/CN={}", names[0]);
    let names = format!("subjectAltName={}", all.join(","));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", &subject, "-addext", &names])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("openssl makes the certificates of tests: {error}"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let both = ["cert.pem", "key.pem"].map(|file| fs::read_to_string(folder.join(file)).unwrap());
    fs::write(folder.join("both.pem"), both.concat()).unwrap();
}
