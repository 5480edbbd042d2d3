//! The consent of people to clients.

use super::SqlDatabase;
use super::engine::{Finish, Sql, SqlRow, Transaction, for_update, in_transaction, statement};
use super::rows::uuid;
use super::tokens::{LOCK_CLIENT, joined};
use crate::accounts::UserId;
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::tokens::{ClientId, Consent, Scope};

const LOCK_USER: Sql = for_update!("SELECT user_id FROM users WHERE user_id = $1");

impl SqlDatabase {
    pub(super) async fn find_consent(
        &self,
        user: UserId,
        client: ClientId,
    ) -> Result<Option<Vec<Scope>>, StoreError> {
        let find = statement("SELECT scopes FROM consents WHERE user_id = $1 AND client_id = $2");
        let row = self.engine.row(find.bind(user).bind(client.as_uuid())).await?;
        let scopes: Option<String> = row.map(|row| row.get("scopes")).transpose()?;
        Ok(scopes.map(|scopes| Scope::from_stored(&scopes)))
    }

    pub(super) async fn insert_consent(&self, consent: &Consent) -> Result<bool, StoreError> {
        let Consent { user, client, scopes, given_at } = consent;
        in_transaction!(self.engine, tx => {
            // Each is locked, so that no deletion leaves a consent behind.
            let there = statement(LOCK_CLIENT).bind(client.as_uuid());
            let person = statement(LOCK_USER).bind(*user);
            if tx.row(there).await?.is_none() || tx.row(person).await?.is_none() {
                return Ok(Finish::RollBack(false));
            }
            let before = statement("SELECT scopes FROM consents WHERE user_id = $1 AND client_id = $2");
            let before = tx.row(before.bind(*user).bind(client.as_uuid())).await?;
            let before: Option<String> = before.map(|row| row.get("scopes")).transpose()?;
            let mut names = Scope::from_stored(&before.unwrap_or_default());
            names.extend(scopes.iter().filter(|scope| !names.contains(scope)).cloned().collect::<Vec<_>>());
            let give = statement(
                "INSERT INTO consents (user_id, client_id, scopes, given_at) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, client_id) \
                 DO UPDATE SET scopes = excluded.scopes, given_at = excluded.given_at",
            )
            .bind(*user)
            .bind(client.as_uuid())
            .bind(joined(names.iter().map(Scope::as_str)))
            .bind(*given_at);
            tx.execute(give).await?;
            Ok(Finish::Commit(true))
        })
    }

    pub(super) async fn list_consents(&self, user: UserId) -> Result<Vec<Consent>, StoreError> {
        let list = statement(
            "SELECT client_id, scopes, given_at FROM consents WHERE user_id = $1 ORDER BY given_at",
        );
        let rows = self.engine.rows(list.bind(user)).await?;
        let consent = |row: &SqlRow| {
            let (client, scopes): (Vec<u8>, String) = (row.get("client_id")?, row.get("scopes")?);
            Ok(Consent {
                user,
                client: ClientId::from_uuid(uuid(&client)?),
                scopes: Scope::from_stored(&scopes),
                given_at: from_unix_milliseconds(row.get("given_at")?),
            })
        };
        rows.iter().map(consent).collect()
    }

    pub(super) async fn delete_consent(
        &self,
        user: UserId,
        client: ClientId,
    ) -> Result<bool, StoreError> {
        let withdraw = statement("DELETE FROM consents WHERE user_id = $1 AND client_id = $2");
        let withdrawn = self.engine.execute(withdraw.bind(user).bind(client.as_uuid())).await?;
        Ok(withdrawn > 0)
    }
}

/// Forgets what a user has allowed, whose account is deleted.
pub(super) async fn forget(tx: &mut Transaction, user: UserId) -> Result<(), StoreError> {
    let consents = statement("DELETE FROM consents WHERE user_id = $1");
    tx.execute(consents.bind(user)).await.map(drop)
}
