//! How long a session lives and how many one user may have. Pure arithmetic: the caller
//! passes the time.

use std::time::Duration;

use time::OffsetDateTime;

use super::{EndReason, Ended, Session};
use crate::clock::SKEW;

/// The timeouts of a session. Fixed at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeoutRule {
    /// Anonymous, or signed in without "remember me".
    Standard,
    /// Signed in with "remember me".
    Remembered,
    /// Of an administrator, with or without "remember me".
    Administrator,
}

impl TimeoutRule {
    /// Every rule, in the order of [`TimeoutRule::number`].
    pub const ALL: [Self; 3] = [Self::Standard, Self::Remembered, Self::Administrator];

    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Remembered => "remember_me",
            Self::Administrator => "administrator",
        }
    }

    /// The number that stores keep.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Standard => 0,
            Self::Remembered => 1,
            Self::Administrator => 2,
        }
    }

    /// The rule of this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| i64::from(rule.number()) == number)
    }
}

/// The two timeouts of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Ends a session this long after its last activity.
    pub idle: Duration,
    /// Ends a session this long after its start, with activity too.
    pub absolute: Duration,
}

/// The effect of a sign-in beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitPolicy {
    /// The user's least recently active sessions end.
    EvictIdle,
    /// The user's oldest sessions end.
    EvictOldest,
    /// The sign-in is refused.
    Refuse,
}

/// How many live sessions a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At most this many, at least 1.
    pub most: u32,
    /// The effect of one more.
    pub policy: LimitPolicy,
}

/// How long sessions live and how many a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Anonymous sessions, and signed-in ones without "remember me".
    pub standard: Timeouts,
    /// With "remember me".
    pub remembered: Timeouts,
    /// Of administrators.
    pub administrator: Timeouts,
    /// Live sessions per user.
    pub limit: Limit,
}

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            standard: Timeouts { idle: HOUR, absolute: DAY },
            remembered: Timeouts { idle: 14 * DAY, absolute: 30 * DAY },
            administrator: Timeouts { idle: HOUR / 4, absolute: DAY / 2 },
            limit: Limit { most: 20, policy: LimitPolicy::EvictIdle },
        }
    }
}

impl SessionPolicy {
    /// How long the reason of an end is kept.
    pub const REASON_KEPT: Duration = DAY;

    /// How long a proof of identity allows sensitive operations: deleting the account, a new email
    /// address, an administrator's change.
    pub const FRESH: Duration = Duration::from_mins(10);

    /// Whether the user of `session` proved their identity within [`Self::FRESH`] before `now`. A
    /// proof from the future was dated by a wrong clock, so its age is unknown.
    #[must_use]
    pub fn is_fresh(&self, session: &Session, now: OffsetDateTime) -> bool {
        session.authenticated_at.is_some_and(|at| self.is_recent(at, now))
    }

    /// Whether a proof at this time is within [`Self::FRESH`] before `now`.
    #[must_use]
    pub fn is_recent(&self, at: OffsetDateTime, now: OffsetDateTime) -> bool {
        now < later(at, Self::FRESH) && at <= now.saturating_add(SKEW)
    }

    /// The timeouts of a rule.
    #[must_use]
    pub fn timeouts(&self, rule: TimeoutRule) -> Timeouts {
        match rule {
            TimeoutRule::Standard => self.standard,
            TimeoutRule::Remembered => self.remembered,
            TimeoutRule::Administrator => self.administrator,
        }
    }

    /// When a session that starts at `now` under `rule` ends for good.
    #[must_use]
    pub fn expires_at(&self, rule: TimeoutRule, now: OffsetDateTime) -> OffsetDateTime {
        later(now, self.timeouts(rule).absolute)
    }

    /// When `session` expires without further activity; never after `expires_at`.
    #[must_use]
    pub fn idle_expires_at(&self, session: &Session) -> OffsetDateTime {
        self.idle_after(session, session.last_seen_at)
    }

    /// When `session` would expire without activity after `at`.
    #[must_use]
    pub fn idle_after(&self, session: &Session, at: OffsetDateTime) -> OffsetDateTime {
        later(at, self.timeouts(session.rule).idle).min(session.expires_at)
    }

    /// How old the written activity of a session may be before a request writes it again: a
    /// minute, or a twentieth of the idle timeout where that is shorter.
    #[must_use]
    pub fn touch_interval(&self, rule: TimeoutRule) -> Duration {
        (self.timeouts(rule).idle / 20).min(Duration::from_mins(1))
    }

    /// The policy at `now`.
    #[must_use]
    pub fn cutoffs(&self, now: OffsetDateTime) -> Cutoffs {
        Cutoffs { policy: *self, now }
    }
}

/// The policy at one instant: decides which sessions have expired, also for stores.
#[derive(Clone, Copy, Debug)]
pub struct Cutoffs {
    policy: SessionPolicy,
    now: OffsetDateTime,
}

impl Cutoffs {
    /// The instant.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// The idle timeout of a rule. A session under it has ended when it was last seen this long
    /// ago or longer.
    #[must_use]
    pub fn idle_timeout(&self, rule: TimeoutRule) -> Duration {
        self.policy.timeouts(rule).idle
    }

    /// The latest `last_seen_at` at which a session under `rule` has ended for idleness by now.
    #[must_use]
    pub fn idle_since(&self, rule: TimeoutRule) -> OffsetDateTime {
        self.now.checked_sub(signed(self.idle_timeout(rule))).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Ends before this instant are forgotten.
    #[must_use]
    pub fn forgotten_before(&self) -> OffsetDateTime {
        self.now
            .checked_sub(signed(SessionPolicy::REASON_KEPT))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// How and when the timeouts ended `session`; `None` while it is live. The first instant at
    /// which a session is refused is its deadline.
    #[must_use]
    pub fn ended(&self, session: &Session) -> Option<Ended> {
        let idle = self.policy.idle_expires_at(session);
        if self.now < idle {
            return None;
        }
        let reason = if idle < session.expires_at {
            EndReason::IdleTimeout
        } else {
            EndReason::AbsoluteTimeout
        };
        Some(Ended { reason, at: idle })
    }

    /// Whether the reason of this end is still reported.
    #[must_use]
    pub fn remembers(&self, ended: Ended) -> bool {
        ended.at >= self.forgotten_before()
    }
}

fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

/// `at` plus `duration`, at most the end of the calendar.
fn later(at: OffsetDateTime, duration: Duration) -> OffsetDateTime {
    at.saturating_add(signed(duration))
}

#[cfg(test)]
mod tests;
