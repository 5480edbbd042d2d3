//! What somebody would try against the limits on passwords, by the numbers of the list of attacks.

use std::num::NonZeroUsize;
use std::time::Duration;

use anteroom::accounts::{HasherOptions, Role};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::app::{DAY, MINUTE, PASSWORD, TestApp};
use crate::harness::client::{self, Client};
use crate::harness::server::Place;
use crate::harness::wire;
use crate::throttle::{ADA, ELSEWHERE, HOME, Person, addresses, guarded, guarded_with, rows};

/// The body without what differs with every request.
fn body(text: &str) -> serde_json::Value {
    let mut body: serde_json::Value = serde_json::from_str(text).unwrap();
    body["request_id"].take();
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enum_5_attack_81_unknown_accounts_are_refused_at_the_same_attempt_alike() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let told = async |email: &str, addresses: &[String]| {
        let mut answers = Vec::new();
        for n in 0..80 {
            let person = Person::at(&app, &addresses[n / 8]);
            let answer = person.sign_in(email, "wrong").await;
            let wait = answer.header("retry-after").to_owned();
            let mut headers: Vec<String> =
                answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            headers.sort();
            answers.push((answer.status, wait, headers, body(&answer.text)));
        }
        answers
    };
    // Of two networks each, so that what one has done does not change what the other is told.
    let networks = addresses(20);
    let known = told(ADA, &networks[..10]).await;
    let unknown = told("nobody@example.org", &networks[10..]).await;

    let looked_at = known.iter().filter(|(status, ..)| *status == 401).count();
    assert_eq!(looked_at, 50);
    for (n, (known, unknown)) in known.iter().zip(&unknown).enumerate() {
        assert_eq!(known, unknown, "attempt {n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_101_the_current_password_cannot_be_guessed_in_a_stolen_session() {
    let app = guarded().await;
    let thief = Person::at(&app, ELSEWHERE);
    app.add(ADA, Role::User).await;
    let stolen = app.signed_in(ADA).await;
    thief.browser.hold(&stolen.token());
    let mut looked_at = 0;
    for _ in 0..200 {
        match thief.change_password("wrong").await.status {
            403 => looked_at += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(looked_at, 10);
    assert_eq!(thief.change_password(PASSWORD).await.status, 429);
    assert_eq!(thief.guess(ADA).await, 429, "signing in has attempts of its own");
    assert_eq!(Person::at(&app, HOME).sign_in(ADA, PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_104_a_hundred_and_one_wrong_passwords_are_not_all_looked_at() {
    for pause in [Duration::ZERO, MINUTE, 5 * MINUTE] {
        let app = guarded().await;
        app.add(ADA, Role::User).await;
        let attacker = Person::at(&app, ELSEWHERE);
        let mut looked_at = 0;
        for _ in 0..101 {
            looked_at += attacker.guess_until_refused(ADA, 1).await;
            app.clock.advance(pause);
        }
        assert!(looked_at <= 50, "{looked_at} with {pause:?} between them");
        assert!(looked_at >= 10);
        let right = attacker.sign_in(ADA, PASSWORD).await;
        assert_eq!(right.status, 429, "delayed as the wrong ones, with {pause:?}");
        let wait = right.header("retry-after").parse().unwrap();
        app.clock.advance(Duration::from_secs(wait));
        assert_eq!(attacker.sign_in(ADA, PASSWORD).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_109_an_account_cannot_be_locked_from_outside() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    let attacker = Person::at(&app, ELSEWHERE);
    assert_eq!(attacker.guess_until_refused(ADA, 300).await, 10);
    let owner = Person::at(&app, HOME);
    assert_eq!(owner.sign_in(ADA, PASSWORD).await.status, 200);
    assert_eq!(attacker.guess(ADA).await, 429, "the success of the owner helps the attacker");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_110_a_restart_between_guesses_gives_no_fresh_ones() {
    let mut place = Place::new().with("ANTEROOM_THROTTLE_ACCOUNT", "3/10h");
    let mut told = Vec::new();
    for n in 0..5 {
        let server = place.serve(&[]);
        let client = Client::of(&server);
        if n == 0 {
            client.sign_up(ADA).await;
        }
        told.push(client.sign_in(ADA, "wrong").await);
        if n == 4 {
            assert_eq!(client.sign_in(ADA, client::PASSWORD).await, 429);
            let log = server.stderr();
            assert_eq!(log.matches("too many attempts").count(), 1, "{log}");
            assert!(log.contains("limit=\"account_from_network\""), "{log}");
            assert!(!log.contains(ADA) && !log.contains("127.0.0.1 "), "{log}");
        }
        // Pulled out, or told to stop: what was counted is on the disk.
        place = if n % 2 == 0 { server.kill() } else { server.stop() };
    }
    assert_eq!(told, [401, 401, 401, 429, 429]);
}

async fn swept(app: &TestApp) -> (i64, i64) {
    // The housekeeping does it every half minute; a command or a test may do it at once.
    use anteroom::throttle::ThrottleStore as _;
    let place = anteroom::store::SessionLocation::ThisDatabase;
    let store = anteroom::store::SqlDatabase::open(&app.database, place).await.unwrap();
    let now = app.clock.now();
    while !store.sweep(now, now - 30 * DAY, 100).await.unwrap() {}
    store.close().await;
    rows(app).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_113_distinct_names_leave_few_rows_and_none_for_long() {
    let app = guarded().await;
    app.add(ADA, Role::User).await;
    Person::at(&app, HOME).sign_in(ADA, PASSWORD).await;
    let attacker = Person::at(&app, ELSEWHERE);
    for n in 0..1000 {
        attacker.guess(&format!("nobody-{n}@example.org")).await;
    }
    let (counters, _) = rows(&app).await;
    // One of the network and three of each account; what a success gave back is two more.
    assert!(counters <= 1 + 30 * 3 + 2, "{counters} rows of thirty attempts looked at");
    for address in addresses(100) {
        let person = Person::at(&app, &address);
        person.guess(&format!("nobody-{address}@example.org")).await;
    }
    let (counters, known) = rows(&app).await;
    assert!((300..500).contains(&counters), "{counters}");
    assert_eq!(known, 1);

    app.clock.advance(60 * MINUTE);
    assert_eq!(swept(&app).await, (0, 1));
    app.clock.advance(31 * DAY);
    assert_eq!(swept(&app).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_118_a_malformed_header_is_no_way_round_the_limit() {
    let app = guarded_with(|options| options.trusted_proxies = Vec::new()).await;
    app.add(ADA, Role::User).await;
    let headers: [&[u8]; 14] = [
        b"Authorization: Basic\r\n",
        b"Authorization: Basic ====\r\n",
        b"Authorization: Bearer \xff\xfe\r\n",
        b"Cookie: anteroom\r\n",
        b"Cookie: =;;;=; anteroom==\xff\r\n",
        b"Cookie: anteroom=a; anteroom=b\r\n",
        b"Range: bytes=9-1,-,x\r\n",
        b"X-Forwarded-For: \xff\r\n",
        b"X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n",
        b"Forwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nTrue-Client-IP: 1.2.3.4\r\n",
        b"Accept-Language: \xff;q=\xff\r\n",
        b"User-Agent: \xff\xff\xff\r\n",
        b"traceparent: 00-zz-zz-zz\r\n",
        b"If-Match: \"\r\n",
    ];
    let json = br#"{"email":"ada@example.org","password":"wrong"}"#;
    let mut looked_at = 0;
    for _ in 0..3 {
        for header in headers {
            let header = [b"Content-Type: application/json\r\n", header].concat();
            let answer = wire::raw(&app, "POST /api/session HTTP/1.1", &header, json).await;
            looked_at += usize::from(answer.status == 401);
            assert!((400..500).contains(&answer.status), "{} {header:?}", answer.status);
        }
    }
    assert_eq!(looked_at, 10);
    let types: [&[u8]; 5] = [
        b"Content-Type: \xff\r\n",
        b"Content-Type: application/json; charset=\xff\r\n",
        b"Content-Type: text/plain\r\n",
        b"Content-Type: application/json\r\nContent-Type: text/plain\r\n",
        b"Content-Type: application/json\r\nExpect: 200-maybe\r\n",
    ];
    for header in types {
        let answer = wire::raw(&app, "POST /api/session HTTP/1.1", header, json).await;
        assert!((400..500).contains(&answer.status), "{} {header:?}", answer.status);
        assert_ne!(answer.status, 401, "{header:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_119_clients_that_hang_up_keep_no_place_and_no_count() {
    let app = guarded_with(|options| {
        options.trusted_proxies = Vec::new();
        let threads = NonZeroUsize::MIN;
        options.hashing = HasherOptions { threads, queue: 8, ..HasherOptions::default() };
    })
    .await;
    app.add(ADA, Role::User).await;
    let body = format!(r#"{{"email":"{ADA}","password":"{PASSWORD}"}}"#);
    let request = format!(
        "POST /api/session HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        app.host(),
        body.len(),
    );
    for n in 0..1000 {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        if n % 3 == 0 {
            tokio::time::sleep(Duration::from_millis(n % 20)).await;
        }
        drop(stream);
    }

    // Every place is free, and of the thirty attempts of the network none is missing.
    let direct = Person::at(&app, HOME);
    let mut statuses = Vec::new();
    for n in 0..40 {
        let status = loop {
            match direct.guess(&format!("{n}@example.org")).await {
                // What hung up is still being put away.
                503 => tokio::time::sleep(Duration::from_millis(10)).await,
                status => break status,
            }
        };
        statuses.push(status);
    }
    assert_eq!(statuses[..30], [401; 30]);
    assert_eq!(statuses[30..], [429; 10]);
    app.clock.advance(DAY);
    assert_eq!(direct.guess_until_refused(ADA, 20).await, 10);
}
