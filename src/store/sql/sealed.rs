//! Sealed columns: which key new values get, and how a rotation reaches every row.
//!
//! The database names the key under which values are sealed, in the fact `sealing_key`. A
//! transaction that seals a value locks that fact. A rotation changes it first, and so waits for
//! values that are being sealed, and all later ones get the new key. It then seals the others again,
//! row by row, while servers run.

use std::path::Path;

use secrecy::ExposeSecret as _;

use super::SqlDatabase;
use super::engine::{Engine, Finish, Sql, Transaction, for_update, in_transaction, statement};
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::sealing::{KeyFile, KeyId, PREFIX_BYTES, Place, SealError, Sealing, prefix_of};

#[cfg(test)]
mod tests;

/// A column with sealed values: what a rotation has to know of it.
pub(super) struct SealedColumn {
    /// As in [`Place`].
    pub(super) purpose: &'static str,
    any: &'static str,
    others: Sql,
    replace: &'static str,
}

/// The sealed column of a table whose rows have one id of bytes. Statements are written out
/// beforehand.
macro_rules! sealed_column {
    ($table:literal, $id:literal, $column:literal, $purpose:literal) => {
        $crate::store::sql::sealed::SealedColumn {
            purpose: $purpose,
            any: concat!("SELECT 1 FROM ", $table, " WHERE ", $column, " IS NOT NULL LIMIT 1"),
            others: $crate::store::sql::engine::for_update!(concat!(
                "SELECT ",
                $id,
                ", ",
                $column,
                " FROM ",
                $table,
                " WHERE substr(",
                $column,
                ", 1, CAST($1 AS INTEGER)) <> $2 ORDER BY ",
                $id,
                " LIMIT 100"
            )),
            replace: concat!("UPDATE ", $table, " SET ", $column, " = $1 WHERE ", $id, " = $2"),
        }
    };
}
#[cfg(test)]
pub(super) use sealed_column;

const NAMED_KEY: Sql = Sql::Same("SELECT value FROM facts WHERE name = 'sealing_key'");
/// Waits for a rotation that is about to name another key, and lets it wait.
const SHARE_NAMED_KEY: Sql = Sql::Each {
    sqlite: &["SELECT value FROM facts WHERE name = 'sealing_key'"],
    postgres: "SELECT value FROM facts WHERE name = 'sealing_key' FOR SHARE",
};
const LOCK_NAMED_KEY: Sql = for_update!("SELECT value FROM facts WHERE name = 'sealing_key'");

/// Every sealed column. A rotation leaves values behind in columns that are not here.
const SEALED_COLUMNS: &[SealedColumn] = &[
    sealed_column!("totp_secrets", "totp_id", "secret", "totp secret"),
    sealed_column!("signing_keys", "key_id", "private_key", "signing key"),
    sealed_column!("oauth_client_secrets", "secret_id", "sealed", "client secret"),
];

/// A rotation that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// How many values were encrypted again.
    pub values: u64,
    /// Whether it finished an earlier one, which was interrupted.
    pub resumed: bool,
}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NoEntropy(error) => error.into(),
            error => Self::backend(error),
        }
    }
}

/// Seals a value in the transaction that writes it, under the key that the database names.
pub(super) async fn seal(
    tx: &mut Transaction,
    sealing: &Sealing,
    place: Place<'_>,
    value: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let key = match named_key(tx, SHARE_NAMED_KEY).await? {
        Some(key) => key,
        // The key file was added after the start.
        None => adopt(tx, newest(sealing)?).await?,
    };
    Ok(sealing.seal(key, place, value)?)
}

fn newest(sealing: &Sealing) -> Result<KeyId, SealError> {
    let path = || sealing.path().display().to_string();
    sealing.read()?.first().copied().ok_or_else(|| SealError::NoFile { path: path() })
}

/// Names the first key of a database, unless another transaction has just done that.
async fn adopt(tx: &mut Transaction, key: KeyId) -> Result<KeyId, StoreError> {
    let insert = statement(
        "INSERT INTO facts (name, value) VALUES ('sealing_key', $1) ON CONFLICT (name) DO NOTHING",
    );
    tx.execute(insert.bind(key.to_string())).await?;
    named_key(tx, NAMED_KEY).await?.ok_or(StoreError::Corrupt("sealing_key"))
}

