//! The pages of administrators: what they show, and what their forms do.

use anteroom::accounts::Role;

use crate::audit::events;
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::{Answer, Browser};

on_one_store!(
    adm_1_the_administration_is_for_administrators_alone,
    adm_2_a_change_without_a_fresh_proof_asks_for_one_and_does_nothing,
    an_account_is_made_and_its_invitation_shown_once,
    errors_of_a_new_account_are_shown_beside_the_field,
    adm_4_a_page_refuses_to_remove_the_last_administrator,
    an_account_is_changed_disabled_and_deleted_by_forms,
    groups_are_shown_and_changed_by_a_form_and_errors_are_beside_the_field,
    rev_11_sessions_are_ended_by_forms_and_explained_afterwards,
    lists_are_searched_and_go_on_where_the_page_before_ended,
    the_overview_draws_what_it_counts,
);

const PAGES: [&str; 5] =
    ["/admin", "/admin/users", "/admin/sessions", "/admin/applications", "/admin/audit"];

/// The text of an answer must be the page with this status.
fn assert_page(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.text.contains(words), "{words} is not in {}", answer.text);
}

async fn page_of(root: &Browser, other: &Browser) -> String {
    let path = format!("/admin/users/{}", other.user_id().await);
    assert_page(&root.get(&path).await, 200, "<h1>");
    path
}

async fn adm_1_the_administration_is_for_administrators_alone(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    for path in PAGES {
        assert_page(&root.get(path).await, 200, "<h1>");
        assert_page(&ada.get(path).await, 404, "There is nothing here");
        let nobody = app.browser().get(path).await;
        assert_eq!((nobody.status, nobody.location()), (303, &*format!("/login?next={path}")));
    }
    let link = "<a href=\"/admin\"";
    assert!(root.get("/account").await.text.contains(link));
    assert!(!ada.get("/account").await.text.contains(link));
}

async fn adm_2_a_change_without_a_fresh_proof_asks_for_one_and_does_nothing(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let page = page_of(&root, &ada).await;
    app.pass(10 * MINUTE).await;

    for (path, back, fields) in [
        ("/admin/users".to_owned(), "/admin/users", vec![("email", "new@example.org")]),
        (page.clone(), &*page, vec![("role", "admin")]),
        (format!("{page}/delete"), &*page, vec![("sure", "true")]),
        (format!("{page}/invitation"), &*page, vec![]),
    ] {
        let answer = root.post_form(&path, &fields).await;
        let expected = format!("/reauthenticate?next={back}");
        assert_eq!((answer.status, answer.location()), (303, &*expected), "{path}");
    }
    assert_eq!(events(&root, "kind=invitation_created").await.len(), 0);
    assert!(ada.is_signed_in().await);
    assert_eq!(root.get("/api/admin/users").await.json()["users"].as_array().unwrap().len(), 2);
    let fields = [("password", PASSWORD), ("next", &*page)];
    let answer = root.post_form("/reauthenticate", &fields).await;
    assert_eq!(answer.location(), page);
    assert_eq!(root.post_form(&page, &[("name", "Countess")]).await.status, 303);
}

async fn an_account_is_made_and_its_invitation_shown_once(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let fields = [("email", "ada@example.org"), ("name", "Ada"), ("role", "user")];
    let made = root.post_form("/admin/users", &fields).await;
    assert_page(&made, 201, "This link is shown only now");
    let link = made.text.split(&format!("{}/invitation?token=", app.public_url)).nth(1).unwrap();
    let token = link[..43].to_owned();
    for path in PAGES {
        assert!(!root.get(path).await.text.contains(&token), "{path}");
    }

    let ada = app.browser();
    let fields = [("token", &*token), ("password", PASSWORD)];
    assert_eq!(ada.post_form("/invitation", &fields).await.location(), "/account");
    let page = page_of(&root, &ada).await;
    let again = root.post_form(&format!("{page}/invitation"), &[]).await;
    assert_page(&again, 201, "/invitation?token=");
}

