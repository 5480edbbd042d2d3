//! Many people at several servers at once, each with some browsers, and others who look at their
//! sessions all the while. Everything that they do and are told goes into a [`History`].
//!
//! They know nothing of what has to hold: that is for the judge. They only see to it that there is
//! something to judge, whatever becomes of the servers meanwhile.

mod person;
mod wire;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use self::person::Actor;
use self::wire::{Heard, Wire};
use super::chance::Chance;
use super::history::{Answer, History, Operation, Reply, Token};

/// The secret of the administrator who disables people and makes them administrators.
pub const ADMINISTRATOR: (&str, &str) = ("root@example.org", "walnut ferry under a quiet lantern");

/// What there is to do, and where.
#[derive(Clone)]
pub struct Load {
    /// Where requests go, one drawn for each.
    pub doors: Vec<SocketAddr>,
    /// Whether the doors are nodes, rather than proxies that choose one.
    pub doors_are_nodes: bool,
    /// Whether a token is shown only to the node that it came from, as by a proxy that sends
    /// browsers back to their nodes.
    pub sticky: bool,
    /// The URL that the servers take for theirs.
    pub public_url: &'static str,
    pub people: u32,
    /// How many operations each person does, unless it is over before.
    pub operations: u32,
    pub over: Arc<AtomicBool>,
    /// How many look at the sessions of each person meanwhile.
    pub watchers: u32,
    /// Whether [`ADMINISTRATOR`] exists, and disables and promotes people.
    pub administrator: bool,
    /// How long an answer is waited for.
    pub patience: Duration,
    pub chance: Chance,
    pub history: History,
}

/// Longer than any load lasts that servers answer at all.
const LIFETIME: Duration = Duration::from_mins(10);

impl Load {
    /// Some people at these nodes.
    pub fn at(doors: Vec<SocketAddr>, public_url: &'static str, chance: Chance) -> Self {
        Self {
            doors,
            doors_are_nodes: true,
            sticky: false,
            public_url,
            people: 4,
            operations: 40,
            over: Arc::default(),
            watchers: 2,
            administrator: false,
            patience: Duration::from_secs(20),
            chance,
            history: History::begin(),
        }
    }

    /// Runs all operations of all persons, then checks every token once more at every node that may
    /// accept it.
    pub async fn run(mut self) {
        let homes = Homes::default();
        let admin =
            if self.administrator { Some(self.administrator_token(&homes).await) } else { None };
        let mut people = Vec::new();
        for number in 0..self.people {
            let scene = Scene {
                history: self.history.clone(),
                sticky: self.sticky,
                homes: homes.clone(),
                seen: Arc::default(),
                over: Arc::default(),
                admin: admin.clone(),
            };
            people.push(tokio::spawn(self.clone().live(number, scene, self.chance.fork())));
        }
        let all = async {
            for person in people {
                person.await.unwrap();
            }
            self.look_back(&homes).await;
        };
        let finished = tokio::time::timeout(LIFETIME, all).await;
        assert!(finished.is_ok(), "nobody is answered any more");
    }

