//! Somebody with some browsers, who does one thing after the other.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::wire::{Heard, Wire};
use super::{Load, Scene, check};
use crate::harness::chance::Chance;
use crate::harness::history::{Answer, Operation, Password, Reply, Token};

const BROWSERS: usize = 3;

/// A browser that is signed in, as far as its person knows.
#[derive(Clone)]
struct Browser {
    token: Token,
    /// The handle of its session.
    id: String,
}

pub struct Actor {
    number: u32,
    load: Load,
    scene: Scene,
    chance: Chance,
    wire: Wire,
    /// The handle of the account.
    id: String,
    /// What the password may be: one, or two after a change that nobody heard the answer of.
    passwords: Vec<Password>,
    /// The highest number that a password has had.
    newest: Password,
    browsers: [Option<Browser>; BROWSERS],
    is_admin: bool,
}

impl Actor {
    pub fn new(number: u32, load: Load, scene: Scene, chance: Chance) -> Self {
        let wire = Wire::of(&load, number * 100);
        let browsers = [const { None }; BROWSERS];
        let (id, passwords) = (String::new(), vec![1]);
        Self {
            number,
            load,
            scene,
            chance,
            wire,
            id,
            passwords,
            newest: 1,
            browsers,
            is_admin: false,
        }
    }

    fn email(&self) -> String {
        format!("p{}@example.org", self.number)
    }

    fn words(&self, password: Password) -> String {
        format!("granite kite of {} under {password} moons", self.number)
    }

    pub async fn do_everything(&mut self) {
        while !self.sign_up().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut left = self.load.operations;
        while left > 0 && !self.load.over.load(Ordering::Relaxed) {
            match self.do_something().await {
                Answer::NotTried => tokio::time::sleep(Duration::from_millis(5)).await,
                // While nobody is answered, there is nothing to judge.
                Answer::Unknown => tokio::time::sleep(Duration::from_millis(20)).await,
                Answer::Done(_) | Answer::Refused(_) => left -= 1,
            }
        }
        // What the password was made last, is what it is.
        self.sign_in(0, None).await;
    }

    async fn do_something(&mut self) -> Answer {
        let place = usize::try_from(self.chance.below(BROWSERS as u64)).unwrap();
        let Some(browser) = self.browsers[place].clone() else {
            return self.sign_in(place, None).await;
        };
        match self.chance.below(20) {
            0..3 => self.rotate(place, &browser).await,
            3..6 => self.sign_out(place, &browser).await,
            6..10 => self.revoke_another(place, &browser).await,
            10..12 => self.end_others(place, &browser).await,
            12 => self.end_all(&browser).await,
            13..15 => self.change_password(place, &browser).await,
            15 => self.sign_in(place, Some(browser.token)).await,
            16 if self.scene.admin.is_some() => self.be_disabled_for_a_while().await,
            17 if self.scene.admin.is_some() => self.change_role().await,
            _ => check(&self.wire, &self.scene, &browser.token, &mut self.chance).await,
        }
    }

    /// Asks at one of the doors and notes what was asked and said.
    async fn operation(
        &mut self,
        (method, path): (Method, &str),
        token: Option<&Token>,
        body: Option<Value>,
        operation: Operation,
    ) -> (Heard, Answer) {
        let door = self.scene.door(token, &self.wire, &mut self.chance);
        let begun = self.scene.history.operation(self.wire.client, self.wire.node(door));
        let heard = self.wire.ask(door, (method, path), token, body).await;
        let answer = heard.answer(Reply { token: heard.token(), about: heard.about() });
        self.scene.history.note(begun, operation, answer.clone());
        if let Some(token) = heard.token() {
            self.scene.show(&token, door);
        }
        (heard, answer)
    }

