//! `anteroom restore-check`: what a backup brings back, as it has to be before anybody is served.

use super::administration::Administration;
use super::tables::print;
use super::{Failure, sessions, terminal};
use crate::config::Config;

/// The epochs first: from then on nothing is accepted that the backup knew as live, even if the rest
/// fails.
pub(super) async fn restore_check(config: &Config, yes: bool) -> Result<(), Failure> {
    const QUESTION: &str = "End every session there is, for those that were ended since the backup \
                            are live in it?";
    if !terminal::confirm(QUESTION, yes)? {
        return Err(
            "nothing was changed: do not serve what was restored before this is done".into()
        );
    }
    let administration = Administration::open(config).await?;
    let done = outdate(&administration).await;
    administration.database.close().await;
    done
}

async fn outdate(administration: &Administration) -> Result<(), Failure> {
    let accounts = administration.accounts.outdate_sessions().await?;
    let ended = sessions::end_all(administration).await?;
    let ended = ended.map_or_else(|| "all".to_owned(), |count| count.to_string());
    print(&format!("accounts under a new epoch: {accounts}, sessions ended: {ended}"));
    Ok(())
}
