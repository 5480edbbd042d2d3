//! What goes over the wire, and what its silence says.

use std::net::SocketAddr;

use reqwest::header::{COOKIE, HOST, SET_COOKIE};
use reqwest::{Client, Method};
use serde_json::Value;

use super::{Load, source};
use crate::harness::chance::Chance;
use crate::harness::history::{Answer, Person, Reply, Token};

/// One client.
pub struct Wire {
    pub client: u32,
    http: Client,
    doors: Vec<SocketAddr>,
    doors_are_nodes: bool,
    host: String,
    cookie: &'static str,
}

/// What came back.
#[derive(Debug)]
pub enum Heard {
    Said {
        status: u16,
        token: Option<Token>,
        body: Value,
    },
    /// Nothing was sent: there was nobody.
    Nobody,
    /// Something was sent, and no answer came, or not all of it.
    Nothing,
}

impl Wire {
    pub fn of(load: &Load, client: u32) -> Self {
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(load.patience)
            .local_address(source(client))
            .build()
            .unwrap();
        let (scheme, host) = load.public_url.split_once("://").unwrap();
        let cookie = if scheme == "https" { "__Host-anteroom" } else { "anteroom" };
        let (doors, doors_are_nodes) = (load.doors.clone(), load.doors_are_nodes);
        Self { client, http, doors, doors_are_nodes, host: host.to_owned(), cookie }
    }

    pub fn any_door(&self, chance: &mut Chance) -> usize {
        usize::try_from(chance.below(self.doors.len() as u64)).unwrap()
    }

    /// The node behind a door, if there is one that is known.
    pub fn node(&self, door: usize) -> Option<usize> {
        self.doors_are_nodes.then_some(door)
    }

    pub async fn ask(
        &self,
        door: usize,
        (method, path): (Method, &str),
        token: Option<&Token>,
        body: Option<Value>,
    ) -> Heard {
        let url = format!("http://{}{path}", self.doors[door]);
        let mut request = self.http.request(method.clone(), url).header(HOST, &self.host);
        if let Some(token) = token {
            request = request.header(COOKIE, format!("{}={}", self.cookie, token.0));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Heard::Nobody,
            Err(_) => return Heard::Nothing,
        };
        let status = response.status().as_u16();
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let token = cookies.filter_map(|value| value.to_str().ok()).find_map(|cookie| {
            let value = cookie.strip_prefix(self.cookie)?.strip_prefix('=')?;
            let value = value.split(';').next()?;
            (!value.is_empty()).then(|| Token::new(value))
        });
        let Ok(bytes) = response.bytes().await else { return Heard::Nothing };
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        // A proxy may have asked a second node where a first one died after it was asked.
        let asked_again = !self.doors_are_nodes && [Method::PUT, Method::DELETE].contains(&method);
        if asked_again && (400..500).contains(&status) {
            return Heard::Nothing;
        }
        Heard::Said { status, token, body }
    }
}

impl Heard {
    /// Whom the answer is about, and whether they are an administrator.
    pub fn about(&self) -> Option<(Person, bool)> {
        let Self::Said { status: 200, body, .. } = self else { return None };
        let user = body.get("user")?;
        let number = user["email"].as_str()?.strip_prefix('p')?.split('@').next()?;
        Some((number.parse().ok()?, user["role"] == "admin"))
    }

    pub fn token(&self) -> Option<Token> {
        if let Self::Said { token, .. } = self { token.clone() } else { None }
    }

    /// What the answer means; `told` where it says that the operation is done.
    pub fn answer(&self, told: Reply) -> Answer {
        let (status, body) = match self {
            Self::Nobody => return Answer::NotTried,
            Self::Nothing => return Answer::Unknown,
            Self::Said { status, body, .. } => (*status, body),
        };
        let word = body["reason"].as_str().or(body["code"].as_str()).unwrap_or_default();
        match status {
            200..300 => Answer::Done(told),
            401 | 403 | 404 | 409 if !word.is_empty() => Answer::Refused(word.to_owned()),
            503 if word == "busy" => Answer::NotTried,
            502..=504 => Answer::Unknown,
            _ => panic!("{status} {body}"),
        }
    }
}
