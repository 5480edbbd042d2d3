//! The feed of ends: numbered by the scripts that end sessions, in the step that does.

use super::RedisSessions;
use super::record;
use super::script;
use crate::failure::StoreError;
use crate::sessions::{Cursor, Revocation, Revocations};
use crate::store::numbered::Identity;

/// What Redis says of the feed: its identity, the number given last, the highest that was
/// forgotten, and ends.
type Told = (String, u64, u64, Vec<Vec<u8>>);

impl RedisSessions {
    pub(super) async fn read_feed(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        let known = after.and_then(|cursor| {
            let (identity, _) = cursor.as_str().split_once('_')?;
            Identity::of(identity.to_owned()).number_in(cursor)
        });
        let (identity, last, forgotten, ends) = self.ends_after(known, most).await?;
        let identity = Identity::of(identity);
        let Some(after) = after else {
            let next = identity.cursor(last);
            return Ok(Revocations::After { revocations: Vec::new(), next });
        };
        let reachable = forgotten..=last;
        let Some(known) = identity.number_in(after).filter(|known| reachable.contains(known))
        else {
            return Ok(Revocations::Expired);
        };
        let revocations: Result<Vec<_>, _> = ends.iter().map(|end| told(&identity, end)).collect();
        let Ok(revocations) = revocations else {
            tracing::error!("the feed of ends holds a corrupt entry: every cache is dropped");
            return Ok(Revocations::Expired);
        };
        let last = revocations.last().map(|last| last.cursor.clone());
        let next = last.unwrap_or_else(|| identity.cursor(known));
        Ok(Revocations::After { revocations, next })
    }

    /// A feed without an identity gets one: it is the first time that anybody asks, or Redis has
    /// lost everything since.
    async fn ends_after(&self, known: Option<u64>, most: u32) -> Result<Told, StoreError> {
        let (known, most) = (known.map(|known| known.to_string()), most.to_string());
        let arguments = [known.as_deref().unwrap_or_default().as_bytes(), most.as_bytes()];
        let found: Told = self.run(&script::FEED, &arguments).await?;
        if !found.0.is_empty() {
            return Ok(found);
        }
        let identity = Identity::draw()?;
        let _: u8 = self.run(&script::IDENTIFY, &[identity.as_str().as_bytes()]).await?;
        self.run(&script::FEED, &arguments).await
    }
}

fn told(identity: &Identity, end: &[u8]) -> Result<Revocation, StoreError> {
    let (number, session, user, ended) = record::told(end)?;
    Ok(Revocation { cursor: identity.cursor(number), session, user, ended })
}
