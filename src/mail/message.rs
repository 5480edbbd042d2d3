//! A message, as it is handed to the mail server.

use std::error::Error;
use std::time::SystemTime;

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use time::OffsetDateTime;

use super::SenderAddress;
use crate::accounts::Letter;

/// The text of a message.
#[derive(Clone, Debug)]
pub struct Written {
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Keeps answering machines silent (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// A text with an HTML part, for one recipient. Every attempt has the same `Message-ID`, so that a
/// mail server can find out that it has a message already.
///
/// # Errors
/// An error when the recipient cannot be written as an address.
pub(super) fn message(
    from: &SenderAddress,
    letter: &Letter,
    written: Written,
    now: OffsetDateTime,
) -> Result<Message, Box<dyn Error + Send + Sync>> {
    let to: Address = letter.to.as_str().parse()?;
    let message = Message::builder()
        .from(from.mailbox().clone())
        .to(Mailbox::new(None, to))
        .subject(written.subject)
        .date(SystemTime::from(now))
        .message_id(Some(format!("<{}@{}>", letter.id, from.domain())))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(written.text, written.html))?;
    Ok(message)
}