    /// Whether there is an account now.
    async fn sign_up(&mut self) -> bool {
        let body = json!({ "email": self.email(), "password": self.words(1) });
        let operation = Operation::SignUp { person: self.number, password: 1 };
        let (heard, answer) =
            self.operation((Method::POST, "/api/signup"), None, Some(body), operation).await;
        self.browsers[0] = browser_of(&heard);
        self.id = handle(&heard, "user").unwrap_or_default();
        matches!(answer, Answer::Done(_)) || answer == Answer::Refused("email_taken".to_owned())
    }

    async fn sign_in(&mut self, place: usize, brought: Option<Token>) -> Answer {
        let password = *self.chance.one_of(&self.passwords);
        let body = json!({ "email": self.email(), "password": self.words(password) });
        let operation =
            Operation::SignIn { person: self.number, password, brought: brought.clone() };
        let way = (Method::POST, "/api/session");
        let (heard, answer) = self.operation(way, brought.as_ref(), Some(body), operation).await;
        match &answer {
            Answer::Done(_) => {
                self.passwords = vec![password];
                self.browsers[place] = browser_of(&heard);
                self.id = handle(&heard, "user").unwrap_or_default();
            }
            Answer::Unknown => self.browsers[place] = None,
            Answer::Refused(_) => self.passwords.retain(|other| *other != password),
            Answer::NotTried => {}
        }
        if self.passwords.is_empty() {
            // For the judge to explain; life goes on.
            self.passwords = (1..=self.newest).collect();
        }
        answer
    }

    /// What becomes of a browser whose token was to be renewed.
    fn renewed(&mut self, place: usize, browser: &Browser, heard: &Heard, answer: &Answer) {
        match answer {
            Answer::Done(_) => {
                let token = heard.token();
                let id = browser.id.clone();
                self.browsers[place] = token.map(|token| Browser { token, id });
            }
            Answer::Refused(why) if why != "invalid_credentials" => self.browsers[place] = None,
            Answer::Unknown => self.browsers[place] = None,
            Answer::Refused(_) | Answer::NotTried => {}
        }
    }

    fn others_are_over(&mut self, place: usize) {
        for (other, browser) in self.browsers.iter_mut().enumerate() {
            if other != place {
                *browser = None;
            }
        }
    }

    async fn rotate(&mut self, place: usize, browser: &Browser) -> Answer {
        let password = *self.chance.one_of(&self.passwords);
        let body = json!({ "password": self.words(password) });
        let way = (Method::POST, "/api/session/reauthenticate");
        let token = browser.token.clone();
        let operation = Operation::Rotate { token: token.clone(), password };
        let (heard, answer) = self.operation(way, Some(&token), Some(body), operation).await;
        self.renewed(place, browser, &heard, &answer);
        answer
    }

    async fn sign_out(&mut self, place: usize, browser: &Browser) -> Answer {
        let target = browser.token.clone();
        let operation = Operation::End { target: target.clone(), by: None, why: "signed_out" };
        let way = (Method::DELETE, "/api/session");
        let (_, answer) = self.operation(way, Some(&target), None, operation).await;
        if answer != Answer::NotTried {
            self.browsers[place] = None;
        }
        answer
    }

    async fn revoke_another(&mut self, place: usize, browser: &Browser) -> Answer {
        let other = (place + 1) % BROWSERS;
        let Some(target) = self.browsers[other].clone() else {
            return self.sign_in(other, None).await;
        };
        let by = Some(browser.token.clone());
        let operation =
            Operation::End { target: target.token, by: by.clone(), why: "revoked_by_user" };
        let path = format!("/api/sessions/{}", target.id);
        let (_, answer) =
            self.operation((Method::DELETE, &path), by.as_ref(), None, operation).await;
        match &answer {
            Answer::Refused(why) if why != "not_found" => self.browsers[place] = None,
            Answer::NotTried => {}
            _ => self.browsers[other] = None,
        }
        answer
    }

