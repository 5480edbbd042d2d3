//! Whom a claimed letter is for, decided in the transaction that keeps its link.

use time::OffsetDateTime;

use crate::accounts::{Email, Letter, LetterKind, Link, UserId};
use crate::failure::StoreError;
use crate::mail::{ClaimedLetter, Recipient};
use crate::store::sql::engine::{Transaction, for_update, statement};

/// Whom a letter is for, as the account is now. `None`: the letter is void. Locked in the order in
/// which a change of the account locks and deletes: the account, then its letters.
pub(super) async fn of(
    tx: &mut Transaction,
    claimed: &ClaimedLetter,
    at: OffsetDateTime,
) -> Result<Option<Recipient>, StoreError> {
    let Letter { id, kind, user, to, detail, language, .. } = &claimed.letter;
    let fallback = Recipient { name: String::new(), language: language.clone() };
    let Some(user) = user else { return Ok((*kind == LetterKind::Test).then_some(fallback)) };
    let account = statement(for_update!(
        "SELECT email, email_verified, name, status, password_hash FROM users WHERE user_id = $1"
    ));
    let Some(account) = tx.row(account.bind(*user)).await? else { return Ok(None) };
    let mine = statement(
        "SELECT 1 FROM mail_queue WHERE letter_id = $1 AND attempts = $2 AND state = 'pending'",
    );
    if tx.row(mine.bind(*id).bind(claimed.attempt)).await?.is_none() {
        return Ok(None);
    }
    let email = Email::from_stored(account.get("email")?);
    let is_address = email == *to;
    let is_verified: bool = account.get("email_verified")?;
    let is_active = account.get::<String>("status")? == "active";
    let is_wanted = match kind {
        LetterKind::Recovery | LetterKind::Invitation => is_active && is_address,
        LetterKind::Verification => is_address && !is_verified,
        LetterKind::NewAddress => is_pending(tx, *user, to).await?,
        LetterKind::SignUpAttempt => is_address,
        LetterKind::AddressChanging => {
            let new = Email::parse(detail).ok();
            is_address
                || new.is_some_and(|new| new == email)
                || is_left(tx, *user, detail, at).await?
        }
        LetterKind::PasswordChanged
        | LetterKind::FactorAdded
        | LetterKind::FactorRemoved
        | LetterKind::RecoveryCodeUsed
        | LetterKind::RecoveryCodesRenewed
        | LetterKind::NewDevice
        | LetterKind::Test => true,
    };
    if !is_wanted {
        return Ok(None);
    }
    let last = statement(
        "SELECT language FROM known_devices WHERE user_id = $1 ORDER BY seen_at DESC LIMIT 1",
    );
    let last: Option<String> =
        tx.row(last.bind(*user)).await?.map(|row| row.get("language")).transpose()?;
    let name = if is_address && is_verified { account.get("name")? } else { String::new() };
    Ok(Some(Recipient { name, language: last.unwrap_or(fallback.language) }))
}

async fn is_pending(tx: &mut Transaction, user: UserId, to: &Email) -> Result<bool, StoreError> {
    let pending = statement("SELECT 1 FROM email_changes WHERE user_id = $1 AND new_email = $2");
    Ok(tx.row(pending.bind(user).bind(to.as_str())).await?.is_some())
}

/// Whether the account came from this address: there is a link that gives it back, or a letter that
/// will have one.
async fn is_left(
    tx: &mut Transaction,
    user: UserId,
    address: &str,
    at: OffsetDateTime,
) -> Result<bool, StoreError> {
    let Ok(address) = Email::parse(address) else { return Ok(false) };
    let left = statement(
        "SELECT EXISTS (SELECT 1 FROM mail_links WHERE email = $1 AND purpose = 'cancel_change' \
         AND user_id = $2 AND expires_at > $3) OR EXISTS (SELECT 1 FROM mail_queue \
         WHERE recipient = $1 AND kind = 'address_changing' AND state = 'pending' \
         AND user_id = $2)",
    );
    tx.one_row(left.bind(address.as_str()).bind(user).bind(at)).await?.get(0)
}

pub(super) async fn keep_link(tx: &mut Transaction, link: &Link) -> Result<(), StoreError> {
    let keep = statement(
        "INSERT INTO mail_links (token_digest, purpose, user_id, email, queued_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    );
    let keep = keep.bind(*link.digest.as_bytes()).bind(link.purpose.as_str()).bind(link.user);
    let keep = keep.bind(link.email.as_str()).bind(link.queued_at).bind(link.expires_at);
    tx.execute(keep).await.map(drop)
}
