//! Queueing letters: limits, and addresses that a letter may not give away.

use time::OffsetDateTime;

use super::COUNTED;
use crate::accounts::{Email, Letter, LetterKind, MOST_LETTERS_AN_HOUR, UserId};
use crate::failure::StoreError;
use crate::store::sql::engine::{Transaction, for_update, statement};

/// Queues a letter in the transaction of what it is about. Beyond the limit of its recipient it is
/// void from the start. The caller holds the row of the account, so that two do not count at once.
pub(in crate::store::sql) async fn put(
    tx: &mut Transaction,
    letter: &Letter,
) -> Result<(), StoreError> {
    let is_limited = letter.kind.is_limited() || is_unverified(tx, letter).await?;
    let is_void = is_limited && is_over_limit(tx, letter).await?
        || letter.kind == LetterKind::NewAddress && is_taken(tx, letter).await?;
    insert(tx, letter, is_void).await
}

/// Whether nobody has shown that the address is theirs: a person who signed up with the address of a
/// stranger can cause mail of every kind to it. Locks the account, so that two letters do not count
/// at once.
async fn is_unverified(tx: &mut Transaction, letter: &Letter) -> Result<bool, StoreError> {
    let Some(user) = letter.user else { return Ok(false) };
    let verified = statement(for_update!(
        "SELECT email_verified FROM users WHERE user_id = $1 AND email = $2"
    ));
    let row = tx.row(verified.bind(user).bind(letter.to.as_str())).await?;
    Ok(match row {
        Some(row) => !row.get::<bool>("email_verified")?,
        None => true,
    })
}

/// The owner of a taken address gets no link that would give it to another account.
async fn is_taken(tx: &mut Transaction, letter: &Letter) -> Result<bool, StoreError> {
    let taken = statement("SELECT 1 FROM users WHERE email = $1");
    if tx.row(taken.bind(letter.to.as_str())).await?.is_some() {
        return Ok(true);
    }
    match letter.user {
        Some(user) => is_reserved(tx, &letter.to, user, letter.queued_at).await,
        None => Ok(false),
    }
}

/// Whether a link can give this address back to another account, or will once its letter is sent.
/// While it can, the address counts as taken: an account that registers it would defeat the link.
pub(in crate::store::sql) async fn is_reserved(
    tx: &mut Transaction,
    email: &Email,
    by_other_than: UserId,
    at: OffsetDateTime,
) -> Result<bool, StoreError> {
    let reserved = statement(
        "SELECT EXISTS (SELECT 1 FROM mail_links WHERE email = $1 AND purpose = 'cancel_change' \
         AND user_id <> $2 AND expires_at > $3) OR EXISTS (SELECT 1 FROM mail_queue \
         WHERE recipient = $1 AND kind = 'address_changing' AND state = 'pending' \
         AND user_id <> $2)",
    );
    let reserved = reserved.bind(email.as_str()).bind(by_other_than).bind(at);
    tx.one_row(reserved).await?.get(0)
}

/// Whether the recipient got as many letters within an hour as strangers may cause. To an address
/// that nobody has confirmed they may have caused all.
pub(in crate::store::sql) async fn is_over_limit(
    tx: &mut Transaction,
    letter: &Letter,
) -> Result<bool, StoreError> {
    let sent = statement(
        "SELECT COUNT(*) AS number FROM mail_queue WHERE recipient = $1 AND queued_at > $2 \
         AND (kind IN ('verification', 'new_address', 'recovery', 'sign_up_attempt') \
         OR NOT EXISTS (SELECT 1 FROM users WHERE email = $1 AND email_verified))",
    );
    let sent = sent.bind(letter.to.as_str()).bind(letter.queued_at - COUNTED);
    let number: i64 = tx.one_row(sent).await?.get("number")?;
    Ok(number >= i64::from(MOST_LETTERS_AN_HOUR))
}

/// A void letter takes as long to queue as another, and says nothing of its recipient.
pub(in crate::store::sql) async fn insert(
    tx: &mut Transaction,
    letter: &Letter,
    is_void: bool,
) -> Result<(), StoreError> {
    let row = statement(
        "INSERT INTO mail_queue (letter_id, kind, user_id, recipient, detail, language, queued_at, \
         state, attempts, due_at, claimed_until, error) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, 0, '')",
    )
    .bind(letter.id)
    .bind(letter.kind.as_str())
    .bind(letter.user.filter(|_| !is_void))
    .bind(if is_void { "" } else { letter.to.as_str() })
    .bind(if is_void { "" } else { letter.detail.as_str() })
    .bind(letter.language.as_str())
    .bind(letter.queued_at)
    .bind(if is_void { "void" } else { "pending" })
    .bind(letter.due_at);
    tx.execute(row).await.map(drop)
}

/// Voids pending letters of `$1`. One that was claimed may be in the hands of the mail server, or have
/// been: it keeps its recipient, so that it counts towards the limit.
macro_rules! void_letters {
    ($which:literal) => {
        concat!(
            "UPDATE mail_queue SET state = 'void', detail = '', ",
            "recipient = CASE WHEN attempts = 0 THEN '' ELSE recipient END ",
            "WHERE user_id = $1 AND state = 'pending' AND ",
            $which
        )
    };
}
pub(in crate::store::sql) use void_letters;
