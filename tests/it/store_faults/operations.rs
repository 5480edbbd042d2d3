//! Every route that uses a store, as an operation that a test can run, check and repeat.

mod clients;
mod factors;
mod passkeys;
mod tokens;

use std::sync::Mutex;

use anteroom::accounts::{Account, Email, Password, PasswordCheck};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::json;

use crate::harness::app::{OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::{Answer, Browser};
use crate::tokens::Registered;

/// A user with three sessions, as many as the limit allows, and other users.
pub struct Scene {
    pub app: TestApp,
    /// Her address, and an unused one.
    pub email: String,
    pub new_email: String,
    /// The oldest of her sessions, which one more evicts.
    pub tablet: Browser,
    pub ada: Browser,
    pub phone: Browser,
    /// One that she has signed out.
    pub ended: Browser,
    /// The cookies of `ada` before the operation.
    pub before: Browser,
    /// The handle of the session of `phone`.
    pub phone_id: String,
    pub user_id: String,
    pub admin: Browser,
    /// Has an anonymous session with data in it.
    pub guest: Browser,
    /// Has no session.
    pub visitor: Browser,
    /// The secret of the setup link, where there is no administrator.
    pub setup: String,
    /// The secret of an invitation to her.
    pub invitation: String,
    /// The id of a client that may be removed.
    pub spare_client: String,
    /// The token of the mailed link that the operation needs.
    pub link: String,
    /// The token of the link that prevents a new address.
    pub cancelling: String,
    /// The address of somebody with a second factor, and the recovery codes.
    pub grace: String,
    pub codes: Mutex<Vec<String>>,
    /// A client for the public URL, and the access token that was revoked last.
    pub client: Registered,
    pub token: Mutex<String>,
}

impl Scene {
    pub async fn account(&self, email: &str) -> Option<Account> {
        let email = Email::parse(email).unwrap();
        self.app.anteroom.accounts().find_by_email(&email).await.unwrap()
    }

    /// The address that she is to have.
    pub async fn pending_email(&self) -> Option<Email> {
        let her = anteroom::accounts::UserId::parse(&self.user_id).unwrap();
        self.app.anteroom.accounts().pending_email(her).await.unwrap()
    }

    /// Which of the two passwords is hers.
    pub async fn passwords(&self) -> Vec<&'static str> {
        let mut proven = Vec::new();
        let Some(account) = self.account(&self.email).await else { return proven };
        for password in [PASSWORD, OTHER_PASSWORD] {
            let typed = PasswordCheck { password: Password::from_typed(password), from: None };
            if self.app.anteroom.accounts().prove(account.user.id, &typed).await.is_ok() {
                proven.push(password);
            }
        }
        proven
    }
}

type Act = for<'s> fn(&'s Browser, &'s Scene) -> BoxFuture<'s, Answer>;
type Look = for<'s> fn(&'s Scene) -> BoxFuture<'s, bool>;

pub struct Operation {
    /// Method and path, as the router has them.
    pub route: &'static str,
    /// The browser that runs it.
    pub actor: fn(&Scene) -> &Browser,
    pub act: Act,
    /// The status of success, and where it leads.
    pub status: u16,
    pub location: &'static str,
    /// Whether it has taken effect; `None` for one that changes nothing.
    pub done: Option<Look>,
    marks: Vec<Mark>,
}

/// Further properties of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Success ends the actor's session.
    SignsOut,
    /// It may end the other sessions of the person.
    EndsOthers,
    /// It may end the session of `ada`, who is not the actor.
    EndsHers,
    /// It sets the other password.
    SetsPassword,
    /// It needs a server without an administrator.
    NeedsSetup,
    /// It needs a mailed link that sets her password.
    NeedsRecovery,
    /// It needs the mailed links about a new address of hers.
    NeedsNewAddress,
    /// It needs a visitor who has signed up with the unused address.
    NeedsSignUp,
    /// It needs somebody with a second factor.
    NeedsFactor,
    /// It needs a client that may be removed.
    NeedsSpareClient,
}

fn operation(
    route: &'static str,
    status: u16,
    actor: fn(&Scene) -> &Browser,
    act: Act,
) -> Operation {
    Operation { route, actor, act, status, location: "", done: None, marks: Vec::new() }
}

impl Operation {
    fn done(self, look: Look) -> Self {
        Self { done: Some(look), ..self }
    }

