//! The mail service: what is queued, its state and its cleanup.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Notify;

use super::cleaned::cleaned;
use super::message::{Written, message};
use super::smtp::{Smtp, SmtpError};
use super::{
    MailListing, MailOptions, MailPage, MailState, MailStore, Recipient, SenderAddress, Transport,
};
use crate::accounts::{
    Email, Letter, LetterId, LetterKind, Link, LinkDigest, LinkPurpose, User, UserId,
};
use crate::audit::AuditTrail;
use crate::clock::{Clock, SKEW};
use crate::entropy::{Entropy, NoEntropy};
use crate::failure::StoreError;
use crate::metrics::Metrics;
use crate::queue::Places;
use crate::telemetry::MAIL_IN_THE_LOG;

/// The shortest time before a letter is sent that a stranger caused.
const SHORTEST_DELAY: Duration = Duration::from_millis(100);
/// The most that chance adds to it.
const MORE_DELAY: Duration = Duration::from_millis(1900);

/// A letter with all that its text needs.
#[derive(Clone, Copy, Debug)]
pub struct ToWrite<'l> {
    /// The letter.
    pub letter: &'l Letter,
    /// Whom it is for.
    pub recipient: &'l Recipient,
    /// The token of its link, if it has one.
    pub token: Option<&'l str>,
}

/// The result of a message that an operator sends to see whether mail arrives.
#[derive(Clone, Debug)]
pub enum TestOutcome {
    /// The mail server accepted it, with this answer.
    Accepted(String),
    /// Mail goes to the log, and this would be logged.
    Written(Written),
}

/// Writes the text of messages, in the languages of the pages.
pub trait LetterWriter: Send + Sync {
    /// The text of one.
    ///
    /// # Errors
    /// An error where its template fails.
    fn write(
        &self,
        letter: ToWrite<'_>,
    ) -> Result<Written, Box<dyn std::error::Error + Send + Sync>>;
}

/// The dependencies of mail.
pub struct MailParts {
    /// The store of queued letters.
    pub store: Arc<dyn MailStore>,
    /// Where mail goes; `None` where it is off.
    pub options: Option<MailOptions>,
    /// Writes the texts.
    pub writer: Arc<dyn LetterWriter>,
    /// Records letters that were given up.
    pub audit: AuditTrail,
    /// Tells the time.
    pub clock: Clock,
    /// Draws ids and tokens.
    pub entropy: Entropy,
    /// Counts what goes on.
    pub metrics: Metrics,
}

/// Queues and sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mail(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Arc<dyn MailStore>,
    pub(super) way: Option<(Way, SenderAddress)>,
    verification_is_required: bool,
    pub(super) writer: Arc<dyn LetterWriter>,
    pub(super) audit: AuditTrail,
    pub(super) wake: Notify,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) metrics: Metrics,
    /// Whether the last attempt failed.
    pub(super) fails: AtomicBool,
    pub(super) places: Places,
}

/// Why a message was not accepted.
pub(super) struct NotAccepted {
    /// Without credentials and control characters.
    pub(super) error: String,
    /// Whether another attempt is pointless.
    pub(super) is_final: bool,
}

/// How mail leaves.
pub(super) enum Way {
    Smtp(Smtp),
    Log,
}

impl Mail {
    /// Creates the service; [`Mail::run_deliveries`] sends the letters.
    ///
    /// # Errors
    /// One sentence that says what to do, where no TLS connection is possible.
    pub fn new(parts: MailParts) -> Result<Self, String> {
        let MailParts { store, options, writer, audit, clock, entropy, metrics } = parts;
        let verification_is_required =
            options.as_ref().is_some_and(|options| options.verification_is_required);
        let way = options.map(|MailOptions { transport, from, .. }| {
            let way = match transport {
                Transport::Smtp(server) => Way::Smtp(Smtp::new(server, from.domain())?),
                Transport::Log => Way::Log,
            };
            Ok::<_, String>((way, from))
        });
        let (wake, fails, places) = (Notify::new(), AtomicBool::new(false), Places::default());
        let way = way.transpose()?;
        Ok(Self(Arc::new(Inner {
            store,
            way,
            verification_is_required,
            writer,
            audit,
            wake,
            clock,
            entropy,
            metrics,
            fails,
            places,
        })))
    }

