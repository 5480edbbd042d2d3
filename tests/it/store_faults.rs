//! Every route, with a store of which the first, the second, the third … call fails: before its
//! effect, after it (the reply is lost), late, or from there on. The answer is always true, no user
//! is signed out, and a retry succeeds.

mod every_call;
mod operations;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anteroom::Anteroom;
use anteroom::accounts::Role;
use anteroom::http::{Applications, ForwardAuthOptions, ForwardAuthProxy, PublicUrl};
use anteroom::throttle::{Rate, ThrottleOptions};
use anteroom::tokens::NewClient;
use futures_util::future::join_all;
use serde_json::json;

use self::operations::{Mark, Operation, Scene, WIKI, operations};
use crate::code_flow;
use crate::harness::app::{Kind, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::{Answer, Browser};
use crate::harness::chance::{chosen_operations, is_nightly};
use crate::harness::failing::{Fault, Faults};
use crate::harness::mailbox::Mailbox;
use crate::second_factors::set_up;
use crate::tokens::{self, Registered};

on_each_store!(
    rev_13_a_sign_out_that_is_not_done_says_so_and_can_be_tried_again,
    life_6_a_rotation_whose_reply_is_lost_hands_the_new_token_over,
);

/// Longer than any operation takes.
const PATIENCE: Duration = Duration::from_secs(20);
const LATE: Duration = Duration::from_millis(40);
/// Within a second, on a machine that has time.
const TOLD: Duration = Duration::from_secs(3);
const LIMIT: u32 = 3;
/// Asks the store again once its answer has begun: a panic there can only cut it.
const WITHIN_THE_ANSWER: &str = "GET /api/session/events";
/// How many servers run the operations in parallel.
const SIDE_BY_SIDE: usize = 4;
/// More calls than any operation makes.
const MOST_CALLS: usize = 60;

/// A route with a signed-in user makes at least two calls: its session, its account. Most of the
/// time is waiting, so several servers run in parallel, each with separate stores.
async fn every_call_of_every_operation(kind: Kind, fault: Fault) {
    let mut shares: [Vec<Operation>; SIDE_BY_SIDE] = std::array::from_fn(|_| Vec::new());
    let operations = chosen();
    let number_of_operations = operations.len();
    for (number, operation) in operations.into_iter().enumerate() {
        shares[number % SIDE_BY_SIDE].push(operation);
    }
    let struck = join_all(shares.map(|share| every_call_of(kind, fault, share))).await;
    let struck: usize = struck.into_iter().sum();
    assert!(struck > number_of_operations / 2, "only {struck} calls were struck");
}

/// All operations, or those of the variable `OPERATIONS`.
fn chosen() -> Vec<Operation> {
    let Some(parts) = chosen_operations() else { return operations() };
    let is_chosen = |operation: &Operation| parts.split('|').any(|it| operation.route.contains(it));
    let chosen: Vec<_> = operations().into_iter().filter(is_chosen).collect();
    assert!(!chosen.is_empty(), "OPERATIONS={parts} is about no route");
    chosen
}

/// Returns the number of calls that failed.
async fn every_call_of(kind: Kind, fault: Fault, operations: Vec<Operation>) -> usize {
    let faults = Faults::default();
    let mailbox = Mailbox::open().await;
    let mut app = None;
    let mut struck = 0;
    // An ordinary run has every fifth call, each operation beginning with another one.
    let step = if is_nightly() { 1 } else { 5 };
    for (number, operation) in operations.into_iter().enumerate() {
        if fault == Fault::Panic && operation.route == WITHIN_THE_ANSWER {
            continue;
        }
        for nth in (1 + number % step..).step_by(step) {
            assert!(nth < MOST_CALLS, "{}: it never stops asking", operation.route);
            let usable = app.take().filter(|_| !operation.is(Mark::NeedsSetup));
            let scene = scene(kind, (&faults, &mailbox), usable, &operation, (struck, nth)).await;
            let call = strike(&scene, &operation, &faults, (nth, fault)).await;
            struck += usize::from(call.is_some());
            app = (!operation.is(Mark::NeedsSetup)).then_some(scene.app);
            if call.is_none() {
                assert!(nth > 1 || step > 1, "{}: it asks the store nothing", operation.route);
                break;
            }
        }
    }
    struck
}

/// Behind nginx, with an application on another host.
fn with_the_wiki(options: &mut anteroom::Options) {
    options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let urls = [&options.public_url, WIKI].map(|url| PublicUrl::parse(url).unwrap());
    let [own, wiki] = urls;
    let applications = Applications::beside(&own, [wiki]).unwrap();
    let proxy = Some(ForwardAuthProxy::Nginx);
    options.forward_auth = ForwardAuthOptions { proxy, applications, ..Default::default() };
}

/// The tokens of the mailed links that an operation needs.
async fn links(
    (app, mailbox): (&TestApp, &Mailbox),
    operation: &Operation,
    (ada, email): (&Browser, &str),
) -> (String, String) {
    if operation.is(Mark::NeedsRecovery) {
        let asked = app.browser().post("/api/recovery", json!({ "email": email })).await;
        assert_eq!(asked.status, 202);
        let message = mailbox.find(email, "Set a new password").await;
        return (message.token(), String::new());
    }
    if operation.is(Mark::NeedsNewAddress) {
        let new = format!("new-{email}");
        assert_eq!(ada.patch("/api/account", json!({ "email": new })).await.status, 202);
        let confirming = mailbox.find(&new, "Confirm your new email address").await;
        let cancelling = mailbox.find(email, "Your email address is about to change").await;
        return (confirming.token(), cancelling.token());
    }
    Default::default()
}

async fn start(kind: Kind, faults: &Faults, mailbox: &Mailbox) -> TestApp {
    let set = |options: &mut anteroom::Options| {
        options.policy.limit.most = LIMIT;
        options.mail = Some(mailbox.options());
        with_the_wiki(options);
        let ample = Some(Rate { count: 100_000, per: Duration::from_mins(10) });
        options.throttles = ThrottleOptions { account: ample, network: ample, signup: ample };
    };
    let wrap = |stores| faults.wrap(stores);
    let app = TestApp::start_over(kind, set, Anteroom::front, wrap).await;
    mailbox.hurry(&app);
    app
}

/// The client of a scene that is about tokens, under a secret that is known.
async fn known_client(app: &TestApp, operation: &Operation) -> Registered {
    let parts = ["/oauth/", "/.well-known/o", "/session/token", "/applications"];
    if !parts.iter().any(|part| operation.route.contains(part)) {
        return Registered { id: String::new(), secret: String::new() };
    }
    if app.anteroom.clients().find("Pages").await.is_err() {
        let new = NewClient { name: "Pages".to_owned(), is_trusted: false, ..code_flow::trusted() };
        return code_flow::add(app, new).await;
    }
    tokens::rotate_secret(app, "Pages", true).await
}

async fn scene(
    kind: Kind,
    (faults, mailbox): (&Faults, &Mailbox),
    app: Option<TestApp>,
    operation: &Operation,
    (number, nth): (usize, usize),
) -> Scene {
    let app = if let Some(app) = app { app } else { start(kind, faults, mailbox).await };
    let email = format!("p{number}-{nth}@example.org");
    let role = Role::User;
    let ended = app.signed_in_as(&email, role, false).await;
    let copy = ended.copy();
    assert_eq!(ended.delete("/api/session").await.status, 204);
    let tablet = app.signed_in_as(&email, role, false).await;
    let ada = app.signed_in_as(&email, role, true).await;
    let phone = app.signed_in_as(&email, role, false).await;
    let (setup, admin) = if operation.is(Mark::NeedsSetup) {
        (app.anteroom.issue_setup_link().await.unwrap().unwrap(), app.browser())
    } else {
        (String::new(), app.administrator("root@example.org").await)
    };
    let user_id = ada.user_id().await;
    let her = anteroom::accounts::UserId::parse(&user_id).unwrap();
    let invitation = app.anteroom.accounts().invite(her).await.unwrap().unwrap().secret;
    let spare_client = spare_client(&app, operation, &email).await;
    let (grace, codes) = somebody_with_factor(&app, operation, (number, nth)).await;
    let guest = app.browser();
    // Every network may start a limited number in a minute.
    app.clock.advance(Duration::from_secs(4));
    assert_eq!(guest.patch("/api/session/data", json!({ "a": 1 })).await.status, 200);
    let (link, cancelling) = links((&app, mailbox), operation, (&ada, &email)).await;
    let visitor = app.browser();
    if operation.is(Mark::NeedsSignUp) {
        assert_eq!(visitor.sign_up(&format!("new-{email}"), PASSWORD).await.status, 201);
    }
    let client = known_client(&app, operation).await;
    Scene {
        client,
        token: Mutex::default(),
        link,
        cancelling,
        new_email: format!("new-{email}"),
        before: ada.copy(),
        phone_id: phone.session_id().await,
        user_id,
        invitation,
        spare_client,
        grace,
        codes: codes.into(),
        setup: setup.split("token=").nth(1).unwrap_or_default().to_owned(),
        visitor,
        ended: copy,
        app,
        email,
        tablet,
        ada,
        phone,
        admin,
        guest,
    }
}

/// The id of a client that may be removed.
async fn spare_client(app: &TestApp, operation: &Operation, name: &str) -> String {
    if !operation.is(Mark::NeedsSpareClient) {
        return String::new();
    }
    tokens::register(app, name, None).await.id
}

/// The address of somebody with a second factor, and the recovery codes.
async fn somebody_with_factor(
    app: &TestApp,
    operation: &Operation,
    (number, nth): (usize, usize),
) -> (String, Vec<String>) {
    if !operation.is(Mark::NeedsFactor) {
        return (String::new(), Vec::new());
    }
    let grace = format!("g{number}-{nth}@example.org");
    let (_, codes) = set_up(app, &app.signed_in(&grace).await).await;
    (grace, codes)
}

/// Runs the operation with one failing call, checks the result, and repeats it until it succeeds.
/// Returns the call that failed; `None` when there are no more.
async fn strike(
    scene: &Scene,
    operation: &Operation,
    faults: &Faults,
    (nth, fault): (usize, Fault),
) -> Option<&'static str> {
    let actor = (operation.actor)(scene);
    let was_signed_in = actor.is_signed_in().await;

    faults.strike(nth, fault);
    let acting = tokio::time::timeout(PATIENCE, (operation.act)(actor, scene));
    let answer = acting.await.unwrap_or_else(|_| panic!("{}: no answer", operation.route));
    let call = faults.stop();

    let what = format!(
        "{} with {fault:?} at call {nth} ({}): {} {}",
        operation.route,
        call.unwrap_or("none"),
        answer.status,
        answer.text
    );
    let done = match operation.done {
        Some(look) => look(scene).await,
        None => true,
    };
    let failure = if fault == Fault::Panic { 500 } else { 503 };
    the_answer_is_true(scene, operation, (&answer, failure), done, &what).await;
    nobody_is_signed_out_by_it(scene, operation, (&answer, was_signed_in && !done), &what).await;
    the_stores_agree(scene, operation, answer.status, &what).await;
    if call.is_none() || matches!(fault, Fault::Late(_)) {
        assert_eq!(answer.status, operation.status, "{what}");
    }
    trying_again_gets_it_done(scene, operation, answer, &what).await;
    call
}

