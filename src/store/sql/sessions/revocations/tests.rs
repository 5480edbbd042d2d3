//! Tests of cursors as snapshots of `PostgreSQL`.

use proptest::prelude::*;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::*;
use crate::store::sql::migrations::MIGRATIONS;

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

/// Snapshots, each of which contains the one before.
fn three_snapshots() -> impl Strategy<Value = [SeenSteps; 3]> {
    let steps = prop::collection::vec(0..6_u8, 20);
    (steps, prop::array::uniform3(0..20_i64)).prop_map(|(ends, mut below)| {
        below.sort_unstable();
        // 0 is still open at the last snapshot, 1 was at the second, 2 at the first.
        let open = |below: i64, most: u8| {
            let numbered = (0_i64..).zip(&ends).filter(move |(_, end)| **end <= most);
            numbered.map(|(step, _)| step).filter(|step| *step < below).collect()
        };
        [(below[0], 2), (below[1], 1), (below[2], 0)].map(|(below, most)| SeenSteps {
            below,
            open: open(below, most),
            part: None,
        })
    })
}

proptest! {
    #[test]
    fn a_cursor_after_an_end_contains_exactly_the_seen_ends(
        [first, second, now] in three_snapshots(),
        (step, up_to) in (0..20_i64, 0..PLACES),
        earlier in prop::option::of((0..20_i64, 0..PLACES)),
    ) {
        let mut before = first.clone();
        if let Some((step, up_to)) = earlier {
            prop_assume!(second.has(step, place(0)) && !first.has(step, place(0)));
            before = first.up_to(&second, step, place(up_to));
        }
        prop_assume!(now.has(step, place(0)) && !before.has(step, place(up_to)));

        let seen = before.up_to(&now, step, place(up_to));

        // The rest of a partly read step comes first.
        let part = before.part.map(|(part, _)| part);
        let order = |step: i64, at: u128| (part != Some(step), step, at);
        for other in 0..20 {
            for at in 0..PLACES {
                let is_before = order(other, at) <= order(step, up_to);
                let expected =
                    before.has(other, place(at)) || (is_before && now.has(other, place(at)));
                prop_assert_eq!(seen.has(other, place(at)), expected, "{} {:?}", other, at);
            }
        }
    }

    #[test]
    fn a_cursor_is_parsed_as_written([before, now, _] in three_snapshots(), step in 0..20_i64) {
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
