//! The cost of a check inside the process: a request through the whole router, without a network,
//! and the look-up alone beside the verification of a JWT.
//! `cargo bench --bench check`; `benches/run` measures over the wire.

#![expect(clippy::unwrap_used, reason = "a benchmark that meets the unexpected fails")]
#![expect(unreachable_pub, reason = "nothing here is public")]

mod peers;

use std::hint::black_box;

use anteroom::accounts::{Email, HasherOptions, Name, NewUser, Password, Role};
use anteroom::sessions::{Client, NewSession, Owner, Token};
use anteroom::use_cases::Check;
use anteroom::{Anteroom, Options, SessionStorage};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::peers::{Keys, Peer, Template};

const HOST: &str = "localhost:8080";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

async fn answer(
    router: &Router,
    path: &str,
    (name, value): &(&'static str, String),
) -> (HeaderMap, Vec<u8>) {
    let request = Request::get(path)
        .header("Host", HOST)
        .header("User-Agent", FIREFOX)
        .header(*name, value)
        .body(Body::empty())
        .unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    (headers, answer.into_body().collect().await.unwrap().to_bytes().to_vec())
}

/// Somebody who is signed in, and the header that says so.
async fn anteroom(folder: &TempDir, sessions: SessionStorage) -> (Anteroom, Peer) {
    let name = if matches!(sessions, SessionStorage::Database) { "sqlite.db" } else { "memory.db" };
    let mut options = Options::new(folder.path().join(name), format!("http://{HOST}"));
    options.sessions = sessions;
    options.hashing = HasherOptions::cheap_for_tests();
    let anteroom = Anteroom::start(options).await.unwrap();
    let new = NewUser {
        email: Email::parse("ada@example.org").unwrap(),
        email_verified: true,
        name: Name::parse("Ada Lovelace").unwrap(),
        role: Role::User,
        password: Password::from_typed("velvet otter hums at nine"),
    };
    let account = anteroom.accounts().create(new, false).await.unwrap();
    let beginning = NewSession {
        owner: Owner::User { id: account.user.id, epoch: account.epoch },
        administrator: false,
        second_factor: None,
        passkey: None,
        remember_me: false,
        client: Client { ip_address: Some([192, 0, 2, 1].into()), user_agent: FIREFOX.to_owned() },
        previous_token: None,
        last_epoch_reason: None,
    };
    let started = anteroom.sessions().start(beginning).await.unwrap();
    let cookie = ("Cookie", format!("anteroom={}", started.token.reveal()));
    let router = anteroom.router();
    (anteroom, Peer { router, session_header: cookie.clone(), verify_header: cookie })
}

fn checks(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = TempDir::new().unwrap();
    let (_memory, in_memory) =
        runtime.block_on(anteroom(&folder, SessionStorage::Memory { limit: 1000 }));
    let (_sqlite, in_sqlite) = runtime.block_on(anteroom(&folder, SessionStorage::Database));
    let template = runtime.block_on(async {
        let (headers, body) =
            answer(&in_memory.router, "/api/session", &in_memory.session_header).await;
        let (verify, _) = answer(&in_memory.router, "/auth/verify", &in_memory.verify_header).await;
        Template::learn((&headers, &body), &verify)
    });
    let peers = [
        ("bare", peers::bare(template.clone())),
        ("jwt-hs256", peers::json_web_token(template.clone(), Keys::hs256())),
        ("jwt-eddsa", peers::json_web_token(template.clone(), Keys::eddsa())),
        ("tower-sessions", runtime.block_on(peers::tower_sessions(template))),
        ("anteroom-memory", in_memory),
        ("anteroom-sqlite", in_sqlite),
    ];
    for (path, of) in [("/api/session", 0), ("/auth/verify", 1)] {
        let mut group = criterion.benchmark_group(path);
        for (name, peer) in &peers {
            let header = [&peer.session_header, &peer.verify_header][of];
            group.bench_function(*name, |bencher| {
                bencher.iter(|| runtime.block_on(answer(&peer.router, path, header)));
            });
        }
        group.finish();
    }
}

/// From the text of a cookie or of a token to the person.
fn look_ups(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = TempDir::new().unwrap();
    let (server, peer) =
        runtime.block_on(anteroom(&folder, SessionStorage::Memory { limit: 1000 }));
    let check = Check::new(server.accounts().clone(), server.sessions().clone());
    let text = peer.session_header.1.trim_start_matches("anteroom=");
    let mut group = criterion.benchmark_group("who");
    group.bench_function("anteroom-remembered", |bencher| {
        bencher.iter(|| {
            let token = Token::parse(black_box(text).as_bytes()).unwrap();
            runtime.block_on(check.who(&token)).unwrap()
        });
    });
    for (name, keys) in [("jwt-hs256", Keys::hs256()), ("jwt-eddsa", Keys::eddsa())] {
        let token = keys.token_of_user(&peers::somebody(), "01a1fc81-619f-7000-8928-fa29dbcebbb2");
        group.bench_function(name, |bencher| {
            bencher.iter(|| keys.user(black_box(&token)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, checks, look_ups);
criterion_main!(benches);
