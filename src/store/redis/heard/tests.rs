//! What is made of what the server says unasked.

use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Canary, Ear, Heard, MOST};
use crate::accounts::UserId;
use crate::sessions::TokenDigest;
use crate::sessions::cache::Change;

const OURS: Canary = Canary(*b"canarysixteen letters!");

fn key(rest: &[u8]) -> Value {
    Value::BulkString([&b"anteroom:1:t"[..], rest].concat())
}

fn tell(ear: &Ear, keys: Vec<Value>) {
    ear.hear(&PushInfo { kind: PushKind::Invalidate, data: vec![Value::Array(keys)] });
}

fn token(number: u8) -> Change {
    Change::Token(TokenDigest::from_bytes([number; 32]))
}

#[test]
fn a_key_says_what_changed() {
    let (ear, heard) = Heard::waiting_for(OURS);
    let user = Change::User(UserId::from_uuid(Uuid::from_bytes([3; 16])));
    for (keys, told) in [
        (vec![key(&[7; 32])], vec![token(7)]),
        (vec![key(&[3; 16])], vec![user]),
        (vec![key(&[7; 32]), key(&[3; 16]), key(&[8; 32])], vec![token(7), user, token(8)]),
        (vec![key(b"")], vec![Change::Everything]),
        (vec![key(b"something new")], vec![Change::Everything]),
        (vec![key(&[0; 31])], vec![Change::Everything]),
        (vec![Value::BulkString(b"anteroom:2:t".to_vec())], vec![Change::Everything]),
        (vec![Value::Nil], vec![Change::Everything]),
        (vec![], vec![]),
    ] {
        tell(&ear, keys);
        assert_eq!(heard.take(), told);
    }
    for data in [vec![Value::Nil], vec![], vec![Value::Okay, Value::Okay]] {
        ear.hear(&PushInfo { kind: PushKind::Invalidate, data });
        assert_eq!(heard.take(), [Change::Everything], "of a flush, say");
    }
}

#[tokio::test]
async fn a_canary_is_no_change_and_only_the_own_one_is_waited_for() {
    let (ear, heard) = Heard::waiting_for(OURS);
    tell(&ear, vec![key(b"canarysomebody else's!")]);
    let waited = timeout(Duration::from_millis(20), heard.canary()).await;
    assert!(waited.is_err() && heard.take().is_empty());

    tell(&ear, vec![key(OURS.name())]);
    assert!(heard.canary().await);
    assert!(heard.take().is_empty());
    assert!(Canary::named(*b"sixteen letters!") == OURS);
}

#[tokio::test]
async fn whoever_waits_is_woken_and_misses_nothing() {
    let (ear, heard) = Heard::waiting_for(OURS);
    assert!(timeout(Duration::ZERO, heard.next()).await.is_err());
    tell(&ear, vec![key(&[1; 32]), key(&[2; 32])]);
    assert_eq!(heard.next().await, Some(token(1)));
    drop(heard.next());
    assert_eq!(heard.take(), [token(2)]);

    let (told, ()) = tokio::join!(heard.next(), async {
        tokio::task::yield_now().await;
        tell(&ear, vec![key(&[3; 32])]);
    });
    assert_eq!(told, Some(token(3)));
}

#[tokio::test]
async fn the_end_wakes_whoever_waits_and_comes_after_what_was_heard() {
    fn push(kind: PushKind) -> PushInfo {
        PushInfo { kind, data: vec![] }
    }
    let ends: [fn(Ear); 3] = [
        |ear| drop(ear),
        |ear| ear.hear(&push(PushKind::Disconnection)),
        |ear| ear.hear(&push(PushKind::Other("tracking-redir-broken".to_owned()))),
    ];
    for end in ends {
        let (ear, heard) = Heard::waiting_for(OURS);
        tell(&ear, vec![key(&[1; 32])]);
        let ((first, then), ()) =
            tokio::join!(async { (heard.next().await, heard.next().await) }, async {
                tokio::task::yield_now().await;
                end(ear);
            });
        assert_eq!((first, then), (Some(token(1)), None));
        assert!(!heard.canary().await);
    }
}

#[test]
fn a_flood_is_bounded_and_counts_as_everything() {
    let (ear, heard) = Heard::waiting_for(OURS);
    for number in 0..10 * MOST {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        tell(&ear, vec![key(&digest)]);
        assert!(heard.state().changes.len() <= MOST + 1);
    }
    assert!(heard.take().contains(&Change::Everything));
    tell(&ear, vec![key(&[1; 32])]);
    assert_eq!(heard.take(), [token(1)]);
}
