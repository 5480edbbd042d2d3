//! Converts rows to records.

use std::net::IpAddr;

use time::OffsetDateTime;
use uuid::Uuid;

use super::engine::{SqlRow, from_columns};
use crate::accounts::{
    Account, Credentials, Email, Epoch, EpochReason, Factor, Factors, Groups, Name, PasskeyId,
    PasswordHash, Role, Status, User, UserId,
};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{
    Child, Client, EndReason, Ended, EpochMove, Loaded, Origin, Owner, ProvenFactor, Session,
    SessionId, SessionPasskey, TimeoutRule,
};
use crate::store::kept_session;

/// The columns that [`SessionRow`] reads.
macro_rules! session_columns {
    () => {
        "session_id, user_id, epoch, created_at, authenticated_at, last_seen_at, expires_at, \
         timeout_rule, remember_me, ip_address, user_agent, last_ip_address, last_user_agent, \
         second_factor, factor_at, passkey_id, passkey_alone"
    };
}
pub(super) use session_columns;

/// The columns that [`ChildRow`] reads.
macro_rules! child_columns {
    () => {
        "child_id, parent_id, origin, started_at, client_address, client_agent"
    };
}
pub(super) use child_columns;

/// The columns that [`AccountRow`] reads, from `users` joined with `user_epochs`.
macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT users.user_id, email, email_verified, name, role, group_names, status, ",
            "password_hash, created_at, signed_up_by_mail, epoch, reason, ",
            "EXISTS (SELECT 1 FROM totp_secrets ",
            "WHERE totp_secrets.user_id = users.user_id AND is_active) AS has_totp, ",
            "EXISTS (SELECT 1 FROM passkeys WHERE passkeys.user_id = users.user_id) ",
            "AS has_passkeys FROM users ",
            "JOIN user_epochs ON user_epochs.user_id = users.user_id ",
            $rest
        )
    };
}
pub(super) use select_account;

pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(bytes).map_err(|_| StoreError::Corrupt("an id"))
}

pub(super) struct SessionRow {
    session_id: Vec<u8>,
    user_id: Option<Vec<u8>>,
    epoch: Option<i64>,
    created_at: i64,
    authenticated_at: Option<i64>,
    last_seen_at: i64,
    expires_at: i64,
    timeout_rule: i64,
    remember_me: bool,
    ip_address: Option<String>,
    user_agent: String,
    last_ip_address: Option<String>,
    /// `None` before the first activity.
    last_user_agent: Option<String>,
    second_factor: Option<i64>,
    factor_at: Option<i64>,
    passkey_id: Option<Vec<u8>>,
    passkey_alone: bool,
}

from_columns!(SessionRow {
    session_id,
    user_id,
    epoch,
    created_at,
    authenticated_at,
    last_seen_at,
    expires_at,
    timeout_rule,
    remember_me,
    ip_address,
    user_agent,
    last_ip_address,
    last_user_agent,
    second_factor,
    factor_at,
    passkey_id,
    passkey_alone
});

fn address(text: Option<String>) -> Result<Option<IpAddr>, StoreError> {
    let corrupt = |_| StoreError::Corrupt("the address of a session");
    text.map(|text| text.parse().map_err(corrupt)).transpose()
}

fn proven_factor(number: Option<i64>, at: Option<i64>) -> Result<Option<ProvenFactor>, StoreError> {
    let (Some(number), Some(at)) = (number, at) else { return Ok(None) };
    let factor = Factor::from_number(number).ok_or(StoreError::Corrupt("a second factor"))?;
    Ok(Some(ProvenFactor { factor, at: from_unix_milliseconds(at) }))
}

fn session_passkey(id: &[u8], is_alone: bool) -> Result<SessionPasskey, StoreError> {
    Ok(SessionPasskey { id: PasskeyId::from_uuid(uuid(id)?), is_alone })
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        let owner = match (row.user_id, row.epoch) {
            (None, None) => Owner::Anonymous,
            (Some(id), Some(epoch)) => {
                Owner::User { id: UserId::from_uuid(uuid(&id)?), epoch: Epoch::from_number(epoch) }
            }
            _ => return Err(StoreError::Corrupt("the owner of a session")),
        };
        let client = Client { ip_address: address(row.ip_address)?, user_agent: row.user_agent };
        let last_address = address(row.last_ip_address)?;
        let last =
            row.last_user_agent.map(|agent| Client { ip_address: last_address, user_agent: agent });
        Ok(Self {
            id: SessionId::from_uuid(uuid(&row.session_id)?),
            owner,
            created_at: from_unix_milliseconds(row.created_at),
            authenticated_at: row.authenticated_at.map(from_unix_milliseconds),
            second_factor: proven_factor(row.second_factor, row.factor_at)?,
            passkey: row
                .passkey_id
                .map(|id| session_passkey(&id, row.passkey_alone))
                .transpose()?,
            last_seen_at: from_unix_milliseconds(row.last_seen_at),
            expires_at: from_unix_milliseconds(row.expires_at),
            rule: TimeoutRule::from_number(row.timeout_rule)
                .ok_or(StoreError::Corrupt("the timeout rule of a session"))?,
            remember_me: row.remember_me,
            moved_to: last.filter(|last| *last != client),
            client,
        })
    }
}

/// Reads a session row. A corrupt row is logged and counts as no session, so that it neither
/// authenticates a user nor breaks a list.
pub(super) fn session(row: &SqlRow) -> Option<Session> {
    let read = row.read::<SessionRow>().and_then(Session::try_from);
    read.inspect_err(|error| {
        let error: &dyn std::error::Error = error;
        tracing::error!(error, "could not read a session row; skipped it");
    })
    .ok()
}

