//! Invitations: one row for each account at most, so that a new one voids the one before.

use time::OffsetDateTime;

use crate::accounts::{
    Account, ChangeError, Credentials, Invitation, InvitationDigest, Status, UserId,
};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{Done, Write, in_one_step, locking, statement};
use crate::store::sql::rows::{AccountRow, select_account};

pub(in crate::store::sql) async fn keep(
    database: &SqlDatabase,
    invitation: &Invitation,
) -> Result<bool, StoreError> {
    in_one_step!(database.engine, write => {
        // Locked, so that whoever deletes or disables the account comes before or after.
        let found = statement(locking!("SELECT 1 FROM users WHERE user_id = $1"));
        if write.row(found.bind(invitation.user)).await?.is_none() {
            return Ok(Done::TakeBack(false));
        }
        void(write, invitation.user).await?;
        let insert = statement(
            "INSERT INTO invitations (user_id, secret_digest, expires_at) VALUES ($1, $2, $3)",
        );
        let insert = insert.bind(invitation.user).bind(*invitation.digest.as_bytes());
        write.execute(insert.bind(invitation.expires_at)).await?;
        Ok(Done::Commit(true))
    })
}

pub(in crate::store::sql) async fn find(
    database: &SqlDatabase,
    digest: &InvitationDigest,
) -> Result<Option<(Account, OffsetDateTime)>, StoreError> {
    let found = statement("SELECT user_id, expires_at FROM invitations WHERE secret_digest = $1");
    let Some(row) = database.engine.row(found.bind(*digest.as_bytes())).await? else {
        return Ok(None);
    };
    let (user, expires_at): (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
    let account = statement(select_account!("WHERE users.user_id = $1")).bind(user);
    let Some(row) = database.engine.row(account).await? else { return Ok(None) };
    let credentials: Credentials = row.read::<AccountRow>()?.try_into()?;
    Ok(Some((credentials.account, from_unix_milliseconds(expires_at))))
}

/// Uses an invitation up in the step of the change that it allows.
pub(in crate::store::sql) async fn use_up(
    write: &mut Write,
    account: &Account,
    digest: &InvitationDigest,
    at: OffsetDateTime,
) -> Result<(), ChangeError> {
    let delete = statement(
        "DELETE FROM invitations WHERE user_id = $1 AND secret_digest = $2 AND expires_at > $3",
    );
    let delete = delete.bind(account.user.id).bind(*digest.as_bytes()).bind(at);
    if write.execute(delete).await? == 1 && account.user.status == Status::Active {
        return Ok(());
    }
    Err(ChangeError::InvitationGone)
}

pub(in crate::store::sql) async fn void(write: &mut Write, user: UserId) -> Result<(), StoreError> {
    let delete = statement("DELETE FROM invitations WHERE user_id = $1").bind(user);
    write.execute(delete).await.map(drop)
}
