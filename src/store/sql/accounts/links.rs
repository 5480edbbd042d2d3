//! Mailed links: used up and voided in the transaction of the change of an account.

use time::OffsetDateTime;

use crate::accounts::{
    Account, Addition, Change, ChangeError, Credentials, Email, Epoch, Letter, LetterKind,
    LinkPurpose, PasswordHash, PendingEmail, Status, UsedLink, User, UserId,
};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{Transaction, for_update, statement};
use crate::store::sql::mail::{self, void_letters};
use crate::store::sql::rows::{AccountRow, select_account};

/// Deletes a link in the transaction of the change that it allows. Returns when its letter was
/// queued.
pub(super) async fn use_up(
    tx: &mut Transaction,
    account: &Account,
    link: &UsedLink,
    at: OffsetDateTime,
) -> Result<OffsetDateTime, ChangeError> {
    let delete = statement(
        "DELETE FROM mail_links WHERE token_digest = $1 AND user_id = $2 AND purpose = $3 \
         AND expires_at > $4 RETURNING queued_at",
    );
    let delete = delete.bind(*link.digest.as_bytes()).bind(account.user.id);
    let delete = delete.bind(link.purpose.as_str()).bind(at);
    match tx.row(delete).await? {
        Some(deleted) if account.user.status == Status::Active => {
            Ok(from_unix_milliseconds(deleted.get("queued_at")?))
        }
        _ => Err(ChangeError::LinkGone),
    }
}

/// The letters that have a link, and the links themselves, are void once a change of the address is
/// undone. Those that undo earlier changes stay: otherwise a thief who changes the address twice
/// could undo the second change, and void the owner's link by it.
async fn void_since(
    tx: &mut Transaction,
    user: UserId,
    undone: OffsetDateTime,
) -> Result<(), StoreError> {
    let links = statement(
        "DELETE FROM mail_links WHERE user_id = $1 \
         AND (purpose <> 'cancel_change' OR queued_at >= $2)",
    );
    tx.execute(links.bind(user).bind(undone)).await?;
    let letters = statement(void_letters!(
        "(kind IN ('recovery', 'verification', 'new_address', 'invitation') \
         OR kind = 'address_changing' AND queued_at >= $2)"
    ));
    tx.execute(letters.bind(user).bind(undone)).await.map(drop)
}

/// Voids what a change makes void, and queues the letters about it. `link_queued_at`: when the letter
/// of the link that the change used up was queued.
pub(super) async fn follow(
    tx: &mut Transaction,
    before: &Account,
    change: &Change,
    (at, link_queued_at): (OffsetDateTime, Option<OffsetDateTime>),
) -> Result<(), StoreError> {
    let user = &before.user;
    let readdresses = change.email.as_ref().is_some_and(|(email, _)| *email != user.email);
    void_links_and_letters(tx, user.id, change, (readdresses, link_queued_at)).await?;
    match &change.pending_email {
        Some(PendingEmail::Asked(email)) => ask_for(tx, user.id, email, at).await?,
        Some(PendingEmail::Settled) => {
            forget_pending(tx, user.id).await?;
            void_new_address(tx, user.id).await?;
        }
        // Its link is void too.
        None if readdresses || change.delete || change.password.is_some() => {
            forget_pending(tx, user.id).await?;
        }
        None => {}
    }
    if change.delete {
        let devices = statement("DELETE FROM known_devices WHERE user_id = $1");
        tx.execute(devices.bind(user.id)).await?;
    }
    for letter in &change.letters {
        mail::put(tx, letter).await?;
    }
    Ok(())
}

async fn void_links_and_letters(
    tx: &mut Transaction,
    user: UserId,
    change: &Change,
    (readdresses, link_queued_at): (bool, Option<OffsetDateTime>),
) -> Result<(), StoreError> {
    let undoes = change.link.as_ref().is_some_and(|link| link.purpose == LinkPurpose::CancelChange);
    if change.delete {
        let links = statement("DELETE FROM mail_links WHERE user_id = $1");
        tx.execute(links.bind(user)).await?;
        // A sent letter goes on counting towards the limit of its address, until it is swept.
        // Otherwise somebody could sign up with that address and delete the account, again and again.
        let letters = statement(
            "UPDATE mail_queue SET state = 'void', user_id = NULL, detail = '', error = '', \
             recipient = CASE WHEN attempts = 0 THEN '' ELSE recipient END WHERE user_id = $1",
        );
        return tx.execute(letters.bind(user)).await.map(drop);
    }
    if let (true, Some(undone)) = (undoes, link_queued_at) {
        return void_since(tx, user, undone).await;
    }
    let disables = change.status == Some(Status::Disabled);
    if readdresses || disables || change.password.is_some() {
        let links =
            statement("DELETE FROM mail_links WHERE user_id = $1 AND purpose <> 'cancel_change'");
        tx.execute(links.bind(user)).await?;
    }
    if readdresses {
        let letters = statement(void_letters!(
            "kind IN ('recovery', 'verification', 'new_address', 'invitation')"
        ));
        tx.execute(letters.bind(user)).await?;
    } else if change.password.is_some() {
        let letters = statement(void_letters!("kind IN ('recovery', 'new_address', 'invitation')"));
        tx.execute(letters.bind(user)).await?;
    }
    Ok(())
}

