//! A sign-in that waits for its second step.

use std::sync::Arc;

use super::RequestingBrowser;
use crate::accounts::{
    Account, Accounts, Factor, PendingDigest, PendingPurpose, PendingSession, User,
};
use crate::failure::StoreError;
use crate::sessions::{EndReason, Session, Sessions, StartedSession, Token, TokenDigest};

/// The outcome of a sign-in whose password was right.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// The user is signed in.
    Started(Box<(User, StartedSession)>),
    /// The second step is missing.
    Pending(PendingSignIn),
}

impl SignIn {
    pub(super) fn started(user: User, started: StartedSession) -> Self {
        Self::Started(Box::new((user, started)))
    }
}

/// The second step is missing. The token opens no session.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// For the `Set-Cookie` header only.
    pub token: Token,
    /// The step that it waits for.
    pub purpose: PendingPurpose,
    /// The factors that may be used.
    pub factors: Vec<Factor>,
}

pub(super) fn digest_of(token: &Token) -> PendingDigest {
    PendingDigest::from_bytes(*token.digest().as_bytes())
}

/// Starts a pending session if the account needs a second step, in place of the one that the
/// browser has.
pub(super) async fn second_step(
    accounts: &Accounts,
    sessions: &Sessions,
    account: &Account,
    (remember_me, brought): (bool, Option<TokenDigest>),
) -> Result<Option<PendingSignIn>, StoreError> {
    let Some(purpose) = accounts.second_step(account) else { return Ok(None) };
    let token = sessions.new_token()?;
    let factors = match purpose {
        PendingPurpose::Code => accounts.factors_to_use(account).await?,
        PendingPurpose::SetUp => Vec::new(),
    };
    let brought = brought.map(|digest| PendingDigest::from_bytes(*digest.as_bytes()));
    let pending = PendingSession {
        digest: digest_of(&token),
        user: account.user.id,
        epoch: account.epoch,
        purpose,
        remember_me,
        previous: accounts.replace_pending(brought).await?,
        expires_at: accounts.pending_until(),
    };
    accounts.keep_pending(&pending).await?;
    Ok(Some(PendingSignIn { token, purpose, factors }))
}

/// Whether a session that has just begun may go on. The passkey that started it may have been
/// deleted while it began: then it ends here, because the deletion did not see it.
pub(super) async fn keeps_passkey(
    accounts: &Accounts,
    sessions: &Sessions,
    session: &Session,
) -> Result<bool, StoreError> {
    let (Some(user), Some(passkey)) = (session.owner.user(), session.passkey) else {
        return Ok(true);
    };
    if accounts.has_passkey(user, passkey.id).await? {
        return Ok(true);
    }
    sessions.revoke_session(session, EndReason::CredentialRemoved).await?;
    Ok(false)
}

/// The session that a sign-in replaces: the one that the browser brought or, where it brought a
/// pending session, the one before that. The pending session is void.
pub(super) async fn replaced_by_sign_in(
    accounts: &Accounts,
    sessions: &Sessions,
    browser: &RequestingBrowser,
) -> Result<(Option<TokenDigest>, Option<Arc<Session>>), StoreError> {
    let session = browser.previous_session.clone();
    let Some(token) = &browser.previous_token else { return Ok((None, session)) };
    if session.is_some() {
        return Ok((Some(token.digest()), session));
    }
    let before = accounts.replace_pending(Some(digest_of(token))).await?;
    let before = before.map(TokenDigest::from_bytes);
    let session = match before {
        Some(digest) if digest != token.digest() => sessions.resume_digest(&digest).await.ok(),
        _ => None,
    };
    Ok((before, session.map(Arc::new)))
}

/// The live session that the browser had before its pending session.
pub(super) async fn session_before(
    sessions: &Sessions,
    pending: &PendingSession,
) -> (Option<TokenDigest>, Option<Arc<Session>>) {
    let Some(digest) = pending.previous.map(TokenDigest::from_bytes) else { return (None, None) };
    let session = sessions.resume_digest(&digest).await.ok().map(Arc::new);
    (Some(digest), session)
}
