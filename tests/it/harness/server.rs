//! The real program: started as a process of its own in a folder of its own, and stopped by its id.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take on a slow machine that does other things as well.
pub const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(10);

/// The debug build then hashes passwords cheaply.
const CHEAP_HASHES: &str = "TEST_CHEAP_HASHES";

/// A folder, empty at first, in which servers are started and commands are run, with nothing in
/// their environment but what a test sets. Hashes are cheap, because thousands of the usual cost
/// would take most of the time of a run.
#[derive(Clone)]
pub struct Place {
    folder: Arc<TempDir>,
    environment: Vec<(String, String)>,
}

/// Sends a signal, and waits until `STOP` has stopped every thread: on a busy machine one may answer
/// a request meanwhile. A process that has ended is left out.
pub fn send_signal(name: &str, pids: &[u32]) {
    let numbers: Vec<String> = pids.iter().map(u32::to_string).collect();
    let kill = format!("kill -{name} {}", numbers.join(" "));
    let _ = Command::new("/bin/sh").args(["-c", &kill]).stderr(Stdio::null()).status().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while name == "STOP" && !pids.iter().all(|pid| is_stopped(*pid)) {
        assert!(Instant::now() < deadline, "a process does not stop");
        sleep(Duration::from_millis(1));
    }
}

/// Whether no thread of a process runs.
fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    let state = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("stat")).ok()?;
        text.rsplit_once(") ")?.1.chars().next()
    };
    threads.flatten().filter_map(state).all(|state| "TtZX".contains(state))
}

/// What became of a command.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        let environment = vec![(CHEAP_HASHES.to_owned(), "1".to_owned())];
        Self { folder: Arc::new(TempDir::new().unwrap()), environment }
    }

    /// The same folder, and hashes cost as much as they do for users.
    pub fn with_usual_hashes(mut self) -> Self {
        self.environment.retain(|(variable, _)| variable != CHEAP_HASHES);
        self
    }

    /// The same folder, with one more variable.
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// The same folder, and nobody is held up for trying often.
    pub fn without_throttles(self) -> Self {
        self.with("ANTEROOM_THROTTLE_ACCOUNT", "off")
            .with("ANTEROOM_THROTTLE_NETWORK", "off")
            .with("ANTEROOM_THROTTLE_SIGNUP", "off")
    }

    /// The same folder, with a file in it.
    pub fn with_file(self, name: &str, text: &str) -> Self {
        fs::write(self.path().join(name), text).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The names of what is in the folder, sorted.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A server on a free port, ready to be spoken to.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        let line = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        Server::of(self.clone(), self.launch(&line, Stdio::null()), None)
    }

    /// A server at this address, whatever its public URL is.
    pub fn serve_at(&self, address: SocketAddr, arguments: &[&str]) -> Server {
        let listen = address.to_string();
        let line = [&["serve", "--listen", &listen], arguments].concat();
        Server::of(self.clone(), self.launch(&line, Stdio::null()), Some(address))
    }

    /// A server that another program becomes, for example a shell that prepares its place.
    pub fn serve_by(&self, program: Command) -> Server {
        Server::of(self.clone(), self.launch_as(program, Stdio::null()), None)
    }

    /// A server on a free port that may not be ready for a while.
    pub fn begin(&self, arguments: &[&str]) -> Starting {
        let line = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        Starting { place: self.clone(), process: self.launch(&line, Stdio::null()) }
    }

    /// Runs another program, which becomes ours, to its end.
    pub fn run_by(&self, program: Command) -> Outcome {
        self.launch_as(program, Stdio::null()).outcome()
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.launch(arguments, Stdio::null()).outcome()
    }

    /// Runs a command to its end, with something piped in.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut process = self.launch(arguments, Stdio::piped());
        let mut stdin = process.child.stdin.take().unwrap();
        // A command that refuses before it reads closes the pipe.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        process.outcome()
    }

    /// Runs a command to its end where it has no terminal to ask at, whoever runs the tests.
    pub fn run_without_terminal(&self, arguments: &[&str]) -> Outcome {
        let mut detached = Command::new("/usr/bin/setsid");
        detached.args(["--wait", env!("CARGO_BIN_EXE_anteroom")]).args(arguments);
        self.launch_as(detached, Stdio::null()).outcome()
    }

    fn launch(&self, arguments: &[&str], stdin: Stdio) -> Process {
        let mut program = Command::new(env!("CARGO_BIN_EXE_anteroom"));
        program.args(arguments);
        self.launch_as(program, stdin)
    }

    fn launch_as(&self, mut program: Command, stdin: Stdio) -> Process {
        let logs = TempDir::new().unwrap();
        let child = program
            .current_dir(self.path())
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(stdin)
            .stdout(File::create(logs.path().join("stdout")).unwrap())
            .stderr(File::create(logs.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Process { child, logs }
    }
}

/// A process whose output goes to files, so that all it has written can be read at any time.
struct Process {
    child: Child,
    logs: TempDir,
}

impl Process {
    fn stdout(&self) -> String {
        read(&self.logs.path().join("stdout"))
    }

    fn stderr(&self) -> String {
        read(&self.logs.path().join("stderr"))
    }

    fn signal(&self, name: &str) {
        send_signal(name, &[self.child.id()]);
    }

    fn ends_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return Some(status),
                None if Instant::now() > deadline => return None,
                None => sleep(PAUSE),
            }
        }
    }

    fn outcome(mut self) -> Outcome {
        let status = self.ends_within(PATIENCE).unwrap_or_else(|| {
            panic!("it does not end: {}{}", self.stdout(), self.stderr());
        });
        Outcome { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ends_within(Duration::ZERO).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn read(path: &PathBuf) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

/// A server that starts.
pub struct Starting {
    place: Place,
    process: Process,
}

impl Starting {
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    pub fn ends_within(&mut self, time: Duration) -> Option<ExitStatus> {
        self.process.ends_within(time)
    }

    /// The server, once it can be spoken to.
    pub fn ready(self) -> Server {
        Server::of(self.place, self.process, None)
    }
}

/// What a server tells of itself, on stdout or as JSON in its log.
fn line_at_start(
    process: &Process,
    field: &str,
    line: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let stdout = process.stdout();
    let mut whole = stdout.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let logged = || {
        process.stderr().lines().find_map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).ok()?;
            event["fields"][field].as_str().map(str::to_owned)
        })
    };
    whole.find_map(|text| line(text.trim_end())).or_else(logged)
}

