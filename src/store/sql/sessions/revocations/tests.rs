//! Tests of cursors as snapshots of `PostgreSQL`.

use proptest::prelude::*;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::*;
use crate::store::sql::database::MIGRATIONS;

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// The places of a step in their order: three sessions, each with two children.
fn place(number: u128) -> Place {
    let child = (!number.is_multiple_of(3)).then(|| id(number % 3));
    Place { session: id(number / 3), child }
}

const PLACES: u128 = 9;

impl SeenSteps {
    fn has(&self, step: i64, at: Place) -> bool {
        let is_part = self.part.is_some_and(|(part, up_to)| part == step && at <= up_to);
        is_part || (step < self.below && !self.open.contains(&step))
    }
}

/// A snapshot and a later one, which contains it.
fn earlier_and_later() -> impl Strategy<Value = (SeenSteps, SeenSteps)> {
    let steps = prop::collection::vec(0..4_u8, 20);
    (steps, 0..20_i64, 0..20_i64).prop_map(|(ends, one, other)| {
        let (below, later) = (one.min(other), one.max(other));
        // 0 is still open at the later time, 1 was open at the earlier one.
        let open = |below: i64, most: u8| {
            let numbered = (0_i64..).zip(&ends).filter(move |(_, end)| **end <= most);
            numbered.map(|(step, _)| step).filter(|step| *step < below).collect()
        };
        (
            SeenSteps { below, open: open(below, 1), part: None },
            SeenSteps { below: later, open: open(later, 0), part: None },
        )
    })
}

proptest! {
    #[test]
    fn a_cursor_after_an_end_contains_exactly_the_seen_ends(
        (before, now) in earlier_and_later(),
        step in 0..20_i64,
        up_to in 0..PLACES,
    ) {
        let seen = before.up_to(&now, step, place(up_to));
        prop_assume!(now.has(step, place(0)) && !before.has(step, place(0)));
        for other in 0..20 {
            for at in 0..PLACES {
                let is_before = (other, at) <= (step, up_to);
                let at = place(at);
                let expected = before.has(other, at) || (is_before && now.has(other, at));
                prop_assert_eq!(seen.has(other, at), expected, "{} {:?}", other, at);
            }
        }
    }

    #[test]
    fn a_cursor_is_parsed_as_written((before, now) in earlier_and_later(), step in 0..20_i64) {
        let parts = [place(3), place(4)].map(|place| before.up_to(&now, step, place));
        for seen in parts.into_iter().chain([before, now]) {
            let cursor = seen.cursor("-0.5e-7");
            prop_assert_eq!(SeenSteps::in_cursor(&cursor), Some(("-0.5e-7", seen)));
        }
    }
}

#[test]
fn the_snapshot_of_a_query_is_parsed() {
    let seen = SeenSteps { below: 20, open: vec![10, 14], part: None };
    assert_eq!(SeenSteps::by_query("10:20:10,14"), Some(seen));
    let none_open = SeenSteps { below: 20, open: Vec::new(), part: None };
    assert_eq!(SeenSteps::by_query("20:20:"), Some(none_open));
    assert_eq!(SeenSteps::by_query("20"), None);
}

#[test]
fn a_cursor_expires_when_an_unseen_end_is_deleted() {
    let seen = SeenSteps { below: 20, open: vec![10], part: None };
    let now = |open| SeenSteps { below: 30, open, part: None };

    assert!(seen.is_known(&now(vec![10]), 9));
    assert!(seen.is_known(&now(Vec::new()), 9));
    assert!(!seen.is_known(&now(Vec::new()), 10), "that of 10 may be forgotten");
    assert!(seen.is_known(&now(vec![10]), 19), "10 has left nothing yet");
    assert!(!seen.is_known(&now(vec![10]), 20));
    assert!(!now(Vec::new()).is_known(&seen, 0), "it is from the future");
}

#[tokio::test]
async fn sqlite_reads_the_feed_by_its_index() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    MIGRATIONS.run(&mut connection).await.unwrap();
    let Sql::Each { sqlite: [text], .. } = UNSEEN else { panic!("it is one statement") };
    let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")));
    let plan = plan.fetch_all(&mut connection).await.unwrap();
    let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();

    let of_ends: Vec<_> = steps.iter().filter(|step| step.contains("ended_sessions")).collect();
    assert_eq!(of_ends.len(), 2, "{steps:?}");
    for step in of_ends {
        assert!(step.starts_with("SEARCH") && step.contains("ended_sessions_by_step"), "{steps:?}");
    }
}