    async fn end_others(&mut self, place: usize, browser: &Browser) -> Answer {
        let token = browser.token.clone();
        let operation = Operation::EndOthers { token: token.clone() };
        let way = (Method::DELETE, "/api/sessions");
        let (heard, answer) = self.operation(way, Some(&token), None, operation).await;
        self.renewed(place, browser, &heard, &answer);
        if let Answer::Done(_) | Answer::Unknown = answer {
            self.others_are_over(place);
        }
        answer
    }

    async fn end_all(&mut self, browser: &Browser) -> Answer {
        let by = Some(browser.token.clone());
        let operation =
            Operation::EndAll { person: self.number, by: by.clone(), why: "revoked_by_user" };
        let way = (Method::DELETE, "/api/sessions?include_current=true");
        let (_, answer) = self.operation(way, by.as_ref(), None, operation).await;
        if answer != Answer::NotTried {
            self.others_are_over(usize::MAX);
        }
        answer
    }

    async fn change_password(&mut self, place: usize, browser: &Browser) -> Answer {
        let from = *self.chance.one_of(&self.passwords);
        self.newest += 1;
        let to = self.newest;
        let body = json!({
            "current_password": self.words(from),
            "new_password": self.words(to),
        });
        let token = browser.token.clone();
        let operation = Operation::ChangePassword { token: token.clone(), from, to };
        let way = (Method::PUT, "/api/account/password");
        let (heard, answer) = self.operation(way, Some(&token), Some(body), operation).await;
        self.renewed(place, browser, &heard, &answer);
        match answer {
            Answer::Done(_) => {
                self.passwords = vec![to];
                self.others_are_over(place);
            }
            Answer::Unknown => {
                self.passwords.push(to);
                self.others_are_over(place);
            }
            Answer::Refused(_) | Answer::NotTried => {}
        }
        answer
    }

    /// What an administrator changes about this person.
    async fn administer(&mut self, change: Value, operation: Operation) -> Answer {
        let (admin, path) = (self.scene.admin.clone(), format!("/api/admin/users/{}", self.id));
        let way = (Method::PATCH, path.as_str());
        let door = self.scene.door(admin.as_ref(), &self.wire, &mut self.chance);
        let begun = self.scene.history.operation(self.wire.client, self.wire.node(door));
        let heard = self.wire.ask(door, way, admin.as_ref(), Some(change)).await;
        let answer = heard.answer(Reply::default());
        assert!(!matches!(answer, Answer::Refused(_)), "the administrator: {heard:?}");
        self.scene.history.note(begun, operation, answer.clone());
        answer
    }

    async fn be_disabled_for_a_while(&mut self) -> Answer {
        if self.id.is_empty() {
            return Answer::NotTried;
        }
        let person = self.number;
        let set = |active| Operation::SetActive { person, active };
        let disabled = self.administer(json!({ "status": "disabled" }), set(false)).await;
        if disabled == Answer::NotTried {
            return disabled;
        }
        self.others_are_over(usize::MAX);
        let known = self.passwords.clone();
        self.sign_in(0, None).await;
        // A refusal says nothing of the password now.
        self.passwords = known;
        loop {
            let enabled = self.administer(json!({ "status": "active" }), set(true)).await;
            if let Answer::Done(_) = enabled {
                return enabled;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn change_role(&mut self) -> Answer {
        if self.id.is_empty() {
            return Answer::NotTried;
        }
        let (person, admin) = (self.number, !self.is_admin);
        let role = if admin { "admin" } else { "user" };
        let answer =
            self.administer(json!({ "role": role }), Operation::SetAdmin { person, admin }).await;
        if answer != Answer::NotTried {
            self.others_are_over(usize::MAX);
        }
        if let Answer::Done(_) = answer {
            self.is_admin = admin;
        }
        answer
    }
}

fn handle(heard: &Heard, what: &str) -> Option<String> {
    let Heard::Said { body, .. } = heard else { return None };
    Some(body.get(what)?.get("id")?.as_str()?.to_owned())
}

fn browser_of(heard: &Heard) -> Option<Browser> {
    Some(Browser { token: heard.token()?, id: handle(heard, "session")? })
}
