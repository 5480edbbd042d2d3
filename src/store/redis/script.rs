//! The scripts: each is one step for Redis, whatever else is going on.
//!
//! They begin with a line of flags, for which Redis then vouches before it runs anything: a script
//! that may write is refused by a replica, by a primary that lacks the replicas it was told to
//! have, and by one that cannot save. That goes for scripts that only read too, so that nobody is
//! let in by a server that would not take a revocation; only a full disk does not keep people out.

use std::sync::LazyLock;

use super::record::{
    ENDED, FAMILIES, IS_PROVEN, IS_USER, LIVE, RULE, WAS_ANONYMOUS, WAS_ROTATED,
    reason as number_of,
};
use crate::accounts::Epoch;
use crate::sessions::EndReason;

/// What all keys begin with; 1 is the version of what they hold.
pub(super) const PREFIX: &str = "anteroom:1:";

/// What the keys begin with that say whether a token is good.
pub(super) const TRACKED: &str = "anteroom:1:t";

/// What a start is told of the policy of the limit.
pub(super) const LIMIT_EVICTS_OLDEST: &str = "0";
pub(super) const LIMIT_REFUSES: &str = "1";
pub(super) const LIMIT_EVICTS_IDLE: &str = "2";

/// A script by its text and the digest that Redis knows it by.
pub(super) struct Script {
    pub(super) text: String,
    pub(super) digest: String,
}

impl Script {
    fn new(flags: &str, parts: &[&str]) -> Self {
        let text = format!("#!lua flags={flags}\n{}{}", names(), parts.concat());
        let digest = redis::Script::new(&text).get_hash().to_owned();
        Self { text, digest }
    }
}

/// A step and how it may be run.
pub(super) struct Step {
    pub(super) script: Script,
    /// The same without the right to write, for a server whose disk is full.
    pub(super) reading: Option<Script>,
    /// Whether twice is as good as once, so that it is sent again when a connection was cut.
    pub(super) repeats: bool,
}

impl Step {
    fn reads(body: &str) -> Self {
        let parts = [READING, body];
        let script = Script::new("allow-oom,no-cluster", &parts);
        let reading = Some(Script::new("no-writes,no-cluster", &parts));
        Self { script, reading, repeats: true }
    }

    /// It gives back more memory than it takes, sooner or later: also when there is none left.
    fn ends(body: &str) -> Self {
        let script = Script::new("allow-oom,no-cluster", &[READING, WRITING, body]);
        Self { script, reading: None, repeats: false }
    }

    fn adds(body: &str) -> Self {
        let script = Script::new("no-cluster", &[READING, WRITING, body]);
        Self { script, reading: None, repeats: false }
    }

    fn repeatable(self) -> Self {
        Self { repeats: true, ..self }
    }
}

const READING: &str = include_str!("lua/reading.lua");
const WRITING: &str = include_str!("lua/writing.lua");

pub(super) static LOAD: LazyLock<Step> =
    LazyLock::new(|| Step::reads(include_str!("lua/load.lua")));
pub(super) static FIND: LazyLock<Step> =
    LazyLock::new(|| Step::reads(include_str!("lua/find.lua")));
pub(super) static DATA: LazyLock<Step> =
    LazyLock::new(|| Step::reads(include_str!("lua/data.lua")));
pub(super) static LIST: LazyLock<Step> =
    LazyLock::new(|| Step::reads(include_str!("lua/list.lua")));
pub(super) static NEWEST: LazyLock<Step> =
    LazyLock::new(|| Step::reads(include_str!("lua/newest.lua")));
pub(super) static COUNT: LazyLock<Step> =
    LazyLock::new(|| Step::reads(include_str!("lua/count.lua")));
pub(super) static FEED: LazyLock<Step> =
    LazyLock::new(|| Step::reads(include_str!("lua/feed.lua")));
pub(super) static IDENTIFY: LazyLock<Step> =
    LazyLock::new(|| Step::ends(include_str!("lua/identify.lua")).repeatable());
pub(super) static START: LazyLock<Step> =
    LazyLock::new(|| Step::adds(include_str!("lua/start.lua")));
pub(super) static KEEP: LazyLock<Step> = LazyLock::new(|| Step::adds(include_str!("lua/keep.lua")));
pub(super) static TOUCH: LazyLock<Step> =
    LazyLock::new(|| Step::ends(include_str!("lua/touch.lua")).repeatable());
pub(super) static ROTATE: LazyLock<Step> =
    LazyLock::new(|| Step::ends(include_str!("lua/rotate.lua")));
pub(super) static END: LazyLock<Step> = LazyLock::new(|| Step::ends(include_str!("lua/end.lua")));
pub(super) static RAISE: LazyLock<Step> =
    LazyLock::new(|| Step::ends(include_str!("lua/raise.lua")));
pub(super) static END_ALL: LazyLock<Step> =
    LazyLock::new(|| Step::ends(include_str!("lua/end_all.lua")));
pub(super) static SWEEP: LazyLock<Step> =
    LazyLock::new(|| Step::ends(include_str!("lua/sweep.lua")));
/// As [`READY`], of a server that has memory left: without it nobody new can sign in.
pub(super) static ABLE: LazyLock<Step> = LazyLock::new(|| {
    let script = Script::new("no-cluster", &[include_str!("lua/ready.lua")]);
    Step { script, reading: None, repeats: true }
});
/// Without the fallback of the others: a server that cannot save is not ready.
pub(super) static READY: LazyLock<Step> = LazyLock::new(|| {
    let script = Script::new("allow-oom,no-cluster", &[include_str!("lua/ready.lua")]);
    Step { script, reading: None, repeats: true }
});
/// Asks for the right to write, and for nothing else.
pub(super) static VOUCH: LazyLock<Script> =
    LazyLock::new(|| Script::new("allow-oom,no-cluster", &[include_str!("lua/vouch.lua")]));
/// Twice is as good as once.
pub(super) static CANARY: LazyLock<Step> = LazyLock::new(|| {
    let script = Script::new("allow-oom,no-cluster", &[include_str!("lua/canary.lua")]);
    Step { script, reading: None, repeats: true }
});

/// What the scripts call the numbers of a record.
fn names() -> String {
    let reason = |reason| format!("'\\{}'", number_of(reason));
    format!(
        "local PREFIX, LIVE, ENDED = '{PREFIX}', {LIVE}, {ENDED}\n\
         local RULE, IS_USER, IS_PROVEN = {RULE}, {IS_USER}, {IS_PROVEN}\n\
         local WAS_ANONYMOUS, WAS_ROTATED = {WAS_ANONYMOUS}, {WAS_ROTATED}\n\
         local FAMILIES = {FAMILIES}\n\
         local LIMIT_REFUSES, LIMIT_EVICTS_IDLE = '{LIMIT_REFUSES}', '{LIMIT_EVICTS_IDLE}'\n\
         local FIRST_EPOCH = {}\n\
         local IDLE_TIMEOUT, ABSOLUTE_TIMEOUT = {}, {}\n\
         local REPLACED, SIGNED_OUT, SESSION_LIMIT = {}, {}, {}\n\
         local NOBODY = ('\\0'):rep(16)\n",
        Epoch::FIRST.number(),
        reason(EndReason::IdleTimeout),
        reason(EndReason::AbsoluteTimeout),
        reason(EndReason::Replaced),
        reason(EndReason::SignedOut),
        reason(EndReason::SessionLimit),
    )
}
