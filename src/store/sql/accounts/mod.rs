//! The account store.

pub(super) mod change;
mod import;
mod invitations;
mod links;
pub(super) mod lists;
mod outbox;

use async_trait::async_trait;
use time::OffsetDateTime;

use super::SqlDatabase;
use super::engine::{Engine, Finish, in_transaction, is_unique_violation, statement};
use super::postgres::Lock;
use super::rows::{AccountRow, select_account};
use crate::accounts::{
    Account, AccountCount, AccountPage, AccountStore, AddError, Addition, Change, ChangeError,
    Changed, Credentials, Email, Epoch, EpochReason, ImportError, ImportSource, ImportedCosts,
    Invitation, InvitationDigest, Letter, Listing, Name, PasswordHash, Role, Status, User, UserId,
};
use crate::failure::StoreError;
use crate::text::folded;

#[async_trait]
impl AccountStore for SqlDatabase {
    #[tracing::instrument(name = "store.account.add", skip_all, err(level = "debug"))]
    async fn add(
        &self,
        user: &User,
        hash: &PasswordHash,
        addition: &Addition,
    ) -> Result<(), AddError> {
        in_transaction!(self.engine, tx => {
            if addition.only_first_administrator {
                tx.lock(Lock::Administrators).await?;
                if change::other_administrators(tx, None).await? {
                    return Err(AddError::AdministratorExists);
                }
            }
            if super::mail::is_reserved(tx, &user.email, user.id, user.created_at).await? {
                return Err(AddError::EmailTaken);
            }
            links::insert(tx, user, hash, addition).await.map_err(|error| {
                if is_unique_violation(&error) { AddError::EmailTaken } else { error.into() }
            })?;
            Ok(Finish::Commit(()))
        })
    }

    #[tracing::instrument(name = "store.account.write_to", skip_all, err(level = "debug"))]
    async fn write_to(&self, letter: &Letter) -> Result<Option<User>, StoreError> {
        in_transaction!(self.engine, tx => {
            links::write_to(tx, letter).await.map(Finish::Commit)
        })
    }

    async fn pending_email(&self, user: UserId) -> Result<Option<Email>, StoreError> {
        links::pending(self, user).await
    }

