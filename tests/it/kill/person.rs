//! Somebody with two browsers who does one thing after the other, and knows what must be so.

use std::time::Duration;

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::Journal;
use crate::harness::chance::Chance;

/// As many of the tokens that ended are tried again after every start.
const REMEMBERED: usize = 6;

/// What is known of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Live,
    Ended,
}

/// One browser.
#[derive(Clone, Debug)]
struct Slot {
    token: String,
    id: String,
    standing: Standing,
    /// What its data may be.
    data: Vec<u64>,
}

impl Slot {
    fn empty() -> Self {
        Self { token: String::new(), id: String::new(), standing: Standing::Ended, data: vec![0] }
    }
}

/// What the server was asked for when it was killed. A slot is its index.
#[derive(Clone, Debug)]
enum UnderWay {
    Nothing,
    SignUp,
    SignIn,
    SignOut(usize),
    RevokeOne(usize),
    Rotate(usize),
    RevokeOthers(usize),
    Password(usize, String),
}

pub struct Person {
    email: String,
    exists: bool,
    password: String,
    /// Those that were changed since the last check, the newest last.
    former: Vec<String>,
    /// Nothing was proven by a sign-in since it changed.
    unproven: bool,
    slots: [Slot; 2],
    /// Tokens that must stay dead.
    dead: Vec<String>,
    under_way: UnderWay,
    pub orphans: u32,
    sessions_end_with_the_process: bool,
    chance: Chance,
    number: u64,
}

struct Answer {
    status: u16,
    token: Option<String>,
    body: Value,
}

/// The server does not answer any more.
struct Gone;

impl Person {
    pub fn new(number: u64, sessions_end_with_the_process: bool, chance: Chance) -> Self {
        Self {
            email: format!("p{number}@example.org"),
            exists: false,
            password: "walnut ferry under lantern 0".to_owned(),
            former: Vec::new(),
            unproven: false,
            slots: [Slot::empty(), Slot::empty()],
            dead: Vec::new(),
            under_way: UnderWay::Nothing,
            orphans: 0,
            sessions_end_with_the_process,
            chance,
            number: 0,
        }
    }

    /// Does what comes to mind until the server is gone.
    pub async fn be_busy(mut self, url: String, journal: Journal) -> Self {
        let wire = Wire::to(url);
        while self.do_something(&wire, &journal).await.is_ok() {
            self.under_way = UnderWay::Nothing;
        }
        self
    }

    async fn do_something(&mut self, wire: &Wire, journal: &Journal) -> Result<(), Gone> {
        if !self.exists {
            return self.sign_up(wire, journal).await;
        }
        let slot = usize::try_from(self.chance.below(2)).unwrap();
        if self.slots[slot].standing != Standing::Live {
            return self.sign_in(slot, wire, journal).await;
        }
        match self.chance.below(24) {
            0..8 => self.write(slot, wire, journal).await,
            8..16 => self.check(slot, wire, journal).await,
            16 => self.sign_out(slot, wire, journal).await,
            17 => self.revoke_other(slot, wire, journal).await,
            18..20 => self.rotate(slot, wire, journal).await,
            20..22 => self.revoke_others(slot, wire, journal).await,
            22 => self.change_password(slot, wire, journal).await,
            _ => {
                tokio::time::sleep(Duration::from_millis(self.chance.below(20))).await;
                Ok(())
            }
        }
    }

    async fn sign_up(&mut self, wire: &Wire, journal: &Journal) -> Result<(), Gone> {
        self.under_way = UnderWay::SignUp;
        let body = json!({ "email": self.email, "password": self.password });
        let answer = wire.ask(Method::POST, "/api/signup", "", Some(body)).await?;
        if answer.is_busy() {
            return Ok(());
        }
        self.expect(&answer, 201, "sign up", journal);
        self.exists = true;
        self.unproven = true;
        self.slots[0] = answer.slot(vec![0]);
        journal.note(format!("{} signed up", self.email));
        Ok(())
    }

