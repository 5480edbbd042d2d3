//! Passkeys, and the challenges that browsers were asked to sign.

use time::OffsetDateTime;

use super::engine::{
    Engine, Finish, SqlRow, Transaction, in_transaction, is_unique_violation, statement,
};
use super::rows::uuid;
use super::sessions::end::end_of_passkey;
use super::sessions::orders::{SessionOrder, append};
use super::{SessionLocation, SqlDatabase};
use crate::accounts::{
    BrowserBinding, Ceremony, CeremonyPurpose, ChallengeDigest, ChangeError, Name, Passkey,
    PasskeyId, PasskeyUse, UserId,
};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{EndReason, Ended};

/// The columns that [`passkey`] reads.
macro_rules! select_passkeys {
    ($rest:literal) => {
        concat!(
            "SELECT passkey_id, user_id, name, credential_id, credential, sign_count, backed_up, \
             created_at, last_used_at FROM passkeys ",
            $rest
        )
    };
}

fn passkey(row: &SqlRow) -> Result<Passkey, StoreError> {
    let (id, user): (Vec<u8>, Vec<u8>) = (row.get("passkey_id")?, row.get("user_id")?);
    let (count, last_used_at): (i64, Option<i64>) =
        (row.get("sign_count")?, row.get("last_used_at")?);
    Ok(Passkey {
        id: PasskeyId::from_uuid(uuid(&id)?),
        user: UserId::from_uuid(uuid(&user)?),
        name: Name::from_stored(row.get("name")?),
        credential_id: row.get("credential_id")?,
        credential: row.get("credential")?,
        sign_count: u32::try_from(count)
            .map_err(|_| StoreError::Corrupt("the count of a passkey"))?,
        backed_up: row.get("backed_up")?,
        created_at: from_unix_milliseconds(row.get("created_at")?),
        last_used_at: last_used_at.map(from_unix_milliseconds),
    })
}

pub(super) async fn of_user(engine: &Engine, user: UserId) -> Result<Vec<Passkey>, StoreError> {
    let all = statement(select_passkeys!("WHERE user_id = $1 ORDER BY passkey_id")).bind(user);
    engine.rows(all).await?.iter().map(passkey).collect()
}

pub(super) async fn of_credential(
    engine: &Engine,
    credential_id: &[u8],
) -> Result<Option<Passkey>, StoreError> {
    let found = statement(select_passkeys!("WHERE credential_id = $1"));
    let row = engine.row(found.bind(credential_id.to_vec())).await?;
    row.as_ref().map(passkey).transpose()
}

pub(super) async fn exists(
    engine: &Engine,
    user: UserId,
    id: PasskeyId,
) -> Result<bool, StoreError> {
    let found = statement("SELECT 1 FROM passkeys WHERE passkey_id = $1 AND user_id = $2");
    Ok(engine.row(found.bind(id.as_uuid()).bind(user)).await?.is_some())
}

pub(super) async fn rename(
    engine: &Engine,
    user: UserId,
    id: PasskeyId,
    name: &Name,
) -> Result<bool, StoreError> {
    let rename = statement("UPDATE passkeys SET name = $1 WHERE passkey_id = $2 AND user_id = $3");
    let rename = rename.bind(name.as_str()).bind(id.as_uuid()).bind(user);
    Ok(engine.execute(rename).await? == 1)
}

/// The count is judged here, so that of two copies of a key at the same instant one is refused.
pub(super) async fn note_use(engine: &Engine, used: &PasskeyUse) -> Result<bool, StoreError> {
    let note = statement(
        "UPDATE passkeys SET sign_count = CASE WHEN sign_count < $1 THEN $1 ELSE sign_count END, \
         backed_up = $2, last_used_at = $3 WHERE passkey_id = $4 AND user_id = $5 \
         AND ($2 OR sign_count < $1 OR (sign_count = 0 AND $1 = 0))",
    )
    .bind(i64::from(used.sign_count))
    .bind(used.backed_up)
    .bind(used.at)
    .bind(used.id.as_uuid())
    .bind(used.user);
    Ok(engine.execute(note).await? == 1)
}

