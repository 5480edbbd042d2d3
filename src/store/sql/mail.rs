//! The mail store: queued letters, their links, and the devices of accounts.

mod queued;
mod recipient;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::SqlDatabase;
use super::engine::{Finish, SqlRow, for_update_skip_locked, in_transaction, statement};
use super::rows::uuid;
use crate::accounts::{Email, Letter, LetterId, LetterKind, Link, LinkDigest, LinkPurpose, UserId};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::mail::{
    ClaimedLetter, FailedLetter, LetterStatus, MailEntry, MailListing, MailPage, MailState,
    MailStore, Recipient,
};
pub(super) use queued::{insert, is_over_limit, is_reserved, put, void_letters};

/// For as long a sent letter counts towards the limit of its recipient.
const COUNTED: time::Duration = time::Duration::hours(1);
/// A letter that was given up is kept for a week after its last attempt, a day after the first.
const KEPT: time::Duration = time::Duration::days(8);
/// A new address that nobody confirmed: a day to send its message, and a day for its link.
const PENDING_KEPT: time::Duration = time::Duration::days(2);
/// A device that was not used for longer is new again.
const DEVICES_KEPT: time::Duration = time::Duration::days(90);

/// The rows that this release can read. A later release, whose server may run beside this one, knows
/// more kinds: left in the result, their rows would take the place of others.
macro_rules! of_known_kind {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "kind IN ('verification', 'new_address', 'address_changing', 'recovery', ",
            "'sign_up_attempt', 'password_changed', 'factor_added', 'factor_removed', ",
            "'recovery_code_used', 'recovery_codes_renewed', ",
            "'new_device', 'invitation', 'test')",
            $after
        )
    };
}

#[async_trait]
impl MailStore for SqlDatabase {
    async fn queue(&self, letter: &Letter) -> Result<(), StoreError> {
        in_transaction!(self.engine, tx => {
            put(tx, letter).await.map(Finish::Commit)
        })
    }

    async fn note_use(&self, language: &str, letter: &Letter) -> Result<(), StoreError> {
        let Some(user) = letter.user else { return Ok(()) };
        let known =
            statement("SELECT device, language, seen_at FROM known_devices WHERE user_id = $1");
        let rows = self.engine.rows(known.bind(user)).await?;
        let (mut is_known, mut is_current) = (false, false);
        for row in &rows {
            if row.get::<String>("device")? == letter.detail {
                is_known = true;
                let seen_at = from_unix_milliseconds(row.get("seen_at")?);
                let is_recent = seen_at > letter.queued_at - time::Duration::days(1);
                is_current = is_recent && row.get::<String>("language")? == language;
            }
        }
        // Most sign-ins write nothing here.
        if is_current && rows.len() == 1 {
            return Ok(());
        }
        in_transaction!(self.engine, tx => {
            let note = statement(
                "INSERT INTO known_devices (user_id, device, language, seen_at) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, device) \
                 DO UPDATE SET language = excluded.language, seen_at = excluded.seen_at",
            );
            let note = note.bind(user).bind(letter.detail.as_str()).bind(language);
            tx.execute(note.bind(letter.queued_at)).await?;
            if !is_known && !rows.is_empty() {
                put(tx, letter).await?;
            }
            Ok(Finish::Commit(()))
        })
    }

    async fn claim(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        most: u32,
    ) -> Result<Vec<ClaimedLetter>, StoreError> {
        // Polled every second and mostly nothing is due, so ask without a transaction first.
        let any = statement(of_known_kind!(
            "SELECT 1 FROM mail_queue WHERE state = 'pending' AND due_at <= $1 \
             AND claimed_until <= $1 AND ",
            " LIMIT 1"
        ));
        if self.engine.row(any.bind(now)).await?.is_none() {
            return Ok(Vec::new());
        }
        in_transaction!(self.engine, tx => {
            let due = statement(for_update_skip_locked!(of_known_kind!(
                "SELECT letter_id, kind, user_id, recipient, detail, language, queued_at, due_at, \
                 attempts FROM mail_queue WHERE state = 'pending' AND due_at <= $1 AND claimed_until <= $1 \
                 AND ",
                " ORDER BY due_at, letter_id LIMIT $2"
            )));
            let rows = tx.rows(due.bind(now).bind(most)).await?;
            let mut claimed = Vec::with_capacity(rows.len());
            for row in &rows {
                let one = ClaimedLetter {
                    letter: letter(row)?,
                    attempt: number(row.get("attempts")?).saturating_add(1),
                };
                let claim = statement(
                    "UPDATE mail_queue SET claimed_until = $1, attempts = $2 WHERE letter_id = $3",
                );
                tx.execute(claim.bind(until).bind(one.attempt).bind(one.letter.id)).await?;
                claimed.push(one);
            }
            Ok(Finish::Commit(claimed))
        })
    }

