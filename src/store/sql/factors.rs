//! Second factors and pending sessions.

use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use super::SqlDatabase;
use super::engine::{Finish, SqlRow, Statement, Transaction, in_transaction, statement};
use super::passkeys;
use super::rows::uuid;
use super::sealed::seal;
use crate::accounts::{
    BrowserBinding, Ceremony, ChallengeDigest, ChangeError, Epoch, FactorChange, FactorStore, Name,
    NewRecoveryCode, Passkey, PasskeyId, PasskeyUse, PasswordHash, PendingDigest, PendingPurpose,
    PendingSession, Selector, TotpSecret, TotpSecretId, TotpSetup, UserId,
};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sealing::Place;

/// For what the secrets of authenticator apps are encrypted.
pub(super) const TOTP_PURPOSE: &str = "totp secret";

/// The columns that `totp_secret` reads, of an account.
macro_rules! select_totp {
    ($which:literal) => {
        concat!(
            "SELECT totp_id, secret, created_at FROM totp_secrets WHERE user_id = $1 AND ",
            $which
        )
    };
}

fn place(id: &Uuid) -> Place<'_> {
    Place { purpose: TOTP_PURPOSE, row: id.as_bytes() }
}

#[async_trait]
impl FactorStore for SqlDatabase {
    #[tracing::instrument(name = "store.factor.keep_totp_setup", skip_all, err(level = "debug"))]
    async fn keep_totp_setup(
        &self,
        setup: &TotpSetup,
        begun_by: &BrowserBinding,
    ) -> Result<(), StoreError> {
        in_transaction!(self.engine, tx => {
            let id = setup.id.as_uuid();
            let sealed = seal(tx, &self.sealing, place(&id), setup.secret.as_bytes()).await?;
            let keep = statement(
                "INSERT INTO totp_secrets (totp_id, user_id, is_active, secret, last_step, \
                 created_at, begun_by) VALUES ($1, $2, FALSE, $3, 0, $4, $5) \
                 ON CONFLICT (user_id, is_active) DO UPDATE SET totp_id = excluded.totp_id, \
                 secret = excluded.secret, last_step = 0, created_at = excluded.created_at, \
                 begun_by = excluded.begun_by",
            );
            let keep = keep.bind(id).bind(setup.user).bind(sealed).bind(setup.created_at);
            let keep = keep.bind(*begun_by.as_bytes());
            tx.execute(keep).await?;
            Ok(Finish::Commit(()))
        })
    }

    async fn totp_setup(
        &self,
        user: UserId,
        begun_by: &BrowserBinding,
    ) -> Result<Option<TotpSetup>, StoreError> {
        let found = statement(select_totp!("NOT is_active AND begun_by = $2"));
        self.totp_secret(user, found.bind(user).bind(*begun_by.as_bytes())).await
    }

    async fn totp(&self, user: UserId) -> Result<Option<TotpSetup>, StoreError> {
        self.totp_secret(user, statement(select_totp!("is_active")).bind(user)).await
    }

    #[tracing::instrument(name = "store.factor.use_totp_step", skip_all, err(level = "debug"))]
    async fn use_totp_step(&self, secret: TotpSecretId, step: i64) -> Result<bool, StoreError> {
        let used = statement(
            "UPDATE totp_secrets SET last_step = $1 \
             WHERE totp_id = $2 AND is_active AND last_step < $1",
        );
        let used = used.bind(step).bind(secret.as_uuid());
        Ok(self.engine.execute(used).await? == 1)
    }

    async fn recovery_codes_left(&self, user: UserId) -> Result<u32, StoreError> {
        let count = statement("SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1").bind(user);
        let count: i64 = self.engine.one_row(count).await?.get(0)?;
        u32::try_from(count).map_err(|_| StoreError::Corrupt("the number of recovery codes"))
    }

    async fn recovery_code(
        &self,
        user: UserId,
        selector: &Selector,
    ) -> Result<Option<PasswordHash>, StoreError> {
        let found =
            statement("SELECT code_hash FROM recovery_codes WHERE user_id = $1 AND selector = $2");
        let row = self.engine.row(found.bind(user).bind(selector.as_str())).await?;
        row.map(|row| row.get(0).map(PasswordHash::from_stored)).transpose()
    }

    #[tracing::instrument(name = "store.factor.use_recovery_code", skip_all, err(level = "debug"))]
    async fn use_recovery_code(
        &self,
        user: UserId,
        selector: &Selector,
        hash: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let used = statement(
            "DELETE FROM recovery_codes WHERE user_id = $1 AND selector = $2 AND code_hash = $3",
        );
        let used = used.bind(user).bind(selector.as_str()).bind(hash.as_str());
        Ok(self.engine.execute(used).await? == 1)
    }

