//! Leases, explored exhaustively: every order in which the steps of servers, stores, messages and
//! clocks can come. With all rules no check is accepted that begins after an end was answered, or
//! later than the wait after the store acknowledged it, answered or not. Without any one of them
//! some check is. `docs/decisions/0010-leases.md` has the rules and the argument.
//!
//! Of times there is only what is left or gone of them. So the states are few, and nothing has to
//! be cut off: probes, reads, ticks, lost connections and forgotten subscriptions come as often as
//! they like, at any time. Only the ends are counted: there are two, or three where the variable
//! `LEASE_MODEL_ENDS` says so.

mod distributed;
mod explorer;
mod holder;
mod local;
mod rules;
mod tokens;

use std::path::Path;

use distributed::Distributed;
use explorer::{Explored, explore};
use holder::Times;
use local::Local;
use rules::{Laws, Premise, Rule};
use tokens::Tokens;

use crate::harness::chance::rounds;

/// What is explored.
#[derive(Clone, Copy, Debug)]
enum World {
    /// Several servers on one store, and how often the session is revoked there.
    Servers(usize),
    /// One server on a file, how many of its requests end the session, and how many commands.
    File(usize, usize),
    /// What a server remembers of a session whose token changes.
    Tokens,
}

const ONE_REVOKE: World = World::Servers(1);
const TWO_REVOKES: World = World::Servers(2);
const FILE: World = World::File(1, 1);
/// Sessions in the server's own memory: no command gets at them.
const MEMORY: World = World::File(2, 0);
const TOKENS: World = World::Tokens;

fn explored(world: World, times: Times, laws: Laws) -> Explored {
    match world {
        World::Servers(revokes) => explore(&Distributed { laws, times, revokes }),
        World::File(requests, commands) => explore(&Local { laws, times, requests, commands }),
        World::Tokens => explore(&Tokens { laws }),
    }
}

/// In each of these worlds.
fn breaks(worlds: &[World], laws: Laws) {
    for world in worlds {
        let found = explored(*world, Times::HALF, laws);
        assert!(found.broken_by.is_some(), "{world:?} does without: {laws:?}");
    }
}

/// Every rule, a test for each, and the worlds that need it.
macro_rules! each_is_needed {
    ($($test:ident: $rule:ident in $($world:ident)+;)+) => {
        const RULES: &[Rule] = &[$(Rule::$rule),+];

        mod a_revoked_session_is_accepted {
            use super::*;

            $(#[test]
            fn $test() {
                breaks(&[$($world),+], Laws::without(Rule::$rule));
            })+
        }
    };
}

each_is_needed! {
    without_a_lease_from_before_the_probe: LeaseFromBeforeTheProbe in ONE_REVOKE FILE;
    without_one_probe_at_a_time: OneProbeAtATime in ONE_REVOKE FILE;
    without_changes_before_answers: ChangesBeforeAnswers in ONE_REVOKE FILE;
    without_asking_after_the_subscription: SubscriptionIsChecked in ONE_REVOKE FILE;
    without_the_word_of_every_store: EveryStoreVouches in ONE_REVOKE FILE;
    without_dropping_everything_when_subscribed: ConfirmationDropsEverything in ONE_REVOKE FILE;
    without_drops_that_reach_fills: InvalidationsRejectStaleInserts in ONE_REVOKE FILE MEMORY TOKENS;
    without_one_token_of_a_session: OneTokenOfASession in TOKENS;
    without_touches_that_bring_nothing_back: TouchesBringNothingBack in TOKENS;
    without_reads_of_their_own: ReadsOfTheirOwn in ONE_REVOKE FILE;
    without_a_clock_that_each_check_reads: ClockIsReadByEachCheck in ONE_REVOKE FILE;
    without_the_lease_before_the_entry: LeaseBeforeEntry in ONE_REVOKE FILE;
    without_the_wait: Wait in ONE_REVOKE FILE;
    without_the_margin: Margin in ONE_REVOKE FILE;
    without_waiting_from_the_acknowledgement: WaitFromTheAcknowledgement in ONE_REVOKE;
    without_the_wait_where_nothing_changed: WaitWhereNothingChanged in TWO_REVOKES FILE;
    without_telling_where_nothing_changed:
        InvalidationWhereNothingChanged in TWO_REVOKES FILE MEMORY;
    without_its_own_drop: OwnDrop in FILE MEMORY;
    without_a_drop_where_nothing_is_known: DropWhereNothingIsKnown in FILE MEMORY;
    without_what_outlives_its_request: OutlivesItsRequest in FILE MEMORY;
}

mod a_revoked_session_is_accepted_also {
    use super::*;

    #[test]
    fn where_clocks_differ_by_more() {
        breaks(&[ONE_REVOKE, FILE], Laws::unless(Premise::ClocksAgree));
    }

    #[test]
    fn where_a_store_answers_before_it_tells() {
        breaks(&[ONE_REVOKE, FILE], Laws::unless(Premise::StoresTellInOrder));
    }

    #[test]
    fn where_a_task_gets_no_turn_before_the_wait_is_over() {
        breaks(&[FILE, MEMORY], Laws::unless(Premise::TasksGetTheirTurn));
    }
}

/// With all rules, over all states, of which there are so many at least.
fn holds(world: World, times: Times, least: usize) {
    let found = explored(world, times, Laws::ALL);
    if let Some(way) = found.broken_by {
        panic!("{world:?}: a revoked session is accepted:\n{}", way.join("\n"));
    }
    assert!(found.states >= least, "{world:?}: there are only {} states", found.states);
}

fn ends() -> usize {
    let ends = rounds("LEASE_MODEL_ENDS", 2, 3);
    assert!((2..=3).contains(&ends), "LEASE_MODEL_ENDS is 2 or 3");
    usize::try_from(ends).unwrap()
}

#[test]
fn no_server_of_several_accepts_what_was_revoked_at_others() {
    holds(World::Servers(ends()), Times::QUARTER, 800_000);
}

#[test]
fn no_server_accepts_what_its_own_requests_ended() {
    holds(World::File(ends(), 0), Times::HALF, 60_000);
}

#[test]
fn no_server_accepts_what_commands_ended() {
    holds(World::File(0, ends()), Times::HALF, 100_000);
}

#[test]
fn no_server_accepts_what_a_request_and_a_command_ended() {
    holds(World::File(ends() - 1, 1), Times::QUARTER, 500_000);
}

#[test]
fn no_server_accepts_what_two_requests_and_a_command_ended() {
    holds(World::File(2, 1), Times::HALF, 700_000);
}

#[test]
fn no_server_caches_a_token_after_its_invalidation() {
    holds(TOKENS, Times::HALF, 600);
}

#[test]
fn the_decision_explains_every_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/decisions/0010-leases.md");
    let decision = std::fs::read_to_string(path).unwrap();
    let explained: Vec<&str> = decision
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(rule, _)| rule)
        .collect();
    let rules: Vec<String> = RULES.iter().map(|rule| format!("{rule:?}")).collect();
    assert_eq!(explained, rules);
}
