//! Clients, signing keys and revoked access tokens.

use std::collections::HashMap;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use time::OffsetDateTime;

use super::SqlDatabase;
use super::engine::{
    Finish, Sql, SqlRow, Transaction, for_update, in_transaction, is_unique_violation, statement,
};
use super::rows::uuid;
use super::sealed;
use crate::accounts::{Groups, UserId};
use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sealing::Place;
use crate::sessions::AccessToken;
use crate::tokens::{
    AddClientError, Algorithm, Audience, ClientError, ClientId, ClientSecretId, Consent,
    DeniedToken, KeyRotation, NewKey, NewSecret, OAuthClient, RedirectUri, Scope, SecretDigest,
    SigningKey, SigningKeyId, StoredSecret, TokenStore,
};

/// As in the table of sealed columns.
const SIGNING_KEY: &str = "signing key";
const CLIENT_SECRET: &str = "client secret";

/// Lets one transaction after the other add a client: what they compare are rows of others.
const LOCK_CLIENTS: Sql = Sql::Each {
    sqlite: &["SELECT 1"],
    postgres: "LOCK TABLE oauth_clients IN SHARE ROW EXCLUSIVE MODE",
};
pub(super) const LOCK_CLIENT: Sql =
    for_update!("SELECT client_id FROM oauth_clients WHERE client_id = $1");

fn algorithm(row: &SqlRow) -> Result<Algorithm, StoreError> {
    let name: String = row.get("algorithm")?;
    Algorithm::parse(&name).ok_or(StoreError::Corrupt("the algorithm of a client or key"))
}

fn digest(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("a digest"))
}

fn time_of(row: &SqlRow, column: &str) -> Result<Option<OffsetDateTime>, StoreError> {
    Ok(row.get::<Option<i64>>(column)?.map(from_unix_milliseconds))
}

impl SqlDatabase {
    fn client(row: &SqlRow, secrets: Vec<StoredSecret>) -> Result<OAuthClient, StoreError> {
        let (id, name): (Vec<u8>, String) = (row.get("client_id")?, row.get("name")?);
        let (audiences, scopes): (String, String) = (row.get("audiences")?, row.get("scopes")?);
        let (redirect_uris, groups): (String, String) =
            (row.get("redirect_uris")?, row.get("allowed_groups")?);
        let allowed_groups = Groups::from_stored(&groups)
            .map_err(|_| StoreError::Corrupt("the groups of a client"))?;
        Ok(OAuthClient {
            id: ClientId::from_uuid(uuid(&id)?),
            name: name.into(),
            algorithm: algorithm(row)?,
            audiences: Audience::from_stored(&audiences),
            scopes: Scope::from_stored(&scopes),
            redirect_uris: RedirectUri::from_stored(&redirect_uris),
            is_public: row.get("is_public")?,
            is_trusted: row.get("is_trusted")?,
            allowed_groups,
            created_at: from_unix_milliseconds(row.get("created_at")?),
            secrets,
        })
    }

    fn secret(&self, row: &SqlRow) -> Result<StoredSecret, StoreError> {
        let (id, sealed): (Vec<u8>, Option<Vec<u8>>) = (row.get("secret_id")?, row.get("sealed")?);
        let open = |sealed: Vec<u8>| {
            let place = Place { purpose: CLIENT_SECRET, row: &id };
            let text = self.sealing.open(place, &sealed)?;
            let text = String::from_utf8(text.expose_secret().to_vec());
            text.map(SecretString::from).map_err(|_| StoreError::Corrupt("a client secret"))
        };
        Ok(StoredSecret {
            id: ClientSecretId::from_uuid(uuid(&id)?),
            digest: SecretDigest::from_bytes(digest(row.get("digest")?)?),
            text: sealed.map(open).transpose()?,
            created_at: from_unix_milliseconds(row.get("created_at")?),
        })
    }