    #[tracing::instrument(name = "store.factor.keep_pending", skip_all, err(level = "debug"))]
    async fn keep_pending(&self, pending: &PendingSession) -> Result<(), StoreError> {
        let keep = statement(
            "INSERT INTO pending_sessions (pending_digest, user_id, epoch, purpose, remember_me, \
             previous_digest, codes, expires_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7)",
        )
        .bind(*pending.digest.as_bytes())
        .bind(pending.user)
        .bind(pending.epoch)
        .bind(pending.purpose.as_str())
        .bind(pending.remember_me)
        .bind(pending.previous)
        .bind(pending.expires_at);
        self.engine.execute(keep).await.map(drop)
    }

    async fn pending(&self, digest: &PendingDigest) -> Result<Option<PendingSession>, StoreError> {
        let found = statement(
            "SELECT user_id, epoch, purpose, remember_me, previous_digest, expires_at \
             FROM pending_sessions WHERE pending_digest = $1 AND codes < $2",
        );
        let found = found.bind(*digest.as_bytes()).bind(PendingSession::MOST_CODES);
        let row = self.engine.row(found).await?;
        row.map(|row| pending_session(&row, *digest)).transpose()
    }

    #[tracing::instrument(name = "store.factor.count_code", skip_all, err(level = "debug"))]
    async fn count_code(&self, digest: &PendingDigest) -> Result<bool, StoreError> {
        let count = statement(
            "UPDATE pending_sessions SET codes = codes + 1 \
             WHERE pending_digest = $1 AND codes < $2",
        );
        let count = count.bind(*digest.as_bytes()).bind(PendingSession::MOST_CODES);
        Ok(self.engine.execute(count).await? == 1)
    }

    async fn uncount_code(&self, digest: &PendingDigest) -> Result<(), StoreError> {
        let uncount = statement(
            "UPDATE pending_sessions SET codes = codes - 1 \
             WHERE pending_digest = $1 AND codes > 0",
        );
        self.engine.execute(uncount.bind(*digest.as_bytes())).await.map(drop)
    }

    #[tracing::instrument(name = "store.factor.take_pending", skip_all, err(level = "debug"))]
    async fn take_pending(&self, digest: &PendingDigest) -> Result<bool, StoreError> {
        let take = statement("DELETE FROM pending_sessions WHERE pending_digest = $1");
        Ok(self.engine.execute(take.bind(*digest.as_bytes())).await? == 1)
    }

    #[tracing::instrument(name = "store.factor.take_all_pending", skip_all, err(level = "debug"))]
    async fn take_all_pending(&self) -> Result<(), StoreError> {
        self.engine.execute(statement("DELETE FROM pending_sessions")).await.map(drop)
    }

    async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        passkeys::of_user(&self.engine, user).await
    }

    async fn passkey_of(&self, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError> {
        passkeys::of_credential(&self.engine, credential_id).await
    }

    async fn has_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool, StoreError> {
        passkeys::exists(&self.engine, user, id).await
    }

    #[tracing::instrument(name = "store.factor.rename_passkey", skip_all, err(level = "debug"))]
    async fn rename_passkey(
        &self,
        user: UserId,
        id: PasskeyId,
        name: &Name,
    ) -> Result<bool, StoreError> {
        passkeys::rename(&self.engine, user, id, name).await
    }

    #[tracing::instrument(name = "store.factor.use_passkey", skip_all, err(level = "debug"))]
    async fn use_passkey(&self, used: &PasskeyUse) -> Result<bool, StoreError> {
        passkeys::note_use(&self.engine, used).await
    }

    #[tracing::instrument(name = "store.factor.keep_ceremony", skip_all, err(level = "debug"))]
    async fn keep_ceremony(&self, ceremony: &Ceremony) -> Result<(), StoreError> {
        passkeys::keep_ceremony(&self.engine, ceremony).await
    }

    #[tracing::instrument(name = "store.factor.take_ceremony", skip_all, err(level = "debug"))]
    async fn take_ceremony(
        &self,
        challenge: &ChallengeDigest,
        binding: &BrowserBinding,
    ) -> Result<Option<Ceremony>, StoreError> {
        passkeys::take_ceremony(&self.engine, challenge, binding).await
    }
}

impl SqlDatabase {
    async fn totp_secret(
        &self,
        user: UserId,
        found: Statement,
    ) -> Result<Option<TotpSetup>, StoreError> {
        let Some(row) = self.engine.row(found).await? else { return Ok(None) };
        let id = uuid(&row.get::<Vec<u8>>("totp_id")?)?;
        let sealed: Vec<u8> = row.get("secret")?;
        let opened = self.sealing.open(place(&id), &sealed)?;
        let secret = TotpSecret::from_bytes(&opened)
            .ok_or(StoreError::Corrupt("the secret of an authenticator app"))?;
        let created_at = from_unix_milliseconds(row.get("created_at")?);
        Ok(Some(TotpSetup { id: TotpSecretId::from_uuid(id), user, secret, created_at }))
    }
}