    async fn renew(
        &self,
        claimed: &ClaimedLetter,
        until: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let renew = statement(
            "UPDATE mail_queue SET claimed_until = $1 \
             WHERE letter_id = $2 AND attempts = $3 AND state = 'pending'",
        );
        let renew = renew.bind(until).bind(claimed.letter.id).bind(claimed.attempt);
        self.engine.execute(renew).await.map(drop)
    }

    async fn prepare(
        &self,
        claimed: &ClaimedLetter,
        link: Option<&Link>,
        at: OffsetDateTime,
    ) -> Result<Option<Recipient>, StoreError> {
        in_transaction!(self.engine, tx => {
            let recipient = recipient::of(tx, claimed, at).await?;
            match (&recipient, link) {
                (Some(_), Some(link)) => recipient::keep_link(tx, link).await?,
                (Some(_), None) => {}
                (None, _) => {
                    // One that was voided meanwhile stays, and counts.
                    let void = statement(
                        "DELETE FROM mail_queue WHERE letter_id = $1 AND state = 'pending'",
                    );
                    tx.execute(void.bind(claimed.letter.id)).await?;
                }
            }
            Ok(Finish::Commit(recipient))
        })
    }

    async fn sent(&self, id: LetterId) -> Result<(), StoreError> {
        let sent =
            statement("UPDATE mail_queue SET state = 'sent', error = '' WHERE letter_id = $1");
        self.engine.execute(sent.bind(id)).await.map(drop)
    }

    async fn put_back(
        &self,
        claimed: &ClaimedLetter,
        failed: &FailedLetter,
    ) -> Result<(), StoreError> {
        let back = statement(
            "UPDATE mail_queue SET due_at = $1, state = $2, error = $3, claimed_until = 0 \
             WHERE letter_id = $4 AND attempts = $5 AND state = 'pending'",
        )
        .bind(failed.again_at.unwrap_or(failed.at))
        .bind(if failed.again_at.is_some() { "pending" } else { "failed" })
        .bind(failed.error.as_str())
        .bind(claimed.letter.id)
        .bind(claimed.attempt);
        self.engine.execute(back).await.map(drop)
    }

    async fn link(&self, digest: &LinkDigest) -> Result<Option<Link>, StoreError> {
        let found = statement(
            "SELECT purpose, user_id, email, queued_at, expires_at FROM mail_links \
             WHERE token_digest = $1",
        );
        let row = self.engine.row(found.bind(*digest.as_bytes())).await?;
        row.map(|row| link(*digest, &row)).transpose()
    }

    async fn list(&self, listing: &MailListing) -> Result<MailPage, StoreError> {
        let page = statement(of_known_kind!(
            "SELECT letter_id, kind, user_id, recipient, queued_at, attempts, due_at, state, error \
             FROM mail_queue WHERE state IN ('pending', 'failed') \
             AND ($1 IS NULL OR letter_id < $1) AND ",
            " ORDER BY letter_id DESC LIMIT $2"
        ));
        let rows = self.engine.rows(page.bind(listing.before).bind(listing.limit + 1)).await?;
        let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
        let entries = rows.iter().take(limit).map(entry).collect::<Result<Vec<_>, _>>()?;
        let next = entries.last().filter(|_| rows.len() > limit).map(|entry| entry.id);
        Ok(MailPage { entries, next })
    }

    async fn state(&self) -> Result<MailState, StoreError> {
        let pending =
            statement("SELECT COUNT(*) AS number FROM mail_queue WHERE state = 'pending'");
        let failed = statement("SELECT COUNT(*) AS number FROM mail_queue WHERE state = 'failed'");
        let pending: i64 = self.engine.one_row(pending).await?.get("number")?;
        let failed: i64 = self.engine.one_row(failed).await?.get("number")?;
        let number = |number| u64::try_from(number).unwrap_or(0);
        Ok(MailState { pending: number(pending), failed: number(failed) })
    }