    async fn sign_in(&mut self, slot: usize, wire: &Wire, journal: &Journal) -> Result<(), Gone> {
        self.under_way = UnderWay::SignIn;
        let body = json!({ "email": self.email, "password": self.password });
        let answer = wire.ask(Method::POST, "/api/session", "", Some(body)).await?;
        if answer.is_busy() {
            return Ok(());
        }
        self.expect(&answer, 200, "sign in", journal);
        self.slots[slot] = answer.slot(vec![0]);
        journal.note(format!("{} signed in at {slot}", self.email));
        Ok(())
    }

    async fn check(&mut self, slot: usize, wire: &Wire, journal: &Journal) -> Result<(), Gone> {
        let answer = wire.ask(Method::GET, "/api/session", &self.slots[slot].token, None).await?;
        self.expect(&answer, 200, "check", journal);
        Ok(())
    }

    async fn write(&mut self, slot: usize, wire: &Wire, journal: &Journal) -> Result<(), Gone> {
        self.number += 1;
        let number = self.number;
        let before = std::mem::take(&mut self.slots[slot].data);
        self.slots[slot].data = before.into_iter().chain([number]).collect();
        let token = self.slots[slot].token.clone();
        let body = json!({ "n": number });
        let answer = wire.ask(Method::PATCH, "/api/session/data", &token, Some(body)).await?;
        self.expect(&answer, 200, "write", journal);
        self.slots[slot].data = vec![number];
        journal.note(format!("{} wrote {number} at {slot}", self.email));
        Ok(())
    }

    async fn sign_out(&mut self, slot: usize, wire: &Wire, journal: &Journal) -> Result<(), Gone> {
        self.under_way = UnderWay::SignOut(slot);
        let token = self.slots[slot].token.clone();
        let answer = wire.ask(Method::DELETE, "/api/session", &token, None).await?;
        self.expect(&answer, 204, "sign out", journal);
        self.end(slot);
        journal.note(format!("{} signed out at {slot}", self.email));
        Ok(())
    }

    async fn revoke_other(
        &mut self,
        slot: usize,
        wire: &Wire,
        journal: &Journal,
    ) -> Result<(), Gone> {
        let other = 1 - slot;
        if self.slots[other].standing != Standing::Live {
            return Ok(());
        }
        self.under_way = UnderWay::RevokeOne(other);
        let path = format!("/api/sessions/{}", self.slots[other].id);
        let token = self.slots[slot].token.clone();
        let answer = wire.ask(Method::DELETE, &path, &token, None).await?;
        self.expect(&answer, 204, "revoke", journal);
        self.end(other);
        journal.note(format!("{} revoked {other} from {slot}", self.email));
        Ok(())
    }

    async fn rotate(&mut self, slot: usize, wire: &Wire, journal: &Journal) -> Result<(), Gone> {
        self.under_way = UnderWay::Rotate(slot);
        let body = json!({ "password": self.password });
        let token = self.slots[slot].token.clone();
        let path = "/api/session/reauthenticate";
        let answer = wire.ask(Method::POST, path, &token, Some(body)).await?;
        if answer.is_busy() {
            return Ok(());
        }
        self.expect(&answer, 200, "rotate", journal);
        self.renew(slot, answer);
        journal.note(format!("{} rotated {slot}", self.email));
        Ok(())
    }

    async fn revoke_others(
        &mut self,
        slot: usize,
        wire: &Wire,
        journal: &Journal,
    ) -> Result<(), Gone> {
        self.under_way = UnderWay::RevokeOthers(slot);
        let token = self.slots[slot].token.clone();
        let answer = wire.ask(Method::DELETE, "/api/sessions", &token, None).await?;
        self.expect(&answer, 200, "revoke others", journal);
        self.end(1 - slot);
        self.renew(slot, answer);
        self.orphans = 0;
        journal.note(format!("{} ended all but {slot}", self.email));
        Ok(())
    }

    async fn change_password(
        &mut self,
        slot: usize,
        wire: &Wire,
        journal: &Journal,
    ) -> Result<(), Gone> {
        self.number += 1;
        let new = format!("granite kite under seven moons {}", self.number);
        self.under_way = UnderWay::Password(slot, new.clone());
        let token = self.slots[slot].token.clone();
        let body = json!({ "current_password": self.password, "new_password": new });
        let path = "/api/account/password";
        let answer = wire.ask(Method::PUT, path, &token, Some(body)).await?;
        if answer.is_busy() {
            return Ok(());
        }
        self.expect(&answer, 204, "change the password", journal);
        self.end(1 - slot);
        self.renew(slot, answer);
        self.has_password(new);
        self.orphans = 0;
        journal.note(format!("{} changed the password at {slot}", self.email));
        Ok(())
    }