fn pending_session(row: &SqlRow, digest: PendingDigest) -> Result<PendingSession, StoreError> {
    let user: Vec<u8> = row.get("user_id")?;
    let purpose: String = row.get("purpose")?;
    let previous: Option<Vec<u8>> = row.get("previous_digest")?;
    let corrupt = StoreError::Corrupt("a pending session");
    let previous = previous.map(<[u8; 32]>::try_from);
    let Ok(previous) = previous.transpose() else { return Err(corrupt) };
    Ok(PendingSession {
        digest,
        user: UserId::from_uuid(uuid(&user)?),
        epoch: Epoch::from_number(row.get("epoch")?),
        purpose: PendingPurpose::parse(&purpose).ok_or(corrupt)?,
        remember_me: row.get("remember_me")?,
        previous,
        expires_at: from_unix_milliseconds(row.get("expires_at")?),
    })
}

/// Changes the second factors of an account whose row is locked.
pub(super) async fn change(
    database: &SqlDatabase,
    tx: &mut Transaction,
    user: UserId,
    (change, at): (&FactorChange, OffsetDateTime),
) -> Result<(), ChangeError> {
    match change {
        FactorChange::ActivateTotp { secret, step, codes } => {
            remove_totp(tx, user, true).await?;
            let activate = statement(
                "UPDATE totp_secrets SET is_active = TRUE, last_step = $1 \
                 WHERE totp_id = $2 AND user_id = $3 AND NOT is_active",
            );
            let activate = activate.bind(*step).bind(secret.as_uuid()).bind(user);
            if tx.execute(activate).await? == 0 {
                return Err(ChangeError::FactorGone);
            }
            replace_codes(tx, user, codes).await?;
        }
        FactorChange::RenewCodes(codes) => replace_codes(tx, user, codes).await?,
        FactorChange::RemoveTotp => {
            remove_totp(tx, user, true).await?;
            remove_last_codes(tx, user).await?;
        }
        FactorChange::AddPasskey { passkey, codes } => {
            passkeys::add(tx, passkey).await?;
            if let Some(codes) = codes {
                replace_codes(tx, user, codes).await?;
            }
        }
        FactorChange::RemovePasskey(id) => {
            passkeys::remove(database, tx, (user, *id), at).await?;
            remove_last_codes(tx, user).await?;
        }
        FactorChange::RemoveAll => forget(tx, user).await?,
    }
    Ok(())
}

async fn remove_totp(
    tx: &mut Transaction,
    user: UserId,
    is_active: bool,
) -> Result<(), StoreError> {
    let remove = statement("DELETE FROM totp_secrets WHERE user_id = $1 AND is_active = $2");
    tx.execute(remove.bind(user).bind(is_active)).await.map(drop)
}

/// Deletes the recovery codes of an account that has no factor any more.
async fn remove_last_codes(tx: &mut Transaction, user: UserId) -> Result<(), StoreError> {
    let remove = statement(
        "DELETE FROM recovery_codes WHERE user_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM totp_secrets WHERE user_id = $1 AND is_active) \
         AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = $1)",
    );
    tx.execute(remove.bind(user)).await.map(drop)
}

async fn replace_codes(
    tx: &mut Transaction,
    user: UserId,
    codes: &[NewRecoveryCode],
) -> Result<(), StoreError> {
    tx.execute(statement("DELETE FROM recovery_codes WHERE user_id = $1").bind(user)).await?;
    for NewRecoveryCode { selector, hash } in codes {
        let insert = statement(
            "INSERT INTO recovery_codes (user_id, selector, code_hash) VALUES ($1, $2, $3)",
        );
        tx.execute(insert.bind(user).bind(selector.as_str()).bind(hash.as_str())).await?;
    }
    Ok(())
}

/// Deletes the factors and the pending sessions of an account.
pub(super) async fn forget(tx: &mut Transaction, user: UserId) -> Result<(), StoreError> {
    remove_totp(tx, user, true).await?;
    remove_totp(tx, user, false).await?;
    replace_codes(tx, user, &[]).await?;
    passkeys::forget(tx, user).await?;
    let pending = statement("DELETE FROM pending_sessions WHERE user_id = $1");
    tx.execute(pending.bind(user)).await.map(drop)
}

/// Deletes expired pending sessions, and set-ups that nobody finished.
pub(super) async fn sweep(tx: &mut Transaction, now: OffsetDateTime) -> Result<(), StoreError> {
    let pending = statement("DELETE FROM pending_sessions WHERE expires_at <= $1").bind(now);
    tx.execute(pending).await?;
    let ceremonies = statement("DELETE FROM passkey_ceremonies WHERE expires_at <= $1").bind(now);
    tx.execute(ceremonies).await?;
    let begun = now.saturating_sub(crate::accounts::Accounts::SET_UP_LIFE);
    let setups = statement("DELETE FROM totp_secrets WHERE is_active = $1 AND created_at <= $2");
    tx.execute(setups.bind(false).bind(begun)).await.map(drop)
}