    fn signing_key(&self, row: &SqlRow) -> Result<SigningKey, StoreError> {
        let (id, sealed): (Vec<u8>, Vec<u8>) = (row.get("key_id")?, row.get("private_key")?);
        let place = Place { purpose: SIGNING_KEY, row: &id };
        let private_key: SecretSlice<u8> = self.sealing.open(place, &sealed)?;
        let key = NewKey {
            id: SigningKeyId::from_bytes(digest(id)?),
            algorithm: algorithm(row)?,
            public_key: row.get("public_key")?,
            private_key,
        };
        let announced_at = from_unix_milliseconds(row.get("announced_at")?);
        let used = (time_of(row, "signs_from")?, time_of(row, "retired_at")?);
        SigningKey::from_stored(&key, announced_at, used)
    }

    async fn insert_secret(
        &self,
        tx: &mut Transaction,
        client: ClientId,
        secret: &NewSecret,
    ) -> Result<(), StoreError> {
        let id = secret.id.as_uuid();
        let sealed = match &secret.text {
            Some(text) => {
                let place = Place { purpose: CLIENT_SECRET, row: id.as_bytes() };
                let text = text.expose_secret().as_bytes();
                Some(sealed::seal(tx, &self.sealing, place, text).await?)
            }
            None => None,
        };
        let insert = statement(
            "INSERT INTO oauth_client_secrets (secret_id, client_id, digest, sealed, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id)
        .bind(client.as_uuid())
        .bind(*secret.digest.as_bytes())
        .bind(sealed)
        .bind(secret.created_at);
        tx.execute(insert).await.map(drop)
    }

    async fn insert_key(
        &self,
        tx: &mut Transaction,
        key: &NewKey,
        (announced_at, signs_from): (OffsetDateTime, Option<OffsetDateTime>),
    ) -> Result<(), StoreError> {
        let place = Place { purpose: SIGNING_KEY, row: key.id.as_bytes() };
        let private_key = key.private_key.expose_secret();
        let sealed = sealed::seal(tx, &self.sealing, place, private_key).await?;
        let insert = statement(
            "INSERT INTO signing_keys (key_id, algorithm, public_key, private_key, announced_at, \
             signs_from) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(*key.id.as_bytes())
        .bind(key.algorithm.as_str())
        .bind(key.public_key.clone())
        .bind(sealed)
        .bind(announced_at)
        .bind(signs_from);
        tx.execute(insert).await.map(drop)
    }
}

/// An audience of the new client that may not be shared: one of the two signs with a secret.
async fn shared_audience(
    tx: &mut Transaction,
    client: &OAuthClient,
) -> Result<Option<String>, StoreError> {
    let others = tx.rows(statement("SELECT algorithm, audiences FROM oauth_clients")).await?;
    for row in &others {
        let is_secret = [client.algorithm, algorithm(row)?].contains(&Algorithm::Hs256);
        let audiences = Audience::from_stored(&row.get::<String>("audiences")?);
        let shared = audiences.into_iter().find(|one| client.audiences.contains(one));
        if let (true, Some(shared)) = (is_secret, shared) {
            return Ok(Some(shared.as_str().to_owned()));
        }
    }
    Ok(None)
}

pub(super) fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl TokenStore for SqlDatabase {
    async fn clients(&self) -> Result<Vec<OAuthClient>, StoreError> {
        let secrets = statement(
            "SELECT secret_id, client_id, digest, sealed, created_at FROM oauth_client_secrets \
             ORDER BY client_id, secret_id DESC",
        );
        // The clients first: a secret without its client is none.
        let clients = statement(
            "SELECT client_id, name, algorithm, audiences, scopes, redirect_uris, is_public, \
             is_trusted, allowed_groups, created_at FROM oauth_clients ORDER BY client_id",
        );
        let (clients, secrets) =
            (self.engine.rows(clients).await?, self.engine.rows(secrets).await?);
        let mut of_client: HashMap<Vec<u8>, Vec<StoredSecret>> = HashMap::new();
        for secret in &secrets {
            of_client.entry(secret.get("client_id")?).or_default().push(self.secret(secret)?);
        }
        let mut of = |row: &SqlRow| {
            let id: Vec<u8> = row.get("client_id")?;
            Self::client(row, of_client.remove(&id).unwrap_or_default())
        };
        clients.iter().map(&mut of).collect()
    }

    async fn keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let keys = statement(
            "SELECT key_id, algorithm, public_key, private_key, announced_at, signs_from, \
             retired_at FROM signing_keys \
             ORDER BY algorithm, retired_at IS NULL, signs_from IS NULL, announced_at",
        );
        self.engine.rows(keys).await?.iter().map(|row| self.signing_key(row)).collect()
    }

    async fn add_client(
        &self,
        client: &OAuthClient,
        secret: Option<&NewSecret>,
    ) -> Result<(), AddClientError> {
        in_transaction!(self.engine, tx => {
            tx.execute(statement(LOCK_CLIENTS)).await?;
            if let Some(audience) = shared_audience(tx, client).await? {
                return Err(ClientError::AudienceTaken(audience).into());
            }
            let insert = statement(
                "INSERT INTO oauth_clients (client_id, name, algorithm, audiences, scopes, \
                 created_at, redirect_uris, is_public, is_trusted, allowed_groups) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(client.id.as_uuid())
            .bind(&*client.name)
            .bind(client.algorithm.as_str())
            .bind(joined(client.audiences.iter().map(Audience::as_str)))
            .bind(joined(client.scopes.iter().map(Scope::as_str)))
            .bind(client.created_at)
            .bind(joined(client.redirect_uris.iter().map(RedirectUri::as_str)))
            .bind(client.is_public)
            .bind(client.is_trusted)
            .bind(client.allowed_groups.as_str());
            match tx.execute(insert).await {
                Err(error) if is_unique_violation(&error) => return Err(AddClientError::NameTaken),
                inserted => inserted?,
            };
            if let Some(secret) = secret {
                self.insert_secret(tx, client.id, secret).await?;
            }
            Ok(Finish::Commit(()))
        })
    }

    async fn add_secret(&self, client: ClientId, secret: &NewSecret) -> Result<bool, StoreError> {
        in_transaction!(self.engine, tx => {
            if tx.row(statement(LOCK_CLIENT).bind(client.as_uuid())).await?.is_none() {
                return Ok(Finish::RollBack(false));
            }
            let all = statement(
                "SELECT secret_id FROM oauth_client_secrets WHERE client_id = $1 \
                 ORDER BY secret_id DESC",
            );
            let earlier = tx.rows(all.bind(client.as_uuid())).await?;
            let kept = usize::try_from(secret.earlier).unwrap_or(0);
            for row in earlier.iter().skip(kept) {
                let id: Vec<u8> = row.get("secret_id")?;
                let delete = statement("DELETE FROM oauth_client_secrets WHERE secret_id = $1");
                tx.execute(delete.bind(id)).await?;
            }
            self.insert_secret(tx, client, secret).await?;
            Ok(Finish::Commit(true))
        })
    }

    async fn remove_client(&self, client: ClientId) -> Result<bool, StoreError> {
        in_transaction!(self.engine, tx => {
            let remove = statement("DELETE FROM oauth_clients WHERE client_id = $1");
            let removed = tx.execute(remove.bind(client.as_uuid())).await?;
            let secrets = statement("DELETE FROM oauth_client_secrets WHERE client_id = $1");
            tx.execute(secrets.bind(client.as_uuid())).await?;
            let consents = statement("DELETE FROM consents WHERE client_id = $1");
            tx.execute(consents.bind(client.as_uuid())).await?;
            Ok(Finish::Commit(removed == 1))
        })
    }

    async fn add_first_keys(
        &self,
        algorithm: Algorithm,
        [signing, next]: &[NewKey; 2],
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let added = in_transaction!(self.engine, tx => {
            let any = statement("SELECT 1 FROM signing_keys WHERE algorithm = $1 LIMIT 1");
            if tx.row(any.bind(algorithm.as_str())).await?.is_some() {
                return Ok(Finish::RollBack(false));
            }
            self.insert_key(tx, signing, (now, Some(now))).await?;
            self.insert_key(tx, next, (now, None)).await?;
            Ok::<_, StoreError>(Finish::Commit(true))
        });
        match added {
            // Another server was first.
            Err(error) if is_unique_violation(&error) => Ok(false),
            added => added,
        }
    }

    async fn rotate(&self, rotation: &KeyRotation) -> Result<bool, StoreError> {
        let KeyRotation { next, announced, at } = rotation;
        in_transaction!(self.engine, tx => {
            let retire = statement(
                "UPDATE signing_keys SET retired_at = $1 WHERE algorithm = $2 \
                 AND signs_from IS NOT NULL AND retired_at IS NULL",
            );
            tx.execute(retire.bind(*at).bind(announced.algorithm.as_str())).await?;
            let promote = statement(
                "UPDATE signing_keys SET signs_from = $1 WHERE key_id = $2 AND algorithm = $3 \
                 AND signs_from IS NULL",
            )
            .bind(*at)
            .bind(*next.as_bytes())
            .bind(announced.algorithm.as_str());
            if tx.execute(promote).await? == 0 {
                return Ok(Finish::RollBack(false));
            }
            self.insert_key(tx, announced, (*at, None)).await?;
            Ok(Finish::Commit(true))
        })
    }

    async fn delete_keys(&self, retired_before: OffsetDateTime) -> Result<u64, StoreError> {
        let delete = statement("DELETE FROM signing_keys WHERE retired_at <= $1");
        self.engine.execute(delete.bind(retired_before)).await
    }

    async fn deny(&self, token: &DeniedToken) -> Result<(), StoreError> {
        let deny = statement(
            "INSERT INTO denied_tokens (token_id, client_id, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (token_id, client_id) DO UPDATE SET expires_at = excluded.expires_at \
             WHERE denied_tokens.expires_at < excluded.expires_at",
        )
        .bind(token.id.as_uuid())
        .bind(&*token.client)
        .bind(token.expires_at);
        self.engine.execute(deny).await.map(drop)
    }

    async fn is_denied(&self, token: &AccessToken) -> Result<bool, StoreError> {
        let find = statement("SELECT 1 FROM denied_tokens WHERE token_id = $1 AND client_id = $2");
        let find = find.bind(token.id.as_uuid()).bind(&*token.client);
        Ok(self.engine.row(find).await?.is_some())
    }

    async fn consent(
        &self,
        user: UserId,
        client: ClientId,
    ) -> Result<Option<Vec<Scope>>, StoreError> {
        self.find_consent(user, client).await
    }

    async fn give_consent(&self, consent: &Consent) -> Result<bool, StoreError> {
        self.insert_consent(consent).await
    }

    async fn consents(&self, user: UserId) -> Result<Vec<Consent>, StoreError> {
        self.list_consents(user).await
    }

    async fn withdraw_consent(&self, user: UserId, client: ClientId) -> Result<bool, StoreError> {
        self.delete_consent(user, client).await
    }

    async fn delete_all_keys(&self) -> Result<(), StoreError> {
        in_transaction!(self.engine, tx => {
            tx.execute(statement("DELETE FROM signing_keys")).await?;
            let secrets = "DELETE FROM oauth_client_secrets WHERE sealed IS NOT NULL";
            tx.execute(statement(secrets)).await?;
            Ok(Finish::Commit(()))
        })
    }
}

/// Deletes the revocations of tokens that have expired on every server: clocks differ.
pub(super) async fn sweep(tx: &mut Transaction, now: OffsetDateTime) -> Result<(), StoreError> {
    let sweep = statement("DELETE FROM denied_tokens WHERE expires_at < $1");
    tx.execute(sweep.bind(now.saturating_sub(time::Duration::HOUR))).await.map(drop)
}