/// A server that runs.
pub struct Server {
    pub place: Place,
    /// Where it says that it listens.
    pub url: String,
    /// The link for the first administrator, if it printed one.
    pub setup_link: Option<String>,
    /// Where it was told to listen, if not just anywhere.
    told: Option<SocketAddr>,
    process: Process,
}

impl Server {
    /// One with no configuration at all, in a folder of its own.
    pub fn start() -> Self {
        Place::new().serve(&[])
    }

    fn of(place: Place, mut process: Process, told: Option<SocketAddr>) -> Self {
        let url = wait_for(|| {
            assert_eq!(process.ends_within(Duration::ZERO), None, "{}", process.stderr());
            line_at_start(&process, "url", |line| {
                Some(line.strip_prefix("Anteroom is listening on ")?.to_owned())
            })
        });
        let mut server = Self { place, url, setup_link: None, told, process };
        // What it prints, it prints before it answers.
        wait_for(|| server.exchange("GET /healthz HTTP/1.0\r\n\r\n"));
        server.setup_link = line_at_start(&server.process, "setup_link", |line| {
            let link = line.split_whitespace().find(|word| word.contains("/setup?token="));
            link.map(str::to_owned)
        });
        server
    }

    pub fn address(&self) -> SocketAddr {
        if let Some(told) = self.told {
            return told;
        }
        let (_, port) = self.url.rsplit_once(':').unwrap();
        SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
    }

    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Runs the same program beside it, in its folder.
    pub fn command(&self, arguments: &[&str]) -> Outcome {
        self.place.run(arguments)
    }

    /// Sends these bytes and gives what comes back, if anything does.
    pub fn exchange(&self, request: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address()).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        (!answer.is_empty()).then_some(answer)
    }

    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// How it ended, if it did in this time.
    pub fn ends_within(&mut self, time: Duration) -> Option<ExitStatus> {
        self.process.ends_within(time)
    }

    /// Gone at once, as in a power cut.
    pub fn kill(mut self) -> Place {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
        self.place.clone()
    }

    /// Gone in peace.
    pub fn stop(mut self) -> Place {
        self.signal("TERM");
        let status = self.ends_within(PATIENCE);
        assert!(status.is_some_and(|status| status.success()), "{status:?}");
        self.place.clone()
    }
}

/// Looks until there is something to see.
pub fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "it did not happen in {PATIENCE:?}");
        sleep(PAUSE);
    }
}
