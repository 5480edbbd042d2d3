//! `anteroom mail test`: sends one message.

use super::Failure;
use super::administration::{Administration, parse_email};
use super::tables::print;
use crate::config::Config;
use crate::mail::{TestOutcome, Written};

pub(super) async fn test(address: &str, config: &Config) -> Result<(), Failure> {
    let to = parse_email(address)?;
    let administration = Administration::open_existing(config).await?;
    administration
        .finish(async |opened| {
            let said = match opened.mail.test(&to).await? {
                TestOutcome::Accepted(answer) => {
                    format!("the mail server accepted the message: {answer}")
                }
                TestOutcome::Written(Written { subject, text, .. }) => format!(
                    "ANTEROOM_MAIL is log: nothing is sent, and the server logs each message\n\n\
                     To: {address}\nSubject: {subject}\n\n{text}"
                ),
            };
            Ok(print(&said)?)
        })
        .await
}
