//! A server that is killed with mail in its queue: nothing is lost, and what comes twice is the same
//! message, whose acceptance the server never heard of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::client::{Client, PASSWORD};
use crate::harness::mailbox::Mailbox;
use crate::harness::server::Place;

/// A claim of a dead server lasts two minutes.
const PATIENCE: Duration = Duration::from_mins(4);

pub(super) fn place(mailbox: &Mailbox) -> Place {
    Place::new()
        .without_throttles()
        .with("ANTEROOM_MAIL", &format!("smtp://127.0.0.1:{}?tls=off", mailbox.port))
        .with("ANTEROOM_MAIL_FROM", "no-reply@example.org")
}

mod nightly {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_killed_server_loses_no_mail() {
        const ROUNDS: usize = 8;
        let mailbox = Mailbox::open().await;
        let mut place = place(&mailbox);
        let mut signed_up = BTreeSet::new();
        for round in 0..ROUNDS {
            let server = place.serve(&[]);
            let people = (0..6).map(|number| {
                let (client, email) =
                    (Client::of(&server), format!("p{round}-{number}@example.org"));
                async move {
                    let body = json!({ "email": email, "password": PASSWORD });
                    let request = client.request(reqwest::Method::POST, "/api/signup").json(&body);
                    let answer = request.send().await.ok()?;
                    (answer.status() == 201).then_some(email)
                }
            });
            let all = tokio::spawn(futures_util::future::join_all(people.collect::<Vec<_>>()));
            tokio::time::sleep(Duration::from_millis(300 + 150 * round as u64)).await;
            place = server.kill();
            signed_up.extend(all.await.unwrap().into_iter().flatten());
        }
        assert!(signed_up.len() >= ROUNDS, "{signed_up:?}");
        let server = place.serve(&[]);
        let until = Instant::now() + PATIENCE;
        let reached = || -> BTreeSet<String> {
            mailbox.messages().into_iter().map(|message| message.to[0].clone()).collect()
        };
        while !signed_up.is_subset(&reached()) {
            let missing: Vec<_> = signed_up.difference(&reached()).cloned().collect();
            assert!(Instant::now() < until, "nothing came to {missing:?}: {}", server.stderr());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for message in mailbox.messages() {
            ids.entry(message.to[0].clone()).or_default().insert(message.header("Message-ID"));
        }
        let other = ids.iter().find(|(_, ids)| ids.len() > 1);
        assert_eq!(other, None, "one message came as several");
        server.stop();
    }
}
