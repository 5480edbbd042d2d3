//! Several servers: real processes with the same settings, each at an address that it keeps while
//! it is killed, paused and started again.

use std::net::SocketAddr;

use super::loopback::free_address;
use super::server::{PATIENCE, Place, Server};

/// As many lines of each log are shown when a test fails.
const LAST_LINES: usize = 40;

/// One server of several. However the test ends, its process does not outlive it.
pub struct Node {
    /// Which of the nodes it is, from 0.
    pub number: usize,
    pub address: SocketAddr,
    place: Place,
    running: Option<Server>,
    is_paused: bool,
    /// The logs of its former lives.
    log: String,
}

impl Node {
    fn new(number: usize, place: Place) -> Self {
        let address = free_address();
        let (running, log) = (None, String::new());
        Self { number, address, place, running, is_paused: false, log }
    }

    /// Starts it where it was before; with it running, nothing.
    pub fn start(&mut self) {
        if self.running.is_some() {
            return;
        }
        self.running = Some(self.place.serve_at(self.address, &[]));
    }

    pub fn server(&self) -> &Server {
        self.running.as_ref().unwrap_or_else(|| panic!("node {} does not run", self.number))
    }

    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ends it at once, as in a power cut.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        self.resume();
        self.end("TERM");
    }

    fn end(&mut self, signal: &str) {
        let Some(mut server) = self.running.take() else { return };
        server.signal(signal);
        let ended = server.ends_within(PATIENCE);
        self.is_paused = false;
        self.log += &server.stderr();
        assert!(ended.is_some(), "node {} does not end", self.number);
    }

    /// Stops its time. It keeps its connections and answers nothing.
    pub fn pause(&mut self) {
        self.server().signal("STOP");
        self.is_paused = true;
    }

    /// Lets it go on.
    pub fn resume(&mut self) {
        if self.is_paused {
            self.server().signal("CONT");
            self.is_paused = false;
        }
    }

    /// Ends it at once, and starts it again.
    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// All that it has logged in all its lives.
    pub fn log(&self) -> String {
        let now = self.running.as_ref().map(Server::stderr).unwrap_or_default();
        format!("{}{now}", self.log)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let from = lines.len().saturating_sub(LAST_LINES);
            eprintln!("node {} at {}:", self.number, self.address);
            for line in &lines[from..] {
                eprintln!("  {line}");
            }
        }
    }
}

/// Servers with the same settings.
pub struct Nodes(Vec<Node>);

impl Nodes {
    /// Each in a place of its own, and so with a database file of its own where none is set.
    pub fn apart(count: usize, place: impl Fn() -> Place) -> Self {
        Self::start((0..count).map(|number| Node::new(number, place())))
    }

    /// One in each of these places.
    pub fn at(places: Vec<Place>) -> Self {
        let nodes = places.into_iter().enumerate();
        Self::start(nodes.map(|(number, place)| Node::new(number, place)))
    }

    fn start(nodes: impl Iterator<Item = Node>) -> Self {
        Self(
            nodes
                .map(|mut node| {
                    node.start();
                    node
                })
                .collect(),
        )
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|node| node.address).collect()
    }

    pub fn node(&mut self, number: usize) -> &mut Node {
        &mut self.0[number]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.0.iter()
    }

    /// Runs a command of the program beside a node, with its settings.
    pub fn command(&self, number: usize, arguments: &[&str]) {
        let outcome = self.0[number].place.run(arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    }

    pub fn command_with_input(&self, number: usize, arguments: &[&str], input: &str) {
        let outcome = self.0[number].place.run_with_input(arguments, input);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    }
}
