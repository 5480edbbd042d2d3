//! `anteroom restore-check`: what a backup brings back, as it has to be before anybody is served.

use super::administration::Administration;
use super::{Failure, sessions, terminal};
use crate::config::Config;

/// The epochs first: from then on nothing is accepted that the backup knew as live, even if the rest
/// fails.
pub(super) async fn restore_check(config: &Config, yes: bool) -> Result<(), Failure> {
    let administration = Administration::open_existing(config).await?;
    administration.finish(async |opened| if_sure(opened, yes).await).await
}

async fn if_sure(administration: &Administration, yes: bool) -> Result<(), Failure> {
    let question = format!(
        "End every session there is in {}, for those that were ended since the backup are live in it?",
        administration.location
    );
    if !terminal::confirm(&question, yes)? {
        return Err(
            "nothing was changed: do not serve what was restored before this is done".into()
        );
    }
    outdate(administration).await
}

async fn outdate(administration: &Administration) -> Result<(), Failure> {
    let accounts = administration.accounts.outdate_sessions().await?;
    let ended = sessions::end_all(administration).await?;
    let ended = ended.map_or_else(|| "all".to_owned(), |count| count.to_string());
    administration
        .report(&format!("accounts under a new epoch: {accounts}, sessions ended: {ended}"))
}