pub(super) async fn keep_ceremony(engine: &Engine, kept: &Ceremony) -> Result<(), StoreError> {
    let keep = statement(
        "INSERT INTO passkey_ceremonies (challenge_digest, binding, purpose, user_id, state, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(*kept.challenge.as_bytes())
    .bind(*kept.binding.as_bytes())
    .bind(kept.purpose.as_str())
    .bind(kept.user)
    .bind(kept.state.as_str())
    .bind(kept.expires_at);
    engine.execute(keep).await.map(drop)
}

pub(super) async fn take_ceremony(
    engine: &Engine,
    challenge: &ChallengeDigest,
    binding: &BrowserBinding,
) -> Result<Option<Ceremony>, StoreError> {
    let row = in_transaction!(engine, tx => {
        let take = statement(
            "DELETE FROM passkey_ceremonies WHERE challenge_digest = $1 AND binding = $2 \
             RETURNING purpose, user_id, state, expires_at",
        );
        let take = take.bind(*challenge.as_bytes()).bind(*binding.as_bytes());
        tx.row(take).await.map(Finish::Commit)
    })?;
    let Some(row) = row else { return Ok(None) };
    let corrupt = StoreError::Corrupt("a ceremony");
    let (purpose, user): (String, Option<Vec<u8>>) = (row.get("purpose")?, row.get("user_id")?);
    let user = user.map(|user| uuid(&user).map(UserId::from_uuid)).transpose()?;
    Ok(Some(Ceremony {
        challenge: *challenge,
        binding: *binding,
        purpose: CeremonyPurpose::parse(&purpose).ok_or(corrupt)?,
        user,
        state: row.get("state")?,
        expires_at: from_unix_milliseconds(row.get("expires_at")?),
    }))
}

/// Adds a passkey to an account whose row is locked.
pub(super) async fn add(tx: &mut Transaction, new: &Passkey) -> Result<(), ChangeError> {
    let insert = statement(
        "INSERT INTO passkeys (passkey_id, user_id, credential_id, credential, name, sign_count, \
         backed_up, created_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.id.as_uuid())
    .bind(new.user)
    .bind(new.credential_id.clone())
    .bind(new.credential.as_str())
    .bind(new.name.as_str())
    .bind(i64::from(new.sign_count))
    .bind(new.backed_up)
    .bind(new.created_at)
    .bind(new.last_used_at);
    match tx.execute(insert).await {
        Err(error) if is_unique_violation(&error) => Err(ChangeError::CredentialTaken),
        inserted => Ok(inserted.map(drop)?),
    }
}

/// Removes a passkey of an account whose row is locked, and ends the sessions that it started here,
/// or sees to it that they end elsewhere.
pub(super) async fn remove(
    database: &SqlDatabase,
    tx: &mut Transaction,
    (user, id): (UserId, PasskeyId),
    at: OffsetDateTime,
) -> Result<(), ChangeError> {
    let remove = statement("DELETE FROM passkeys WHERE passkey_id = $1 AND user_id = $2");
    if tx.execute(remove.bind(id.as_uuid()).bind(user)).await? == 0 {
        return Err(ChangeError::FactorGone);
    }
    let ended = Ended { reason: EndReason::CredentialRemoved, at };
    match database.sessions_in {
        SessionLocation::ThisDatabase => {
            end_of_passkey(tx, (user, id), ended).await?;
        }
        SessionLocation::ServerMemory => {
            append(tx, &SessionOrder::EndOfPasskey(user, id, ended)).await?;
        }
        SessionLocation::Elsewhere => {
            let put = statement(
                "INSERT INTO removed_passkeys (passkey_id, user_id, removed_at) \
                 VALUES ($1, $2, $3)",
            );
            tx.execute(put.bind(id.as_uuid()).bind(user).bind(at)).await?;
        }
    }
    Ok(())
}

/// Deletes the passkeys of an account, and its challenges.
pub(super) async fn forget(tx: &mut Transaction, user: UserId) -> Result<(), StoreError> {
    tx.execute(statement("DELETE FROM passkeys WHERE user_id = $1").bind(user)).await?;
    let ceremonies = statement("DELETE FROM passkey_ceremonies WHERE user_id = $1");
    tx.execute(ceremonies.bind(user)).await.map(drop)
}
