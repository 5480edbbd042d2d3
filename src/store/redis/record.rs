//! The binary record format. The scripts access the fields before the client by offset; see
//! `lua/reading.lua`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use time::OffsetDateTime;
use uuid::Uuid;

use super::agent;
use crate::accounts::{Epoch, Factor, PasskeyId, UserId};
use crate::clock::{from_unix_milliseconds, unix_milliseconds};
use crate::failure::StoreError;
use crate::sessions::{
    Child, Client, CodeDigest, EndReason, Ended, HandoverBinding, HandoverCode, LiveChild, Loaded,
    Origin, Owner, ProvenFactor, Session, SessionId, SessionPasskey, TimedOut, TimeoutRule,
};

/// The first byte of a record, which is also the version of its format.
pub(super) const LIVE: u8 = 1;
pub(super) const ENDED: u8 = 2;
pub(super) const CHILD: u8 = 3;

/// Flags of a live session.
pub(super) const RULE: u8 = 0b11;
const REMEMBER_ME: u8 = 1 << 2;
pub(super) const IS_USER: u8 = 1 << 3;
pub(super) const IS_PROVEN: u8 = 1 << 4;
const HAS_V4: u8 = 1 << 5;
const HAS_V6: u8 = 1 << 6;
pub(super) const FAMILIES: u8 = HAS_V4 | HAS_V6;
/// Before the client are the number of a second factor, and when it was proven.
pub(super) const HAS_FACTOR: u8 = 1 << 7;

/// Flags beside the number of the second factor.
const FACTOR: u8 = 0b11_1111;
/// The passkey was enough: no password was asked for.
const IS_ALONE: u8 = 1 << 6;
/// Behind the time of the second factor is the id of the passkey that started the session.
pub(super) const HAS_PASSKEY: u8 = 1 << 7;

/// Flags of an ended session.
pub(super) const WAS_ANONYMOUS: u8 = 1;
pub(super) const WAS_ROTATED: u8 = 1 << 1;
pub(super) const WAS_CHILD: u8 = 1 << 2;

/// The zero of record times, in milliseconds since 1970: the first time of the calendar, so that
/// scripts see no negative number. Seven bytes cover the calendar, and Lua is exact up to 2^53.
const TIME_ORIGIN: i64 = -377_705_116_800_000;

/// Milliseconds since [`TIME_ORIGIN`].
pub(super) type Time = [u8; 7];

pub(super) fn milliseconds(at: OffsetDateTime) -> u64 {
    let since = unix_milliseconds(at).saturating_sub(TIME_ORIGIN);
    u64::try_from(since).unwrap_or(0).min((1 << 53) - 1)
}

pub(super) fn time(at: OffsetDateTime) -> Time {
    let [_, time @ ..] = milliseconds(at).to_be_bytes();
    time
}

fn instant(time: Time) -> OffsetDateTime {
    let mut bytes = [0; 8];
    bytes[1..].copy_from_slice(&time);
    from_unix_milliseconds(i64::from_be_bytes(bytes).saturating_add(TIME_ORIGIN))
}

/// The number of a reason. Stored in records, so numbers never change.
pub(super) fn reason(reason: EndReason) -> u8 {
    match reason {
        EndReason::IdleTimeout => 0,
        EndReason::AbsoluteTimeout => 1,
        EndReason::SignedOut => 2,
        EndReason::RevokedByUser => 3,
        EndReason::RevokedByAdmin => 4,
        EndReason::PasswordChanged => 5,
        EndReason::RoleChanged => 6,
        EndReason::SessionLimit => 7,
        EndReason::AccountDisabled => 8,
        EndReason::AccountDeleted => 9,
        EndReason::Replaced => 10,
        EndReason::FactorChanged => 11,
        EndReason::CredentialRemoved => 12,
    }
}

/// Why and when, as the scripts pass it on.
pub(super) fn why(ended: Ended) -> Vec<u8> {
    [&[reason(ended.reason)][..], &time(ended.at)].concat()
}

