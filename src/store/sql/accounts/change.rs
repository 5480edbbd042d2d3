//! Changes an account, and ends its sessions in the same transaction.

use time::OffsetDateTime;

use super::search_text;
use crate::accounts::{
    Account, Change, ChangeError, Changed, Credentials, EpochRaise, PasswordHash, Role, Status,
    UserId,
};
use crate::failure::StoreError;
use crate::sessions::EpochMove;
use crate::store::sql::engine::{Transaction, for_update, is_unique_violation, statement};
use crate::store::sql::factors;
use crate::store::sql::mail;
use crate::store::sql::postgres::Lock;
use crate::store::sql::rows::{AccountRow, select_account};
use crate::store::sql::sessions::end::{can_be_kept, raise_epoch, raise_epoch_number};
use crate::store::sql::sessions::orders::{SessionOrder, append};
use crate::store::sql::{SessionLocation, SqlDatabase};

pub(in crate::store::sql) async fn change(
    database: &SqlDatabase,
    tx: &mut Transaction,
    id: UserId,
    change: &Change,
    at: OffsetDateTime,
) -> Result<Changed, ChangeError> {
    if may_remove_administrator(change) {
        // Before any row lock, to avoid deadlocks.
        tx.lock(Lock::Administrators).await?;
    }
    let before = read(tx, id).await?.ok_or(ChangeError::NotFound)?;
    let proven = change.password.as_ref().and_then(|password| password.from.as_ref());
    if !change.fits(&before.account) || proven.is_some_and(|from| *from != before.hash) {
        return Err(ChangeError::Moved);
    }
    if change.needs_letters && is_beyond_limit(tx, change).await? {
        return Err(ChangeError::TooManyLetters);
    }
    if removes_administrator(&before, change) && !other_administrators(tx, Some(id)).await? {
        return Err(ChangeError::LastAdministrator);
    }
    if let Some(survivor) = change.raise.as_ref().and_then(|raise| raise.survivor.as_ref())
        && database.sessions_in == SessionLocation::ThisDatabase
        && !can_be_kept(tx, id, survivor).await?
    {
        return Err(ChangeError::KeptSessionEnded);
    }
    if let Some(digest) = &change.invitation {
        super::invitations::use_up(tx, &before.account, digest, at).await?;
    } else if change.voids_invitation() {
        super::invitations::void(tx, id).await?;
    }
    let link_queued_at = match &change.link {
        Some(link) => Some(super::links::use_up(tx, &before.account, link, at).await?),
        None => None,
    };
    write_fields(tx, &before, change, at).await?;
    super::links::follow(tx, &before.account, change, (at, link_queued_at)).await?;
    if let Some(factors) = &change.factors {
        factors::change(database, tx, id, (factors, at)).await?;
    }
    let ended = match &change.raise {
        None => Some(0),
        Some(raise) => {
            let to = before.account.epoch.next();
            let EpochRaise { reason, survivor } = raise.clone();
            let epoch_move = EpochMove { user: id, to, reason, survivor, at };
            end_sessions(database, tx, epoch_move).await?
        }
    };
    let epoch = match change.raise {
        None => before.account.epoch,
        Some(_) => before.account.epoch.next(),
    };
    let account: Option<Account> = read(tx, id).await?.map(|after| after.account);
    Ok(Changed { before: before.account, account, epoch, ended })
}

