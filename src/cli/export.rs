//! `anteroom export users`: writes every account as a line of JSON, which `anteroom import users`
//! reads.

use std::io::Write as _;

use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use super::Failure;
use super::administration::Administration;
use super::escaping::escaped_json;
use super::tables::write_lines;
use crate::accounts::Credentials;
use crate::audit::{By, Event, Kind};
use crate::config::Config;
use crate::http::timestamp;

#[derive(Serialize)]
struct Line<'a> {
    email: &'a str,
    name: &'a str,
    role: &'a str,
    groups: Vec<&'a str>,
    status: &'a str,
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    created_at: String,
}

pub(super) async fn users(with_hashes: bool, config: &Config) -> Result<(), Failure> {
    let administration = Administration::open_existing(config).await?;
    administration.finish(async |opened| write(opened, with_hashes).await).await
}

async fn write(administration: &Administration, with_hashes: bool) -> Result<(), Failure> {
    const PAGE: u32 = 1000;
    // First: a reader that closes the pipe has got accounts all the same.
    let event = Event::new(Kind::UsersExported, &By::command_line());
    administration.audit.record([event.with("with_hashes", with_hashes)]).await;
    let (mut after, mut with_factors) = (None, 0_u64);
    loop {
        let page = administration.accounts.export(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        with_factors += page.iter().map(|one| u64::from(one.account.factors.any())).sum::<u64>();
        after = Some(last.account.user.id);
        let mut lines = String::new();
        for credentials in &page {
            lines.push_str(&escaped_json(&line(credentials, with_hashes)?));
            lines.push('\n');
        }
        if !write_lines(&lines)? {
            break;
        }
    }
    if with_factors > 0 {
        // Not on stdout, which has the accounts.
        let _ = writeln!(
            std::io::stderr(),
            "not exported: the second factors of {with_factors} accounts, which sign in with the \
             password alone after an import; ANTEROOM_SECOND_FACTOR=required asks for new ones"
        );
    }
    Ok(())
}

fn line(credentials: &Credentials, with_hashes: bool) -> Result<String, Failure> {
    let Credentials { account, hash } = credentials;
    let user = &account.user;
    Ok(serde_json::to_string(&Line {
        email: user.email.as_str(),
        name: user.name.as_str(),
        role: user.role.as_str(),
        groups: user.groups.iter().collect(),
        status: user.status.as_str(),
        email_verified: user.email_verified,
        password_hash: (with_hashes && hash.is_set()).then_some(hash.as_str()),
        // With its milliseconds.
        created_at: user.created_at.format(&Rfc3339).unwrap_or_else(|_| timestamp(user.created_at)),
    })?)
}