fn succeeded(operation: &Operation, answer: &Answer) -> bool {
    answer.status == operation.status && answer.location().starts_with(operation.location)
}

/// A success or a failure. A success has taken effect.
async fn the_answer_is_true(
    scene: &Scene,
    operation: &Operation,
    (answer, failure): (&Answer, u16),
    done: bool,
    what: &str,
) {
    let removed = answer.set_cookies().iter().any(|cookie| cookie.contains("Max-Age=0"));
    if succeeded(operation, answer) {
        assert!(done, "it is called done and is not: {what}");
        assert_eq!(removed, operation.is(Mark::SignsOut), "{what}");
    } else {
        // A panic in a detached task is a store that did not answer.
        assert!(answer.status == failure || answer.status == 503, "{what}");
        assert!(!removed, "a failure takes the cookie: {what}");
        // A check has no header that only a page needs.
        if !operation.route.contains(" /auth/verify") {
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        }
        let is_api = [" /api/", " /auth/verify", " /readyz"]
            .iter()
            .any(|path| operation.route.contains(path))
            // The consent that is withdrawn is given on a page.
            && !operation.route.contains("/applications");
        if answer.status == 503 && is_api {
            assert_eq!(answer.code(), "unavailable", "{what}");
            assert_eq!(answer.header("retry-after"), "1", "{what}");
        }
    }
    let token = answer.set_cookies().iter().any(|cookie| cookie.starts_with("anteroom="));
    if token && !removed {
        let look = (operation.actor)(scene).get("/api/session/data").await;
        assert_eq!(look.status, 200, "the token that came with it is not live: {what}");
    }
}

