//! Invitations: at most one for each account, so a new one replaces the earlier one.

use time::OffsetDateTime;

use crate::accounts::{
    Account, ChangeError, Credentials, Invitation, InvitationDigest, Status, UserId,
};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{Finish, Transaction, for_update, in_transaction, statement};
use crate::store::sql::rows::{AccountRow, select_account};

pub(in crate::store::sql) async fn keep(
    database: &SqlDatabase,
    invitation: &Invitation,
) -> Result<bool, StoreError> {
    in_transaction!(database.engine, tx => {
        // Locked against a concurrent deletion or disabling of the account.
        let found = statement(for_update!("SELECT 1 FROM users WHERE user_id = $1"));
        if tx.row(found.bind(invitation.user)).await?.is_none() {
            return Ok(Finish::RollBack(false));
        }
        void(tx, invitation.user).await?;
        let insert = statement(
            "INSERT INTO invitations (user_id, secret_digest, expires_at) VALUES ($1, $2, $3)",
        );
        let insert = insert.bind(invitation.user).bind(*invitation.digest.as_bytes());
        tx.execute(insert.bind(invitation.expires_at)).await?;
        Ok(Finish::Commit(true))
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

/// Deletes an invitation in the transaction of the change that it allows.
pub(in crate::store::sql) async fn use_up(
    tx: &mut Transaction,
    account: &Account,
    digest: &InvitationDigest,
    at: OffsetDateTime,
) -> Result<(), ChangeError> {
    let delete = statement(
        "DELETE FROM invitations WHERE user_id = $1 AND secret_digest = $2 AND expires_at > $3",
    );
    let delete = delete.bind(account.user.id).bind(*digest.as_bytes()).bind(at);
    if tx.execute(delete).await? == 1 && account.user.status == Status::Active {
        return Ok(());
    }
    Err(ChangeError::InvitationGone)
}

pub(in crate::store::sql) async fn void(
    tx: &mut Transaction,
    user: UserId,
) -> Result<(), StoreError> {
    let delete = statement("DELETE FROM invitations WHERE user_id = $1").bind(user);
    tx.execute(delete).await.map(drop)
}