    /// Has every door asked about every token that was ever handed out: nothing that was
    /// acknowledged may have been lost meanwhile.
    async fn look_back(&self, homes: &Homes) {
        let records = self.history.records();
        let tokens: Vec<Token> =
            records.iter().filter_map(|record| record.reply()?.token.clone()).collect();
        let mut looking = Vec::new();
        for door in 0..self.doors.len() {
            let (wire, history) = (Wire::of(self, u32::MAX - 1), self.history.clone());
            let is_shown = |token: &&Token| !self.sticky || homes.of(token) == Some(door);
            let tokens: Vec<Token> = tokens.iter().filter(is_shown).cloned().collect();
            looking.push(tokio::spawn(async move {
                for token in tokens {
                    while let Answer::NotTried | Answer::Unknown =
                        check_at(door, &wire, &history, &token).await
                    {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }));
        }
        for look in looking {
            look.await.unwrap();
        }
    }

    /// One person with those who watch.
    async fn live(self, number: u32, scene: Scene, mut chance: Chance) {
        let mut watchers = Vec::new();
        for watcher in 0..self.watchers {
            let client = number * 100 + watcher + 1;
            watchers.push(tokio::spawn(self.clone().watch(client, scene.clone(), chance.fork())));
        }
        let mut actor = Actor::new(number, self.clone(), scene.clone(), chance);
        actor.do_everything().await;
        scene.over.store(true, Ordering::Relaxed);
        for watcher in watchers {
            watcher.await.unwrap();
        }
    }

    /// Looks at one of the sessions after the other, at one node after the other.
    async fn watch(self, client: u32, scene: Scene, mut chance: Chance) {
        let wire = Wire::of(&self, client);
        while !scene.over.load(Ordering::Relaxed) {
            let tokens = scene.seen().clone();
            if tokens.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            // The newest are looked at most.
            let from = if chance.below(2) == 0 { 0 } else { tokens.len().saturating_sub(2) };
            let token = chance.one_of(&tokens[from..]).clone();
            let answer = check(&wire, &scene, &token, &mut chance).await;
            if answer == Answer::NotTried {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Signs the administrator in, at the first of the doors.
    async fn administrator_token(&self, homes: &Homes) -> Token {
        let wire = Wire::of(self, u32::MAX);
        let (email, password) = ADMINISTRATOR;
        let body = json!({ "email": email, "password": password });
        loop {
            let way = (Method::POST, "/api/session");
            let heard = wire.ask(0, way, None, Some(body.clone())).await;
            match heard {
                Heard::Said { status: 200, token: Some(token), .. } => {
                    homes.note(&token, 0);
                    return token;
                }
                Heard::Said { status: 502..=504, .. } | Heard::Nobody | Heard::Nothing => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                other @ Heard::Said { .. } => panic!("the administrator cannot sign in: {other:?}"),
            }
        }
    }
}

/// The doors by which tokens came.
#[derive(Clone, Default)]
struct Homes(Arc<Mutex<HashMap<Token, usize>>>);

impl Homes {
    fn note(&self, token: &Token, door: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), door);
    }

    fn of(&self, token: &Token) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied()
    }
}

/// What the people around one person share.
#[derive(Clone)]
struct Scene {
    history: History,
    sticky: bool,
    homes: Homes,
    /// Tokens of this person, live and ended, the newest last.
    seen: Arc<Mutex<Vec<Token>>>,
    over: Arc<AtomicBool>,
    admin: Option<Token>,
}

impl Scene {
    fn seen(&self) -> MutexGuard<'_, Vec<Token>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where to ask for something under a token, or under none.
    fn door(&self, token: Option<&Token>, wire: &Wire, chance: &mut Chance) -> usize {
        let home = token.filter(|_| self.sticky).and_then(|token| self.homes.of(token));
        home.unwrap_or_else(|| wire.any_door(chance))
    }

    /// Lets the others look at a new token, and at the oldest no longer.
    fn show(&self, token: &Token, door: usize) {
        const LOOKED_AT: usize = 6;
        self.homes.note(token, door);
        let mut seen = self.seen();
        seen.push(token.clone());
        let over = seen.len().saturating_sub(LOOKED_AT);
        seen.drain(..over);
    }
}

/// Asks who is there under a token, at one of the doors.
async fn check(wire: &Wire, scene: &Scene, token: &Token, chance: &mut Chance) -> Answer {
    let door = scene.door(Some(token), wire, chance);
    check_at(door, wire, &scene.history, token).await
}

async fn check_at(door: usize, wire: &Wire, history: &History, token: &Token) -> Answer {
    let begun = history.operation(wire.client, wire.node(door));
    let heard = wire.ask(door, (Method::GET, "/api/session"), Some(token), None).await;
    let about = heard.about();
    let answer = heard.answer(Reply { token: None, about });
    history.note(begun, Operation::Check { token: token.clone() }, answer.clone());
    answer
}

/// The address that a client has, of its own for the proxies that tell addresses apart.
fn source(client: u32) -> IpAddr {
    let [_, high, middle, low] = client.to_be_bytes();
    IpAddr::from([127, 0, (high ^ middle) % 250 + 1, low.clamp(1, 254)])
}