async fn is_beyond_limit(tx: &mut Transaction, change: &Change) -> Result<bool, StoreError> {
    for letter in &change.letters {
        if mail::is_over_limit(tx, letter).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends the sessions here, or orders the servers to. `None`: they end elsewhere.
async fn end_sessions(
    database: &SqlDatabase,
    tx: &mut Transaction,
    epoch_move: EpochMove,
) -> Result<Option<u64>, StoreError> {
    match database.sessions_in {
        SessionLocation::ThisDatabase => Ok(Some(raise_epoch(tx, &epoch_move).await?)),
        SessionLocation::ServerMemory => {
            let EpochMove { user, to, reason, at, .. } = epoch_move;
            raise_epoch_number(tx, user, to, Some(reason), at).await?;
            append(tx, &SessionOrder::RaiseEpoch(epoch_move)).await?;
            Ok(None)
        }
        SessionLocation::Elsewhere => {
            let EpochMove { user, to, reason, at, .. } = epoch_move;
            raise_epoch_number(tx, user, to, Some(reason), at).await?;
            super::outbox::put(tx, &epoch_move).await?;
            Ok(None)
        }
    }
}

/// Reads and locks the account.
async fn read(tx: &mut Transaction, id: UserId) -> Result<Option<Credentials>, StoreError> {
    let found = statement(for_update!(select_account!("WHERE users.user_id = $1"))).bind(id);
    let row = tx.row(found).await?;
    row.map(|row| row.read::<AccountRow>()?.try_into()).transpose()
}

/// Whether the change removes an administrator who can sign in. One without a password cannot.
fn removes_administrator(before: &Credentials, change: &Change) -> bool {
    let user = &before.account.user;
    let is_able = user.role == Role::Admin && user.status == Status::Active && before.hash.is_set();
    is_able && may_remove_administrator(change)
}

/// Whether the change could remove an active administrator.
fn may_remove_administrator(change: &Change) -> bool {
    change.delete
        || change.role.is_some_and(|role| role != Role::Admin)
        || change.status.is_some_and(|status| status != Status::Active)
}

/// Whether another active administrator exists who can sign in.
pub(in crate::store::sql) async fn other_administrators(
    tx: &mut Transaction,
    except: Option<UserId>,
) -> Result<bool, StoreError> {
    let others = statement(
        "SELECT EXISTS (SELECT 1 FROM users WHERE role = $1 AND status = $2 \
         AND password_hash <> $3 AND ($4 IS NULL OR user_id <> $4))",
    )
    .bind(Role::Admin.as_str())
    .bind(Status::Active.as_str())
    .bind(PasswordHash::NO_PASSWORD)
    .bind(except);
    tx.one_row(others).await?.get(0)
}

async fn write_fields(
    tx: &mut Transaction,
    before: &Credentials,
    change: &Change,
    at: OffsetDateTime,
) -> Result<(), ChangeError> {
    let user = &before.account.user;
    if change.is_nothing() {
        return Ok(());
    }
    if change.delete {
        tx.execute(statement("DELETE FROM users WHERE user_id = $1").bind(user.id)).await?;
        crate::store::sql::throttle::forget(tx, &user.email).await?;
        factors::forget(tx, user.id).await?;
        crate::store::sql::consents::forget(tx, user.id).await?;
        return Ok(());
    }
    let (email, email_verified) = match &change.email {
        Some((email, verified)) => (email, *verified),
        None => (&user.email, user.email_verified),
    };
    if *email != user.email && mail::is_reserved(tx, email, user.id, at).await? {
        return Err(ChangeError::EmailTaken);
    }
    let name = change.name.as_ref().unwrap_or(&user.name);
    let groups =
        change.groups.as_ref().map(|groups| groups.applied_to(&user.groups)).transpose()?;
    let groups = groups.as_ref().unwrap_or(&user.groups);
    let hash = change.password.as_ref().map_or(&before.hash, |password| &password.to);
    let update = statement(
        "UPDATE users SET email = $1, email_verified = $2, name = $3, role = $4, status = $5, \
         password_hash = $6, search_text = $7, group_names = $8 WHERE user_id = $9",
    )
    .bind(email.as_str())
    .bind(email_verified)
    .bind(name.as_str())
    .bind(change.role.unwrap_or(user.role).as_str())
    .bind(change.status.unwrap_or(user.status).as_str())
    .bind(hash.as_str())
    .bind(search_text(email, name))
    .bind(groups.as_str())
    .bind(user.id);
    tx.execute(update).await.map_err(|error| {
        if is_unique_violation(&error) { ChangeError::EmailTaken } else { error.into() }
    })?;
    if *email != user.email {
        crate::store::sql::throttle::readdress(tx, &user.email, email).await?;
    }
    Ok(())
}