/// An epoch in five bytes. A thousand raises per second last for over thirty years.
pub(super) fn epoch(epoch: Epoch) -> [u8; 5] {
    let number = u64::try_from(epoch.number()).unwrap_or(0).min((1 << 40) - 1);
    let [_, _, _, epoch @ ..] = number.to_be_bytes();
    epoch
}

/// The record of a session. The script fills in the generation.
pub(super) fn live(session: &Session) -> Vec<u8> {
    let (user, under) = match session.owner {
        Owner::Anonymous => (Uuid::nil(), Epoch::from_number(0)),
        Owner::User { id, epoch } => (id.as_uuid(), epoch),
    };
    let mut client = client(&session.client).into_iter();
    let family = client.next().unwrap_or_default();
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = session.rule.number()
        | flag(session.remember_me, REMEMBER_ME)
        | flag(session.owner != Owner::Anonymous, IS_USER)
        | flag(session.authenticated_at.is_some(), IS_PROVEN)
        | flag(session.second_factor.is_some(), HAS_FACTOR)
        | family;
    let mut record = vec![LIVE, flags, 0, 0, 0];
    record.extend_from_slice(session.id.as_uuid().as_bytes());
    record.extend_from_slice(user.as_bytes());
    record.extend_from_slice(&epoch(under));
    record.extend_from_slice(&time(session.created_at));
    record.extend_from_slice(&session.authenticated_at.map(time).unwrap_or_default());
    record.extend_from_slice(&time(session.expires_at));
    if let Some(proven) = session.second_factor {
        let is_alone = session.passkey.is_some_and(|passkey| passkey.is_alone);
        let passkey = flag(session.passkey.is_some(), HAS_PASSKEY) | flag(is_alone, IS_ALONE);
        record.push(proven.factor.number() | passkey);
        record.extend_from_slice(&time(proven.at));
        if let Some(passkey) = session.passkey {
            record.extend_from_slice(passkey.id.as_uuid().as_bytes());
        }
    }
    record.extend(client);
    record
}

/// A client: the flag of the address family, the address, and the user agent.
pub(super) fn client(client: &Client) -> Vec<u8> {
    let mut bytes = match client.ip_address {
        None => vec![0],
        Some(IpAddr::V4(address)) => [&[HAS_V4][..], &address.octets()].concat(),
        Some(IpAddr::V6(address)) => [&[HAS_V6][..], &address.octets()].concat(),
    };
    agent::shorten(&client.user_agent, &mut bytes);
    bytes
}

fn parse_client(family: u8, bytes: &[u8]) -> Option<Client> {
    let mut bytes = Bytes(bytes);
    let ip_address = match family & FAMILIES {
        0 => None,
        HAS_V4 => Some(IpAddr::V4(Ipv4Addr::from(bytes.take::<4>()?))),
        HAS_V6 => Some(IpAddr::V6(Ipv6Addr::from(bytes.take::<16>()?))),
        _ => return None,
    };
    Some(Client { ip_address, user_agent: agent::expand(bytes.0)? })
}

/// The record that a script found for a token or an id.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FoundToken {
    Live(Session),
    Child(LiveChild),
    EndedChild(Ended),
    Ended {
        ended: Ended,
        anonymous: bool,
        /// The session, if the token ended by a rotation.
        rotated_from: Option<SessionId>,
    },
}

impl FoundToken {
    pub(super) fn loaded(self) -> Loaded {
        match self {
            Self::Live(session) => Loaded::Live(session),
            Self::Child(child) => Loaded::Child(child),
            Self::EndedChild(ended) => Loaded::EndedChild(ended),
            Self::Ended { ended, anonymous, .. } => Loaded::Ended { ended, anonymous },
        }
    }
}

/// Parses a record with the additions of the scripts. A corrupt record is logged and counts as
/// none, so that it neither authenticates a user nor breaks a list.
pub(super) fn parse(bytes: &[u8]) -> Option<FoundToken> {
    let read = match bytes.split_first() {
        Some((&LIVE, rest)) => parse_live(rest).map(FoundToken::Live),
        Some((&ENDED, rest)) => parse_ended(rest),
        Some((&CHILD, rest)) => parse_with_parent(rest).map(FoundToken::Child),
        _ => None,
    };
    if read.is_none() {
        tracing::error!("could not read a session record; skipped it");
    }
    read
}

