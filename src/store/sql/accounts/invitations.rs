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
        // One that was just made with its account is mailed beside this one.
        if void(tx, invitation.user).await? {
            super::links::void_invitations(tx, invitation.user).await?;
        }
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
    let mailed = statement(
        "SELECT user_id, expires_at FROM mail_links WHERE token_digest = $1 \
         AND purpose = 'invitation'",
    );
    let row = match database.engine.row(found.bind(*digest.as_bytes())).await? {
        Some(row) => Some(row),
        None => database.engine.row(mailed.bind(*digest.as_bytes())).await?,
    };
    let Some(row) = row else { return Ok(None) };
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
    let mailed = statement(
        "DELETE FROM mail_links WHERE user_id = $1 AND token_digest = $2 AND expires_at > $3 \
         AND purpose = 'invitation'",
    );
    let mailed = mailed.bind(account.user.id).bind(*digest.as_bytes()).bind(at);
    let is_used = tx.execute(delete).await? == 1 || tx.execute(mailed).await? == 1;
    if is_used && account.user.status == Status::Active {
        void(tx, account.user.id).await?;
        return Ok(());
    }
    Err(ChangeError::InvitationGone)
}

/// `false`: there was none.
pub(in crate::store::sql) async fn void(
    tx: &mut Transaction,
    user: UserId,
) -> Result<bool, StoreError> {
    let delete = statement("DELETE FROM invitations WHERE user_id = $1").bind(user);
    Ok(tx.execute(delete).await? > 0)
}
