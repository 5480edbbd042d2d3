//! Sign-up where an address has to be confirmed before its owner can sign in. The answer is the
//! same for a free and for a taken address, and a message goes out either way.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::credential_change::finish_if_decided;
use super::signup::{Signup, SignupError, SignupRequest};
use super::{record_throttled_sign_up, run_to_completion};
use crate::accounts::{
    Account, Change, ChangeError, CreateError, EpochRaise, EpochReason, Letter, LetterKind,
    NewUser, PasswordChange, PasswordHash, Role, Status, UserId,
};
use crate::audit::{By, Event, Kind};
use crate::failure::StoreError;
use crate::throttle::Network;

/// From the hash of the password to the answer. Each case takes less: to make an account, to mail its
/// owner, and to end the sessions of one whose address was never confirmed, which waits for the
/// leases. So the time does not tell which it was.
const ANSWER_AFTER: Duration = Duration::from_millis(250);

impl Signup {
    /// Makes an account, or mails the owner of the one that has the address. An account that
    /// only a sign-up made, whose address was never confirmed, gets the new password, and its links
    /// are void.
    ///
    /// # Errors
    /// [`SignupError`]; it does not depend on the address.
    pub async fn by_mail(&self, request: SignupRequest) -> Result<(), SignupError> {
        let new = NewUser {
            email: request.email,
            email_verified: false,
            name: request.name,
            role: Role::User,
            password: request.password,
        };
        let (this, browser) = (self.clone(), request.from);
        let signed_up = run_to_completion(async move {
            let by = By::anonymous(browser.client);
            let from = by.client.ip_address.map(Network::of);
            let prepared = this.accounts.prepare_sign_up(&new, from).await;
            if let Err(error) = &prepared {
                record_throttled_sign_up(&this.audit, error, &by).await;
            }
            let (hash, attempt) = prepared?;
            let answer_at = Instant::now() + ANSWER_AFTER;
            this.make_or_notify(&new, &hash, browser.language, &by).await?;
            attempt.keep_counted();
            sleep_until(answer_at).await;
            Ok::<_, SignupError>(())
        });
        let signed_up = signed_up.await.map_err(SignupError::from).and_then(|signed_up| signed_up);
        self.counted(signed_up)
    }

    async fn make_or_notify(
        &self,
        new: &NewUser,
        hash: &PasswordHash,
        language: &str,
        by: &By,
    ) -> Result<(), SignupError> {
        let letter = |kind, user| self.mail.letter_by_stranger(kind, (user, &new.email), language);
        let added = self
            .accounts
            .add_unverified(new, hash, |user| letter(LetterKind::Verification, Some(user.id)));
        match added.await {
            Ok(account) => {
                let made = Event::new(Kind::Signup, by).about(account.user.id);
                self.audit.record([made.with("role", account.user.role.as_str())]).await;
                return Ok(());
            }
            Err(CreateError::EmailTaken) => {}
            Err(error) => return Err(error.into()),
        }
        let found = self.accounts.find_by_email(&new.email).await?;
        match found {
            Some(account) if is_replaceable(&account) => {
                let letter = letter(LetterKind::Verification, Some(account.user.id));
                let letters = letter.map_err(StoreError::from)?.into_iter().collect();
                self.replace(account.user.id, (new, hash.clone()), letters, by).await
            }
            _ => {
                let letter = letter(LetterKind::SignUpAttempt, None).map_err(StoreError::from)?;
                if let Some(letter) = letter {
                    self.accounts.write_to(&letter).await?;
                }
                Ok(())
            }
        }
    }

    /// Nobody has shown that the address is theirs, so the last sign-up counts.
    async fn replace(
        &self,
        user: UserId,
        (new, to): (&NewUser, PasswordHash),
        letters: Vec<Letter>,
        by: &By,
    ) -> Result<(), SignupError> {
        let reason = EpochReason::PasswordChanged;
        let change = Change {
            name: Some(new.name.clone()),
            password: Some(PasswordChange { from: None, to }),
            raise: Some(EpochRaise { reason, survivor: None }),
            letters,
            // Without a new link the owner would be left with none: the earlier ones are void.
            needs_letters: true,
            ..Change::default()
        };
        let decide = move |account: &Account| is_replaceable(account).then(|| change.clone());
        match finish_if_decided(&self.accounts, &self.sessions, user, decide).await {
            Ok(Some(changed)) => {
                let again = Event::new(Kind::Signup, by).about(changed.before.user.id);
                let again = again.with("role", changed.before.user.role.as_str());
                self.audit.record([again]).await;
                Ok(())
            }
            Err(ChangeError::Store(error)) => Err(error.into()),
            // Somebody else confirmed, changed or deleted it in between, or its address got too many
            // messages.
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

/// Whether a sign-up made the account, and nobody has shown that the address is theirs or given it
/// anything since. One that was imported, has rights or was disabled is never replaced by a stranger.
fn is_replaceable(account: &Account) -> bool {
    let user = &account.user;
    let is_plain = user.role == Role::User && user.groups.as_str().is_empty();
    let is_unconfirmed = account.signed_up_by_mail && !user.email_verified;
    is_unconfirmed && is_plain && user.status == Status::Active && !account.factors.any()
}