    /// Whether mail is sent.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.way.is_some()
    }

    /// Whether a session starts at a verified address only.
    #[must_use]
    pub fn requires_verification(&self) -> bool {
        self.0.verification_is_required
    }

    /// Whether this user has to confirm the address before a session starts.
    #[must_use]
    pub fn awaits_confirmation(&self, user: &User) -> bool {
        self.requires_verification() && !user.email_verified
    }

    /// A letter to the address of an account, to be queued with a change of it. `None`: mail is
    /// off.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system refuses an id.
    pub fn letter(&self, kind: LetterKind, user: &User) -> Result<Option<Letter>, NoEntropy> {
        self.letter_to(kind, Some(user.id), &user.email)
    }

    /// As [`Mail::letter`], to another address, or about no account that is known yet.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system refuses an id.
    pub fn letter_to(
        &self,
        kind: LetterKind,
        user: Option<UserId>,
        to: &Email,
    ) -> Result<Option<Letter>, NoEntropy> {
        if !self.is_on() {
            return Ok(None);
        }
        let queued_at = self.0.clock.now();
        let id = LetterId::from_uuid(self.0.entropy.id(queued_at)?);
        let (to, detail, language) = (to.clone(), String::new(), String::new());
        let due_at = queued_at;
        Ok(Some(Letter { id, kind, user, to, detail, language, queued_at, due_at }))
    }

    /// As [`Mail::letter_to`], for a request of a stranger who must not learn whether a letter goes
    /// out: it is sent after a random time, by the interval of the worker. Sent at once, it would
    /// delay the next request, and the answer would tell.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system refuses an id.
    pub fn letter_by_stranger(
        &self,
        kind: LetterKind,
        (user, to): (Option<UserId>, &Email),
        language: &str,
    ) -> Result<Option<Letter>, NoEntropy> {
        let Some(letter) = self.letter_to(kind, user, to)? else { return Ok(None) };
        let due_at = letter.queued_at + delay(self.0.entropy.bytes()?);
        Ok(Some(Letter { language: language.to_owned(), due_at, ..letter }))
    }

    /// The letter that asks the owner of a new account to confirm its address, in the language of the
    /// request.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system refuses an id.
    pub fn letter_in(&self, language: &str, user: &User) -> Result<Option<Letter>, NoEntropy> {
        if user.email_verified {
            return Ok(None);
        }
        let letter = self.letter(LetterKind::Verification, user)?;
        Ok(letter.map(|letter| Letter { language: language.to_owned(), ..letter }))
    }

    /// Sends what was just queued at once. Callers also call it where nothing was queued in the end:
    /// then it takes as long.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Notes that an account is used in this language from this device. The owner is notified of a
    /// device that is new, except for the first. A failure is logged: the sign-in counts.
    pub async fn note_use(&self, user: &User, language: &str, device: &str) {
        let noted = async {
            let Some(letter) = self.letter(LetterKind::NewDevice, user)? else { return Ok(()) };
            let letter = Letter { detail: device.to_owned(), ..letter };
            self.0.store.note_use(language, &letter).await?;
            self.wake();
            Ok::<_, StoreError>(())
        };
        if let Err(error) = noted.await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "could not note the device of a sign-in; no notice is sent");
        }
    }

    /// The link of a token, if it has this purpose and works now. Looking uses nothing up.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn link(
        &self,
        token: &str,
        purposes: &[LinkPurpose],
    ) -> Result<Option<Link>, StoreError> {
        let found = self.0.store.link(&LinkDigest::of(token)).await?;
        let now = self.0.clock.now();
        Ok(found.filter(|link| {
            let latest = now.saturating_add(life(link.purpose)).saturating_add(SKEW);
            purposes.contains(&link.purpose) && now < link.expires_at && link.expires_at <= latest
        }))
    }

    /// Sends one message at once. Where mail goes to the log, it is only written: a command has no
    /// log.
    ///
    /// # Errors
    /// Why it was not accepted, or that mail is off.
    pub async fn test(&self, to: &Email) -> Result<TestOutcome, String> {
        let letter =
            self.letter_to(LetterKind::Test, None, to).map_err(|error| error.to_string())?;
        let letter = letter.ok_or("mail is off: set ANTEROOM_MAIL")?;
        let recipient = Recipient::default();
        if let Some((Way::Log, _)) = &self.0.way {
            let to_write = ToWrite { letter: &letter, recipient: &recipient, token: None };
            let written = self.0.writer.write(to_write).map_err(|error| error.to_string())?;
            return Ok(TestOutcome::Written(written));
        }
        let answer = self.hand_over(&letter, &recipient, None).await;
        answer.map(TestOutcome::Accepted).map_err(|failed| failed.error)
    }

    /// Hands a letter to the mail server. Returns what that said, or why it did not accept it.
    pub(super) async fn hand_over(
        &self,
        letter: &Letter,
        recipient: &Recipient,
        token: Option<&str>,
    ) -> Result<String, NotAccepted> {
        let again = |error: String| NotAccepted { error, is_final: false };
        let Some((way, from)) = &self.0.way else { return Err(again("mail is off".to_owned())) };
        let written = self.0.writer.write(ToWrite { letter, recipient, token });
        let written = written.map_err(|error| again(error.to_string()))?;
        let smtp = match way {
            Way::Smtp(smtp) => smtp,
            Way::Log => {
                let Written { subject, text, .. } = written;
                let to = letter.to.as_str();
                tracing::info!(target: MAIL_IN_THE_LOG, to, subject, "mail");
                // Line by line: the log escapes line ends, and a link has to be copied.
                for line in text.lines().filter(|line| !line.is_empty()) {
                    tracing::info!(target: MAIL_IN_THE_LOG, "{line}");
                }
                return Ok("written to the log".to_owned());
            }
        };
        let message = message(from, letter, written, self.0.clock.now());
        let message =
            message.map_err(|error| NotAccepted { error: error.to_string(), is_final: true })?;
        let sent = smtp.send(message.envelope(), &message.formatted()).await;
        let clean = |text: String| cleaned(&text, Some(smtp.server()), token);
        sent.map(clean).map_err(|error| NotAccepted {
            error: clean(error.to_string()),
            is_final: matches!(error, SmtpError::Refused(_)),
        })
    }

    /// Starts no more deliveries and waits for those in flight, three seconds at most. Those that
    /// are cancelled then are sent again later.
    pub async fn finish_deliveries(&self) {
        self.0.places.finish().await;
    }

    /// Letters that were not sent, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn list(&self, listing: &MailListing) -> Result<MailPage, StoreError> {
        self.0.store.list(listing).await
    }

    /// How many letters were not sent.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn state(&self) -> Result<MailState, StoreError> {
        self.0.store.state().await
    }

    /// Deletes what is not to be kept. `true`: none is left.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn sweep(&self, most: u32) -> Result<bool, StoreError> {
        self.0.store.sweep(self.0.clock.now(), most).await
    }
}

/// How long a letter waits that a stranger caused.
pub(super) fn delay(chance: [u8; 2]) -> Duration {
    let part = f64::from(u16::from_be_bytes(chance)) / f64::from(u16::MAX);
    SHORTEST_DELAY + MORE_DELAY.mul_f64(part)
}

pub(super) fn life(purpose: LinkPurpose) -> time::Duration {
    time::Duration::try_from(purpose.life()).unwrap_or(time::Duration::ZERO)
}

/// Until when a link that is made now works.
pub(super) fn expiry(purpose: LinkPurpose, now: OffsetDateTime) -> OffsetDateTime {
    now.saturating_add(life(purpose))
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({})", if self.is_on() { "on" } else { "off" })
    }
}