/// Names another key, where nothing is sealed with the earlier one.
async fn name_key(tx: &mut Transaction, key: KeyId) -> Result<(), StoreError> {
    let name = statement(
        "INSERT INTO facts (name, value) VALUES ('sealing_key', $1) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    tx.execute(name.bind(key.to_string())).await.map(drop)
}

async fn named_key(tx: &mut Transaction, select: Sql) -> Result<Option<KeyId>, StoreError> {
    let Some(row) = tx.row(statement(select)).await? else { return Ok(None) };
    let text: String = row.get(0)?;
    KeyId::parse(&text).map(Some).ok_or(StoreError::Corrupt("sealing_key"))
}

async fn has_sealed_values(
    tx: &mut Transaction,
    columns: &[SealedColumn],
) -> Result<bool, StoreError> {
    for column in columns {
        if tx.row(statement(column.any)).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl SqlDatabase {
    /// The same database, with the keys of this key file. The path is relative to the folder of a
    /// `SQLite` file. The file is read when a key is needed.
    #[must_use]
    pub fn with_key_file(mut self, path: &Path, entropy: Entropy) -> Self {
        let folder = match &self.engine {
            Engine::Sqlite(file) => file.path().parent(),
            Engine::Postgres(_) => None,
        };
        self.sealing = Sealing::with(folder.unwrap_or(Path::new("")).join(path), entropy);
        self
    }

    /// The key file.
    #[must_use]
    pub fn key_file(&self) -> &KeyFile {
        self.sealing.file()
    }

    /// Whether the key file holds the key of this database. A database that names no key yet gets
    /// the one of the file. `may_create`: where nothing is encrypted yet, a missing file is created.
    ///
    /// `false`: there is no file, and nothing needs one yet.
    ///
    /// # Errors
    /// [`SealError`] within [`StoreError::Backend`] when the key is wrong or lost.
    pub async fn check_key(&self, may_create: bool) -> Result<bool, StoreError> {
        self.check_key_of(SEALED_COLUMNS, may_create).await
    }

    async fn check_key_of(
        &self,
        columns: &[SealedColumn],
        may_create: bool,
    ) -> Result<bool, StoreError> {
        let sealing = &self.sealing;
        let path = || sealing.path().display().to_string();
        let keys = match sealing.read() {
            Err(SealError::NoFile { .. }) => {
                in_transaction!(self.engine, tx => {
                    if named_key(tx, LOCK_NAMED_KEY).await?.is_some()
                        && has_sealed_values(tx, columns).await?
                    {
                        return Err(SealError::Lost { path: path() }.into());
                    }
                    if may_create {
                        // The file first: a key that is named is never lost.
                        name_key(tx, sealing.create()?).await?;
                    }
                    Ok::<_, StoreError>(Finish::Commit(()))
                })?;
                return Ok(may_create);
            }
            keys => keys?,
        };
        let first = keys.first().copied().ok_or(StoreError::Corrupt("sealing_key"))?;
        let named: KeyId = in_transaction!(self.engine, tx => {
            adopt(tx, first).await.map(Finish::Commit)
        })?;
        if keys.contains(&named) {
            Ok(true)
        } else {
            Err(SealError::WrongKey { path: path() }.into())
        }
    }

    /// Adds a new key to the key file, and uses it for nothing yet: for a file that has to be
    /// copied to other servers first.
    ///
    /// # Errors
    /// [`StoreError`] when the file or the database fails.
    pub async fn prepare_rotation(&self) -> Result<(), StoreError> {
        let sealing = &self.sealing;
        let _alone = sealing.file().lock()?;
        self.key_to_come(sealing).await.map(drop)
    }

    /// Encrypts every value under a new key, while servers run. One that was interrupted goes on.
    ///
    /// # Errors
    /// [`StoreError`] when the file or the database fails; then another call goes on.
    pub async fn rotate_key(&self) -> Result<Rotated, StoreError> {
        self.rotate_columns(SEALED_COLUMNS).await
    }

    async fn rotate_columns(&self, columns: &[SealedColumn]) -> Result<Rotated, StoreError> {
        let sealing = &self.sealing;
        let _alone = sealing.file().lock()?;
        let Keys { old, new } = self.key_to_come(sealing).await?;
        if old != new {
            let swap =
                statement("UPDATE facts SET value = $1 WHERE name = 'sealing_key' AND value = $2");
            let swap = swap.bind(new.to_string()).bind(old.to_string());
            if self.engine.execute(swap).await? == 0 {
                return Err(SealError::Busy.into());
            }
        }
        let mut values = 0;
        for column in columns {
            while let more @ 1.. = self.seal_again(sealing, column, new).await? {
                values += more;
            }
        }
        sealing.keep_only(new)?;
        Ok(Rotated { values, resumed: old == new })
    }

    /// The key that values have, and the one that they get: the first of the file, which is made
    /// unless it is there. Both are the same where an interrupted rotation has named it already.
    async fn key_to_come(&self, sealing: &Sealing) -> Result<Keys, StoreError> {
        // It also refuses the file of another database.
        self.check_key(false).await?;
        let keys = sealing.read()?;
        let named = in_transaction!(self.engine, tx => {
            named_key(tx, NAMED_KEY).await.map(Finish::Commit)
        });
        let old = named?.ok_or(StoreError::Corrupt("sealing_key"))?;
        let new = match &keys[..] {
            [only] if *only == old => sealing.prepend_new(old)?,
            [first, ..] => *first,
            [] => return Err(StoreError::Corrupt("sealing_key")),
        };
        Ok(Keys { old, new })
    }

    /// Encrypts some values of a column that have another key. Returns their number.
    async fn seal_again(
        &self,
        sealing: &Sealing,
        column: &SealedColumn,
        key: KeyId,
    ) -> Result<u64, StoreError> {
        in_transaction!(self.engine, tx => {
            let length = i64::try_from(PREFIX_BYTES).unwrap_or(i64::MAX);
            let others = statement(column.others).bind(length).bind(prefix_of(key));
            let rows = tx.rows(others).await?;
            for row in &rows {
                let (id, sealed): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
                let place = Place { purpose: column.purpose, row: &id };
                let value = sealing.open(place, &sealed)?;
                let sealed = sealing.seal(key, place, value.expose_secret())?;
                tx.execute(statement(column.replace).bind(sealed).bind(id)).await?;
            }
            Ok(Finish::Commit(rows.len() as u64))
        })
    }
}

/// The keys of a rotation.
struct Keys {
    old: KeyId,
    new: KeyId,
}
