//! Import and export of accounts, and what imported hashes cost.

use time::OffsetDateTime;

use crate::accounts::{
    Credentials, Email, Epoch, ImportError, ImportSource, ImportedCosts, PasswordHash, User, UserId,
};
use crate::clock::unix_milliseconds;
use crate::failure::StoreError;
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{
    Finish, Sql, Statement, Transaction, for_update, in_transaction, is_unique_violation, statement,
};
use crate::store::sql::rows::AccountRow;

/// One statement for a thousand accounts, which are a JSON array of arrays.
const ADD: Sql = Sql::Each {
    sqlite: &[
        "INSERT INTO users (user_id, email, email_verified, name, search_text, role, status, \
         password_hash, created_at, group_names) SELECT unhex(value ->> 0), value ->> 1, value ->> 2, \
         value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, \
         value ->> 9 FROM json_each($1)",
        "INSERT INTO user_epochs (user_id, epoch) SELECT unhex(value ->> 0), $2 FROM json_each($1)",
    ],
    postgres: "WITH added AS (INSERT INTO users (user_id, email, email_verified, name, \
        search_text, role, status, password_hash, created_at, group_names) SELECT decode(value ->> 0, 'hex'), \
        value ->> 1, (value ->> 2)::boolean, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
        value ->> 7, (value ->> 8)::bigint, value ->> 9 FROM json_array_elements($1::json) RETURNING user_id) \
        INSERT INTO user_epochs (user_id, epoch) SELECT user_id, $2 FROM added",
};

const TAKEN: Sql = Sql::Each {
    sqlite: &["SELECT email FROM users WHERE email IN (SELECT value FROM json_each($1))"],
    postgres: "SELECT email FROM users WHERE email IN \
        (SELECT value FROM json_array_elements_text($1::json))",
};

/// As `mail::is_reserved`, for many addresses: an imported account is another one than any before.
const RESERVED: Sql = Sql::Each {
    sqlite: &["SELECT email FROM mail_links WHERE purpose = 'cancel_change' AND expires_at > $2 \
         AND email IN (SELECT value FROM json_each($1)) \
         UNION SELECT recipient FROM mail_queue WHERE kind = 'address_changing' \
         AND state = 'pending' AND recipient IN (SELECT value FROM json_each($1))"],
    postgres: "SELECT email FROM mail_links WHERE purpose = 'cancel_change' AND expires_at > $2 \
        AND email IN (SELECT value FROM json_array_elements_text($1::json)) \
        UNION SELECT recipient FROM mail_queue WHERE kind = 'address_changing' \
        AND state = 'pending' AND recipient IN (SELECT value FROM json_array_elements_text($1::json))",
};

pub(in crate::store::sql) async fn import(
    database: &SqlDatabase,
    source: &mut dyn ImportSource,
) -> Result<u64, ImportError> {
    in_transaction!(database.engine, tx => {
        tx.allow_long_statements().await?;
        source.rewind()?;
        let mut count = 0;
        loop {
            let accounts = source.next_accounts()?;
            if accounts.is_empty() {
                break;
            }
            let emails = accounts.iter().map(|(user, _)| user.email.as_str());
            let reserved = statement(RESERVED).bind(list(emails)?).bind(source.now());
            if tx.row(reserved).await?.is_some() {
                return Err(ImportError::EmailTaken);
            }
            let add = statement(ADD).bind(json(&accounts)?).bind(Epoch::FIRST);
            count += tx.execute(add).await.map_err(|error| {
                if is_unique_violation(&error) { ImportError::EmailTaken } else { error.into() }
            })?;
        }
        keep_costs(tx, source.costs()).await?;
        Ok::<_, ImportError>(Finish::Commit(count))
    })
}

