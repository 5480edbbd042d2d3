//! The promises of [`SessionStore`], as checks that any backend can be held
//! to. Whoever writes another backend runs [`every_case`] over it, on a multi-threaded runtime:
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
//! Each case is a rule by its name, gets an empty store of its own with room for a thousand live
//! sessions, and starts no clock: the instants of the port are values, and the cases choose them.
//! [`Operation`], [`Model`] and [`replay`] compare a backend, or two, over random traces.

mod brought;
mod data;
mod ending;
mod epochs;
mod feed;
mod invariants;
mod limits;
mod listing;
mod model;
mod operation;
mod racing;
mod rotating;
mod stage;
mod starting;
mod survivors;
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

/// What a backend did against its promises, in words.
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

type Verdict = Result<(), Violation>;
type Check = fn(stage::Stage) -> Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// One rule, and the check of it.
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

    /// Holds an empty store to the rule.
    ///
    /// # Errors
    /// [`Violation`] says what the store did instead, or that it failed.
    pub async fn check(&self, store: Arc<dyn SessionStore>) -> Result<(), Violation> {
        (self.check)(stage::Stage::new(store)).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const CHAPTERS: &[&[Case]] = &[
    starting::CASES,
    limits::CASES,
    brought::CASES,
    ending::CASES,
    rotating::CASES,
    racing::CASES,
    epochs::CASES,
    survivors::CASES,
    touching::CASES,
    data::CASES,
    listing::CASES,
    sweeping::CASES,
    feed::CASES,
    trace::CASES,
];

/// Every rule there is.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    CHAPTERS.iter().copied().flatten()
}

/// Holds a backend to every rule, each on a store of its own that `fresh` makes.
///
/// # Panics
/// When a rule is broken: names every broken one, and what happened instead.
pub async fn every_case(fresh: impl AsyncFn() -> Arc<dyn SessionStore>) {
    let mut broken = Vec::new();
    for case in cases() {
        if let Err(violation) = case.check(fresh().await).await {
            broken.push(format!("{}: {violation}", case.name));
        }
    }
    assert!(broken.is_empty(), "the store breaks its promises:\n- {}", broken.join("\n- "));
}

/// The cases of a chapter, named after their functions.
macro_rules! chapter {
    ($($case:ident,)+) => {
        pub(super) const CASES: &[super::Case] = &[
            $(super::Case { name: stringify!($case), check: |stage| Box::pin($case(stage)) },)+
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

use {chapter, holds, same};