    fn to(self, location: &'static str) -> Self {
        Self { location, ..self }
    }

    pub fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    fn mark(mut self, marks: &[Mark]) -> Self {
        self.marks.extend_from_slice(marks);
        self
    }

    fn signs_out(self) -> Self {
        self.mark(&[Mark::SignsOut])
    }

    fn ends_others(self) -> Self {
        self.mark(&[Mark::EndsOthers])
    }

    fn ends_hers(self) -> Self {
        self.mark(&[Mark::EndsHers, Mark::EndsOthers])
    }

    fn sets_password(self) -> Self {
        self.mark(&[Mark::SetsPassword, Mark::EndsOthers])
    }

    fn needs_factor(self) -> Self {
        self.mark(&[Mark::NeedsFactor])
    }

    fn needs_setup(self) -> Self {
        self.mark(&[Mark::NeedsSetup])
    }
}

fn ada(scene: &Scene) -> &Browser {
    &scene.ada
}

fn admin(scene: &Scene) -> &Browser {
    &scene.admin
}

fn guest(scene: &Scene) -> &Browser {
    &scene.guest
}

fn visitor(scene: &Scene) -> &Browser {
    &scene.visitor
}

fn her_path(scene: &Scene) -> String {
    format!("/api/admin/users/{}", scene.user_id)
}

pub fn operations() -> Vec<Operation> {
    [
        reads(),
        starts(),
        ends(),
        deletions(),
        changes(),
        administration(),
        invitations(),
        others_sessions(),
        pages_of_administrators(),
        forms_of_administrators(),
        hand_overs(),
        mailed_links(),
        mail(),
        clients::operations(),
        factors::operations(),
        passkeys::operations(),
        tokens::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The application on another host.
pub const WIKI: &str = "http://127.0.0.2:3000";

/// A browser at the wiki with a state, and the answer that sends it to the callback.
async fn continued(ada: &Browser, scene: &Scene) -> (Browser, Answer) {
    let wiki = Browser::of(scene.app.address, WIKI);
    let state = anteroom::sessions::Token::parse(&[b'A'; 43]).unwrap();
    let digest = URL_SAFE_NO_PAD.encode(state.digest().as_bytes());
    wiki.keep_cookie("anteroom-state", state.reveal());
    let to = "http%3A%2F%2F127.0.0.2%3A3000%2Freports";
    let answer = ada.get(&format!("/auth/continue?to={to}&state={digest}")).await;
    (wiki, answer)
}

/// The browser at the wiki, and the answer of the callback or of what failed before.
async fn arrived(ada: &Browser, scene: &Scene) -> (Browser, Answer) {
    let (wiki, answer) = continued(ada, scene).await;
    if answer.status != 303 {
        return (wiki, answer);
    }
    let answer = wiki.get(answer.location().strip_prefix(WIKI).unwrap()).await;
    (wiki, answer)
}

/// What mailed links lead to.
fn mailed_links() -> Vec<Operation> {
    fn other_password(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.passwords().await == [OTHER_PASSWORD] })
    }
    fn new_address(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.account(&scene.new_email).await.is_some() })
    }
    const SETS: [Mark; 4] =
        [Mark::NeedsRecovery, Mark::SetsPassword, Mark::EndsHers, Mark::EndsOthers];
    vec![
        operation("GET /recover/confirm", 200, visitor, |b, s| {
            Box::pin(async move { b.get(&format!("/recover/confirm?token={}", s.link)).await })
        })
        .mark(&[Mark::NeedsRecovery]),
        operation("POST /recover/confirm", 303, visitor, |b, s| {
            let fields = [("token", &*s.link), ("new_password", OTHER_PASSWORD)];
            Box::pin(async move { b.post_form("/recover/confirm", &fields).await })
        })
        .to("/login")
        .mark(&SETS)
        .done(other_password),
        operation("POST /api/recovery/confirm", 204, visitor, |b, s| {
            let body = json!({ "token": s.link, "new_password": OTHER_PASSWORD });
            Box::pin(b.post("/api/recovery/confirm", body))
        })
        .mark(&SETS)
        .done(other_password),
        operation("GET /verify-email", 200, visitor, |b, s| {
            Box::pin(async move { b.get(&format!("/verify-email?token={}", s.link)).await })
        })
        .mark(&[Mark::NeedsNewAddress]),
        operation("POST /verify-email", 303, visitor, |b, s| {
            Box::pin(async move { b.post_form("/verify-email", &[("token", &*s.link)]).await })
        })
        .to("/verify-email/done")
        .mark(&[Mark::NeedsNewAddress])
        .done(new_address),
        operation("POST /api/email/verify", 204, visitor, |b, s| {
            Box::pin(b.post("/api/email/verify", json!({ "token": s.link })))
        })
        .mark(&[Mark::NeedsNewAddress])
        .done(new_address),
        operation("GET /cancel-email-change", 200, visitor, |b, s| {
            let path = format!("/cancel-email-change?token={}", s.cancelling);
            Box::pin(async move { b.get(&path).await })
        })
        .mark(&[Mark::NeedsNewAddress]),
        operation("POST /cancel-email-change", 303, visitor, |b, s| {
            let fields = [("token", &*s.cancelling)];
            Box::pin(async move { b.post_form("/cancel-email-change", &fields).await })
        })
        .to("/cancel-email-change/done")
        .mark(&[Mark::NeedsNewAddress, Mark::EndsHers, Mark::EndsOthers])
        .done(|s| Box::pin(async { s.pending_email().await.is_none() })),
    ]
}

