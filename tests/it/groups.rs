//! Groups of accounts: a change counts at the next check everywhere, and ends no session.

use anteroom::SessionStorage;
use anteroom::accounts::{Epoch, Role};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::audit::events;
use crate::harness::app::{Kind, PASSWORD, TestApp, on_every_store};
use crate::harness::browser::Browser;

on_every_store!(
    other_groups_hold_at_the_next_check_of_every_session_and_end_none,
    a_role_and_groups_change_in_one_step,
    what_is_no_group_is_refused_and_changes_nothing,
    of_parallel_changes_each_is_whole_and_none_is_lost,
);

mod on_two_servers {
    use super::other_groups_hold_at_the_other_server as rule;
    use crate::harness::app::over;

    over!(Postgres, rule => in_postgres);
    over!(RedisBesidePostgres, rule => in_redis);
    over!(MemoryBesidePostgres, rule => in_memory);
}

/// As many as an account may have, each as long as it may be, in their order.
pub fn longest_groups() -> Vec<String> {
    (0..64).map(|n| format!("{n:02}{}", "x".repeat(62))).collect()
}

async fn path_of(browser: &Browser) -> String {
    format!("/api/admin/users/{}", browser.user_id().await)
}

/// What a program and a proxy are told of the groups.
async fn assert_page(browser: &Browser) -> (Value, String) {
    let groups = browser.whoami().await.json()["user"]["groups"].clone();
    let verified = browser.get("/auth/verify").await;
    assert_eq!(verified.status, 200, "{}", verified.text);
    (groups, verified.header("remote-groups").to_owned())
}

async fn other_groups_hold_at_the_next_check_of_every_session_and_end_none(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in_as("ada@example.org", Role::User, true).await;
    let (path, tokens) = (path_of(&laptop).await, [laptop.token(), phone.token()]);
    assert_eq!(assert_page(&laptop).await, (json!([]), "user".to_owned()));

    for (sent, kept, header) in [
        (json!(["ops", "dev", "ops", "0_x-"]), json!(["0_x-", "dev", "ops"]), "user,0_x-,dev,ops"),
        (json!(["dev"]), json!(["dev"]), "user,dev"),
        (json!(["dev"]), json!(["dev"]), "user,dev"),
        (json!(longest_groups()), json!(longest_groups()), &*longest_header()),
        (json!([]), json!([]), "user"),
    ] {
        for browser in [&laptop, &phone] {
            app.remembers(browser).await;
        }
        let answer = root.patch(&path, json!({ "groups": sent })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["user"]["groups"], kept);
        for browser in [&laptop, &phone] {
            assert_eq!(assert_page(browser).await, (kept.clone(), header.to_owned()));
            assert_eq!(browser.get("/api/account").await.json()["user"]["groups"], kept);
            let data = browser.get("/api/account/data").await.json();
            assert_eq!(data["user"]["groups"], kept);
        }
        assert_eq!(root.get(&path).await.json()["user"]["groups"], kept);
        assert_eq!(root.get("/api/admin/users").await.json()["users"][1]["groups"], kept);
        let tablet = app.browser();
        let signed_in = tablet.try_to_sign_in("ada@example.org", PASSWORD, false).await;
        assert_eq!(signed_in.json()["user"]["groups"], kept);
        assert_eq!(tablet.delete("/api/session").await.status, 204);
    }

    assert_eq!([laptop.token(), phone.token()], tokens);
    let account = app.anteroom.accounts().list(&listing()).await.unwrap().accounts.remove(1);
    assert_eq!(account.epoch, Epoch::FIRST);
    let ended = events(&root, "kind=session_ended").await;
    assert!(ended.iter().all(|event| event["details"]["reason"] == "signed_out"), "{ended:?}");
}

fn longest_header() -> String {
    format!("user,{}", longest_groups().join(","))
}

fn listing() -> anteroom::accounts::Listing {
    anteroom::accounts::Listing { limit: 10, ..Default::default() }
}

