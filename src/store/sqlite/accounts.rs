//! The account store on the file.

use async_trait::async_trait;
use sqlx::Row;
use time::OffsetDateTime;

use super::SqliteDatabase;
use super::rows::{AccountRow, failed, id_bytes, listed_account, milliseconds, select_account};
use super::sessions::commit;
use crate::accounts::{
    Account, AccountStore, AddError, Change, ChangeError, Changed, Credentials, Email, Epoch,
    Listing, Name, PasswordHash, Role, Status, User, UserId,
};
use crate::failure::StoreError;

#[async_trait]
impl AccountStore for SqliteDatabase {
    #[tracing::instrument(name = "store.account.add", skip_all, err(level = "debug"))]
    async fn add(
        &self,
        user: &User,
        hash: &PasswordHash,
        only_first_administrator: bool,
    ) -> Result<(), AddError> {
        let mut write = self.write().await?;
        if only_first_administrator && super::change::other_administrators(&mut write, None).await?
        {
            return Err(AddError::AdministratorExists);
        }
        sqlx::query(
            "INSERT INTO users (user_id, email, email_verified, name, search_text, role, status, \
             password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id_bytes(user.id.as_uuid()))
        .bind(user.email.as_str())
        .bind(user.email_verified)
        .bind(user.name.as_str())
        .bind(search_text(&user.email, &user.name))
        .bind(user.role.as_str())
        .bind(user.status.as_str())
        .bind(hash.as_str())
        .bind(milliseconds(user.created_at))
        .execute(&mut *write)
        .await
        .map_err(|error| match error {
            error if is_taken(&error) => AddError::EmailTaken,
            error => AddError::Store(failed(error)),
        })?;
        sqlx::query("INSERT INTO user_epochs (user_id, epoch) VALUES ($1, $2)")
            .bind(id_bytes(user.id.as_uuid()))
            .bind(Epoch::FIRST.number())
            .execute(&mut *write)
            .await
            .map_err(failed)?;
        Ok(commit(write).await?)
    }

    #[tracing::instrument(name = "store.account.find", skip_all, err(level = "debug"))]
    async fn find(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        // Before the statement: what it reads is of this stamp or newer.
        let stamp = self.stamp();
        if let Some(account) = self.remembered.find(stamp, id) {
            return Ok(Some(account));
        }
        let found = self.credentials(id).await?.map(|credentials| credentials.account);
        if let Some(account) = &found {
            self.remembered.remember(stamp, account);
        }
        Ok(found)
    }

    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        sqlx::query_as::<_, AccountRow>(select_account!("WHERE users.user_id = $1"))
            .bind(id_bytes(id.as_uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?
            .map(Credentials::try_from)
            .transpose()
    }

    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        sqlx::query_as::<_, AccountRow>(select_account!("WHERE email = $1"))
            .bind(email.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?
            .map(Credentials::try_from)
            .transpose()
    }

    async fn list(&self, listing: &Listing) -> Result<Vec<Account>, StoreError> {
        let most = usize::try_from(listing.limit).unwrap_or(usize::MAX);
        let mut after = listing.after.map(|id| id_bytes(id.as_uuid())).unwrap_or_default();
        let mut accounts = Vec::new();
        // Once, but for corrupt rows: a page that they made shorter would look like the last.
        loop {
            let left = most - accounts.len();
            let rows = sqlx::query(select_account!(
                "WHERE users.user_id > $1 \
                 AND ($2 IS NULL OR search_text LIKE $2 ESCAPE '!') \
                 ORDER BY users.user_id LIMIT $3"
            ))
            .bind(after)
            .bind(listing.query.as_deref().map(containing))
            .bind(i64::try_from(left).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
            accounts.extend(rows.iter().filter_map(listed_account));
            let Some(last) = rows.last().filter(|_| rows.len() == left && accounts.len() < most)
            else {
                return Ok(accounts);
            };
            after = last.try_get("user_id").map_err(failed)?;
        }
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        let row =
            sqlx::query("SELECT EXISTS (SELECT 1 FROM users WHERE role = $1 AND status = $2)")
                .bind(Role::Admin.as_str())
                .bind(Status::Active.as_str())
                .fetch_one(&self.readers)
                .await
                .map_err(failed)?;
        row.try_get(0).map_err(failed)
    }

    async fn upgrade_hash(
        &self,
        id: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let upgraded = sqlx::query(
            "UPDATE users SET password_hash = $1 WHERE user_id = $2 AND password_hash = $3",
        )
        .bind(to.as_str())
        .bind(id_bytes(id.as_uuid()))
        .bind(from.as_str())
        .execute(&mut *write)
        .await
        .map_err(failed)?;
        commit(write).await?;
        Ok(upgraded.rows_affected() == 1)
    }

    #[tracing::instrument(name = "store.account.change", skip_all)]
    async fn change(
        &self,
        id: UserId,
        change: &Change,
        at: OffsetDateTime,
    ) -> Result<Changed, ChangeError> {
        let mut write = self.write().await?;
        let changed = super::change::change(self, &mut write, id, change, at).await?;
        commit(write).await?;
        Ok(changed)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.answers().await
    }
}

/// Whether a statement failed because another row has the same address.
pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// What a search looks into. Lower case is ours to make: the database knows that of ASCII only.
pub(super) fn search_text(email: &Email, name: &Name) -> String {
    format!("{} {}", email.as_str(), name.as_str()).to_lowercase()
}

/// The pattern that finds `text` anywhere, whatever its case.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
