//! The routes of second factors.

use anteroom::accounts::Epoch;
use serde_json::json;

use super::{Operation, Scene, ada, admin, her_path, operation, visitor};
use crate::harness::app::PASSWORD;
use crate::harness::browser::{Answer, Browser};
use crate::second_factors::{Authenticator, send_recovery_code};

const SET_UP: &str = "/account/second-factor/set-up";

/// Both steps of a sign-in, from the beginning: a code is used up even if its answer is lost.
async fn both_steps(browser: &Browser, scene: &Scene) -> Answer {
    let first = browser.try_to_sign_in(&scene.grace, PASSWORD, false).await;
    if first.status != 401 {
        return first;
    }
    send_recovery_code(browser, &next_code(scene)).await
}

fn next_code(scene: &Scene) -> String {
    scene.codes.lock().unwrap().pop().unwrap()
}

async fn first_step_by_form(browser: &Browser, scene: &Scene) -> Answer {
    browser.post_form("/login", &[("email", &scene.grace), ("password", PASSWORD)]).await
}

async fn both_steps_by_form(browser: &Browser, scene: &Scene) -> Answer {
    let first = first_step_by_form(browser, scene).await;
    if first.location() != "/login/second-factor" {
        return first;
    }
    browser.post_form("/login/second-factor", &[("code", &next_code(scene))]).await
}

async fn begin(browser: &Browser) -> Answer {
    browser.post("/api/account/totp", json!({})).await
}

/// The answer that confirms a set-up, or the one of what failed before.
async fn confirm(browser: &Browser, scene: &Scene) -> Answer {
    let begun = begin(browser).await;
    if begun.status != 201 {
        return begun;
    }
    let app = Authenticator::of(begun.json()["secret"].as_str().unwrap());
    let code = app.code(&scene.app);
    browser.post("/api/account/totp/confirm", json!({ "code": code })).await
}

async fn confirm_by_form(browser: &Browser, scene: &Scene) -> Answer {
    let begun = begin(browser).await;
    if begun.status != 201 {
        return begun;
    }
    let app = Authenticator::of(begun.json()["secret"].as_str().unwrap());
    browser.post_form(SET_UP, &[("code", &app.code(&scene.app))]).await
}

/// The answer of what follows a set-up.
macro_rules! after_set_up {
    ($browser:ident, $scene:ident, $then:expr) => {
        Box::pin(async move {
            match confirm($browser, $scene).await {
                answer if answer.status != 200 => answer,
                _ => $then.await,
            }
        })
    };
}

async fn has_factor(scene: &Scene) -> bool {
    scene.account(&scene.email).await.is_some_and(|account| account.factors.any())
}

/// Whether a change took effect that ends sessions: the set-up before, at least.
async fn has_changed(scene: &Scene) -> bool {
    scene.account(&scene.email).await.is_some_and(|account| account.epoch != Epoch::FIRST)
}

pub(super) fn operations() -> Vec<Operation> {
    [signing_in(), reading(), changing(), of_others()].into_iter().flatten().collect()
}

fn signing_in() -> Vec<Operation> {
    vec![
        operation("POST /api/session/second-factor", 200, visitor, |b, s| {
            Box::pin(both_steps(b, s))
        })
        .needs_factor()
        .done(|s| Box::pin(s.visitor.is_signed_in())),
        operation("POST /login/second-factor", 303, visitor, |b, s| {
            Box::pin(both_steps_by_form(b, s))
        })
        .to("/account")
        .needs_factor()
        .done(|s| Box::pin(s.visitor.is_signed_in())),
        operation("GET /login/second-factor", 200, visitor, |b, s| {
            Box::pin(async move {
                match first_step_by_form(b, s).await {
                    answer if answer.status != 303 => answer,
                    _ => b.get("/login/second-factor").await,
                }
            })
        })
        .needs_factor(),
    ]
}

fn reading() -> Vec<Operation> {
    vec![
        operation("GET /api/account/factors", 200, ada, |b, _| {
            Box::pin(b.get("/api/account/factors"))
        }),
        operation("GET /account/second-factor", 200, ada, |b, _| {
            Box::pin(b.get("/account/second-factor"))
        }),
        operation("GET /account/second-factor/set-up", 200, ada, |b, _| Box::pin(b.get(SET_UP))),
        operation("POST /api/account/totp", 201, ada, |b, _| Box::pin(begin(b))),
        operation("POST /account/second-factor/begin", 303, ada, |b, _| {
            Box::pin(b.post_form("/account/second-factor/begin", &[]))
        })
        .to(SET_UP),
    ]
}

fn changing() -> Vec<Operation> {
    vec![
        operation("POST /api/account/totp/confirm", 200, ada, |b, s| Box::pin(confirm(b, s)))
            .ends_others()
            .done(|s| Box::pin(has_factor(s))),
        operation("POST /account/second-factor/set-up", 200, ada, |b, s| {
            Box::pin(confirm_by_form(b, s))
        })
        .ends_others()
        .done(|s| Box::pin(has_factor(s))),
        operation("DELETE /api/account/totp", 204, ada, |b, s| {
            after_set_up!(b, s, b.delete("/api/account/totp"))
        })
        .ends_others()
        .done(|s| Box::pin(has_changed(s))),
        operation("POST /account/second-factor/remove", 303, ada, |b, s| {
            after_set_up!(b, s, b.post_form("/account/second-factor/remove", &[]))
        })
        .to("/account/second-factor?done=removed")
        .ends_others()
        .done(|s| Box::pin(has_changed(s))),
        operation("POST /api/account/recovery-codes", 200, ada, |b, s| {
            after_set_up!(b, s, b.post("/api/account/recovery-codes", json!({})))
        })
        .ends_others()
        .done(|s| Box::pin(has_changed(s))),
        operation("POST /account/second-factor/recovery-codes", 200, ada, |b, s| {
            after_set_up!(b, s, b.post_form("/account/second-factor/recovery-codes", &[]))
        })
        .ends_others()
        .done(|s| Box::pin(has_changed(s))),
    ]
}

/// By an administrator.
fn of_others() -> Vec<Operation> {
    vec![
        operation("DELETE /api/admin/users/{id}/factors", 204, admin, |b, s| {
            Box::pin(async move { b.delete(&format!("{}/factors", her_path(s))).await })
        }),
        operation("POST /admin/users/{id}/reset-factors", 303, admin, |b, s| {
            Box::pin(async move {
                b.post_form(&format!("/admin/users/{}/reset-factors", s.user_id), &[]).await
            })
        })
        .to("/admin/users/"),
    ]
}