    async fn sweep(&self, now: OffsetDateTime, most: u32) -> Result<bool, StoreError> {
        let done = statement(for_update_skip_locked!(
            "DELETE FROM mail_queue WHERE letter_id IN (SELECT letter_id FROM mail_queue \
             WHERE (queued_at < $1 AND state IN ('sent', 'void')) OR queued_at < $2 \
             ORDER BY queued_at LIMIT $3",
            ")"
        ));
        let links = statement(for_update_skip_locked!(
            "DELETE FROM mail_links WHERE token_digest IN (SELECT token_digest FROM mail_links \
             WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
            ")"
        ));
        let devices = statement(
            "DELETE FROM known_devices WHERE seen_at < $1 AND user_id IN \
             (SELECT user_id FROM known_devices WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)",
        );
        let done = done.bind(now - COUNTED).bind(now - KEPT).bind(most);
        let mut none_left = self.engine.execute(done).await? < u64::from(most);
        let links = links.bind(now).bind(most);
        none_left &= self.engine.execute(links).await? < u64::from(most);
        let asked = statement(
            "DELETE FROM email_changes WHERE asked_at < $1 AND user_id IN \
             (SELECT user_id FROM email_changes WHERE asked_at < $1 ORDER BY asked_at LIMIT $2)",
        );
        let asked = asked.bind(now - PENDING_KEPT).bind(most);
        none_left &= self.engine.execute(asked).await? < u64::from(most);
        let devices = devices.bind(now - DEVICES_KEPT).bind(most);
        none_left &= self.engine.execute(devices).await? < u64::from(most);
        Ok(none_left)
    }
}

fn link(digest: LinkDigest, row: &SqlRow) -> Result<Link, StoreError> {
    let purpose: String = row.get("purpose")?;
    Ok(Link {
        digest,
        purpose: LinkPurpose::parse(&purpose)
            .ok_or(StoreError::Corrupt("the purpose of a link"))?,
        user: UserId::from_uuid(uuid(&row.get::<Vec<u8>>("user_id")?)?),
        email: Email::from_stored(row.get("email")?),
        queued_at: from_unix_milliseconds(row.get("queued_at")?),
        expires_at: from_unix_milliseconds(row.get("expires_at")?),
    })
}

fn letter(row: &SqlRow) -> Result<Letter, StoreError> {
    Ok(Letter {
        id: id(row)?,
        kind: kind(row)?,
        user: user(row)?,
        to: Email::from_stored(row.get("recipient")?),
        detail: row.get("detail")?,
        language: row.get("language")?,
        queued_at: from_unix_milliseconds(row.get("queued_at")?),
        due_at: from_unix_milliseconds(row.get("due_at")?),
    })
}

fn entry(row: &SqlRow) -> Result<MailEntry, StoreError> {
    let is_failed = row.get::<String>("state")? == "failed";
    let due_at = from_unix_milliseconds(row.get("due_at")?);
    Ok(MailEntry {
        id: id(row)?,
        kind: kind(row)?,
        user: user(row)?,
        to: Email::from_stored(row.get("recipient")?),
        created_at: from_unix_milliseconds(row.get("queued_at")?),
        attempts: number(row.get("attempts")?),
        next_attempt_at: (!is_failed).then_some(due_at),
        status: if is_failed { LetterStatus::Failed } else { LetterStatus::Pending },
        error: row.get("error")?,
    })
}

fn id(row: &SqlRow) -> Result<LetterId, StoreError> {
    Ok(LetterId::from_uuid(uuid(&row.get::<Vec<u8>>("letter_id")?)?))
}

fn kind(row: &SqlRow) -> Result<LetterKind, StoreError> {
    let kind: String = row.get("kind")?;
    LetterKind::parse(&kind).ok_or(StoreError::Corrupt("the kind of a letter"))
}

fn user(row: &SqlRow) -> Result<Option<UserId>, StoreError> {
    let user: Option<Vec<u8>> = row.get("user_id")?;
    user.map(|user| Ok(UserId::from_uuid(uuid(&user)?))).transpose()
}

fn number(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read() {
        let known = of_known_kind!("", "");
        for kind in LetterKind::ALL {
            assert!(known.contains(&format!("'{}'", kind.as_str())), "{kind:?}");
        }
    }
}
