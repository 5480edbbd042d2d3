//! Moves accounts in from other systems, and out.

use super::{
    Accounts, Credentials, Email, Groups, ImportError, ImportSource, ImportedCosts, Name,
    PasswordHash, Role, Status, User, UserId,
};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;

/// An account of another system.
#[derive(Clone, Debug)]
pub struct ImportedUser {
    /// The address for sign-in.
    pub email: Email,
    /// Whether somebody has made sure of the address.
    pub email_verified: bool,
    /// How the person is called; may be empty.
    pub name: Name,
    /// The permissions.
    pub role: Role,
    /// The groups.
    pub groups: Groups,
    /// Whether the person may sign in.
    pub status: Status,
    /// The hash of the password, or none.
    pub hash: PasswordHash,
    /// When the account was made; `None` stands for now.
    pub created_at: Option<time::OffsetDateTime>,
}

/// The accounts to import, read from somewhere that may fail.
pub trait ImportedUsers: Send {
    /// Goes back to the first account.
    ///
    /// # Errors
    /// Says why it cannot be read.
    fn rewind(&mut self) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// The next accounts, as many as suit; none after the last.
    ///
    /// # Errors
    /// Says why they cannot be read or used; nothing is imported.
    fn next_users(&mut self)
    -> Result<Vec<ImportedUser>, Box<dyn std::error::Error + Send + Sync>>;
}

impl Accounts {
    /// Adds all accounts, or none. How many.
    ///
    /// # Errors
    /// [`ImportError`]; nothing was added.
    pub async fn import(&self, users: &mut dyn ImportedUsers) -> Result<u64, ImportError> {
        let (clock, entropy) = (self.0.clock.clone(), self.0.entropy.clone());
        let mut source = Source { users, clock, entropy, costs: ImportedCosts::default() };
        self.0.store.import(&mut source).await
    }

    /// Which of these addresses have an account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn taken(&self, emails: &[Email]) -> Result<Vec<Email>, StoreError> {
        self.0.store.taken(emails).await
    }

    /// Which of these addresses a mailed link can still give back to an account. No other account gets
    /// them meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn reserved(&self, emails: &[Email]) -> Result<Vec<Email>, StoreError> {
        self.0.store.reserved(emails, self.0.clock.now()).await
    }

    /// Accounts with their hashes in the order of their ids: at most `limit`, after this one.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or a record is corrupt.
    pub async fn export(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Credentials>, StoreError> {
        self.0.store.export(after, limit).await
    }
}

/// Gives accounts their ids, in the order in which they come, and adds up what their hashes cost.
struct Source<'a> {
    users: &'a mut dyn ImportedUsers,
    clock: Clock,
    entropy: Entropy,
    costs: ImportedCosts,
}

impl ImportSource for Source<'_> {
    fn rewind(&mut self) -> Result<(), ImportError> {
        self.costs = ImportedCosts::default();
        self.users.rewind().map_err(ImportError::Source)
    }

    fn next_accounts(&mut self) -> Result<Vec<(User, PasswordHash)>, ImportError> {
        let now = self.clock.now();
        let users = self.users.next_users().map_err(ImportError::Source)?;
        let account = |imported: ImportedUser| {
            self.costs.add(&imported.hash);
            let id = UserId::from_uuid(self.entropy.id(now).map_err(StoreError::from)?);
            let user = User {
                id,
                email: imported.email,
                email_verified: imported.email_verified,
                name: imported.name,
                role: imported.role,
                groups: imported.groups,
                status: imported.status,
                created_at: imported.created_at.unwrap_or(now),
            };
            Ok((user, imported.hash))
        };
        users.into_iter().map(account).collect()
    }

    fn now(&self) -> time::OffsetDateTime {
        self.clock.now()
    }

    fn costs(&self) -> &ImportedCosts {
        &self.costs
    }
}