async fn errors_of_a_new_account_are_shown_beside_the_field(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let answer = root.post_form("/admin/users", &[("email", "x"), ("name", "Ada")]).await;
    assert_page(&answer, 422, "id=\"email-error\"");
    assert!(answer.text.contains("value=\"Ada\""));
    let answer = root.post_form("/admin/users", &[("email", "root@example.org")]).await;
    assert_page(&answer, 409, "There is an account with this email address already");
    let ada = app.signed_in("ada@example.org").await;
    let page = page_of(&root, &ada).await;
    let answer = root.post_form(&page, &[("email", "root@example.org"), ("name", "B")]).await;
    assert_page(&answer, 409, "value=\"root@example.org\"");
    let answer = root.post_form(&format!("{page}/delete"), &[]).await;
    assert_page(&answer, 422, "Tick the box");
    assert!(ada.is_signed_in().await);
}

async fn adm_4_a_page_refuses_to_remove_the_last_administrator(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let page = page_of(&root, &root).await;
    for (path, fields) in [
        (page.clone(), ("role", "user")),
        (page.clone(), ("status", "disabled")),
        (format!("{page}/delete"), ("sure", "true")),
    ] {
        let answer = root.post_form(&path, &[fields]).await;
        assert_page(&answer, 409, "Make somebody else an administrator first");
        assert!(answer.text.contains("root@example.org"));
    }
    assert!(root.is_signed_in().await);
}

async fn an_account_is_changed_disabled_and_deleted_by_forms(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let page = page_of(&root, &ada).await;
    let done = format!("{page}?done=changed");

    let fields = [("email", "countess@example.org"), ("name", "Countess")];
    assert_eq!(root.post_form(&page, &fields).await.location(), done);
    assert_page(&root.get(&done).await, 200, "The account was changed.");
    assert_eq!(ada.whoami().await.json()["user"]["email"], "countess@example.org");
    assert_eq!(root.post_form(&page, &[("status", "disabled")]).await.location(), done);
    assert_eq!(ada.why_not().await, "account_disabled");
    assert_page(&root.get(&page).await, 200, "value=\"active\"");
    assert_eq!(root.post_form(&page, &[("status", "active")]).await.location(), done);
    assert_eq!(root.post_form(&page, &[("role", "admin")]).await.location(), done);
    let answer = root.post_form(&format!("{page}/delete"), &[("sure", "true")]).await;
    assert_eq!(answer.location(), "/admin/users?done=deleted");
    assert_page(&root.get(answer.location()).await, 200, "The account was deleted");
    assert_page(&root.get(&page).await, 404, "There is nothing here");
}

async fn groups_are_shown_and_changed_by_a_form_and_errors_are_beside_the_field(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let page = page_of(&root, &ada).await;
    assert_page(&root.get(&page).await, 200, "<span class=\"quiet\">None</span>");

    for (typed, header, shown) in [
        ("ops dev", "user,dev,ops", "value=\"dev ops\""),
        ("  on-call,\tdev  dev ", "user,dev,on-call", "value=\"dev on-call\""),
    ] {
        let answer = root.post_form(&page, &[("groups", typed)]).await;
        assert_eq!(answer.location(), format!("{page}?done=changed"), "{}", answer.text);
        assert_eq!(ada.get("/auth/verify").await.header("remote-groups"), header);
        assert_page(&root.get(&page).await, 200, shown);
    }
    assert_page(&ada.get("/account").await, 200, "<code>on-call</code>");
    for (typed, words) in [
        ("dev admin", "are roles"),
        ("Dev", "a to z, 0 to 9"),
        (&*(0..65).map(|n| format!("g{n}")).collect::<Vec<_>>().join(" "), "at most 64"),
    ] {
        let answer = root.post_form(&page, &[("groups", typed)]).await;
        assert_page(&answer, 422, "id=\"groups-error\"");
        assert_page(&answer, 422, words);
        assert_page(&answer, 422, &format!("value=\"{typed}\""));
    }
    // The other forms of the page leave them.
    assert_eq!(root.post_form(&page, &[("name", "Countess")]).await.status, 303);
    assert_eq!(ada.get("/auth/verify").await.header("remote-groups"), "user,dev,on-call");
    assert_eq!(root.post_form(&page, &[("groups", "")]).await.status, 303);
    assert_eq!(ada.get("/auth/verify").await.header("remote-groups"), "user");
    assert!(!ada.get("/account").await.text.contains(">Groups<"));
}

