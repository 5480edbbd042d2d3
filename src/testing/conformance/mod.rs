//! Tests of the promises of [`SessionStore`] for any implementation. Run [`every_case`] on a
//! multi-threaded runtime:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use anteroom::sessions::SessionStore;
//! # use anteroom::testing::conformance;
//! # async fn fresh_store() -> Arc<dyn SessionStore> { unimplemented!() }
//! # async fn test() {
//! conformance::every_case(fresh_store).await;
//! # }
//! ```
//!
//! Each case is named after its rule and gets a separate empty store for 1000 live sessions. There
//! is no clock: the cases choose the instants that they pass to the port.
//! [`Operation`], [`Model`] and [`replay`] compare a backend, or two, over random traces.

mod children;
mod children_ending;
mod children_racing;
mod codes;
mod data;
mod ending;
mod epochs;
mod feed;
mod fixture;
mod invariants;
mod kept_sessions;
mod limits;
mod listing;
mod model;
mod model_children;
mod operation;
mod previous_token;
mod racing;
mod rotating;
mod starting;
mod sweeping;
mod touching;
mod trace;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

pub use self::model::Model;
pub use self::operation::{Operation, Question};
pub use self::trace::{Answer, check_trace, random_trace, replay};
use crate::failure::StoreError;
use crate::sessions::SessionStore;

/// A description of a broken promise.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Violation(String);

impl Violation {
    fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("the store failed: {error:?}"))
    }
}

type CaseResult = Result<(), Violation>;
type Check = fn(fixture::Fixture) -> Pin<Box<dyn Future<Output = CaseResult> + Send>>;

/// One rule and its test.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    check: Check,
}

impl Case {
    /// The rule, with underscores for spaces.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Tests an empty store against the rule.
    ///
    /// # Errors
    /// [`Violation`] says what the store did instead, or that it failed.
    pub async fn check(&self, store: Arc<dyn SessionStore>) -> Result<(), Violation> {
        (self.check)(fixture::Fixture::new(store)).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const CASE_GROUPS: &[&[Case]] = &[
    starting::CASES,
    limits::CASES,
    previous_token::CASES,
    ending::CASES,
    rotating::CASES,
    racing::CASES,
    epochs::CASES,
    kept_sessions::CASES,
    touching::CASES,
    data::CASES,
    listing::CASES,
    sweeping::CASES,
    feed::CASES,
    children::CASES,
    children_ending::CASES,
    children_racing::CASES,
    codes::CASES,
    trace::CASES,
];

/// All rules.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    CASE_GROUPS.iter().copied().flatten()
}

/// Tests a backend against every rule, each on a new store from `fresh`.
///
/// # Panics
/// When a rule is broken. The message names all broken rules.
pub async fn every_case(fresh: impl AsyncFn() -> Arc<dyn SessionStore>) {
    let mut broken = Vec::new();
    for case in cases() {
        if let Err(violation) = case.check(fresh().await).await {
            broken.push(format!("{}: {violation}", case.name));
        }
    }
    assert!(broken.is_empty(), "the store breaks its promises:\n- {}", broken.join("\n- "));
}

/// Defines the cases of a group, named after their functions.
macro_rules! case_group {
    ($($case:ident,)+) => {
        pub(super) const CASES: &[super::Case] = &[
            $(super::Case { name: stringify!($case), check: |fixture| Box::pin($case(fixture)) },)+
        ];
    };
}

/// Leaves the case with a violation unless the two are equal.
macro_rules! same {
    ($left:expr, $right:expr, $($what:tt)+) => {
        match (&$left, &$right) {
            (left, right) => if *left != *right {
                let what = format!($($what)+);
                let found = format!("{what}: found {left:?}, expected {right:?}");
                return Err($crate::testing::conformance::Violation::new(found));
            }
        }
    };
}

/// Leaves the case with a violation unless the condition holds.
macro_rules! holds {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err($crate::testing::conformance::Violation::new(format!($($what)+)));
        }
    };
}

use {case_group, holds, same};
