//! `anteroom mail test`: sends one message.

use super::Failure;
use super::administration::{Administration, parse_email};
use super::tables::print;
use crate::config::Config;

pub(super) async fn test(address: &str, config: &Config) -> Result<(), Failure> {
    let to = parse_email(address)?;
    let administration = Administration::open_existing(config).await?;
    administration
        .finish(async |opened| {
            let answer = opened.mail.test(&to).await?;
            Ok(print(&format!("the mail server accepted the message: {answer}"))?)
        })
        .await
}