fn parse_live(bytes: &[u8]) -> Option<Session> {
    let mut bytes = Bytes(bytes);
    let [flags, _, _, _] = bytes.take()?;
    let id = SessionId::from_uuid(Uuid::from_bytes(bytes.take()?));
    let user = UserId::from_uuid(Uuid::from_bytes(bytes.take()?));
    let epoch = Epoch::from_number(bytes.number::<5>()?);
    let created_at = instant(bytes.take()?);
    let authenticated_at = instant(bytes.take()?);
    let expires_at = instant(bytes.take()?);
    let has = |flag: u8| flags & flag != 0;
    let (second_factor, passkey) = if has(HAS_FACTOR) {
        bytes.proven_factor().map(|(factor, passkey)| (Some(factor), passkey))?
    } else {
        (None, None)
    };
    let (rest, last_seen_at) = bytes.0.split_last_chunk()?;
    let (rest, length) = rest.split_last_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (first, last) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
    let moved_to = match last.split_first() {
        None => None,
        Some((family, last)) => Some(parse_client(*family, last)?),
    };
    Some(Session {
        id,
        owner: if has(IS_USER) { Owner::User { id: user, epoch } } else { Owner::Anonymous },
        created_at,
        authenticated_at: has(IS_PROVEN).then_some(authenticated_at),
        second_factor,
        passkey,
        last_seen_at: instant(*last_seen_at),
        expires_at,
        rule: TimeoutRule::from_number(i64::from(flags & RULE))?,
        remember_me: has(REMEMBER_ME),
        client: parse_client(flags, first)?,
        moved_to,
    })
}

fn parse_ended(bytes: &[u8]) -> Option<FoundToken> {
    let mut bytes = Bytes(bytes);
    let [flags] = bytes.take()?;
    let ended = bytes.ended()?;
    let id = SessionId::from_uuid(Uuid::from_bytes(bytes.take()?));
    let found = if flags & WAS_CHILD != 0 {
        FoundToken::EndedChild(ended)
    } else {
        FoundToken::Ended {
            ended,
            anonymous: flags & WAS_ANONYMOUS != 0,
            rotated_from: (flags & WAS_ROTATED != 0).then_some(id),
        }
    };
    bytes.0.is_empty().then_some(found)
}

/// The record of a child. The length of its origin is two bytes.
pub(super) fn child(child: &Child) -> Result<Vec<u8>, StoreError> {
    let origin = child.origin.as_str().as_bytes();
    let length = u16::try_from(origin.len()).map_err(|_| StoreError::Corrupt("a long origin"))?;
    let mut client = client(&child.client).into_iter();
    let mut record = vec![CHILD, client.next().unwrap_or_default()];
    record.extend_from_slice(child.id.as_uuid().as_bytes());
    record.extend_from_slice(child.parent.as_uuid().as_bytes());
    record.extend_from_slice(&time(child.created_at));
    record.extend_from_slice(&length.to_be_bytes());
    record.extend_from_slice(origin);
    record.extend(client);
    Ok(record)
}

/// Parses the record of a child. A corrupt one is logged and counts as none.
pub(super) fn parse_child(bytes: &[u8]) -> Option<Child> {
    let read = read_child(bytes);
    if read.is_none() {
        tracing::error!("could not read the record of a child session; skipped it");
    }
    read
}

fn read_child(bytes: &[u8]) -> Option<Child> {
    let mut bytes = Bytes(bytes);
    let [_, family] = bytes.take()?;
    let id = SessionId::from_uuid(Uuid::from_bytes(bytes.take()?));
    let parent = SessionId::from_uuid(Uuid::from_bytes(bytes.take()?));
    let created_at = instant(bytes.take()?);
    let length = usize::from(u16::from_be_bytes(bytes.take()?));
    let (origin, client) = bytes.0.split_at_checked(length)?;
    let origin = Origin::of(std::str::from_utf8(origin).ok()?);
    Some(Child { id, parent, origin, created_at, client: parse_client(family, client)? })
}