async fn rev_11_sessions_are_ended_by_forms_and_explained_afterwards(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let laptop = app.signed_in("ada@example.org").await;
    let phone = app.signed_in_as("ada@example.org", Role::User, true).await;
    let page = page_of(&root, &laptop).await;
    // Ending asks for no fresh proof.
    app.pass(10 * MINUTE).await;
    let path = format!("/admin/sessions/{}", phone.session_id().await);
    let live = root.get(&path).await;
    assert_page(&live, 200, "With “keep me signed in”");

    let answer = root.post_form(&format!("{path}/revoke"), &[]).await;
    assert_eq!((answer.status, answer.location()), (303, &*path));
    assert_eq!(phone.why_not().await, "revoked_by_admin");
    let ended = root.get(&path).await;
    assert_page(&ended, 200, "<code>revoked_by_admin</code>");
    assert!(ended.text.contains(&root.user_id().await), "who did it");
    assert_eq!(root.post_form(&format!("{path}/revoke"), &[]).await.location(), path);
    let answer = root.post_form(&format!("{page}/revoke-sessions"), &[]).await;
    assert_eq!(answer.location(), format!("{page}?done=1"));
    assert_page(&root.get(answer.location()).await, 200, "One session was ended.");
    assert_eq!(laptop.why_not().await, "revoked_by_admin");
    let nothing = root.post_form("/admin/sessions/none/revoke", &[]).await;
    assert_page(&nothing, 404, "There is nothing here");
    let own = format!("/admin/sessions/{}/revoke", root.session_id().await);
    assert_eq!(root.post_form(&own, &[]).await.location(), "/login");
}

fn next_of(page: &Answer) -> Option<String> {
    let after = page.text.split("rel=\"next\" href=\"").nth(1)?;
    // As a browser reads the attribute.
    Some(after.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&"))
}

async fn lists_are_searched_and_go_on_where_the_page_before_ended(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for n in 0..5 {
        app.signed_in(&format!("user{n}@example.org")).await;
    }
    for (path, most) in [
        ("/admin/users?limit=2", 3),
        ("/admin/sessions?limit=2&kind=user", 3),
        ("/admin/audit?limit=2&kind=login", 3),
    ] {
        let (mut page, mut pages) = (root.get(path).await, 1);
        while let Some(next) = next_of(&page) {
            page = root.get(&next).await;
            assert_page(&page, 200, "<h1>");
            pages += 1;
        }
        assert_eq!(pages, most, "{path}");
    }
    let found = root.get("/admin/users?query=user3").await;
    assert_page(&found, 200, "user3@example.org");
    assert!(!found.text.contains("user4@example.org"));
    assert_page(&root.get("/admin/users?query=nobody").await, 200, "There is nothing to show.");
    let filtered = root.get("/admin/audit?kind=login&outcome=&user=&from=2026-11-21T09:00").await;
    assert_page(&filtered, 200, "/api/admin/audit/export?kind=login");
    assert_eq!(root.get("/admin/audit?kind=x").await.status, 400);
}

async fn the_overview_draws_what_it_counts(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    app.browser().try_to_sign_in("root@example.org", "wrong password here", false).await;
    let page = root.get("/admin").await;
    assert_page(&page, 200, "1 sign-ins and 1 failed ones in all");
    assert_eq!(page.text.matches("class=\"bar sign-ins\"").count(), 2);
    assert_eq!(page.text.matches("class=\"bar failures\"").count(), 2);
    assert_eq!(page.text.matches("<desc").count(), 2);
    // A table for whoever sees no drawing.
    assert!(page.text.matches("<tr>").count() >= 24 + 30);
}
