//! The Lua scripts. Redis runs each atomically.
//!
//! Their first line declares flags, which Redis checks before it runs anything. A script that may
//! write is refused by a replica, by a primary with too few replicas, and by one that cannot save.
//! Read scripts ask for the right to write too, so that no session is accepted by a server that
//! would refuse a revocation. With a full disk (MISCONF) they run read-only.

use std::sync::LazyLock;

use super::record::{
    CHILD, ENDED, FAMILIES, HAS_FACTOR, HAS_PASSKEY, IS_PROVEN, IS_USER, LIVE, RULE, WAS_ANONYMOUS,
    WAS_CHILD, WAS_ROTATED, reason as number_of,
};
use crate::accounts::Epoch;
use crate::sessions::EndReason;

/// The prefix of all keys; 1 is the version of the record format.
pub(super) const PREFIX: &str = "anteroom:1:";

/// The prefix of the keys that decide whether a token is valid.
pub(super) const TRACKED: &str = "anteroom:1:t";

/// The argument of a start for the policy of the session limit.
pub(super) const LIMIT_EVICTS_OLDEST: &str = "0";
pub(super) const LIMIT_REFUSES: &str = "1";
pub(super) const LIMIT_EVICTS_IDLE: &str = "2";

/// A script with its SHA-1 digest.
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

/// An operation and how it may run.
pub(super) struct Operation {
    pub(super) script: Script,
    /// The read-only variant, for a server whose disk is full.
    pub(super) reading: Option<Script>,
    /// Whether it is idempotent, so that it is sent again after a lost connection.
    pub(super) is_idempotent: bool,
}

impl Operation {
    fn reads(body: &str) -> Self {
        let parts = [READING, body];
        let script = Script::new("allow-oom,no-cluster", &parts);
        let reading = Some(Script::new("no-writes,no-cluster", &parts));
        Self { script, reading, is_idempotent: true }
    }

    /// Runs even without free memory, because ending sessions frees memory eventually.
    fn ends(body: &str) -> Self {
        let script = Script::new("allow-oom,no-cluster", &[READING, WRITING, body]);
        Self { script, reading: None, is_idempotent: false }
    }

    fn adds(body: &str) -> Self {
        let script = Script::new("no-cluster", &[READING, WRITING, body]);
        Self { script, reading: None, is_idempotent: false }
    }

    fn idempotent(self) -> Self {
        Self { is_idempotent: true, ..self }
    }
}

const READING: &str = include_str!("lua/reading.lua");
const WRITING: &str = include_str!("lua/writing.lua");

pub(super) static LOAD: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/load.lua")));
pub(super) static FIND: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/find.lua")));
pub(super) static TOKEN: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/token.lua")));
pub(super) static DATA: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/data.lua")));
pub(super) static LIST: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/list.lua")));
pub(super) static NEWEST: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/newest.lua")));
pub(super) static CHILDREN: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/children.lua")));
pub(super) static COUNT: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/count.lua")));
pub(super) static FEED: LazyLock<Operation> =
    LazyLock::new(|| Operation::reads(include_str!("lua/feed.lua")));
pub(super) static IDENTIFY: LazyLock<Operation> =
    LazyLock::new(|| Operation::ends(include_str!("lua/identify.lua")).idempotent());
pub(super) static START: LazyLock<Operation> =
    LazyLock::new(|| Operation::adds(include_str!("lua/start.lua")));
pub(super) static START_CHILD: LazyLock<Operation> =
    LazyLock::new(|| Operation::adds(include_str!("lua/start_child.lua")));
pub(super) static KEEP_CODE: LazyLock<Operation> =
    LazyLock::new(|| Operation::adds(include_str!("lua/keep_code.lua")));
pub(super) static TAKE_CODE: LazyLock<Operation> =
    LazyLock::new(|| Operation::ends(include_str!("lua/take_code.lua")));
pub(super) static KEEP: LazyLock<Operation> =
    LazyLock::new(|| Operation::adds(include_str!("lua/keep.lua")));
pub(super) static TOUCH: LazyLock<Operation> =
    LazyLock::new(|| Operation::ends(include_str!("lua/touch.lua")).idempotent());
pub(super) static ROTATE: LazyLock<Operation> =
    LazyLock::new(|| Operation::ends(include_str!("lua/rotate.lua")));
pub(super) static END: LazyLock<Operation> =
    LazyLock::new(|| Operation::ends(include_str!("lua/end.lua")));
pub(super) static RAISE: LazyLock<Operation> =
    LazyLock::new(|| Operation::ends(include_str!("lua/raise.lua")));
pub(super) static END_ALL: LazyLock<Operation> =
    LazyLock::new(|| Operation::ends(include_str!("lua/end_all.lua")));
pub(super) static SWEEP: LazyLock<Operation> =
    LazyLock::new(|| Operation::ends(include_str!("lua/sweep.lua")));
/// As [`READY`], but also fails without free memory, when no session can start.
pub(super) static READY_TO_START: LazyLock<Operation> = LazyLock::new(|| {
    let script = Script::new("no-cluster", &[include_str!("lua/ready.lua")]);
    Operation { script, reading: None, is_idempotent: true }
});
/// Without a read-only variant: a server that cannot save is not ready.
pub(super) static READY: LazyLock<Operation> = LazyLock::new(|| {
    let script = Script::new("allow-oom,no-cluster", &[include_str!("lua/ready.lua")]);
    Operation { script, reading: None, is_idempotent: true }
});
/// Does nothing but ask for the right to write.
pub(super) static PROBE: LazyLock<Script> =
    LazyLock::new(|| Script::new("allow-oom,no-cluster", &[include_str!("lua/probe.lua")]));
/// Changes a tracked key.
pub(super) static CANARY: LazyLock<Operation> = LazyLock::new(|| {
    let script = Script::new("allow-oom,no-cluster", &[include_str!("lua/canary.lua")]);
    Operation { script, reading: None, is_idempotent: true }
});

/// Lua constants for the record format.
fn names() -> String {
    let reason = |reason| format!("'\\{}'", number_of(reason));
    format!(
        "local PREFIX, LIVE, ENDED, CHILD = '{PREFIX}', {LIVE}, {ENDED}, {CHILD}\n\
         local RULE, IS_USER, IS_PROVEN = {RULE}, {IS_USER}, {IS_PROVEN}\n\
         local WAS_ANONYMOUS, WAS_ROTATED, WAS_CHILD = {WAS_ANONYMOUS}, {WAS_ROTATED}, {WAS_CHILD}\n\
         local FAMILIES, HAS_FACTOR, HAS_PASSKEY = {FAMILIES}, {HAS_FACTOR}, {HAS_PASSKEY}\n\
         local LIMIT_REFUSES, LIMIT_EVICTS_IDLE = '{LIMIT_REFUSES}', '{LIMIT_EVICTS_IDLE}'\n\
         local FIRST_EPOCH = {}\n\
         local IDLE_TIMEOUT, ABSOLUTE_TIMEOUT = {}, {}\n\
         local REPLACED, SIGNED_OUT, SESSION_LIMIT = {}, {}, {}\n\
         local NO_USER = ('\\0'):rep(16)\n",
        Epoch::FIRST.number(),
        reason(EndReason::IdleTimeout),
        reason(EndReason::AbsoluteTimeout),
        reason(EndReason::Replaced),
        reason(EndReason::SignedOut),
        reason(EndReason::SessionLimit),
    )
}
