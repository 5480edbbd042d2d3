//! A person with a program that keeps cookies, speaking to a real server over the wire.

use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::server::{PATIENCE, Server};

/// A password that every rule accepts.
pub const PASSWORD: &str = "walnut ferry under a quiet lantern";

/// A person with a cookie jar.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub fn of(server: &Server) -> Self {
        Self::with_user_agent(server, "curl/8.0")
    }

    pub fn with_user_agent(server: &Server, user_agent: &str) -> Self {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .user_agent(user_agent)
            .build()
            .unwrap();
        Self { http, url: server.url.clone() }
    }

    /// The same person with the same cookies, at a server that was started anew.
    pub fn at(&self, server: &Server) -> Self {
        Self { http: self.http.clone(), url: server.url.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.request(Method::POST, path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.finish())
            .send()
            .await
            .unwrap()
    }

    /// Signs up, and gives what the server says of it.
    pub async fn sign_up(&self, email: &str) -> Value {
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = self.post_json("/api/signup", &body).await;
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// Tries to sign in, and gives the status.
    pub async fn sign_in(&self, email: &str, password: &str) -> u16 {
        let body = json!({ "email": email, "password": password });
        self.post_json("/api/session", &body).await.status().as_u16()
    }

    /// What the server says of this person's session.
    pub async fn session(&self) -> (u16, Value) {
        let answer = self.get("/api/session").await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn is_signed_in(&self) -> bool {
        match self.session().await {
            (200, _) => true,
            (401, _) => false,
            (status, body) => panic!("{status} {body}"),
        }
    }

    /// Why the session ended, as the server tells it.
    pub async fn reason(&self) -> String {
        let (status, body) = self.session().await;
        assert_eq!((status, &body["code"]), (401, &json!("session_ended")), "{body}");
        body["reason"].as_str().unwrap().to_owned()
    }

    /// Makes the first administrator by the link that the server printed.
    pub async fn set_up(&self, server: &Server, email: &str) -> Response {
        let link = server.setup_link.as_deref().unwrap();
        let (_, token) = link.split_once("token=").unwrap();
        let fields = [("token", token), ("email", email), ("name", ""), ("password", PASSWORD)];
        self.post_form("/setup", &fields).await
    }
}

/// The value of the session cookie that an answer sets.
pub fn session_cookie(answer: &Response) -> String {
    let mut cookies = answer.headers().get_all("set-cookie").iter();
    let cookie = cookies.find_map(|value| value.to_str().unwrap().strip_prefix("anteroom="));
    cookie.unwrap().split(';').next().unwrap().to_owned()
}
