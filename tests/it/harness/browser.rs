//! A browser without a screen: it keeps cookies, follows nothing, and knows the product's verbs.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        Self { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The `code` of a problem document.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and code of a problem document, or a status and why the session ended.
    pub fn refusal(&self) -> (u16, String) {
        if (200..400).contains(&self.status) {
            return (self.status, String::new());
        }
        let body = self.json();
        let word = body["reason"].as_str().or(body["code"].as_str()).unwrap_or_default();
        (self.status, word.to_owned())
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }
}

pub struct Browser {
    client: Client,
    root: String,
    host: String,
    /// The name of the session cookie.
    name: &'static str,
    jar: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    pub fn of(address: SocketAddr, public_url: &str) -> Self {
        Self::from(None, address, public_url)
    }

    /// One on a machine of its own, with this address.
    pub fn from(source: Option<IpAddr>, address: SocketAddr, public_url: &str) -> Self {
        let client = Client::builder()
            .local_address(source)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
            .build()
            .unwrap();
        let (scheme, host) = public_url.split_once("://").unwrap();
        let name = if scheme == "https" { "__Host-anteroom" } else { "anteroom" };
        let (root, host) = (format!("http://{address}"), host.to_owned());
        Self { client, root, host, name, jar: Mutex::default() }
    }

    /// Another with the same cookies, as if they had been copied.
    pub fn copy(&self) -> Self {
        Self {
            client: self.client.clone(),
            root: self.root.clone(),
            host: self.host.clone(),
            name: self.name,
            jar: Mutex::new(self.jar().clone()),
        }
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of the session cookie; empty without.
    pub fn token(&self) -> String {
        self.jar().get(self.name).cloned().unwrap_or_default()
    }

    /// Puts a value into the session cookie.
    pub fn hold(&self, token: &str) {
        self.jar().insert(self.name.to_owned(), token.to_owned());
    }

    /// Keeps another cookie.
    pub fn keep_cookie(&self, name: &str, value: &str) {
        self.jar().insert(name.to_owned(), value.to_owned());
    }

    /// A request with the cookies of this browser, as `shape` wants it, not yet sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.root));
        let request = request.header(HOST, &self.host);
        let cookies = self.cookies();
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies) }
    }

    /// All cookies, as a request has them.
    pub fn cookies(&self) -> String {
        let cookies: Vec<String> =
            self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// Sends a request that `shape` completes, and keeps the cookies that come back.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        shape: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        self.try_to_ask(method, path, shape).await.unwrap()
    }

    /// The same of a server that may go away before it answers.
    pub async fn try_to_ask(
        &self,
        method: Method,
        path: &str,
        shape: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> reqwest::Result<Answer> {
        let answer = Answer::read(shape(self.request(method, path)).send().await?).await;
        self.keep(&answer);
        Ok(answer)
    }

    fn keep(&self, answer: &Answer) {
        for cookie in answer.set_cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("; Max-Age=0") {
                self.jar().remove(name);
            } else {
                self.jar().insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, |request| request).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, |request| request).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        self.ask(method, path, |request| request.json(&body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, body).await
    }

    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let form = |request: RequestBuilder| {
            request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
        };
        self.ask(Method::POST, path, form).await
    }

    pub async fn try_to_sign_in(&self, email: &str, password: &str, remember_me: bool) -> Answer {
        let body = json!({ "email": email, "password": password, "remember_me": remember_me });
        self.post("/api/session", body).await
    }

    pub async fn sign_up(&self, email: &str, password: &str) -> Answer {
        self.post("/api/signup", json!({ "email": email, "password": password })).await
    }

    pub async fn reauthenticate(&self, password: &str) -> Answer {
        self.post("/api/session/reauthenticate", json!({ "password": password })).await
    }

    pub async fn change_password(&self, current: &str, new: &str) -> Answer {
        let body = json!({ "current_password": current, "new_password": new });
        self.send(Method::PUT, "/api/account/password", body).await
    }

    pub async fn whoami(&self) -> Answer {
        self.get("/api/session").await
    }

    pub async fn is_signed_in(&self) -> bool {
        self.whoami().await.status == 200
    }

    /// Why nobody is signed in here: the reason of the end, or the code; empty for a live session.
    pub async fn why_not(&self) -> String {
        self.whoami().await.refusal().1
    }

    /// The handle of the live session.
    pub async fn session_id(&self) -> String {
        self.session().await["id"].as_str().unwrap().to_owned()
    }

    /// The live session, as the server describes it.
    pub async fn session(&self) -> Value {
        self.whoami().await.json()["session"].clone()
    }

    pub async fn user_id(&self) -> String {
        self.whoami().await.json()["user"]["id"].as_str().unwrap().to_owned()
    }

    pub async fn sessions(&self) -> Vec<Value> {
        self.get("/api/sessions").await.json()["sessions"].as_array().unwrap().clone()
    }

    /// Ends the session of `other` from here.
    pub async fn revoke(&self, other: &Self) -> Answer {
        self.delete(&format!("/api/sessions/{}", other.session_id().await)).await
    }
}
