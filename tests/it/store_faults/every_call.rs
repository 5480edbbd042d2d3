//! The kinds of faults, each at every call of every route. The ordinary run has all of them over
//! `SQLite`, and over Redis those that only two stores can have; the nightly run has all over each.

use super::{LATE, every_call_of_every_operation};
use crate::harness::app::{Kind, on_one_store, over};
use crate::harness::failing::Fault;

on_one_store!(
    err_3_a_call_that_fails_before_its_effect_is_never_a_false_answer,
    err_3_a_lost_reply_is_never_a_false_answer,
    err_3_a_store_that_goes_away_is_never_a_false_answer,
    err_3_a_late_store_is_waited_for,
    err_2_a_panic_at_any_call_is_never_a_false_answer,
);

mod in_redis {
    super::over!(
        Redis,
        super::err_3_a_lost_reply_is_never_a_false_answer =>
            err_3_a_lost_reply_is_never_a_false_answer
    );
}

async fn err_3_a_call_that_fails_before_its_effect_is_never_a_false_answer(kind: Kind) {
    every_call_of_every_operation(kind, Fault::Before).await;
}

async fn err_3_a_lost_reply_is_never_a_false_answer(kind: Kind) {
    every_call_of_every_operation(kind, Fault::After).await;
}

async fn err_3_a_store_that_goes_away_is_never_a_false_answer(kind: Kind) {
    every_call_of_every_operation(kind, Fault::Outage).await;
}

async fn err_3_a_late_store_is_waited_for(kind: Kind) {
    every_call_of_every_operation(kind, Fault::Late(LATE)).await;
}

async fn err_2_a_panic_at_any_call_is_never_a_false_answer(kind: Kind) {
    every_call_of_every_operation(kind, Fault::Panic).await;
}