    fn has_password(&mut self, new: String) {
        self.former.push(std::mem::replace(&mut self.password, new));
        self.unproven = true;
    }

    fn expect(&self, answer: &Answer, status: u16, what: &str, journal: &Journal) {
        let about = || journal.about(&self.email);
        assert_eq!(answer.status, status, "{} {what}: {}{}", self.email, answer.body, about());
    }

    /// The session of a slot is over.
    fn end(&mut self, slot: usize) {
        let token = std::mem::take(&mut self.slots[slot].token);
        self.slots[slot] = Slot::empty();
        self.bury(token);
    }

    fn bury(&mut self, token: String) {
        if token.is_empty() {
            return;
        }
        self.dead.push(token);
        let over = self.dead.len().saturating_sub(REMEMBERED);
        self.dead.drain(..over);
    }

    /// The session of a slot goes on under the token of an answer.
    fn renew(&mut self, slot: usize, answer: Answer) {
        let new = answer.token.unwrap_or_else(|| panic!("{}: no new token", self.email));
        let old = std::mem::replace(&mut self.slots[slot].token, new);
        self.bury(old);
    }

    /// Holds a server that was started anew to what it had acknowledged.
    pub async fn checked(mut self, url: String, journal: Journal) -> Self {
        let wire = Wire::to(url);
        let live = self.look_at_sessions(&wire, &journal).await;
        self.hold_passwords(&wire, live, &journal).await;
        self.under_way = UnderWay::Nothing;
        self
    }

    /// Which slots were live and are so still.
    async fn look_at_sessions(&mut self, wire: &Wire, journal: &Journal) -> [bool; 2] {
        for token in &self.dead {
            let answer = wire.must(Method::GET, "/api/session", token, None).await;
            self.expect(&answer, 401, "a token that had ended", journal);
        }
        let mut live = [false; 2];
        for (slot, live) in live.iter_mut().enumerate() {
            if self.slots[slot].standing != Standing::Live {
                continue;
            }
            let token = self.slots[slot].token.clone();
            let answer = wire.must(Method::GET, "/api/session", &token, None).await;
            *live = answer.status == 200;
            if self.sessions_end_with_the_process {
                self.expect(&answer, 401, "a session of the former process", journal);
                assert_eq!(answer.body["code"], "no_session", "{}", self.email);
                self.slots[slot] = Slot::empty();
            } else if !*live {
                self.expect(&answer, 401, "a session under way", journal);
                let excused = self.may_have_ended(slot);
                assert!(excused, "{} lost {slot}{}", self.email, journal.about(&self.email));
            } else {
                self.look_at_data(slot, wire, journal).await;
            }
        }
        self.nothing_is_half_done(live, journal);
        for (slot, live) in live.into_iter().enumerate() {
            if !live && self.slots[slot].standing == Standing::Live {
                self.end(slot);
            }
        }
        live
    }

    async fn look_at_data(&mut self, slot: usize, wire: &Wire, journal: &Journal) {
        let token = self.slots[slot].token.clone();
        let answer = wire.must(Method::GET, "/api/session/data", &token, None).await;
        self.expect(&answer, 200, "data", journal);
        let number = answer.body["n"].as_u64().unwrap_or(0);
        let known = &self.slots[slot].data;
        let about = journal.about(&self.email);
        assert!(known.contains(&number), "{}: {number}, not {known:?}{about}", self.email);
        self.slots[slot].data = vec![number];
    }

    /// Whether what was under way may have ended the session of a slot, or taken its token.
    fn may_have_ended(&self, slot: usize) -> bool {
        match self.under_way {
            UnderWay::Nothing | UnderWay::SignUp | UnderWay::SignIn => false,
            UnderWay::SignOut(ended) | UnderWay::RevokeOne(ended) | UnderWay::Rotate(ended) => {
                ended == slot
            }
            UnderWay::RevokeOthers(_) | UnderWay::Password(..) => true,
        }
    }