/// Parses a live child and its parent, after the first byte.
fn parse_with_parent(bytes: &[u8]) -> Option<LiveChild> {
    let mut bytes = Bytes(bytes);
    let length = usize::from(u16::from_be_bytes(bytes.take()?));
    let (child, parent) = bytes.0.split_at_checked(length)?;
    let (&LIVE, parent) = parent.split_first()? else { return None };
    Some(LiveChild { child: read_child(child)?, parent: parse_live(parent)? })
}

/// The part of a code that the scripts do not look into: binding and origin.
pub(super) fn rest_of_code(code: &HandoverCode) -> Vec<u8> {
    [&code.binding.as_bytes()[..], code.origin.as_str().as_bytes()].concat()
}

/// Parses a code.
pub(super) fn code(digest: CodeDigest, bytes: &[u8]) -> Result<HandoverCode, StoreError> {
    let mut bytes = Bytes(bytes);
    let mut read = || {
        let session = SessionId::from_uuid(Uuid::from_bytes(bytes.take()?));
        let expires_at = instant(bytes.take()?);
        let binding = HandoverBinding::from_bytes(bytes.take()?);
        let origin = Origin::of(std::str::from_utf8(bytes.0).ok()?);
        Some(HandoverCode { digest, session, origin, binding, expires_at })
    };
    read().ok_or(StoreError::Corrupt("a hand-over code"))
}

/// Parses an id of a script's answer.
pub(super) fn id(bytes: &[u8]) -> Result<SessionId, StoreError> {
    let id = Uuid::from_slice(bytes).map_err(|_| StoreError::Corrupt("an id"))?;
    Ok(SessionId::from_uuid(id))
}

/// Parses a session that a sweep ended.
pub(super) fn timed_out(bytes: &[u8]) -> Result<TimedOut, StoreError> {
    let mut bytes = Bytes(bytes);
    let mut read = || {
        let id = SessionId::from_uuid(Uuid::from_bytes(bytes.take()?));
        let user = UserId::from_uuid(Uuid::from_bytes(bytes.take()?));
        Some(TimedOut { id, user, ended: bytes.ended()? })
    };
    read().ok_or(StoreError::Corrupt("a session that timed out"))
}

/// Parses an entry of the revocation feed with its number.
pub(super) fn feed_entry(
    bytes: &[u8],
) -> Result<(u64, SessionId, Option<UserId>, Ended), StoreError> {
    let mut bytes = Bytes(bytes);
    let mut read = || {
        let number = u64::try_from(bytes.number::<7>()?).ok()?;
        let session = SessionId::from_uuid(Uuid::from_bytes(bytes.take()?));
        let user = Uuid::from_bytes(bytes.take()?);
        let user = (!user.is_nil()).then(|| UserId::from_uuid(user));
        Some((number, session, user, bytes.ended()?))
    };
    read().ok_or(StoreError::Corrupt("an end of the feed"))
}

/// The unread bytes of a record.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number<const N: usize>(&mut self) -> Option<i64> {
        let taken: [u8; N] = self.take()?;
        Some(taken.iter().fold(0, |number, byte| number << 8 | i64::from(*byte)))
    }

    fn proven_factor(&mut self) -> Option<(ProvenFactor, Option<SessionPasskey>)> {
        let [number] = self.take()?;
        let factor = Factor::from_number(i64::from(number & FACTOR))?;
        let proven = ProvenFactor { factor, at: instant(self.take()?) };
        if number & HAS_PASSKEY == 0 {
            return Some((proven, None));
        }
        let id = PasskeyId::from_uuid(Uuid::from_bytes(self.take()?));
        Some((proven, Some(SessionPasskey { id, is_alone: number & IS_ALONE != 0 })))
    }

    fn ended(&mut self) -> Option<Ended> {
        let [number] = self.take()?;
        let reason = EndReason::ALL.into_iter().find(|one| reason(*one) == number)?;
        Some(Ended { reason, at: instant(self.take()?) })
    }
}

#[cfg(test)]
mod tests;
