//! Tests of the queue of invalidations.

use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Canary, MAX_CHANGES, Received, Receiver};
use crate::accounts::UserId;
use crate::sessions::TokenDigest;
use crate::sessions::cache::Change;

const OURS: Canary = Canary(*b"canarysixteen letters!");

fn key(rest: &[u8]) -> Value {
    Value::BulkString([&b"anteroom:1:t"[..], rest].concat())
}

fn invalidate(sink: &Receiver, keys: Vec<Value>) {
    sink.receive(&PushInfo { kind: PushKind::Invalidate, data: vec![Value::Array(keys)] });
}

fn token(number: u8) -> Change {
    Change::Token(TokenDigest::from_bytes([number; 32]))
}

#[test]
fn a_key_says_what_changed() {
    let (sink, received) = Received::expecting(OURS);
    let user = Change::User(UserId::from_uuid(Uuid::from_bytes([3; 16])));
    for (keys, expected) in [
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
        invalidate(&sink, keys);
        assert_eq!(received.take(), expected);
    }
    for data in [vec![Value::Nil], vec![], vec![Value::Okay, Value::Okay]] {
        sink.receive(&PushInfo { kind: PushKind::Invalidate, data });
        assert_eq!(received.take(), [Change::Everything], "of a flush, say");
    }
}

#[tokio::test]
async fn only_the_own_canary_is_waited_for_and_none_is_a_change() {
    let (sink, received) = Received::expecting(OURS);
    invalidate(&sink, vec![key(b"canarysomebody else's!")]);
    let waited = timeout(Duration::from_millis(20), received.canary()).await;
    assert!(waited.is_err() && received.take().is_empty());

    invalidate(&sink, vec![key(OURS.name())]);
    assert!(received.canary().await);
    assert!(received.take().is_empty());
    assert!(Canary::named(*b"sixteen letters!") == OURS);
}

#[tokio::test]
async fn a_waiter_is_woken_and_misses_no_change() {
    let (sink, received) = Received::expecting(OURS);
    assert!(timeout(Duration::ZERO, received.next()).await.is_err());
    invalidate(&sink, vec![key(&[1; 32]), key(&[2; 32])]);
    assert_eq!(received.next().await, Some(token(1)));
    drop(received.next());
    assert_eq!(received.take(), [token(2)]);

    let (received_change, ()) = tokio::join!(received.next(), async {
        tokio::task::yield_now().await;
        invalidate(&sink, vec![key(&[3; 32])]);
    });
    assert_eq!(received_change, Some(token(3)));
}

#[tokio::test]
async fn the_end_wakes_a_waiter_after_the_queued_changes() {
    fn push(kind: PushKind) -> PushInfo {
        PushInfo { kind, data: vec![] }
    }
    let ends: [fn(Receiver); 3] = [
        |sink| drop(sink),
        |sink| sink.receive(&push(PushKind::Disconnection)),
        |sink| sink.receive(&push(PushKind::Other("tracking-redir-broken".to_owned()))),
    ];
    for end in ends {
        let (sink, received) = Received::expecting(OURS);
        invalidate(&sink, vec![key(&[1; 32])]);
        let ((first, then), ()) =
            tokio::join!(async { (received.next().await, received.next().await) }, async {
                tokio::task::yield_now().await;
                end(sink);
            });
        assert_eq!((first, then), (Some(token(1)), None));
        assert!(!received.canary().await);
    }
}

#[test]
fn a_flood_is_bounded_and_becomes_everything() {
    let (sink, received) = Received::expecting(OURS);
    for number in 0..10 * MAX_CHANGES {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        invalidate(&sink, vec![key(&digest)]);
        assert!(received.state().changes.len() <= MAX_CHANGES + 1);
    }
    assert!(received.take().contains(&Change::Everything));
    invalidate(&sink, vec![key(&[1; 32])]);
    assert_eq!(received.take(), [token(1)]);
}