pub(super) struct ChildRow {
    child_id: Vec<u8>,
    parent_id: Vec<u8>,
    origin: String,
    started_at: i64,
    client_address: Option<String>,
    client_agent: String,
}

from_columns!(ChildRow { child_id, parent_id, origin, started_at, client_address, client_agent });

impl TryFrom<ChildRow> for Child {
    type Error = StoreError;

    fn try_from(row: ChildRow) -> Result<Self, StoreError> {
        let user_agent = row.client_agent;
        Ok(Self {
            id: SessionId::from_uuid(uuid(&row.child_id)?),
            parent: SessionId::from_uuid(uuid(&row.parent_id)?),
            origin: Origin::of(row.origin),
            created_at: from_unix_milliseconds(row.started_at),
            client: Client { ip_address: address(row.client_address)?, user_agent },
        })
    }
}

/// Reads the row of a child, as [`session`] reads that of a session.
pub(super) fn child(row: &SqlRow) -> Option<Child> {
    let read = row.read::<ChildRow>().and_then(Child::try_from);
    read.inspect_err(|error| {
        let error: &dyn std::error::Error = error;
        tracing::error!(error, "could not read the row of a child session; skipped it");
    })
    .ok()
}

/// Reads `user_id, epoch, reason, survivor` of an epoch raise at this time.
pub(super) fn epoch_move(row: &SqlRow, at: OffsetDateTime) -> Result<EpochMove, StoreError> {
    let user: Vec<u8> = row.get("user_id")?;
    let reason: String = row.get("reason")?;
    let survivor: Option<Vec<u8>> = row.get("survivor")?;
    let corrupt = StoreError::Corrupt;
    let survivor = survivor
        .map(|bytes| kept_session::from_bytes(&bytes).ok_or(corrupt("the survivor of a change")))
        .transpose()?;
    Ok(EpochMove {
        user: UserId::from_uuid(uuid(&user)?),
        to: Epoch::from_number(row.get("epoch")?),
        reason: EpochReason::parse(&reason).ok_or(corrupt("why an epoch rose"))?,
        survivor,
        at,
    })
}

/// Reads `reason, ended_at`.
pub(super) fn ended(row: &SqlRow) -> Result<Ended, StoreError> {
    let reason: String = row.get("reason")?;
    let at: i64 = row.get("ended_at")?;
    let reason = EndReason::parse(&reason).ok_or(StoreError::Corrupt("the reason of an end"))?;
    Ok(Ended { reason, at: from_unix_milliseconds(at) })
}

/// Reads the reason of an ended token. If the row is corrupt, the token is unknown.
pub(super) fn ended_token(row: &SqlRow) -> Loaded {
    let read = || -> Result<Loaded, StoreError> {
        if row.get("is_child")? {
            return ended(row).map(Loaded::EndedChild);
        }
        let anonymous = row.get("anonymous")?;
        Ok(Loaded::Ended { ended: ended(row)?, anonymous })
    };
    read().unwrap_or_else(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, "could not read a row of an ended session; skipped it");
        Loaded::Unknown
    })
}

/// Reads an account of a list. A corrupt row is logged and left out.
pub(super) fn listed_account(row: &SqlRow) -> Option<Account> {
    let read = row.read::<AccountRow>().and_then(Credentials::try_from);
    let id = || row.get("user_id").ok().and_then(|id: Vec<u8>| uuid(&id).ok());
    read.map(|credentials| credentials.account)
        .inspect_err(|error| {
            let error: &dyn std::error::Error = error;
            tracing::error!(user.id = ?id(), error, "could not read an account; skipped it");
        })
        .ok()
}

#[expect(clippy::struct_excessive_bools, reason = "the columns of the query are what they are")]
pub(super) struct AccountRow {
    user_id: Vec<u8>,
    email: String,
    email_verified: bool,
    name: String,
    role: String,
    group_names: String,
    status: String,
    password_hash: String,
    created_at: i64,
    signed_up_by_mail: bool,
    epoch: i64,
    reason: Option<String>,
    has_totp: bool,
    has_passkeys: bool,
}

from_columns!(AccountRow {
    user_id,
    email,
    email_verified,
    name,
    role,
    group_names,
    status,
    password_hash,
    created_at,
    signed_up_by_mail,
    epoch,
    reason,
    has_totp,
    has_passkeys
});

impl TryFrom<AccountRow> for Credentials {
    type Error = StoreError;

    fn try_from(row: AccountRow) -> Result<Self, StoreError> {
        let user = User {
            id: UserId::from_uuid(uuid(&row.user_id)?),
            email: Email::from_stored(row.email),
            email_verified: row.email_verified,
            name: Name::from_stored(row.name),
            role: Role::parse(&row.role).ok_or(StoreError::Corrupt("a role"))?,
            groups: Groups::from_stored(&row.group_names)
                .map_err(|_| StoreError::Corrupt("the groups of an account"))?,
            status: Status::parse(&row.status).ok_or(StoreError::Corrupt("a status"))?,
            created_at: from_unix_milliseconds(row.created_at),
        };
        let account = Account {
            user,
            epoch: Epoch::from_number(row.epoch),
            epoch_reason: row.reason.as_deref().and_then(EpochReason::parse),
            factors: Factors { totp: row.has_totp, passkeys: row.has_passkeys },
            signed_up_by_mail: row.signed_up_by_mail,
        };
        Ok(Self { account, hash: PasswordHash::from_stored(row.password_hash) })
    }
}
