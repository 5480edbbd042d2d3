//! Invitations: one-time links to set the password of an account that an administrator created.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{
    Account, Accounts, Addition, CreateError, Email, Invitation, Letter, Name, PasswordHash, Role,
    Status, User, UserId,
};
use crate::clock::SKEW;
use crate::entropy::NoEntropy;
use crate::failure::StoreError;

/// The SHA-256 of the secret of an invitation, as stores keep it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvitationDigest([u8; 32]);

impl InvitationDigest {
    /// Of the secret of a link, as it was written.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for InvitationDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationDigest(…)")
    }
}

/// A link that was just made. Its secret is shown once.
pub struct IssuedInvitation {
    /// The secret of the link.
    pub secret: String,
    /// Until when it works.
    pub expires_at: OffsetDateTime,
}

impl fmt::Debug for IssuedInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuedInvitation(…)")
    }
}

/// The account that an administrator creates.
#[derive(Clone, Debug)]
pub struct InvitedUser {
    /// The address for sign-in; it counts as verified.
    pub email: Email,
    /// How the person is called; may be empty.
    pub name: Name,
    /// The permissions.
    pub role: Role,
    /// Whether the person may sign in.
    pub status: Status,
}

impl Accounts {
    /// How long an invitation works.
    pub const INVITATION_LIFE: Duration = Duration::from_hours(7 * 24);

    /// Adds an account without a password: a sign-in is refused like any other, at the same price,
    /// until somebody sets one by an invitation. As an administrator it does not count before. The
    /// letter is queued with it.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was added.
    pub async fn add_invited(
        &self,
        invited: InvitedUser,
        letter: impl FnOnce(&User) -> Result<Option<Letter>, NoEntropy> + Send,
    ) -> Result<Account, CreateError> {
        let hash = PasswordHash::none();
        let InvitedUser { email, name, role, status } = invited;
        let user = self.new_user((email, true), name, (role, status))?;
        let letters = letter(&user).map_err(StoreError::from)?.into_iter().collect();
        self.add_account(user, &hash, Addition { letters, ..Addition::default() }).await
    }

    fn longest_invitation() -> time::Duration {
        time::Duration::try_from(Self::INVITATION_LIFE).unwrap_or(time::Duration::WEEK)
    }

    /// Makes an invitation to this account, in place of the one before. `None`: there is no such
    /// account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is unknown whether the one before works.
    pub async fn invite(&self, user: UserId) -> Result<Option<IssuedInvitation>, StoreError> {
        let secret = URL_SAFE_NO_PAD.encode(self.0.entropy.bytes::<32>()?);
        let expires_at = self.0.clock.now().saturating_add(Self::longest_invitation());
        let digest = InvitationDigest::of(&secret);
        let is_kept = self.0.store.invite(&Invitation { user, digest, expires_at }).await?;
        Ok(is_kept.then_some(IssuedInvitation { secret, expires_at }))
    }

    /// The account to which the link of this secret invites now: unused, within its time, and of
    /// an account that may sign in.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn invited(&self, digest: &InvitationDigest) -> Result<Option<Account>, StoreError> {
        let found = self.0.store.invited(digest).await?;
        let works = |(account, expires_at): &(Account, OffsetDateTime)| {
            let latest = self.0.clock.now().saturating_add(Self::longest_invitation());
            self.0.clock.now() < *expires_at
                && *expires_at <= latest.saturating_add(SKEW)
                && account.user.status == Status::Active
        };
        Ok(found.filter(works).map(|(account, _)| account))
    }
}