/// In place of an address that was asked for before, whose link is void.
async fn ask_for(
    tx: &mut Transaction,
    user: UserId,
    email: &Email,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    let keep = statement(
        "INSERT INTO email_changes (user_id, new_email, asked_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET new_email = excluded.new_email, \
         asked_at = excluded.asked_at",
    );
    tx.execute(keep.bind(user).bind(email.as_str()).bind(at)).await?;
    void_new_address(tx, user).await
}

/// Voids the link that confirms a new address, also where it is still queued.
async fn void_new_address(tx: &mut Transaction, user: UserId) -> Result<(), StoreError> {
    let links = statement("DELETE FROM mail_links WHERE user_id = $1 AND purpose = 'new_address'");
    tx.execute(links.bind(user)).await?;
    void_letters(tx, user, LetterKind::NewAddress).await
}

/// Voids mailed invitations, also those that are still queued.
pub(super) async fn void_invitations(tx: &mut Transaction, user: UserId) -> Result<(), StoreError> {
    let links = statement("DELETE FROM mail_links WHERE user_id = $1 AND purpose = 'invitation'");
    tx.execute(links.bind(user)).await?;
    void_letters(tx, user, LetterKind::Invitation).await
}

async fn void_letters(
    tx: &mut Transaction,
    user: UserId,
    kind: LetterKind,
) -> Result<(), StoreError> {
    let letters = statement(void_letters!("kind = $2"));
    tx.execute(letters.bind(user).bind(kind.as_str())).await.map(drop)
}

async fn forget_pending(tx: &mut Transaction, user: UserId) -> Result<(), StoreError> {
    let forget = statement("DELETE FROM email_changes WHERE user_id = $1");
    tx.execute(forget.bind(user)).await.map(drop)
}

/// The address that an account is to have once its owner has confirmed it.
pub(super) async fn pending(
    database: &SqlDatabase,
    user: UserId,
) -> Result<Option<Email>, StoreError> {
    let found = statement("SELECT new_email FROM email_changes WHERE user_id = $1");
    let row = database.engine.row(found.bind(user)).await?;
    row.map(|row| Ok(Email::from_stored(row.get(0)?))).transpose()
}

/// Queues a letter to the account of its address, if there is one that may have it. Otherwise it is
/// void from the start, and the steps are the same.
pub(super) async fn write_to(
    tx: &mut Transaction,
    letter: &Letter,
) -> Result<Option<User>, StoreError> {
    let found = by_address(tx, &letter.to).await?;
    let user = found.map(|found| found.account.user);
    let user = user.filter(|user| user.status == Status::Active);
    let is_over_limit = mail::is_over_limit(tx, letter).await?;
    let letter = Letter { user: user.as_ref().map(|user| user.id), ..letter.clone() };
    mail::insert(tx, &letter, user.is_none() || is_over_limit).await?;
    Ok(user)
}

async fn by_address(
    tx: &mut Transaction,
    email: &Email,
) -> Result<Option<Credentials>, StoreError> {
    let found = statement(for_update!(select_account!("WHERE email = $1")));
    let row = tx.row(found.bind(email.as_str())).await?;
    row.map(|row| row.read::<AccountRow>()?.try_into()).transpose()
}

/// Adds the row of an account, and its first epoch.
pub(super) async fn insert(
    tx: &mut Transaction,
    user: &User,
    hash: &PasswordHash,
    addition: &Addition,
) -> Result<(), StoreError> {
    let insert = statement(
        "INSERT INTO users (user_id, email, email_verified, name, search_text, role, \
         group_names, status, password_hash, created_at, signed_up_by_mail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(user.id)
    .bind(user.email.as_str())
    .bind(user.email_verified)
    .bind(user.name.as_str())
    .bind(super::search_text(&user.email, &user.name))
    .bind(user.role.as_str())
    .bind(user.groups.as_str())
    .bind(user.status.as_str())
    .bind(hash.as_str())
    .bind(user.created_at)
    .bind(addition.signed_up_by_mail);
    tx.execute(insert).await?;
    let first = statement("INSERT INTO user_epochs (user_id, epoch) VALUES ($1, $2)");
    tx.execute(first.bind(user.id).bind(Epoch::FIRST)).await?;
    for letter in &addition.letters {
        mail::put(tx, letter).await?;
    }
    Ok(())
}