fn json(accounts: &[(User, PasswordHash)]) -> Result<String, StoreError> {
    let row = |(user, hash): &(User, PasswordHash)| {
        let id = user.id.as_uuid().simple().to_string();
        let search_text = super::search_text(&user.email, &user.name);
        let created_at = unix_milliseconds(user.created_at);
        let (email, name) = (user.email.as_str().to_owned(), user.name.as_str().to_owned());
        let (role, status) = (user.role.as_str(), user.status.as_str());
        let hash = hash.as_str().to_owned();
        let groups = user.groups.as_str().to_owned();
        let verified = user.email_verified;
        (id, email, verified, name, search_text, role, status, hash, created_at, groups)
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    serde_json::to_string(&rows).map_err(StoreError::backend)
}

/// Adds to the costs that are kept. The value begins with something that no other import writes, so
/// that [`SqlDatabase::lower_imported_costs`] notices this one.
async fn keep_costs(tx: &mut Transaction, costs: &ImportedCosts) -> Result<(), StoreError> {
    if costs.is_empty() {
        return Ok(());
    }
    let any = statement(
        "INSERT INTO facts (name, value) VALUES ('imported_costs', '') ON CONFLICT DO NOTHING",
    );
    tx.execute(any).await?;
    let known = statement(for_update!("SELECT value FROM facts WHERE name = 'imported_costs'"));
    let known: String = tx.one_row(known).await?.get(0)?;
    let mut all = costs_of(&known)?;
    all.merge(costs);
    let number = known.split_once(' ').and_then(|(number, _)| number.parse().ok()).unwrap_or(0_u64);
    let keep = statement("UPDATE facts SET value = $1 WHERE name = 'imported_costs'");
    tx.execute(keep.bind(format!("{} {}", number + 1, all.to_text()))).await.map(drop)
}

/// Of a value: the number of the import, and the costs.
fn costs_of(value: &str) -> Result<ImportedCosts, StoreError> {
    let Some((_, costs)) = value.split_once(' ') else { return Ok(ImportedCosts::default()) };
    ImportedCosts::parse(costs).ok_or(StoreError::Corrupt("the costs of imported hashes"))
}

/// The value that is kept, and what it says.
async fn kept(database: &SqlDatabase) -> Result<Option<(String, ImportedCosts)>, StoreError> {
    let kept = statement("SELECT value FROM facts WHERE name = 'imported_costs'");
    let Some(row) = database.engine.row(kept).await? else { return Ok(None) };
    let value: String = row.get(0)?;
    let costs = costs_of(&value)?;
    Ok(Some((value, costs)))
}

pub(in crate::store::sql) async fn costs(
    database: &SqlDatabase,
) -> Result<ImportedCosts, StoreError> {
    Ok(kept(database).await?.map(|(_, costs)| costs).unwrap_or_default())
}

pub(in crate::store::sql) async fn taken(
    database: &SqlDatabase,
    emails: &[Email],
) -> Result<Vec<Email>, StoreError> {
    addresses(database, statement(TAKEN).bind(list(emails.iter().map(Email::as_str))?)).await
}

pub(in crate::store::sql) async fn reserved(
    database: &SqlDatabase,
    emails: &[Email],
    at: OffsetDateTime,
) -> Result<Vec<Email>, StoreError> {
    let emails = list(emails.iter().map(Email::as_str))?;
    addresses(database, statement(RESERVED).bind(emails).bind(at)).await
}

/// The text of a JSON array.
fn list<'e>(emails: impl Iterator<Item = &'e str>) -> Result<String, StoreError> {
    serde_json::to_string(&emails.collect::<Vec<_>>()).map_err(StoreError::backend)
}

async fn addresses(database: &SqlDatabase, select: Statement) -> Result<Vec<Email>, StoreError> {
    let rows = database.engine.rows(select).await?;
    rows.iter().map(|row| row.get(0).map(Email::from_stored)).collect()
}

pub(in crate::store::sql) async fn export(
    database: &SqlDatabase,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<Credentials>, StoreError> {
    let after = after.map(|id| id.as_uuid().as_bytes().to_vec()).unwrap_or_default();
    let page = statement(super::lists::ALL).bind(after).bind(limit);
    let rows = database.engine.rows(page).await?;
    rows.iter().map(|row| row.read::<AccountRow>()?.try_into()).collect()
}

impl SqlDatabase {
    /// Lowers what a refused sign-in costs to the hashes that are left of imports. It reads all
    /// accounts, in steps, if there was an import.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; then the costs stay.
    pub async fn lower_imported_costs(&self) -> Result<(), StoreError> {
        const STEP: u32 = 10_000;
        let Some((value, known)) = kept(self).await? else { return Ok(()) };
        let (mut left, mut after) = (ImportedCosts::default(), Vec::new());
        loop {
            let step = statement(
                "SELECT user_id, password_hash FROM users WHERE user_id > $1 \
                 ORDER BY user_id LIMIT $2",
            );
            let rows = self.engine.rows(step.bind(after).bind(STEP)).await?;
            for row in &rows {
                left.add(&PasswordHash::from_stored(row.get(1)?));
            }
            match rows.last() {
                Some(last) => after = last.get(0)?,
                None => break,
            }
        }
        if left == known {
            return Ok(());
        }
        // Another import in the meantime has changed the value.
        let number = value.split_once(' ').map_or("0", |(number, _)| number);
        let lower =
            statement("UPDATE facts SET value = $1 WHERE name = 'imported_costs' AND value = $2");
        let lower = lower.bind(format!("{number} {}", left.to_text())).bind(value);
        self.engine.execute(lower).await.map(drop)
    }
}