/// What asks for mail, and what shows it.
fn mail() -> Vec<Operation> {
    vec![
        operation("POST /api/recovery", 202, visitor, |b, s| {
            Box::pin(b.post("/api/recovery", json!({ "email": s.email })))
        }),
        operation("POST /recover", 303, visitor, |b, s| {
            Box::pin(async move { b.post_form("/recover", &[("email", &*s.email)]).await })
        })
        .to("/recover/sent"),
        operation("POST /api/account/email/verification", 202, visitor, |b, _| {
            Box::pin(b.post("/api/account/email/verification", json!({})))
        })
        .mark(&[Mark::NeedsSignUp]),
        operation("POST /account/verification", 303, visitor, |b, _| {
            Box::pin(b.post_form("/account/verification", &[]))
        })
        .to("/account?done=verification")
        .mark(&[Mark::NeedsSignUp]),
        operation("GET /api/admin/mail", 200, admin, |b, _| Box::pin(b.get("/api/admin/mail"))),
        operation("GET /admin/mail", 200, admin, |b, _| Box::pin(b.get("/admin/mail"))),
    ]
}

/// From one host to another, and out at both.
fn hand_overs() -> Vec<Operation> {
    vec![
        operation("GET /auth/continue", 303, ada, |b, s| {
            Box::pin(async move { continued(b, s).await.1 })
        })
        .to(WIKI),
        operation("GET /.anteroom/callback", 303, ada, |b, s| {
            Box::pin(async move { arrived(b, s).await.1 })
        })
        .to("/reports"),
        operation("POST /.anteroom/sign-out", 303, ada, |b, s| {
            Box::pin(async move {
                match arrived(b, s).await {
                    (wiki, answer) if answer.status == 303 => {
                        wiki.post_form("/.anteroom/sign-out", &[]).await
                    }
                    (_, answer) => answer,
                }
            })
        })
        .to("http://localhost:")
        .signs_out()
        .done(|s| Box::pin(async { !s.ada.is_signed_in().await })),
    ]
}

/// New accounts and invitations.
fn invitations() -> Vec<Operation> {
    fn hers_is_new(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.account(&scene.new_email).await.is_some() })
    }
    vec![
        operation("POST /api/admin/users", 201, admin, |b, s| {
            Box::pin(b.post("/api/admin/users", json!({ "email": s.new_email })))
        })
        .done(hers_is_new),
        operation("POST /api/admin/users/{id}/invitation", 201, admin, |b, s| {
            let path = format!("{}/invitation", her_path(s));
            Box::pin(async move { b.post(&path, json!({})).await })
        }),
        operation("GET /invitation", 200, visitor, |b, s| {
            Box::pin(async move { b.get(&format!("/invitation?token={}", s.invitation)).await })
        }),
        operation("POST /invitation", 303, visitor, |b, s| {
            let fields = [("token", &*s.invitation), ("password", OTHER_PASSWORD)];
            Box::pin(async move { b.post_form("/invitation", &fields).await })
        })
        .to("/account")
        .mark(&[Mark::SetsPassword, Mark::EndsHers, Mark::EndsOthers])
        .done(|s| Box::pin(async { s.passwords().await == [OTHER_PASSWORD] })),
    ]
}

fn her_page(scene: &Scene) -> String {
    format!("/admin/users/{}", scene.user_id)
}

