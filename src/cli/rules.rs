//! `anteroom rules check`: tells the decision of the rules about one request.

use std::process::ExitCode;
use std::time::Duration;

use super::administration::Administration;
use super::arguments::{RulesCommand, WRONG_USAGE};
use super::tables::print;
use super::{Failure, tables};
use crate::accounts::User;
use crate::config::Config;
use crate::http::{Explanation, OriginalRequest, Verdict};
use crate::rules::{Decision, Visitor};

/// The exit code for a request that may not pass.
const DENIED: u8 = 3;

pub(super) async fn run(command: RulesCommand, config: &Config) -> Result<ExitCode, Failure> {
    let RulesCommand::Check { method, url, email } = command;
    let original = match OriginalRequest::of_url(&method, &url) {
        Ok(original) => original,
        Err(why) => {
            tables::print_error(&format!("cannot read the URL {url:?}: {why}"));
            return Ok(ExitCode::from(WRONG_USAGE));
        }
    };
    let user = match &email {
        Some(email) => Some(account(config, email).await?),
        None => None,
    };
    let visitor =
        user.as_ref().map(|user| Visitor { user, since_proof: Duration::ZERO, has_factor: true });
    let options = &config.http.forward_auth;
    let rules = options.rules.current();
    let guarded = (&config.http.public_url, &options.applications, &*rules);
    let explanation = Explanation::of(&original, guarded, visitor);
    let who = user.as_ref().map_or_else(
        || "nobody is signed in".to_owned(),
        |user| format!("{}, just reauthenticated, with a second factor", user.email.display()),
    );
    let rule = explanation.rule.as_deref().unwrap_or("none");
    let decision = decision(explanation.verdict);
    print(&format!(
        "request:  {method} {url}\nuser:     {who}\nrule:     {rule}\ndecision: {decision}"
    ))?;
    Ok(if explanation.is_allowed() { ExitCode::SUCCESS } else { ExitCode::from(DENIED) })
}

async fn account(config: &Config, email: &str) -> Result<User, Failure> {
    let administration = Administration::open_existing(config).await?;
    let found = administration.account(email).await;
    administration.database.close().await;
    Ok(found?.user)
}

fn decision(verdict: Verdict) -> String {
    let why = match verdict {
        Verdict::Decided(Decision::Allowed) => return "allowed".to_owned(),
        Verdict::Decided(Decision::SignIn) => "only signed-in users may pass",
        Verdict::Decided(Decision::Forbidden) => "the rule does not let this request pass",
        Verdict::Decided(Decision::Reauthenticate) => "the rule needs a reauthentication",
        Verdict::Decided(Decision::SecondFactor) => "the rule needs a second factor",
        Verdict::Disabled => "the account is disabled",
        Verdict::OtherOrigin(why) => why,
        Verdict::Ambiguous(why) => return format!("denied: {why}"),
    };
    format!("denied: {why}")
}