async fn a_role_and_groups_change_in_one_step(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let path = path_of(&ada).await;

    let change = json!({ "role": "admin", "groups": ["dev"], "name": "Countess" });
    assert_eq!(root.patch(&path, change).await.status, 200);

    assert_eq!(ada.why_not().await, "role_changed");
    let ada = app.signed_in("ada@example.org").await;
    assert_eq!(assert_page(&ada).await, (json!(["dev"]), "admin,dev".to_owned()));
    // The last administrator keeps the role, and with it the groups.
    assert_eq!(root.patch(&path_of(&root).await, json!({ "role": "user" })).await.status, 200);
    let change = json!({ "role": "user", "groups": [] });
    let refused = ada.patch(&path, change).await;
    assert_eq!(refused.refusal(), (409, "last_administrator".to_owned()));
    assert_eq!(assert_page(&ada).await, (json!(["dev"]), "admin,dev".to_owned()));
}

async fn what_is_no_group_is_refused_and_changes_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let path = path_of(&ada).await;
    assert_eq!(root.patch(&path, json!({ "groups": ["dev"] })).await.status, 200);

    let long = "x".repeat(65);
    for (name, code) in [
        ("admin", "reserved_name"),
        ("user", "reserved_name"),
        ("", "invalid_name"),
        ("Dev", "invalid_name"),
        ("a,admin", "invalid_name"),
        ("a b", "invalid_name"),
        ("개발", "invalid_name"),
        ("x\r\nRemote-User: root", "invalid_name"),
        (&*long, "invalid_name"),
    ] {
        let change = json!({ "groups": ["ops", name], "name": "Nobody" });
        let answer = root.patch(&path, change).await;
        assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()), "{name}");
        assert_eq!(answer.json()["errors"]["groups"]["code"], code, "{name}");
    }
    let numbered = |count| (0..count).map(|n| format!("g{n}")).collect::<Vec<_>>();
    let answer = root.patch(&path, json!({ "groups": numbered(65) })).await;
    assert_eq!(answer.json()["errors"]["groups"]["code"], "too_many");
    for wrong in [json!("dev"), json!(null), json!([1]), json!({ "dev": true })] {
        let answer = root.patch(&path, json!({ "groups": wrong })).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{wrong}");
    }
    let own = ada.patch("/api/account", json!({ "groups": ["ops"] })).await;
    assert_eq!(own.refusal(), (400, "malformed_body".to_owned()));
    assert_eq!(ada.patch(&path, json!({ "groups": ["ops"] })).await.status, 404);
    let user = ada.whoami().await.json()["user"].clone();
    assert_eq!((&user["groups"], &user["name"]), (&json!(["dev"]), &json!("Ada")));
    assert_eq!(root.patch(&path, json!({ "groups": numbered(64) })).await.status, 200);
    assert_eq!(assert_page(&ada).await.0.as_array().unwrap().len(), 64);
}

async fn of_parallel_changes_each_is_whole_and_none_is_lost(kind: Kind) {
    let app = TestApp::start(kind).await;
    let ada = app.signed_in("ada@example.org").await;
    let (handle, id) = (app.anteroom.handle(), ada.user_id().await);
    let id = anteroom::UserId::parse(&id).unwrap();
    handle.set_groups(id, &["old", "older"]).await.unwrap();

    let names: Vec<String> = (0..16).map(|n| format!("group-{n:02}")).collect();
    let additions = names.iter().map(|name| handle.add_group(id, name));
    let removals = ["old", "older"].map(|name| handle.remove_group(id, name));
    let (added, removed) = tokio::join!(join_all(additions), join_all(removals));

    assert!(added.into_iter().chain(removed).all(|outcome| outcome.is_ok()));
    assert_eq!(assert_page(&ada).await.0, json!(names));
}

/// The accounts are shared, the caches are not.
async fn other_groups_hold_at_the_other_server(kind: Kind) {
    let here = TestApp::one_of_several(kind, |_| ()).await;
    let there = TestApp::one_of_several(kind, |options| {
        options.database = here.accounts_at.clone();
        if let Some(url) = &here.redis {
            options.sessions = SessionStorage::Redis { url: url.as_str().into() };
        }
    });
    let there = there.await;
    let root = here.administrator("root@example.org").await;
    let path = path_of(&here.signed_in("ada@example.org").await).await;
    let ada = there.browser();
    assert_eq!(ada.try_to_sign_in("ada@example.org", PASSWORD, false).await.status, 200);
    for round in 0..8 {
        there.remembers(&ada).await;
        let groups = json!([format!("round-{round}")]);
        let answer = root.patch(&path, json!({ "groups": groups })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(assert_page(&ada).await, (groups, format!("user,round-{round}")));
    }
}