    #[tracing::instrument(name = "store.account.find", skip_all, err(level = "debug"))]
    async fn find(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.credentials(id).await?.map(|credentials| credentials.account))
    }

    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        let found = statement(select_account!("WHERE users.user_id = $1")).bind(id);
        let row = self.engine.row(found).await?;
        row.map(|row| row.read::<AccountRow>()?.try_into()).transpose()
    }

    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        let found = statement(select_account!("WHERE email = $1")).bind(email.as_str());
        let row = self.engine.row(found).await?;
        row.map(|row| row.read::<AccountRow>()?.try_into()).transpose()
    }

    async fn count(&self) -> Result<AccountCount, StoreError> {
        lists::count(self).await
    }

    #[tracing::instrument(name = "store.account.invite", skip_all, err(level = "debug"))]
    async fn invite(&self, invitation: &Invitation) -> Result<bool, StoreError> {
        invitations::keep(self, invitation).await
    }

    async fn invited(
        &self,
        digest: &InvitationDigest,
    ) -> Result<Option<(Account, OffsetDateTime)>, StoreError> {
        invitations::find(self, digest).await
    }

    async fn list(&self, listing: &Listing) -> Result<AccountPage, StoreError> {
        lists::list(self, listing).await
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        let any = statement(
            "SELECT EXISTS (SELECT 1 FROM users WHERE role = $1 AND status = $2 \
             AND password_hash <> $3)",
        )
        .bind(Role::Admin.as_str())
        .bind(Status::Active.as_str())
        .bind(PasswordHash::NO_PASSWORD);
        self.engine.one_row(any).await?.get(0)
    }

    async fn upgrade_hash(
        &self,
        id: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let upgrade = statement(
            "UPDATE users SET password_hash = $1 WHERE user_id = $2 AND password_hash = $3",
        );
        let upgrade = upgrade.bind(to.as_str()).bind(id).bind(from.as_str());
        Ok(self.engine.execute(upgrade).await? == 1)
    }

    #[tracing::instrument(name = "store.account.import", skip_all)]
    async fn import(&self, source: &mut dyn ImportSource) -> Result<u64, ImportError> {
        import::import(self, source).await
    }

    async fn imported_costs(&self) -> Result<ImportedCosts, StoreError> {
        import::costs(self).await
    }

    async fn taken(&self, emails: &[Email]) -> Result<Vec<Email>, StoreError> {
        import::taken(self, emails).await
    }

    async fn reserved(
        &self,
        emails: &[Email],
        at: OffsetDateTime,
    ) -> Result<Vec<Email>, StoreError> {
        import::reserved(self, emails, at).await
    }

    async fn export(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Credentials>, StoreError> {
        import::export(self, after, limit).await
    }

    #[tracing::instrument(name = "store.account.change", skip_all)]
    async fn change(
        &self,
        id: UserId,
        change: &Change,
        at: OffsetDateTime,
    ) -> Result<Changed, ChangeError> {
        let outcome: Result<_, ChangeError> = in_transaction!(self.engine, tx => {
            match change::change(self, tx, id, change, at).await {
                Err(
                    failed @ (ChangeError::Store(_)
                    | ChangeError::EmailTaken
                    | ChangeError::Groups(_)
                    | ChangeError::InvitationGone
                    | ChangeError::LinkGone
                    | ChangeError::FactorGone
                    | ChangeError::CredentialTaken),
                ) => Err(failed),
                Err(refused) => {
                    // Nothing was written, but another transaction may just have done it.
                    tx.notify_unchanged().await?;
                    Ok(Finish::Commit(Err(refused)))
                }
                Ok(changed) => {
                    if changed.account.as_ref() == Some(&changed.before) {
                        tx.notify_unchanged().await?;
                    }
                    Ok(Finish::Commit(Ok(changed)))
                }
            }
        });
        outcome?
    }

    #[tracing::instrument(name = "store.account.raise_epochs", skip_all, err(level = "debug"))]
    async fn raise_epochs(
        &self,
        at_least: Epoch,
        reason: EpochReason,
        at: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        in_transaction!(self.engine, tx => {
            tx.allow_long_statements().await?;
            // The epochs of deleted accounts keep their reason.
            let raise = statement(
                "UPDATE user_epochs SET epoch = CASE WHEN epoch < $1 THEN $1 ELSE epoch + 1 END, \
                 reason = $2, raised_at = $3 WHERE user_id IN (SELECT user_id FROM users)",
            )
            .bind(at_least)
            .bind(reason.as_str())
            .bind(at);
            tx.execute(raise).await.map(Finish::Commit)
        })
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.answers().await
    }
}

/// The text that a search looks in: both forms of the email address, and the name. Lowercased here,
/// because `SQLite` only knows ASCII. Increase [`SEARCH_FORM`] when the form changes.
pub(super) fn search_text(email: &Email, name: &Name) -> String {
    let (canonical, display) = (email.as_str(), email.display());
    let other = if display == canonical { String::new() } else { format!(" {display}") };
    folded(&format!("{canonical}{other} {}", name.as_str()))
}

/// The version of the form of [`search_text`].
const SEARCH_FORM: &str = "2";

/// Rewrites the search texts once after an upgrade changed their form.
pub(super) async fn renew_search_texts(engine: &Engine) -> Result<(), StoreError> {
    const PAGE: u32 = 500;
    let fact = statement("SELECT value FROM facts WHERE name = 'search_form'");
    if let Some(row) = engine.row(fact).await?
        && row.get::<String>(0)? == SEARCH_FORM
    {
        return Ok(());
    }
    let mut after = Vec::new();
    loop {
        let page = statement(
            "SELECT user_id, email, name, search_text FROM users WHERE user_id > $1 \
             ORDER BY user_id LIMIT $2",
        );
        let rows = engine.rows(page.bind(after).bind(PAGE)).await?;
        for row in &rows {
            let (email, name): (String, String) = (row.get(1)?, row.get(2)?);
            let renewed =
                search_text(&Email::from_stored(email.clone()), &Name::from_stored(name.clone()));
            if renewed != row.get::<String>(3)? {
                let renew = statement(
                    "UPDATE users SET search_text = $1 \
                     WHERE user_id = $2 AND email = $3 AND name = $4",
                );
                let renew = renew.bind(renewed).bind(row.get::<Vec<u8>>(0)?);
                engine.execute(renew.bind(email).bind(name)).await?;
            }
        }
        match rows.last() {
            Some(last) if rows.len() == PAGE as usize => after = last.get(0)?,
            _ => break,
        }
    }
    let done = statement(
        "INSERT INTO facts (name, value) VALUES ('search_form', $1) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    engine.execute(done.bind(SEARCH_FORM)).await.map(drop)
}
