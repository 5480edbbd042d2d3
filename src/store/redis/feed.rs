//! The revocation feed, numbered by the scripts that end sessions.

use super::RedisSessions;
use super::record;
use super::script;
use crate::failure::StoreError;
use crate::sessions::{Cursor, Revocation, Revocations};
use crate::store::feed_identity::FeedIdentity;

/// The identity of the feed, the last number, the highest deleted number, and ends.
type FeedPage = (String, u64, u64, Vec<Vec<u8>>);

impl RedisSessions {
    pub(super) async fn read_feed(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        let known = after.and_then(|cursor| {
            let (identity, _) = cursor.as_str().split_once('_')?;
            FeedIdentity::of(identity.to_owned()).number_in(cursor)
        });
        let (identity, last, forgotten, ends) = self.ends_after(known, most).await?;
        let identity = FeedIdentity::of(identity);
        let Some(after) = after else {
            let next = identity.cursor(last);
            return Ok(Revocations::After { revocations: Vec::new(), next });
        };
        let reachable = forgotten..=last;
        let Some(known) = identity.number_in(after).filter(|known| reachable.contains(known))
        else {
            return Ok(Revocations::Expired);
        };
        let revocations: Result<Vec<_>, _> =
            ends.iter().map(|end| revocation(&identity, end)).collect();
        let Ok(revocations) = revocations else {
            tracing::error!(
                "could not read an entry of the revocation feed; followers drop all cached sessions"
            );
            return Ok(Revocations::Expired);
        };
        let last = revocations.last().map(|last| last.cursor.clone());
        let next = last.unwrap_or_else(|| identity.cursor(known));
        Ok(Revocations::After { revocations, next })
    }

    /// Reads ends. A feed without an identity gets one: this is the first read, or Redis has lost
    /// its data.
    async fn ends_after(&self, known: Option<u64>, most: u32) -> Result<FeedPage, StoreError> {
        let (known, most) = (known.map(|known| known.to_string()), most.to_string());
        let arguments = [known.as_deref().unwrap_or_default().as_bytes(), most.as_bytes()];
        let found: FeedPage = self.run(&script::FEED, &arguments).await?;
        if !found.0.is_empty() {
            return Ok(found);
        }
        let identity = FeedIdentity::draw()?;
        let _: u8 = self.run(&script::IDENTIFY, &[identity.as_str().as_bytes()]).await?;
        self.run(&script::FEED, &arguments).await
    }
}

fn revocation(identity: &FeedIdentity, end: &[u8]) -> Result<Revocation, StoreError> {
    let (number, session, user, ended) = record::feed_entry(end)?;
    Ok(Revocation { cursor: identity.cursor(number), session, user, ended })
}
