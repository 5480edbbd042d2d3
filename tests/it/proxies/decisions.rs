//! What was decided at one node, as the others see it at the next request.

use reqwest::Method;
use serde_json::json;

use super::{OTHER_PASSWORD, PASSWORD, Stage};
use crate::harness::balancer::Proxy;
use crate::harness::browser::{Answer, Browser};
use crate::harness::ground::{Keeping, with_each_keeping};
use crate::harness::load::ADMINISTRATOR;

with_each_keeping!(rev_17_what_is_answered_by_one_node_holds_at_the_next_request_at_every_other);

/// What ends the session of a phone, and what the phone is told.
const OPERATIONS: [(&str, &str); 9] = [
    ("sign out", "signed_out"),
    ("revoke", "revoked_by_user"),
    ("end the others", "revoked_by_user"),
    ("end all", "revoked_by_user"),
    ("change the password", "password_changed"),
    ("disable", "account_disabled"),
    ("make an administrator", "role_changed"),
    ("delete", "account_deleted"),
    ("revoke by command", "revoked_by_admin"),
];

/// Somebody with two browsers, and an administrator, all of them at one node.
struct Cast {
    laptop: Browser,
    phone: Browser,
    admin: Browser,
    id: String,
}

impl Cast {
    /// Carries out an operation, unless it takes a command.
    async fn carry_out(&self, operation: &str) -> Answer {
        let Self { laptop, phone, admin, id } = self;
        let path = format!("/api/admin/users/{id}");
        match operation {
            "sign out" => phone.copy().delete("/api/session").await,
            "revoke" => laptop.revoke(phone).await,
            "end the others" => laptop.delete("/api/sessions").await,
            "end all" => laptop.delete("/api/sessions?include_current=true").await,
            "change the password" => laptop.change_password(PASSWORD, OTHER_PASSWORD).await,
            "disable" => admin.patch(&path, json!({ "status": "disabled" })).await,
            "make an administrator" => admin.patch(&path, json!({ "role": "admin" })).await,
            "delete" => admin.delete(&path).await,
            _ => panic!("{operation}?"),
        }
    }
}

async fn rev_17_what_is_answered_by_one_node_holds_at_the_next_request_at_every_other(
    keeping: Keeping,
) {
    for proxy in Proxy::tried_before(keeping) {
        let Some(mut stage) = Stage::shared(proxy, keeping).await else { return };
        let (admins_email, admins_password) = ADMINISTRATOR;
        let add = ["user", "add", admins_email, "--admin", "--password-stdin"];
        stage.nodes.command_with_input(0, &add, admins_password);
        let admin = stage.balancer.browser(200);
        let answer = admin.try_to_sign_in(admins_email, admins_password, false).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        for (number, (operation, reason)) in OPERATIONS.into_iter().enumerate() {
            let what = format!("{proxy:?}, {operation}");
            let email = format!("p{number}@example.org");
            let (laptop, phone) = (stage.balancer.browser(10), stage.balancer.browser(11));
            assert_eq!(laptop.sign_up(&email, PASSWORD).await.status, 201, "{what}");
            assert_eq!(phone.try_to_sign_in(&email, PASSWORD, false).await.status, 200);
            for browser in [&laptop, &phone, &admin] {
                assert_eq!(stage.homes(browser).await, [0, 1, 2], "{what}");
            }

            let here = number % 3;
            if operation == "revoke by command" {
                stage.nodes.command(here, &["session", "revoke", "--user", &email]);
            } else {
                let id = laptop.user_id().await;
                let node = stage.nodes.node(here).address;
                let at_the_node = |browser: &Browser| {
                    let there = Browser::of(node, "https://auth.example.org");
                    there.hold(&browser.token());
                    there
                };
                let [laptop, phone, admin] = [&laptop, &phone, &admin].map(at_the_node);
                let cast = Cast { laptop, phone, admin, id };
                let answer = cast.carry_out(operation).await;
                assert!([200, 204].contains(&answer.status), "{what}: {}", answer.text);
                if operation == "change the password" || operation == "end the others" {
                    let renewed = stage.homes(&cast.laptop).await;
                    assert_eq!(renewed, [0, 1, 2], "{what}: the new token");
                }
            }

            for node in stage.nodes.iter() {
                let there = stage.past_the_proxy(node, &phone);
                assert_eq!(there.why_not().await, reason, "{what}, node {}", node.number);
                let verified = there.ask(Method::GET, "/auth/verify", |request| request).await;
                assert_eq!(verified.status, 401, "{what}, node {}", node.number);
            }
            assert_eq!(phone.why_not().await, reason, "{what}");
        }
    }
}