/// Pages of administrators.
fn pages_of_administrators() -> Vec<Operation> {
    vec![
        operation("GET /admin", 200, admin, |b, _| Box::pin(b.get("/admin"))),
        operation("GET /admin/users", 200, admin, |b, _| Box::pin(b.get("/admin/users"))),
        operation("GET /admin/users/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&her_page(s)).await })
        }),
        operation("GET /admin/sessions", 200, admin, |b, _| Box::pin(b.get("/admin/sessions"))),
        operation("GET /admin/sessions/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&format!("/admin/sessions/{}", s.phone_id)).await })
        }),
        operation("GET /admin/applications", 200, admin, |b, _| {
            Box::pin(b.get("/admin/applications"))
        }),
        operation("GET /admin/audit", 200, admin, |b, _| Box::pin(b.get("/admin/audit"))),
    ]
}

/// Forms of administrators.
fn forms_of_administrators() -> Vec<Operation> {
    fn the_phone_is_out(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.phone.is_signed_in().await })
    }
    vec![
        operation("POST /admin/users", 201, admin, |b, s| {
            let fields = [("email", &*s.new_email), ("name", ""), ("role", "user")];
            Box::pin(async move { b.post_form("/admin/users", &fields).await })
        })
        .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        operation("POST /admin/users/{id}", 303, admin, |b, s| {
            Box::pin(async move { b.post_form(&her_page(s), &[("name", "Countess")]).await })
        })
        .to("/admin/users/")
        .done(|s| Box::pin(is_called(s, "Countess"))),
        operation("POST /admin/users/{id}", 303, admin, |b, s| {
            Box::pin(async move { b.post_form(&her_page(s), &[("groups", "ops dev")]).await })
        })
        .to("/admin/users/")
        .done(|s| Box::pin(has_groups(s, "dev,ops"))),
        operation("POST /admin/users/{id}/delete", 303, admin, |b, s| {
            let path = format!("{}/delete", her_page(s));
            Box::pin(async move { b.post_form(&path, &[("sure", "true")]).await })
        })
        .to("/admin/users?done=deleted")
        .ends_hers()
        .done(|s| Box::pin(async { s.account(&s.email).await.is_none() })),
        operation("POST /admin/users/{id}/invitation", 201, admin, |b, s| {
            let path = format!("{}/invitation", her_page(s));
            Box::pin(async move { b.post_form(&path, &[]).await })
        }),
        operation("POST /admin/users/{id}/revoke-sessions", 303, admin, |b, s| {
            let path = format!("{}/revoke-sessions", her_page(s));
            Box::pin(async move { b.post_form(&path, &[]).await })
        })
        .to("/admin/users/")
        .ends_hers()
        .done(the_phone_is_out),
        operation("POST /admin/sessions/{id}/revoke", 303, admin, |b, s| {
            let path = format!("/admin/sessions/{}/revoke", s.phone_id);
            Box::pin(async move { b.post_form(&path, &[]).await })
        })
        .to("/admin/sessions/")
        .ends_others()
        .done(the_phone_is_out),
    ]
}

/// Sessions of other users, listed and ended by administrators.
fn others_sessions() -> Vec<Operation> {
    fn the_phone_is_out(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.phone.is_signed_in().await })
    }
    vec![
        operation("GET /api/admin/sessions", 200, admin, |b, _| {
            Box::pin(b.get("/api/admin/sessions"))
        }),
        operation("GET /api/admin/users/{id}/sessions", 200, admin, |b, s| {
            let path = format!("{}/sessions", her_path(s));
            Box::pin(async move { b.get(&path).await })
        }),
        operation("DELETE /api/admin/sessions/{id}", 204, admin, |b, s| {
            let path = format!("/api/admin/sessions/{}", s.phone_id);
            Box::pin(async move { b.delete(&path).await })
        })
        .ends_others()
        .done(the_phone_is_out),
        operation("DELETE /api/admin/users/{id}/sessions", 200, admin, |b, s| {
            let path = format!("{}/sessions", her_path(s));
            Box::pin(async move { b.delete(&path).await })
        })
        .ends_hers()
        .done(the_phone_is_out),
    ]
}

