//! Accounts that people make for themselves.

use super::{
    Account, Accounts, Addition, CreateError, Letter, NewPasswordError, NewUser, PasswordHash,
    Status, User,
};
use crate::detached::run_to_completion;
use crate::entropy::NoEntropy;
use crate::failure::StoreError;
use crate::throttle::{AccountKey, Attempt, Network};

impl Accounts {
    /// Counts a sign-up from this network and hashes its password, if the policy allows it.
    ///
    /// # Errors
    /// [`CreateError`]; the attempt is not counted.
    pub async fn prepare_sign_up(
        &self,
        new: &NewUser,
        from: Option<Network>,
    ) -> Result<(PasswordHash, Attempt), CreateError> {
        let slot = self.0.hasher.reserve_slot().map_err(NewPasswordError::from)?;
        let attempt = self.0.throttle.sign_up(from, slot.clone()).await?;
        let who = (&new.email, &new.name);
        let hash = self.hash_new_password_at(slot, &new.password, who).await?;
        Ok((hash, attempt))
    }

    /// Adds an account with a hash that was made before. The letter is queued with it.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was added.
    pub async fn add_unverified(
        &self,
        new: &NewUser,
        hash: &PasswordHash,
        letter: impl FnOnce(&User) -> Result<Option<Letter>, NoEntropy> + Send,
    ) -> Result<Account, CreateError> {
        let (email, name) = (new.email.clone(), new.name.clone());
        let user = self.new_user((email, false), name, (new.role, Status::Active))?;
        let letters = letter(&user).map_err(StoreError::from)?.into_iter().collect();
        let signed_up_by_mail = true;
        let addition = Addition { signed_up_by_mail, letters, ..Addition::default() };
        self.add_account(user, hash, addition).await
    }

    /// Adds the account of a sign-up, and queues the letter with it. Attempts per network are
    /// limited, because the answer tells whether an address has an account.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was added.
    pub async fn sign_up(
        &self,
        new: NewUser,
        from: Option<Network>,
        letter: impl FnOnce(&User) -> Result<Option<Letter>, NoEntropy> + Send + 'static,
    ) -> Result<Account, CreateError> {
        let (hash, attempt) = self.prepare_sign_up(&new, from).await?;
        let accounts = self.clone();
        // A dropped request may still create the account, and then the attempt has to count.
        let account = run_to_completion(async move {
            let NewUser { email, email_verified, name, role, .. } = new;
            let user = accounts.new_user((email, email_verified), name, (role, Status::Active))?;
            let letters = letter(&user).map_err(StoreError::from)?.into_iter().collect();
            let addition = Addition { letters, ..Addition::default() };
            let added = accounts.add_account(user, &hash, addition).await;
            if matches!(added, Ok(_) | Err(CreateError::EmailTaken)) {
                attempt.keep_counted();
            }
            added
        })
        .await??;
        self.came_from(from, &account).await;
        Ok(account)
    }

    /// Adds the first administrator, who comes by the setup link from this network.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was added.
    pub async fn set_up(
        &self,
        new: NewUser,
        from: Option<Network>,
    ) -> Result<Account, CreateError> {
        let account = self.create(new, true).await?;
        self.came_from(from, &account).await;
        Ok(account)
    }

    /// Attempts from other networks then cannot lock the owner out of this one.
    async fn came_from(&self, from: Option<Network>, account: &Account) {
        let key = AccountKey::of_address(account.user.email.as_str());
        self.0.throttle.remember(key, from).await;
    }
}
