//! The queue, and the trait of its store.

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::accounts::{Email, Letter, LetterId, LetterKind, Link, LinkDigest, UserId};
use crate::failure::StoreError;

/// A letter that this server has claimed, until the claim expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedLetter {
    /// The letter.
    pub letter: Letter,
    /// The number of this attempt, from 1.
    pub attempt: u32,
}

/// The recipient of a letter, as the account is at the time of sending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    /// The name; empty where the address is not verified, or is another one.
    pub name: String,
    /// The language of the account's last use, or of the letter; may be empty.
    pub language: String,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedLetter {
    /// When.
    pub at: OffsetDateTime,
    /// Why, without credentials and control characters.
    pub error: String,
    /// When the next attempt is due; `None` for never.
    pub again_at: Option<OffsetDateTime>,
}

/// The status of a letter that was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterStatus {
    /// It will be sent, or is being sent.
    Pending,
    /// It was given up.
    Failed,
}

impl LetterStatus {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }
}

/// A letter that was not sent, for administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailEntry {
    /// Its id.
    pub id: LetterId,
    /// Its subject.
    pub kind: LetterKind,
    /// Whose account it is about.
    pub user: Option<UserId>,
    /// The recipient.
    pub to: Email,
    /// When it was queued.
    pub created_at: OffsetDateTime,
    /// How many attempts were begun.
    pub attempts: u32,
    /// When the next one is due; `None` once it was given up.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// Its status.
    pub status: LetterStatus,
    /// Why the last attempt failed; empty before.
    pub error: String,
}

/// Which letters to list, the newest first.
#[derive(Clone, Copy, Debug)]
pub struct MailListing {
    /// Only letters before this one.
    pub before: Option<LetterId>,
    /// At most this many.
    pub limit: u32,
}

/// Some of the letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailPage {
    /// At most as many as were asked for.
    pub entries: Vec<MailEntry>,
    /// Before which letter to go on; `None` where there are no more.
    pub next: Option<LetterId>,
}

/// How many letters were not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailState {
    /// Those that will be.
    pub pending: u64,
    /// Those that were given up during the last week.
    pub failed: u64,
}

/// The store of queued mail. Every backend guarantees:
/// - **Claims are exclusive**: while a claim lasts, no other server gets the letter.
/// - **A link is made only for a letter that is still to be sent**, decided in the step that keeps
///   it, and lasts until the account changes in a way that voids it.
/// - **A failure is an error, never an absence.**
#[async_trait]
pub trait MailStore: Send + Sync {
    /// Queues a letter that is about no change of an account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn queue(&self, letter: &Letter) -> Result<(), StoreError>;

    /// Notes that an account is used in this language from this device, and queues the letter if
    /// the account had other devices before and not this one.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn note_use(&self, language: &str, letter: &Letter) -> Result<(), StoreError>;

    /// Claims at most `most` letters that are due at `now` and unclaimed, and counts an attempt for
    /// each.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; letters claimed nevertheless are due again when the
    /// claim expires.
    async fn claim(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        most: u32,
    ) -> Result<Vec<ClaimedLetter>, StoreError>;

    /// Claims a claimed letter for longer, unless it is void or another server has claimed it since.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then the claim may expire while the letter is sent.
    async fn renew(&self, claimed: &ClaimedLetter, until: OffsetDateTime)
    -> Result<(), StoreError>;

    /// Keeps the link of a claimed letter, and reads whom it is for at this time. `None`: the letter
    /// is void, for the account changed since; it is not to be sent.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is not to be sent.
    async fn prepare(
        &self,
        claimed: &ClaimedLetter,
        link: Option<&Link>,
        at: OffsetDateTime,
    ) -> Result<Option<Recipient>, StoreError>;

    /// Notes that the mail server has accepted a letter.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is sent again.
    async fn sent(&self, id: LetterId) -> Result<(), StoreError>;

    /// Schedules the next attempt of a failed one, unless another server has claimed it since.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it is due again when the claim expires.
    async fn put_back(
        &self,
        claimed: &ClaimedLetter,
        failed: &FailedLetter,
    ) -> Result<(), StoreError>;

    /// The link of this digest, whatever its purpose and however old.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn link(&self, digest: &LinkDigest) -> Result<Option<Link>, StoreError>;

    /// Letters that were not sent, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn list(&self, listing: &MailListing) -> Result<MailPage, StoreError>;

    /// How many letters were not sent.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn state(&self) -> Result<MailState, StoreError>;

    /// Deletes letters that are not to be kept, expired links, addresses that nobody confirmed and
    /// devices that were not used for long, at most `most` of a kind. `true`: none is left.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn sweep(&self, now: OffsetDateTime, most: u32) -> Result<bool, StoreError>;
}