/// Operations that only read.
fn reads() -> Vec<Operation> {
    vec![
        operation("GET /", 200, ada, |b, _| Box::pin(b.get("/"))),
        operation("GET /signup", 200, guest, |b, _| Box::pin(b.get("/signup"))),
        operation("GET /login", 200, guest, |b, _| Box::pin(b.get("/login"))),
        operation("GET /login", 303, ada, |b, _| Box::pin(b.get("/login"))).to("/account"),
        operation("GET /logout", 200, ada, |b, _| Box::pin(b.get("/logout"))),
        operation("GET /account", 200, ada, |b, _| Box::pin(b.get("/account"))),
        operation("GET /account/sessions", 200, ada, |b, _| Box::pin(b.get("/account/sessions"))),
        operation("GET /account/profile", 200, ada, |b, _| Box::pin(b.get("/account/profile"))),
        operation("GET /account/activity", 200, ada, |b, _| Box::pin(b.get("/account/activity"))),
        operation("GET /account/remembered", 200, ada, |b, _| {
            Box::pin(b.get("/account/remembered"))
        }),
        operation("GET /account/delete", 200, ada, |b, _| Box::pin(b.get("/account/delete"))),
        operation("GET /api/account/data", 200, ada, |b, _| Box::pin(b.get("/api/account/data"))),
        operation("GET /reauthenticate", 200, ada, |b, _| Box::pin(b.get("/reauthenticate"))),
        operation("GET /setup", 200, visitor, |b, s| {
            Box::pin(async move { b.get(&format!("/setup?token={}", s.setup)).await })
        })
        .needs_setup(),
        operation("GET /api/session", 200, ada, |b, _| Box::pin(b.whoami())),
        operation("GET /auth/verify", 200, ada, |b, s| {
            Box::pin(b.ask(Method::GET, "/auth/verify", |request| {
                let request = request.header("X-Original-Method", "GET");
                request.header("X-Original-URL", format!("{}/reports", s.app.public_url))
            }))
        }),
        operation("GET /api/session/data", 200, ada, |b, _| Box::pin(b.get("/api/session/data"))),
        operation("GET /api/session/data", 200, guest, |b, _| Box::pin(b.get("/api/session/data"))),
        operation("GET /api/session/events", 200, ada, |b, _| {
            Box::pin(async move {
                let request = b.request(Method::GET, "/api/session/events");
                let mut response = request.send().await.unwrap();
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                // An open stream has no end to wait for.
                let read = async { response.chunk().await.unwrap().unwrap_or_default() };
                let text = if status == 200 { Vec::new() } else { read.await.to_vec() };
                Answer { status, headers, text: String::from_utf8(text).unwrap() }
            })
        }),
        operation("GET /api/sessions", 200, ada, |b, _| Box::pin(b.get("/api/sessions"))),
        operation("GET /api/account", 200, ada, |b, _| Box::pin(b.get("/api/account"))),
        operation("GET /api/admin/users", 200, admin, |b, _| Box::pin(b.get("/api/admin/users"))),
        operation("GET /api/admin/users/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&her_path(s)).await })
        }),
        operation("GET /api/admin/sessions/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&format!("/api/admin/sessions/{}", s.phone_id)).await })
        }),
        operation("GET /readyz", 200, visitor, |b, _| Box::pin(b.get("/readyz"))),
        operation("POST /preferences", 303, ada, |b, _| {
            Box::pin(b.post_form("/preferences", &[("theme", "dark"), ("next", "/login")]))
        })
        .to("/login"),
    ]
}

/// Operations that start a session.
fn starts() -> Vec<Operation> {
    vec![
        operation("POST /api/signup", 201, visitor, |b, s| {
            Box::pin(b.sign_up(&s.new_email, PASSWORD))
        })
        .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        operation("POST /signup", 303, visitor, |b, s| {
            Box::pin(async move {
                b.post_form("/signup", &[("email", &s.new_email), ("password", PASSWORD)]).await
            })
        })
        .to("/account")
        .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        operation("POST /setup", 303, visitor, |b, s| {
            Box::pin(async move {
                let fields = [
                    ("token", &*s.setup),
                    ("email", &s.new_email),
                    ("password", PASSWORD),
                    ("name", ""),
                ];
                b.post_form("/setup", &fields).await
            })
        })
        .to("/account")
        .needs_setup()
        .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        operation("POST /api/session", 200, visitor, |b, s| {
            Box::pin(b.try_to_sign_in(&s.email, PASSWORD, false))
        })
        .ends_others()
        .done(|s| Box::pin(s.visitor.is_signed_in())),
        operation("POST /api/session", 200, guest, |b, s| {
            Box::pin(b.try_to_sign_in(&s.email, PASSWORD, true))
        })
        .ends_others()
        .done(|s| Box::pin(s.guest.is_signed_in())),
        // In place of a session of the same person.
        operation("POST /api/session", 200, ada, |b, s| {
            Box::pin(b.try_to_sign_in(&s.email, PASSWORD, false))
        })
        .done(|s| Box::pin(async { s.before.why_not().await == "replaced" })),
        operation("POST /login", 303, visitor, |b, s| {
            Box::pin(async move {
                b.post_form("/login", &[("email", &s.email), ("password", PASSWORD)]).await
            })
        })
        .to("/account")
        .ends_others()
        .done(|s| Box::pin(s.visitor.is_signed_in())),
        operation("PATCH /api/session/data", 200, visitor, |b, _| {
            Box::pin(b.patch("/api/session/data", json!({ "cart": 2 })))
        })
        .done(|s| Box::pin(has_cart(&s.visitor))),
    ]
}

