//! A gateway beside the people: it keeps answers and follows the feed of ends as the example does.
//! What it tells is recorded as a check that began with its last read of the feed, for nothing that
//! was over by then may be accepted.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anteroom::clock::Clock;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::time::sleep;

use super::PUBLIC_URL;
use crate::harness::browser::Browser;
use crate::harness::chance::Chance;
use crate::harness::history::{Answer, History, Operation, Reply, Token};
use crate::harness::load::ADMINISTRATOR;
use crate::revocations::gateway::cache::Cache;

/// How many entries it reads at once.
const AT_ONCE: usize = 200;
/// Of how many tokens it wants to know, those that were handed out last.
const TOKENS: usize = 12;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// No person of a load has this number.
const CLIENT: u32 = u32::MAX - 1;

pub struct Gateway {
    history: History,
    nodes: Vec<SocketAddr>,
    cache: Cache,
    /// When the last read of the feed began that left nothing to read.
    heard: Mutex<Option<Instant>>,
}

impl Gateway {
    pub fn at(nodes: Vec<SocketAddr>, history: History) -> Self {
        Self { history, nodes, cache: Cache::default(), heard: Mutex::default() }
    }

    /// Goes on while `work` does. How often it told something.
    pub async fn beside(self, work: impl Future<Output = ()>, chance: &mut Chance) -> usize {
        let (follow, ask) = (chance.fork(), chance.fork());
        let mut told = 0;
        tokio::select! {
            () = work => {}
            () = self.follow(follow) => {}
            () = self.ask(ask, &mut told) => {}
        }
        told
    }

    fn any(&self, chance: &mut Chance) -> Browser {
        let node = usize::try_from(chance.below(self.nodes.len() as u64)).unwrap();
        Browser::of(self.nodes[node], PUBLIC_URL)
    }

    async fn follow(&self, mut chance: Chance) {
        let mut administrator = None;
        loop {
            let browser = self.any(&mut chance);
            if administrator.is_none() {
                administrator = signed_in(browser.copy()).await;
            }
            let Some(token) = &administrator else {
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            browser.hold(token);
            let after = self.cache.cursor().map(|after| format!("&after={after}"));
            let query = format!("?wait=1&limit={AT_ONCE}{}", after.unwrap_or_default());
            let asked = Instant::now();
            match get(&browser, &format!("/api/admin/revocations{query}")).await {
                Some((200, feed)) => self.hear(&feed, asked),
                Some((410, _)) => {
                    self.cache.drop_everything();
                    *self.heard.lock().unwrap() = None;
                }
                Some((401 | 404, _)) => administrator = None,
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn hear(&self, feed: &Value, asked: Instant) {
        self.cache.hear(feed, asked);
        if feed["revocations"].as_array().unwrap().len() < AT_ONCE {
            *self.heard.lock().unwrap() = Some(asked);
        }
    }

    /// Asks any server who somebody is, and tells of everybody from what it keeps.
    async fn ask(&self, mut chance: Chance, told: &mut usize) {
        let mut noted = HashSet::new();
        loop {
            let tokens = self.tokens();
            for token in &tokens {
                let (browser, ticket) = (self.any(&mut chance), self.cache.ticket());
                browser.hold(&token.0);
                let answer = get(&browser, "/api/session").await;
                if let (Some((200, answer)), Some(ticket)) = (answer, ticket) {
                    self.cache.keep(&ticket, &token.0, &answer, Clock::system().now());
                }
            }
            *told += tokens.iter().filter(|token| self.tells(token, &mut noted)).count();
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Once for each read of the feed.
    fn tells(&self, token: &Token, noted: &mut HashSet<(Token, Instant)>) -> bool {
        let Some(heard) = *self.heard.lock().unwrap() else { return false };
        let is_kept = self.cache.find(&token.0, Clock::system().now()).is_some();
        if is_kept && noted.insert((token.clone(), heard)) {
            let begun = self.history.operation_since(CLIENT, heard);
            let operation = Operation::Check { token: token.clone() };
            self.history.note(begun, operation, Answer::Done(Reply::default()));
        }
        is_kept
    }

    fn tokens(&self) -> Vec<Token> {
        let records = self.history.records();
        let handed_out = records.iter().rev().filter_map(|record| record.reply()?.token.clone());
        handed_out.take(TOKENS).collect()
    }
}

/// The token of an administrator who signs in. In a task, for a server may die in the middle of its
/// answer.
async fn signed_in(browser: Browser) -> Option<String> {
    let signing_in = tokio::spawn(async move {
        let (email, password) = ADMINISTRATOR;
        let body = serde_json::json!({ "email": email, "password": password });
        let with = |request: RequestBuilder| request.timeout(PATIENCE).json(&body);
        let answer = browser.try_to_ask(Method::POST, "/api/session", with).await.ok()?;
        (answer.status == 200).then(|| browser.token())
    });
    signing_in.await.ok()?
}

async fn get(browser: &Browser, path: &str) -> Option<(u16, Value)> {
    let request = browser.request(Method::GET, path).timeout(PATIENCE);
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.json().await.ok()?))
}
