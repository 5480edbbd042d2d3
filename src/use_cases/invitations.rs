//! Invitations: an administrator creates an account, its owner sets the password by a link.

use super::authorization::Authorized;
use super::credential_change::{NotByLink, ends, finish_credential_change};
use super::pending::{SignIn, second_step};
use super::sent_forms::FormTurn;
use super::{Dependencies, RequestingBrowser, ended_by_start, new_session, run_to_completion};
use crate::accounts::{
    Account, Accounts, Busy, Change, ChangeError, Changed, CreateError, EpochRaise, EpochReason,
    InvitationDigest, InvitedUser, IssuedInvitation, LetterKind, NewPasswordError, Password,
    PasswordChange, PasswordHash, User, UserId, WeakPassword,
};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::mail::Mail;
use crate::sessions::{Sessions, StartError, StartedSession, Token, device_name};

/// Makes accounts and invitations, and lets people in by them.
#[derive(Clone)]
pub struct Invitations {
    accounts: Accounts,
    sessions: Sessions,
    audit: AuditTrail,
    mail: Mail,
}

/// A request to accept an invitation.
#[derive(Debug)]
pub struct Acceptance {
    /// The digest of the secret in the link.
    pub invitation: InvitationDigest,
    /// The password to set.
    pub password: Password,
    /// Who sent the request.
    pub from: RequestingBrowser,
    /// The lock of the submitted form.
    pub form: FormTurn,
}

