//! Every route that touches a store, as a deed that can be done, looked at and done again.

use anteroom::accounts::{Account, Email, Password, PasswordCheck};
use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::json;

use crate::harness::app::{OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::{Answer, Browser};

/// Somebody with three sessions, as many as the limit allows, and others around her.
pub struct Scene {
    pub app: TestApp,
    /// Her address, and the one that is nobody's yet.
    pub email: String,
    pub new_email: String,
    /// The oldest of her sessions, which one more evicts.
    pub tablet: Browser,
    pub ada: Browser,
    pub phone: Browser,
    /// One that she has signed out.
    pub ended: Browser,
    /// What `ada` held before the deed.
    pub before: Browser,
    /// The handle of the session of `phone`.
    pub phone_id: String,
    pub user_id: String,
    pub admin: Browser,
    /// Has an anonymous session with data in it.
    pub guest: Browser,
    /// Has never been here.
    pub visitor: Browser,
    /// The secret of the setup link, where there is no administrator.
    pub setup: String,
    /// The secret of an invitation to her.
    pub invitation: String,
}

impl Scene {
    pub async fn account(&self, email: &str) -> Option<Account> {
        let email = Email::parse(email).unwrap();
        self.app.anteroom.accounts().find_by_email(&email).await.unwrap()
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

pub struct Deed {
    /// Method and path, as the router has them.
    pub route: &'static str,
    /// Who does it.
    pub actor: fn(&Scene) -> &Browser,
    pub act: Act,
    /// The status of success, and where it leads.
    pub status: u16,
    pub location: &'static str,
    /// Whether it has taken effect; `None` for one that changes nothing.
    pub done: Option<Look>,
    marks: Vec<Mark>,
}

/// What else is to be known of a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Success takes the actor's session away.
    SignsOut,
    /// It may end the other sessions of the person.
    EndsOthers,
    /// It may end the session of `ada`, who is not the actor.
    EndsHers,
    /// It sets the other password.
    SetsPassword,
    /// It needs a server without an administrator.
    NeedsSetup,
}

fn deed(route: &'static str, status: u16, actor: fn(&Scene) -> &Browser, act: Act) -> Deed {
    Deed { route, actor, act, status, location: "", done: None, marks: Vec::new() }
}

impl Deed {
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

pub fn deeds() -> Vec<Deed> {
    [
        looks(),
        arrivals(),
        ends(),
        farewells(),
        changes(),
        administration(),
        inviting(),
        others_sessions(),
        pages_of_administrators(),
        forms_of_administrators(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Giving people accounts, and letting them in.
fn inviting() -> Vec<Deed> {
    fn hers_is_new(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.account(&scene.new_email).await.is_some() })
    }
    vec![
        deed("POST /api/admin/users", 201, admin, |b, s| {
            Box::pin(b.post("/api/admin/users", json!({ "email": s.new_email })))
        })
        .done(hers_is_new),
        deed("POST /api/admin/users/{id}/invitation", 201, admin, |b, s| {
            let path = format!("{}/invitation", her_path(s));
            Box::pin(async move { b.post(&path, json!({})).await })
        }),
        deed("GET /invitation", 200, visitor, |b, s| {
            Box::pin(async move { b.get(&format!("/invitation?token={}", s.invitation)).await })
        }),
        deed("POST /invitation", 303, visitor, |b, s| {
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

/// What administrators look at.
fn pages_of_administrators() -> Vec<Deed> {
    vec![
        deed("GET /admin", 200, admin, |b, _| Box::pin(b.get("/admin"))),
        deed("GET /admin/users", 200, admin, |b, _| Box::pin(b.get("/admin/users"))),
        deed("GET /admin/users/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&her_page(s)).await })
        }),
        deed("GET /admin/sessions", 200, admin, |b, _| Box::pin(b.get("/admin/sessions"))),
        deed("GET /admin/sessions/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&format!("/admin/sessions/{}", s.phone_id)).await })
        }),
        deed("GET /admin/audit", 200, admin, |b, _| Box::pin(b.get("/admin/audit"))),
    ]
}

/// What they do there.
fn forms_of_administrators() -> Vec<Deed> {
    fn the_phone_is_out(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.phone.is_signed_in().await })
    }
    vec![
        deed("POST /admin/users", 201, admin, |b, s| {
            let fields = [("email", &*s.new_email), ("name", ""), ("role", "user")];
            Box::pin(async move { b.post_form("/admin/users", &fields).await })
        })
        .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        deed("POST /admin/users/{id}", 303, admin, |b, s| {
            Box::pin(async move { b.post_form(&her_page(s), &[("name", "Countess")]).await })
        })
        .to("/admin/users/")
        .done(|s| Box::pin(is_called(s, "Countess"))),
        deed("POST /admin/users/{id}", 303, admin, |b, s| {
            Box::pin(async move { b.post_form(&her_page(s), &[("groups", "ops dev")]).await })
        })
        .to("/admin/users/")
        .done(|s| Box::pin(has_groups(s, "dev,ops"))),
        deed("POST /admin/users/{id}/delete", 303, admin, |b, s| {
            let path = format!("{}/delete", her_page(s));
            Box::pin(async move { b.post_form(&path, &[("sure", "true")]).await })
        })
        .to("/admin/users?done=deleted")
        .ends_hers()
        .done(|s| Box::pin(async { s.account(&s.email).await.is_none() })),
        deed("POST /admin/users/{id}/invitation", 201, admin, |b, s| {
            let path = format!("{}/invitation", her_page(s));
            Box::pin(async move { b.post_form(&path, &[]).await })
        }),
        deed("POST /admin/users/{id}/revoke-sessions", 303, admin, |b, s| {
            let path = format!("{}/revoke-sessions", her_page(s));
            Box::pin(async move { b.post_form(&path, &[]).await })
        })
        .to("/admin/users/")
        .ends_hers()
        .done(the_phone_is_out),
        deed("POST /admin/sessions/{id}/revoke", 303, admin, |b, s| {
            let path = format!("/admin/sessions/{}/revoke", s.phone_id);
            Box::pin(async move { b.post_form(&path, &[]).await })
        })
        .to("/admin/sessions/")
        .ends_others()
        .done(the_phone_is_out),
    ]
}

/// What administrators see of the sessions of others, and end.
fn others_sessions() -> Vec<Deed> {
    fn the_phone_is_out(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.phone.is_signed_in().await })
    }
    vec![
        deed("GET /api/admin/sessions", 200, admin, |b, _| Box::pin(b.get("/api/admin/sessions"))),
        deed("GET /api/admin/users/{id}/sessions", 200, admin, |b, s| {
            let path = format!("{}/sessions", her_path(s));
            Box::pin(async move { b.get(&path).await })
        }),
        deed("DELETE /api/admin/sessions/{id}", 204, admin, |b, s| {
            let path = format!("/api/admin/sessions/{}", s.phone_id);
            Box::pin(async move { b.delete(&path).await })
        })
        .ends_others()
        .done(the_phone_is_out),
        deed("DELETE /api/admin/users/{id}/sessions", 200, admin, |b, s| {
            let path = format!("{}/sessions", her_path(s));
            Box::pin(async move { b.delete(&path).await })
        })
        .ends_hers()
        .done(the_phone_is_out),
    ]
}

/// What only looks.
fn looks() -> Vec<Deed> {
    vec![
        deed("GET /", 200, ada, |b, _| Box::pin(b.get("/"))),
        deed("GET /signup", 200, guest, |b, _| Box::pin(b.get("/signup"))),
        deed("GET /login", 200, guest, |b, _| Box::pin(b.get("/login"))),
        deed("GET /login", 303, ada, |b, _| Box::pin(b.get("/login"))).to("/account"),
        deed("GET /logout", 200, ada, |b, _| Box::pin(b.get("/logout"))),
        deed("GET /account", 200, ada, |b, _| Box::pin(b.get("/account"))),
        deed("GET /account/sessions", 200, ada, |b, _| Box::pin(b.get("/account/sessions"))),
        deed("GET /account/profile", 200, ada, |b, _| Box::pin(b.get("/account/profile"))),
        deed("GET /account/activity", 200, ada, |b, _| Box::pin(b.get("/account/activity"))),
        deed("GET /account/remembered", 200, ada, |b, _| Box::pin(b.get("/account/remembered"))),
        deed("GET /account/delete", 200, ada, |b, _| Box::pin(b.get("/account/delete"))),
        deed("GET /api/account/data", 200, ada, |b, _| Box::pin(b.get("/api/account/data"))),
        deed("GET /reauthenticate", 200, ada, |b, _| Box::pin(b.get("/reauthenticate"))),
        deed("GET /setup", 200, visitor, |b, s| {
            Box::pin(async move { b.get(&format!("/setup?token={}", s.setup)).await })
        })
        .needs_setup(),
        deed("GET /api/session", 200, ada, |b, _| Box::pin(b.whoami())),
        deed("GET /auth/verify", 200, ada, |b, _| Box::pin(b.get("/auth/verify"))),
        deed("GET /api/session/data", 200, ada, |b, _| Box::pin(b.get("/api/session/data"))),
        deed("GET /api/session/data", 200, guest, |b, _| Box::pin(b.get("/api/session/data"))),
        deed("GET /api/session/events", 200, ada, |b, _| {
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
        deed("GET /api/sessions", 200, ada, |b, _| Box::pin(b.get("/api/sessions"))),
        deed("GET /api/account", 200, ada, |b, _| Box::pin(b.get("/api/account"))),
        deed("GET /api/admin/users", 200, admin, |b, _| Box::pin(b.get("/api/admin/users"))),
        deed("GET /api/admin/users/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&her_path(s)).await })
        }),
        deed("GET /api/admin/sessions/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&format!("/api/admin/sessions/{}", s.phone_id)).await })
        }),
        deed("GET /readyz", 200, visitor, |b, _| Box::pin(b.get("/readyz"))),
        deed("POST /preferences", 303, ada, |b, _| {
            Box::pin(b.post_form("/preferences", &[("theme", "dark"), ("next", "/login")]))
        })
        .to("/login"),
    ]
}

/// What starts a session.
fn arrivals() -> Vec<Deed> {
    vec![
        deed("POST /api/signup", 201, visitor, |b, s| Box::pin(b.sign_up(&s.new_email, PASSWORD)))
            .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        deed("POST /signup", 303, visitor, |b, s| {
            Box::pin(async move {
                b.post_form("/signup", &[("email", &s.new_email), ("password", PASSWORD)]).await
            })
        })
        .to("/account")
        .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        deed("POST /setup", 303, visitor, |b, s| {
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
        deed("POST /api/session", 200, visitor, |b, s| {
            Box::pin(b.try_to_sign_in(&s.email, PASSWORD, false))
        })
        .ends_others()
        .done(|s| Box::pin(s.visitor.is_signed_in())),
        deed("POST /api/session", 200, guest, |b, s| {
            Box::pin(b.try_to_sign_in(&s.email, PASSWORD, true))
        })
        .ends_others()
        .done(|s| Box::pin(s.guest.is_signed_in())),
        // In place of a session of the same person.
        deed("POST /api/session", 200, ada, |b, s| {
            Box::pin(b.try_to_sign_in(&s.email, PASSWORD, false))
        })
        .done(|s| Box::pin(async { s.before.why_not().await == "replaced" })),
        deed("POST /login", 303, visitor, |b, s| {
            Box::pin(async move {
                b.post_form("/login", &[("email", &s.email), ("password", PASSWORD)]).await
            })
        })
        .to("/account")
        .ends_others()
        .done(|s| Box::pin(s.visitor.is_signed_in())),
        deed("PATCH /api/session/data", 200, visitor, |b, _| {
            Box::pin(b.patch("/api/session/data", json!({ "cart": 2 })))
        })
        .done(|s| Box::pin(has_cart(&s.visitor))),
    ]
}

async fn has_cart(browser: &Browser) -> bool {
    browser.get("/api/session/data").await.json()["cart"] == 2
}

/// What ends sessions, one's own or others.
fn ends() -> Vec<Deed> {
    fn she_is_out(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.before.is_signed_in().await })
    }
    fn the_phone_is_out(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { !scene.phone.is_signed_in().await })
    }
    vec![
        deed("DELETE /api/session", 204, ada, |b, _| Box::pin(b.delete("/api/session")))
            .signs_out()
            .done(she_is_out),
        deed("POST /logout", 303, ada, |b, _| Box::pin(b.post_form("/logout", &[])))
            .to("/login")
            .signs_out()
            .done(she_is_out),
        deed("DELETE /api/sessions/{id}", 204, ada, |b, s| {
            Box::pin(async move { b.delete(&format!("/api/sessions/{}", s.phone_id)).await })
        })
        .ends_others()
        .done(the_phone_is_out),
        deed("POST /account/sessions/{id}/revoke", 303, ada, |b, s| {
            Box::pin(async move {
                b.post_form(&format!("/account/sessions/{}/revoke", s.phone_id), &[]).await
            })
        })
        .to("/account/sessions?done=one")
        .ends_others()
        .done(the_phone_is_out),
        deed("DELETE /api/sessions", 200, ada, |b, _| Box::pin(b.delete("/api/sessions")))
            .ends_others()
            .done(the_phone_is_out),
        deed("POST /account/sessions/revoke-others", 303, ada, |b, _| {
            Box::pin(b.post_form("/account/sessions/revoke-others", &[]))
        })
        .to("/account/sessions?done=")
        .ends_others()
        .done(the_phone_is_out),
        deed("DELETE /api/sessions", 200, ada, |b, _| {
            Box::pin(b.delete("/api/sessions?include_current=true"))
        })
        .signs_out()
        .ends_others()
        .done(she_is_out),
        deed("POST /account/sessions/revoke-all", 303, ada, |b, _| {
            Box::pin(b.post_form("/account/sessions/revoke-all", &[]))
        })
        .to("/login?ended=signed_out")
        .signs_out()
        .ends_others()
        .done(she_is_out),
    ]
}

/// What ends the account with all its sessions.
fn farewells() -> Vec<Deed> {
    fn she_is_gone(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.account(&scene.email).await.is_none() })
    }
    vec![
        deed("POST /account/delete", 303, ada, |b, _| {
            Box::pin(b.post_form("/account/delete", &[("confirm", "true")]))
        })
        .to("/login?ended=account_deleted")
        .signs_out()
        .ends_others()
        .done(she_is_gone),
        deed("DELETE /api/account", 204, ada, |b, _| Box::pin(b.delete("/api/account")))
            .signs_out()
            .ends_others()
            .done(she_is_gone),
    ]
}