    /// Ending all others takes the old token and every other session in one step, or nothing.
    fn nothing_is_half_done(&self, live: [bool; 2], journal: &Journal) {
        let (UnderWay::RevokeOthers(own) | UnderWay::Password(own, _)) = self.under_way else {
            return;
        };
        let other_was = self.slots[1 - own].standing == Standing::Live;
        if !self.sessions_end_with_the_process && other_was {
            let about = journal.about(&self.email);
            assert_eq!(live[own], live[1 - own], "{}: half done{about}", self.email);
        }
    }

    async fn hold_passwords(&mut self, wire: &Wire, live: [bool; 2], journal: &Journal) {
        match self.under_way.clone() {
            UnderWay::SignUp => {
                self.exists = self.opens(&self.password, wire, journal).await;
                return;
            }
            // A session, or one that goes on, under a token that nobody has.
            UnderWay::SignIn | UnderWay::Rotate(_) | UnderWay::RevokeOthers(_) => self.orphans += 1,
            UnderWay::Password(own, new) => {
                self.orphans += 1;
                let changed = self.opens(&new, wire, journal).await;
                let kept = self.opens(&self.password, wire, journal).await;
                let about = journal.about(&self.email);
                assert_ne!(changed, kept, "{}: two passwords, or none{about}", self.email);
                if !self.sessions_end_with_the_process {
                    assert_ne!(changed, live[own], "{}: half done{about}", self.email);
                }
                if changed {
                    self.has_password(new);
                }
                self.unproven = false;
            }
            UnderWay::Nothing | UnderWay::SignOut(_) | UnderWay::RevokeOne(_) => {}
        }
        if self.unproven {
            let about = journal.about(&self.email);
            assert!(self.opens(&self.password, wire, journal).await, "{}{about}", self.email);
            self.unproven = false;
        }
        if let Some(former) = self.former.pop() {
            let about = journal.about(&self.email);
            assert!(!self.opens(&former, wire, journal).await, "{}{about}", self.email);
        }
        self.former.clear();
    }

    /// Whether a password signs in; what it started is ended again.
    async fn opens(&self, password: &str, wire: &Wire, journal: &Journal) -> bool {
        let body = json!({ "email": self.email, "password": password });
        for _ in 0..20 {
            let answer = wire.must(Method::POST, "/api/session", "", Some(body.clone())).await;
            if answer.is_busy() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            if answer.status == 200 {
                let token = answer.token.clone().unwrap();
                let out = wire.must(Method::DELETE, "/api/session", &token, None).await;
                self.expect(&out, 204, "sign out", journal);
                return true;
            }
            self.expect(&answer, 401, "prove a password", journal);
            return false;
        }
        panic!("{}: the server stays busy", self.email);
    }
}

impl Answer {
    fn is_busy(&self) -> bool {
        self.status == 503 && self.body["code"] == "busy"
    }

    fn slot(self, data: Vec<u64>) -> Slot {
        Slot {
            token: self.token.unwrap(),
            id: self.body["session"]["id"].as_str().unwrap().to_owned(),
            standing: Standing::Live,
            data,
        }
    }
}

/// One server, while it lives.
struct Wire {
    client: Client,
    url: String,
}

impl Wire {
    fn to(url: String) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { client, url }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Result<Answer, Gone> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.header(COOKIE, format!("anteroom={token}"));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|_| Gone)?;
        let status = response.status().as_u16();
        let cookie = response.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookie.filter(|cookie| !cookie.contains("Max-Age=0"));
        let token = cookie.and_then(|cookie| cookie.strip_prefix("anteroom="));
        let token = token.map(|token| token.split(';').next().unwrap().to_owned());
        let bytes = response.bytes().await.map_err(|_| Gone)?;
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer { status, token, body })
    }

    /// Of a server that nobody kills.
    async fn must(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Answer {
        let answered = self.ask(method, path, token, body).await;
        answered.unwrap_or_else(|Gone| panic!("{path}: no answer from a server that runs"))
    }
}