/// `nothing_done`: the actor was signed in, and the operation did not take effect.
async fn nobody_is_signed_out_by_it(
    scene: &Scene,
    operation: &Operation,
    (answer, nothing_done): (&Answer, bool),
    what: &str,
) {
    let actor = (operation.actor)(scene);
    let goes_on = nothing_done || operation.done.is_none() || succeeded(operation, answer);
    if goes_on && !operation.is(Mark::SignsOut) && !actor.token().is_empty() {
        assert_eq!(actor.get("/api/session/data").await.status, 200, "signed out: {what}");
    }
    if !operation.is(Mark::EndsHers) && !std::ptr::eq(actor, &raw const scene.ada) {
        assert!(scene.ada.is_signed_in().await, "{what}");
    }
    if !operation.is(Mark::EndsOthers) {
        assert!(scene.phone.is_signed_in().await, "{what}");
        assert!(scene.tablet.is_signed_in().await, "{what}");
    }
    assert_eq!(scene.ended.why_not().await, "signed_out", "brought back: {what}");
}

/// Epochs, limit, tokens and password fit together.
async fn the_stores_agree(scene: &Scene, operation: &Operation, status: u16, what: &str) {
    let sessions = scene.app.anteroom.sessions();
    let user = anteroom::accounts::UserId::parse(&scene.user_id).unwrap();
    let account = scene.app.anteroom.accounts().find(user).await.unwrap();
    let epoch = account.as_ref().map(|account| account.epoch);
    // Where the sessions are in another store, a server applies later what a failure left undone.
    let told = Instant::now() + TOLD;
    let live = loop {
        let live = sessions.list(user).await.unwrap();
        let agree = live.iter().all(|session| session.owner.epoch() == epoch);
        if agree || scene.app.redis.is_none() || Instant::now() > told {
            break live;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(live.len() <= LIMIT as usize, "{} sessions: {what}", live.len());
    for session in &live {
        assert_eq!(session.owner.epoch(), epoch, "{what}");
    }
    let old_is_live = scene.before.is_signed_in().await;
    let renewed = scene.ada.token() != scene.before.token();
    assert!(!(old_is_live && renewed), "two tokens of one session: {what}");
    if let Some(account) = account.filter(|a| a.user.status == anteroom::accounts::Status::Active)
        && account.user.email.as_str() == scene.email
    {
        let passwords = scene.passwords().await;
        assert_eq!(passwords.len(), 1, "{passwords:?}: {what}");
        if !operation.is(Mark::SetsPassword) {
            assert_eq!(passwords, [PASSWORD], "{what}");
        } else if status == operation.status {
            assert_ne!(passwords, [PASSWORD], "{what}");
        }
    }
}

async fn trying_again_gets_it_done(
    scene: &Scene,
    operation: &Operation,
    answer: Answer,
    what: &str,
) {
    let actor = (operation.actor)(scene);
    let mut last = answer;
    for _ in 0..3 {
        if succeeded(operation, &last) {
            break;
        }
        if let Some(look) = operation.done
            && look(scene).await
        {
            return;
        }
        sign_in_again_if_need_be(scene, actor).await;
        last = (operation.act)(actor, scene).await;
    }
    assert!(succeeded(operation, &last), "{what}; in the end {} {}", last.status, last.text);
    if let Some(look) = operation.done {
        assert!(look(scene).await, "{what}; in the end it is not done");
    }
}

/// As a person does whose session was lost with the answer.
async fn sign_in_again_if_need_be(scene: &Scene, actor: &Browser) {
    if std::ptr::eq(actor, &raw const scene.ada) && !actor.is_signed_in().await {
        let password = scene.passwords().await[0];
        assert_eq!(actor.try_to_sign_in(&scene.email, password, false).await.status, 200);
    }
}

async fn over_failing_stores(kind: Kind) -> (TestApp, Faults) {
    let faults = Faults::default();
    let wrap = |stores| faults.wrap(stores);
    let app = TestApp::start_over(kind, |_| (), Anteroom::front, wrap).await;
    (app, faults)
}

async fn rev_13_a_sign_out_that_is_not_done_says_so_and_can_be_tried_again(kind: Kind) {
    let (app, faults) = over_failing_stores(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let token = browser.token();

    faults.strike(1, Fault::Outage);
    let api = browser.delete("/api/session").await;
    let page = browser.post_form("/logout", &[]).await;
    faults.stop();

    for answer in [api, page] {
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(answer.set_cookies().len(), 0);
        assert_eq!(answer.header("clear-site-data"), "");
    }
    assert_eq!(browser.token(), token);
    assert!(browser.is_signed_in().await);
    assert_eq!(browser.delete("/api/session").await.status, 204);
    browser.hold(&token);
    assert_eq!(browser.why_not().await, "signed_out");
}

async fn life_6_a_rotation_whose_reply_is_lost_hands_the_new_token_over(kind: Kind) {
    let (app, faults) = over_failing_stores(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let before = browser.copy();

    // The session, the account, its hash, the costs of imported hashes, then the rotation.
    faults.strike(5, Fault::After);
    let answer = browser.reauthenticate(PASSWORD).await;

    assert_eq!(faults.stop(), Some("rotate"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(before.why_not().await, "replaced");
    assert!(browser.is_signed_in().await);
}

/// Method and path of every route, from the source of the router.
fn routes() -> BTreeSet<String> {
    let page = include_str!("../../src/http/router.rs");
    let mut routes = BTreeSet::new();
    for entry in page.split(".route(").skip(1) {
        let entry = entry.split(';').next().unwrap();
        let (_, rest) = entry.split_once('"').unwrap();
        let (path, handlers) = rest.split_once('"').unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            let marks = [format!(" {method}("), format!(".{method}("), format!("({method}(")];
            if marks.iter().any(|mark| handlers.contains(mark)) {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    routes
}

#[test]
fn every_route_is_tried_with_failing_stores() {
    let without_a_store = [
        "GET /healthz",
        "GET /openapi.json",
        "GET /assets/{file}",
        "GET /.anteroom/assets/{file}",
        "GET /.anteroom/{*rest}",
        "GET /recover",
        "GET /recover/sent",
        "GET /signup/sent",
        "GET /verify-email/done",
        "GET /cancel-email-change/done",
        // These only lead to the page that the form is on.
        "GET /.well-known/change-password",
        "GET /account/applications/{id}/withdraw",
        "GET /account/password",
        "GET /account/verification",
        "GET /account/second-factor/begin",
        "GET /account/second-factor/passkeys",
        "GET /account/second-factor/passkeys/{id}/remove",
        "GET /account/second-factor/passkeys/{id}/rename",
        "GET /account/second-factor/recovery-codes",
        "GET /account/second-factor/remove",
        "GET /account/sessions/revoke-all",
        "GET /account/sessions/revoke-others",
        "GET /account/sessions/{id}/revoke",
        "GET /admin/clients/{id}/remove",
        "GET /admin/clients/{id}/secret",
        "GET /admin/sessions/{id}/revoke",
        "GET /admin/users/{id}/delete",
        "GET /admin/users/{id}/invitation",
        "GET /admin/users/{id}/reset-factors",
        "GET /admin/users/{id}/revoke-sessions",
        "GET /oauth/consent",
        "GET /preferences",
    ];
    let known: BTreeSet<_> =
        operations().iter().map(|operation| operation.route.to_owned()).collect();
    let routes = routes();
    assert!(routes.len() > 30, "{routes:?}: has the router another form?");

    let missing: Vec<_> = routes
        .iter()
        .filter(|route| !known.contains(*route) && !without_a_store.contains(&&***route))
        .collect();
    assert!(
        missing.is_empty(),
        "add a line to tests/it/store_faults/operations.rs for {missing:?}"
    );
    // By any method, so that no method is in its line.
    let by_any_method = "GET /auth/verify";
    let unknown: Vec<_> =
        known.difference(&routes).filter(|route| *route != by_any_method).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