/// What changes a session that goes on, or the account.
fn changes() -> Vec<Deed> {
    fn proven_again(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.before.why_not().await == "replaced" })
    }
    fn other_password(scene: &Scene) -> BoxFuture<'_, bool> {
        Box::pin(async { scene.passwords().await == [OTHER_PASSWORD] })
    }
    vec![
        deed("POST /api/session/reauthenticate", 200, ada, |b, _| {
            Box::pin(b.reauthenticate(PASSWORD))
        })
        .done(proven_again),
        deed("POST /reauthenticate", 303, ada, |b, _| {
            Box::pin(b.post_form("/reauthenticate", &[("password", PASSWORD)]))
        })
        .to("/account")
        .done(proven_again),
        deed("PATCH /api/session/data", 200, ada, |b, _| {
            Box::pin(b.patch("/api/session/data", json!({ "cart": 2 })))
        })
        .done(|s| Box::pin(has_cart(&s.ada))),
        deed("PATCH /api/session/data", 200, guest, |b, _| {
            Box::pin(b.patch("/api/session/data", json!({ "cart": 2 })))
        })
        .done(|s| Box::pin(has_cart(&s.guest))),
        deed("PATCH /api/account", 200, ada, |b, _| {
            Box::pin(b.patch("/api/account", json!({ "name": "Countess" })))
        })
        .done(|s| Box::pin(is_called(s, "Countess"))),
        deed("PATCH /api/account", 200, ada, |b, s| {
            Box::pin(b.patch("/api/account", json!({ "email": s.new_email })))
        })
        .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        deed("POST /account/profile", 303, ada, |b, s| {
            Box::pin(async move {
                let fields = [("name", "Countess"), ("email", &*s.new_email)];
                b.post_form("/account/profile", &fields).await
            })
        })
        .to("/account?done=profile")
        .done(|s| Box::pin(async { s.account(&s.new_email).await.is_some() })),
        deed("PUT /api/account/password", 204, ada, |b, _| {
            Box::pin(b.change_password(PASSWORD, OTHER_PASSWORD))
        })
        .sets_password()
        .done(other_password),
        deed("POST /account/password", 303, ada, |b, _| {
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

fn administration() -> Vec<Deed> {
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
        deed("GET /api/admin/audit", 200, admin, |b, _| Box::pin(b.get("/api/admin/audit"))),
        deed("GET /api/admin/revocations", 200, admin, |b, _| {
            Box::pin(b.get("/api/admin/revocations"))
        }),
        deed("GET /api/admin/webhook", 200, admin, |b, _| Box::pin(b.get("/api/admin/webhook"))),
        deed("GET /api/admin/audit/export", 200, admin, |b, s| {
            let path = format!("/api/admin/audit/export?format=csv&user={}", s.user_id);
            Box::pin(async move { b.get(&path).await })
        }),
        deed("GET /api/admin/figures", 200, admin, |b, _| Box::pin(b.get("/api/admin/figures"))),
        deed("PATCH /api/admin/users/{id}", 200, admin, |b, s| {
            patch(b, s, json!({ "name": "Countess" }))
        })
        .done(|s| Box::pin(is_called(s, "Countess"))),
        deed("PATCH /api/admin/users/{id}", 200, admin, |b, s| {
            patch(b, s, json!({ "groups": ["ops", "dev"] }))
        })
        .done(|s| Box::pin(has_groups(s, "dev,ops"))),
        deed("PATCH /api/admin/users/{id}", 200, admin, |b, s| {
            patch(b, s, json!({ "status": "disabled" }))
        })
        .ends_hers()
        .done(nobody_is_in),
        deed("PATCH /api/admin/users/{id}", 200, admin, |b, s| {
            patch(b, s, json!({ "role": "admin" }))
        })
        .ends_hers()
        .done(nobody_is_in),
        deed("DELETE /api/admin/users/{id}", 204, admin, |b, s| {
            Box::pin(async move { b.delete(&her_path(s)).await })
        })
        .ends_hers()
        .done(|s| Box::pin(async { s.account(&s.email).await.is_none() })),
    ]
}