async fn has_cart(browser: &Browser) -> bool {
    browser.get("/api/session/data").await.json()["cart"] == 2
}

/// Operations that end sessions.
fn ends() -> Vec<Operation> {
    fn she_is_out(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.before.is_signed_in().await })
    }
    fn the_phone_is_out(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.phone.is_signed_in().await })
    }
    vec![
        operation("DELETE /api/session", 204, ada, |b, _| Box::pin(b.delete("/api/session")))
            .signs_out()
            .done(she_is_out),
        operation("POST /logout", 303, ada, |b, _| Box::pin(b.post_form("/logout", &[])))
            .to("/login")
            .signs_out()
            .done(she_is_out),
        operation("DELETE /api/sessions/{id}", 204, ada, |b, s| {
            Box::pin(async move { b.delete(&format!("/api/sessions/{}", s.phone_id)).await })
        })
        .ends_others()
        .done(the_phone_is_out),
        operation("POST /account/sessions/{id}/revoke", 303, ada, |b, s| {
            Box::pin(async move {
                b.post_form(&format!("/account/sessions/{}/revoke", s.phone_id), &[]).await
            })
        })
        .to("/account/sessions?done=one")
        .ends_others()
        .done(the_phone_is_out),
        operation("DELETE /api/sessions", 200, ada, |b, _| Box::pin(b.delete("/api/sessions")))
            .ends_others()
            .done(the_phone_is_out),
        operation("POST /account/sessions/revoke-others", 303, ada, |b, _| {
            Box::pin(b.post_form("/account/sessions/revoke-others", &[]))
        })
        .to("/account/sessions?done=")
        .ends_others()
        .done(the_phone_is_out),
        operation("DELETE /api/sessions", 200, ada, |b, _| {
            Box::pin(b.delete("/api/sessions?include_current=true"))
        })
        .signs_out()
        .ends_others()
        .done(she_is_out),
        operation("POST /account/sessions/revoke-all", 303, ada, |b, _| {
            Box::pin(b.post_form("/account/sessions/revoke-all", &[]))
        })
        .to("/login?ended=signed_out")
        .signs_out()
        .ends_others()
        .done(she_is_out),
    ]
}

/// Operations that delete the account with all its sessions.
fn deletions() -> Vec<Operation> {
    fn she_is_gone(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.account(&scene.email).await.is_none() })
    }
    vec![
        operation("POST /account/delete", 303, ada, |b, _| {
            Box::pin(b.post_form("/account/delete", &[("confirm", "true")]))
        })
        .to("/login?ended=account_deleted")
        .signs_out()
        .ends_others()
        .done(she_is_gone),
        operation("DELETE /api/account", 204, ada, |b, _| Box::pin(b.delete("/api/account")))
            .signs_out()
            .ends_others()
            .done(she_is_gone),
    ]
}

