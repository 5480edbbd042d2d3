//! Mail: sends what is queued for people, and retries.
//!
//! A message is queued in the transaction of the operation that it is about, so that a crash loses
//! none, and no request waits for a mail server. A background task on every server sends what is
//! due. The queue says what to send to whom, and has no token: the link of a message is made when it
//! is sent, and the store keeps its digest. This module knows no SQL and no text of a message.

mod cleaned;
mod message;
mod options;
mod service;
mod smtp;
mod store;
mod worker;

#[cfg(test)]
mod tests;

pub use message::Written;
pub use options::{MailOptions, MailServer, Security, SenderAddress, Transport};
pub use service::{LetterWriter, Mail, MailParts, TestOutcome, ToWrite};
pub use store::{
    ClaimedLetter, FailedLetter, LetterStatus, MailEntry, MailListing, MailPage, MailState,
    MailStore, Recipient,
};
