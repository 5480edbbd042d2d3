//! `anteroom restore-check`: revokes every session of a restored backup.

use super::administration::Administration;
use super::{Failure, sessions, terminal};
use crate::config::Config;

/// Raises the epochs first: from then on no session of the backup is accepted, even if the rest
/// fails.
pub(super) async fn restore_check(config: &Config, yes: bool) -> Result<(), Failure> {
    let administration = Administration::open_existing(config).await?;
    administration.finish(async |opened| confirm_and_run(opened, yes).await).await
}

async fn confirm_and_run(administration: &Administration, yes: bool) -> Result<(), Failure> {
    let question = format!(
        "Revoke every session in {}? Sessions revoked since the backup are live in it.",
        administration.location
    );
    if !terminal::confirm(&question, yes)? {
        return Err(
            "nothing was changed: run restore-check before you serve the restored database".into(),
        );
    }
    revoke_all(administration).await
}

async fn revoke_all(administration: &Administration) -> Result<(), Failure> {
    let accounts = administration.accounts.outdate_sessions().await?;
    let ended = sessions::end_all(administration).await?;
    let ended = ended.map_or_else(|| "all".to_owned(), |count| count.to_string());
    administration
        .report(&format!("accounts under a new epoch: {accounts}, sessions ended: {ended}"))
}
