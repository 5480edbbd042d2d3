//! Imported users sign in with the password of the old system.

use reqwest::Method;
use serde_json::json;

use super::{exported, import, peers, places};
use crate::command_line::done;
use crate::harness::client::Client;
use crate::harness::server::{Place, Server};

fn hash_of(place: &Place, email: &str) -> String {
    let users = exported(place);
    let user = users.iter().find(|user| user["email"] == email).unwrap();
    user["password_hash"].as_str().unwrap().to_owned()
}

const OURS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// Some of them, one for each kind: the tests beside the code have all.
const KINDS: [usize; 5] = [0, 8, 11, 13, 23];

/// `make_password(None)` of Django, which nothing fits.
const UNUSABLE: &str = "!GsDQsgt8eJQ2dnJErOhXwNuaNeRhCGtMgMXU2Ufn";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imp_8_an_imported_user_signs_in_and_the_hash_becomes_ours() {
    // The same code compares on both; each kind takes a second of a processor.
    for (place, database) in places().await {
        let place = place.without_throttles();
        let email = |number: usize| format!("user{number}@example.org");
        let lines = KINDS.map(|number| {
            json!({ "email": email(number), "password_hash": peers::QUICK[number] }).to_string()
        });
        done(&import(&place, &lines.join("\n"), &[]));
        let server = place.serve(&[]);

        let kinds = if database.is_none() { &KINDS[..] } else { &KINDS[..2] };
        for &number in kinds {
            let (email, hash) = (email(number), peers::QUICK[number]);
            let prefix = &peers::PASSWORD[..peers::PASSWORD.len() - 1];
            for wrong in [prefix, hash] {
                assert_eq!(Client::of(&server).sign_in(&email, wrong).await, 401, "{hash}");
            }
            assert_eq!(hash_of(&place, &email), hash);
            for _ in 0..2 {
                let client = Client::of(&server);
                assert_eq!(client.sign_in(&email, peers::PASSWORD).await, 200, "{hash}");
            }
            let ours = hash_of(&place, &email);
            assert!(ours.starts_with(OURS), "{ours}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imp_3_a_password_that_bcrypt_did_not_see_all_of_stays_with_bcrypt() {
    let server = Place::new().with_usual_hashes().serve(&[]);
    let line = json!({ "email": "ada@example.org", "password_hash": peers::OF_72_BYTES });
    done(&import(&server.place, &line.to_string(), &[]));
    let (seen, more) = ("a".repeat(72), "a".repeat(100));

    assert_eq!(Client::of(&server).sign_in("ada@example.org", &more).await, 200);
    assert_eq!(hash_of(&server.place, "ada@example.org"), peers::OF_72_BYTES);
    assert_eq!(Client::of(&server).sign_in("ada@example.org", &seen).await, 200);
    assert!(hash_of(&server.place, "ada@example.org").starts_with(OURS));
    assert_eq!(Client::of(&server).sign_in("ada@example.org", &more).await, 401);
}

/// A proof of identity and a change of password take the old hash as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whose_hash_stays_can_change_the_password() {
    let server = Place::new().with_usual_hashes().serve(&[]);
    let line = json!({ "email": "ada@example.org", "password_hash": peers::OF_72_BYTES });
    done(&import(&server.place, &line.to_string(), &[]));
    let more = "a".repeat(100);
    let ada = Client::of(&server);
    assert_eq!(ada.sign_in("ada@example.org", &more).await, 200);

    let change = json!({ "current_password": more, "new_password": "granite kite, seven moons" });
    let answer = ada.request(Method::PUT, "/api/account/password").json(&change);
    let answer = answer.send().await.unwrap();

    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    assert_eq!(Client::of(&server).sign_in("ada@example.org", &more).await, 401);
    assert!(hash_of(&server.place, "ada@example.org").starts_with(OURS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_signs_in_to_an_account_without_a_password() {
    let server = Server::start();
    let text = format!(
        "email,password_hash,status\n\
         none@example.org,,\nmark@example.org,{},\ngone@example.org,{},disabled\n",
        UNUSABLE,
        peers::QUICK[13]
    );
    done(&import(&server.place, &text, &[]));

    for email in ["none@example.org", "mark@example.org", "gone@example.org"] {
        for password in [peers::PASSWORD, "", "*", "!", UNUSABLE] {
            let status = Client::of(&server).sign_in(email, password).await;
            assert!([401, 422].contains(&status), "{email}: {status}");
        }
    }
}

/// The costs are forgotten when a server starts after the last imported hash was replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imp_6_refusals_cost_more_until_the_imported_hashes_are_replaced() {
    use anteroom::accounts::AccountStore as _;
    use anteroom::store::{SessionLocation, SqlDatabase};

    for (place, database) in places().await {
        let open = async || {
            if let Some(database) = &database {
                SqlDatabase::open(&*database.url, SessionLocation::ThisDatabase).await.unwrap()
            } else {
                let path = place.path().join("anteroom.db");
                SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap()
            }
        };
        let line = |email: &str, hash: &str| json!({ "email": email, "password_hash": hash });
        done(&import(&place, &line("ada@example.org", peers::QUICK[12]).to_string(), &[]));
        done(&import(&place, &line("bob@example.org", peers::QUICK[0]).to_string(), &[]));
        let store = open().await;
        let costs = store.imported_costs().await.unwrap().to_text();
        assert!(costs.contains("\"bcrypt\":{\"units\":1024"), "{costs}");
        assert!(costs.contains("\"pbkdf2_sha256\":{\"units\":20000"), "{costs}");

        let server = place.serve(&[]);
        assert_eq!(Client::of(&server).sign_in("ada@example.org", peers::PASSWORD).await, 200);
        let place = server.stop();
        let server = place.serve(&[]);
        let lowered = async || {
            for _ in 0..500 {
                let costs = store.imported_costs().await.unwrap().to_text();
                if !costs.contains("bcrypt") {
                    return costs;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            panic!("the costs stay");
        };
        let costs = lowered().await;
        assert!(costs.contains("pbkdf2_sha256"), "{costs}");
        drop(server);
        store.close().await;
    }
}
