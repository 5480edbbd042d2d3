//! One-time links that are mailed to the owner of an account, and the mail that has them.
//!
//! The queue of mail says what to send to which account, and has no token. A link is made when its
//! message is handed to the mail server, and the store keeps its digest.

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{Email, UserId};
use crate::entropy::id;

id! {
    /// The id of a letter, from which its `Message-ID` is made.
    LetterId
}

/// The SHA-256 of the token of a link, as stores keep it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkDigest([u8; 32]);

impl LinkDigest {
    /// Of the token of a link, as it was written.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for LinkDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkDigest(…)")
    }
}

/// The one purpose of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Sets a new password.
    Recovery,
    /// Marks the address of the account as verified.
    Verification,
    /// Replaces the address of the account by the one that it was sent to.
    NewAddress,
    /// Restores the address that it was sent to.
    CancelChange,
    /// Sets the first password.
    Invitation,
}

impl LinkPurpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [
        Self::Recovery,
        Self::Verification,
        Self::NewAddress,
        Self::CancelChange,
        Self::Invitation,
    ];

    /// The word that stores keep.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::Verification => "verification",
            Self::NewAddress => "new_address",
            Self::CancelChange => "cancel_change",
            Self::Invitation => "invitation",
        }
    }

    /// Reads what [`LinkPurpose::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    /// How long a link works.
    #[must_use]
    pub fn life(self) -> Duration {
        match self {
            Self::Recovery => Duration::from_mins(30),
            Self::Verification | Self::NewAddress => Duration::from_hours(24),
            Self::CancelChange | Self::Invitation => Duration::from_hours(7 * 24),
        }
    }
}

/// A link, as stores keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The digest of its token.
    pub digest: LinkDigest,
    /// Its purpose.
    pub purpose: LinkPurpose,
    /// Whose account it is about.
    pub user: UserId,
    /// The address that it was sent to.
    pub email: Email,
    /// When its letter was queued.
    pub queued_at: OffsetDateTime,
    /// Until when it works.
    pub expires_at: OffsetDateTime,
}

/// A link that a change uses up: the change fails unless it works until the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedLink {
    /// The digest of its token.
    pub digest: LinkDigest,
    /// The purpose of this use.
    pub purpose: LinkPurpose,
}

/// The subject of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LetterKind {
    /// Asks to confirm the address of the account.
    Verification,
    /// Asks to confirm the new address.
    NewAddress,
    /// Reports to the present address that it is about to change.
    AddressChanging,
    /// Has a link that sets a new password.
    Recovery,
    /// Reports that somebody tried to sign up with this address.
    SignUpAttempt,
    /// Reports a new password.
    PasswordChanged,
    /// Reports a new second factor.
    FactorAdded,
    /// Reports that a second factor is gone.
    FactorRemoved,
    /// Reports that a recovery code was used.
    RecoveryCodeUsed,
    /// Reports that new recovery codes replaced the earlier ones.
    RecoveryCodesRenewed,
    /// Reports a sign-in from a device that the account did not have before.
    NewDevice,
    /// Has a link that sets the first password.
    Invitation,
    /// Sent by an operator, to see whether mail arrives.
    Test,
}

impl LetterKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Verification,
        Self::NewAddress,
        Self::AddressChanging,
        Self::Recovery,
        Self::SignUpAttempt,
        Self::PasswordChanged,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::RecoveryCodeUsed,
        Self::RecoveryCodesRenewed,
        Self::NewDevice,
        Self::Invitation,
        Self::Test,
    ];

    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::NewAddress => "new_address",
            Self::AddressChanging => "address_changing",
            Self::Recovery => "recovery",
            Self::SignUpAttempt => "sign_up_attempt",
            Self::PasswordChanged => "password_changed",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesRenewed => "recovery_codes_renewed",
            Self::NewDevice => "new_device",
            Self::Invitation => "invitation",
            Self::Test => "test",
        }
    }

    /// Reads what [`LetterKind::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The purpose of the link in it, if it has one.
    #[must_use]
    pub fn link(self) -> Option<LinkPurpose> {
        match self {
            Self::Verification => Some(LinkPurpose::Verification),
            Self::NewAddress => Some(LinkPurpose::NewAddress),
            Self::AddressChanging => Some(LinkPurpose::CancelChange),
            Self::Recovery => Some(LinkPurpose::Recovery),
            Self::Invitation => Some(LinkPurpose::Invitation),
            Self::SignUpAttempt
            | Self::PasswordChanged
            | Self::FactorAdded
            | Self::FactorRemoved
            | Self::RecoveryCodeUsed
            | Self::RecoveryCodesRenewed
            | Self::NewDevice
            | Self::Test => None,
        }
    }

    /// Whether strangers can cause it, so that an address gets a limited number in an hour. To an
    /// address that nobody has confirmed every kind is limited.
    #[must_use]
    pub fn is_limited(self) -> bool {
        matches!(self, Self::Verification | Self::NewAddress | Self::Recovery | Self::SignUpAttempt)
    }
}

/// A message to be queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its id.
    pub id: LetterId,
    /// Its subject.
    pub kind: LetterKind,
    /// Whose account it is about; `None` for a test.
    pub user: Option<UserId>,
    /// The recipient.
    pub to: Email,
    /// The device of a sign-in, or the new address; empty for other kinds.
    pub detail: String,
    /// The language of the request, for an account whose language is not known; may be empty.
    pub language: String,
    /// When it was queued.
    pub queued_at: OffsetDateTime,
    /// Before this it is not sent.
    pub due_at: OffsetDateTime,
}

/// Messages that strangers can cause, to one address in an hour.
pub const MOST_LETTERS_AN_HOUR: u32 = 5;