/// Operations that change a continued session, or the account.
fn changes() -> Vec<Operation> {
    fn proven_again(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.before.why_not().await == "replaced" })
    }
    fn other_password(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.passwords().await == [OTHER_PASSWORD] })
    }
    vec![
        operation("POST /api/session/reauthenticate", 200, ada, |b, _| {
            Box::pin(b.reauthenticate(PASSWORD))
        })
        .done(proven_again),
        operation("POST /reauthenticate", 303, ada, |b, _| {
            Box::pin(b.post_form("/reauthenticate", &[("password", PASSWORD)]))
        })
        .to("/account")
        .done(proven_again),
        operation("PATCH /api/session/data", 200, ada, |b, _| {
            Box::pin(b.patch("/api/session/data", json!({ "cart": 2 })))
        })
        .done(|s| Box::pin(has_cart(&s.ada))),
        operation("PATCH /api/session/data", 200, guest, |b, _| {
            Box::pin(b.patch("/api/session/data", json!({ "cart": 2 })))
        })
        .done(|s| Box::pin(has_cart(&s.guest))),
        operation("PATCH /api/account", 200, ada, |b, _| {
            Box::pin(b.patch("/api/account", json!({ "name": "Countess" })))
        })
        .done(|s| Box::pin(is_called(s, "Countess"))),
        operation("PATCH /api/account", 202, ada, |b, s| {
            Box::pin(b.patch("/api/account", json!({ "email": s.new_email })))
        })
        .done(|s| Box::pin(async { s.pending_email().await.is_some() })),
        operation("POST /account/profile", 303, ada, |b, s| {
            Box::pin(async move {
                let fields = [("name", "Countess"), ("email", &*s.new_email)];
                b.post_form("/account/profile", &fields).await
            })
        })
        .to("/account?done=pending-email")
        .done(|s| Box::pin(async { s.pending_email().await.is_some() })),
        operation("PUT /api/account/password", 204, ada, |b, _| {
            Box::pin(b.change_password(PASSWORD, OTHER_PASSWORD))
        })
        .sets_password()
        .done(other_password),
        operation("POST /account/password", 303, ada, |b, _| {
            let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
            Box::pin(async move { b.post_form("/account/password", &fields).await })
        })
        .to("/account?done=password")
        .sets_password()
        .done(other_password),
    ]
}

async fn is_called(scene: &Scene, name: &str) -> bool {
    scene.account(&scene.email).await.unwrap().user.name.as_str() == name
}

async fn has_groups(scene: &Scene, groups: &str) -> bool {
    scene.account(&scene.email).await.unwrap().user.groups.as_str() == groups
}

fn administration() -> Vec<Operation> {
    fn patch<'s>(
        browser: &'s Browser,
        scene: &'s Scene,
        change: serde_json::Value,
    ) -> BoxFuture<'s, Answer> {
        Box::pin(async move { browser.patch(&her_path(scene), change).await })
    }
    fn nobody_is_in(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.ada.is_signed_in().await && !scene.phone.is_signed_in().await })
    }
    vec![
        operation("GET /api/admin/audit", 200, admin, |b, _| Box::pin(b.get("/api/admin/audit"))),
        operation("GET /api/admin/revocations", 200, admin, |b, _| {
            Box::pin(b.get("/api/admin/revocations"))
        }),
        operation("GET /api/admin/webhook", 200, admin, |b, _| {
            Box::pin(b.get("/api/admin/webhook"))
        }),
        operation("GET /api/admin/audit/export", 200, admin, |b, s| {
            let path = format!("/api/admin/audit/export?format=csv&user={}", s.user_id);
            Box::pin(async move { b.get(&path).await })
        }),
        operation("GET /api/admin/figures", 200, admin, |b, _| {
            Box::pin(b.get("/api/admin/figures"))
        }),
        operation("PATCH /api/admin/users/{id}", 200, admin, |b, s| {
            patch(b, s, json!({ "name": "Countess" }))
        })
        .done(|s| Box::pin(is_called(s, "Countess"))),
        operation("PATCH /api/admin/users/{id}", 200, admin, |b, s| {
            patch(b, s, json!({ "groups": ["ops", "dev"] }))
        })
        .done(|s| Box::pin(has_groups(s, "dev,ops"))),
        operation("PATCH /api/admin/users/{id}", 200, admin, |b, s| {
            patch(b, s, json!({ "status": "disabled" }))
        })
        .ends_hers()
        .done(nobody_is_in),
        operation("PATCH /api/admin/users/{id}", 200, admin, |b, s| {
            patch(b, s, json!({ "role": "admin" }))
        })
        .ends_hers()
        .done(nobody_is_in),
        operation("DELETE /api/admin/users/{id}", 204, admin, |b, s| {
            Box::pin(async move { b.delete(&her_path(s)).await })
        })
        .ends_hers()
        .done(|s| Box::pin(async { s.account(&s.email).await.is_none() })),
    ]
}