/// Why an invitation could not be accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// It was never made, or is used, expired or void.
    #[error("the invitation does not work")]
    Refused,
    /// The password may not be used.
    #[error(transparent)]
    Weak(WeakPassword),
    /// Too many passwords are being checked at once.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The password is set, but the address has to be confirmed before a session starts. A link was
    /// sent to it.
    #[error("the password was set, but the address has to be confirmed first")]
    EmailUnverified,
    /// The password is set, but its owner has to sign in.
    #[error("the password was set, but no session started")]
    NotStarted(#[source] StartError),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NewPasswordError> for AcceptError {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Weak(weak) => Self::Weak(weak),
            NewPasswordError::Busy(busy) => Self::Busy(busy),
            NewPasswordError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for AcceptError {
    fn from(error: ChangeError) -> Self {
        match NotByLink::from(error) {
            NotByLink::Refused => Self::Refused,
            NotByLink::Busy(busy) => Self::Busy(busy),
            NotByLink::Store(error) => Self::Store(error),
        }
    }
}

impl Invitations {
    /// Creates the use case.
    #[must_use]
    pub fn new(on: &Dependencies) -> Self {
        let Dependencies { accounts, sessions, audit, mail, .. } = on.clone();
        Self { accounts, sessions, audit, mail }
    }

    /// Makes an account without a password, and the invitation by which its owner sets one.
    ///
    /// # Errors
    /// [`CreateError`]; where it is a store that failed, the account may have been made.
    pub async fn create(
        &self,
        invited: InvitedUser,
        authorized: &Authorized,
    ) -> Result<(User, IssuedInvitation), CreateError> {
        let (this, by) = (self.clone(), authorized.by().clone());
        run_to_completion(async move {
            let mail = this.mail.clone();
            let letter = move |user: &User| mail.letter(LetterKind::Invitation, user);
            let user = this.accounts.add_invited(invited, letter).await?.user;
            this.mail.wake();
            let made = Event::new(Kind::Signup, &by).about(user.id);
            let made = made.with("role", user.role.as_str()).with("status", user.status.as_str());
            let issued = this.accounts.invite(user.id).await;
            let invitation = issued.as_ref().ok().map(|_| created(user.id, &by));
            this.audit.record([made].into_iter().chain(invitation)).await;
            match issued? {
                Some(issued) => Ok((user, issued)),
                // Somebody deleted the account in between.
                None => Err(StoreError::Corrupt("an account that was just made is gone").into()),
            }
        })
        .await?
    }

    /// Makes a new invitation to an account, in place of the one before. Where the account has a
    /// password, that stays until the invitation is used. `None`: there is no such account.
    ///
    /// # Errors
    /// [`StoreError`] when a store fails; then it is unknown which invitation works.
    pub async fn renew(
        &self,
        user: UserId,
        authorized: &Authorized,
    ) -> Result<Option<IssuedInvitation>, StoreError> {
        let (this, by) = (self.clone(), authorized.by().clone());
        run_to_completion(async move {
            let issued = this.accounts.invite(user).await?;
            if issued.is_some() {
                this.audit.record([created(user, &by)]).await;
            }
            Ok(issued)
        })
        .await?
    }

    /// Whom an invitation invites, if it works now. Looking uses nothing up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find(&self, invitation: &InvitationDigest) -> Result<Option<User>, StoreError> {
        Ok(self.accounts.invited(invitation).await?.map(|account| account.user))
    }

    /// Sets the password, which uses the invitation up and ends every session that the account
    /// has, and starts a session. An invitation that an administrator handed out proves no address,
    /// so where confirming is required, a link goes to an unverified one instead.
    ///
    /// # Errors
    /// [`AcceptError`] says whether the password was set.
    pub async fn accept(&self, acceptance: Acceptance) -> Result<SignIn, AcceptError> {
        let invited = self.accounts.invited(&acceptance.invitation).await?;
        let user = invited.ok_or(AcceptError::Refused)?.user;
        let who = (&user.email, &user.name);
        let hash = self.accounts.hash_new_password(&acceptance.password, who).await?;
        let this = self.clone();
        run_to_completion(async move {
            let changed = this.set(&user, &acceptance, hash).await?;
            let account = changed.account.clone().ok_or(AcceptError::Refused)?;
            this.mail.wake();
            if this.mail.awaits_confirmation(&account.user) {
                this.record(&account, &changed, None, &acceptance).await;
                return Err(AcceptError::EmailUnverified);
            }
            let step = (false, acceptance.from.previous_token.as_ref().map(Token::digest));
            if let Some(pending) =
                second_step(&this.accounts, &this.sessions, &account, step).await?
            {
                this.record(&account, &changed, None, &acceptance).await;
                return Ok(SignIn::Pending(pending));
            }
            let device = device_name(&acceptance.from.client.user_agent);
            this.mail.note_use(&account.user, acceptance.from.language, &device).await;
            let started = this.begin(&account, &acceptance).await;
            if let Ok(started) = &started {
                acceptance.form.done(&account.user, &started.token, false);
            }
            this.record(&account, &changed, started.as_ref().ok(), &acceptance).await;
            Ok(SignIn::started(account.user, started.map_err(AcceptError::NotStarted)?))
        })
        .await?
    }

    async fn set(
        &self,
        user: &User,
        acceptance: &Acceptance,
        to: PasswordHash,
    ) -> Result<Changed, ChangeError> {
        let reason = EpochReason::PasswordChanged;
        let notice = self.mail.letter(LetterKind::PasswordChanged, user);
        let notice = notice.map_err(StoreError::from)?;
        let confirming = if self.mail.awaits_confirmation(user) {
            self.mail.letter_in(acceptance.from.language, user).map_err(StoreError::from)?
        } else {
            None
        };
        let change = Change {
            password: Some(PasswordChange { from: None, to }),
            invitation: Some(acceptance.invitation),
            letters: notice.into_iter().chain(confirming).collect(),
            raise: Some(EpochRaise { reason, survivor: None }),
            ..Change::default()
        };
        finish_credential_change(&self.accounts, &self.sessions, user.id, None, move |_: &_| {
            Some(change.clone())
        })
        .await
    }

    async fn begin(
        &self,
        account: &Account,
        acceptance: &Acceptance,
    ) -> Result<StartedSession, StartError> {
        let previous_token = acceptance.from.previous_token.as_ref().map(Token::digest);
        let browser = (acceptance.from.client.clone(), previous_token);
        self.sessions.start(new_session(account, None, false, browser)).await
    }

    /// The password was set whether a session started or not.
    async fn record(
        &self,
        account: &Account,
        changed: &Changed,
        started: Option<&StartedSession>,
        acceptance: &Acceptance,
    ) {
        let (user, client) = (account.user.id, acceptance.from.client.clone());
        let by = match started {
            Some(started) => By::user(user, started.session.id, client),
            None => By::anonymous(client),
        };
        let set = Event::new(Kind::PasswordChanged, &by).about(user).with("by", "invitation");
        let mut events = vec![set];
        events.extend(ends(changed, user, EpochReason::PasswordChanged, &by));
        if let Some(started) = started {
            let signed_in = Event::new(Kind::Login, &by).about(user).with("by", "invitation");
            events.push(signed_in.with("methods", started.session.methods().to_vec()));
            let previous = acceptance.from.previous_session.as_deref();
            events.extend(ended_by_start(&started.displaced, previous, user, &by));
        }
        self.audit.record(events).await;
    }
}

fn created(user: UserId, by: &By) -> Event {
    Event::new(Kind::InvitationCreated, by).about(user)
}
