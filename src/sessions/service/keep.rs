//! Reads and writes the data of a session, for browsers and for server code.
//!
//! A write names the version that it changes, and is retried on the new version after a conflict.
//! Data of an ended session is never written.

use serde_json::{Map, Value};

use crate::failure::StoreError;
use crate::sessions::{
    Compartment, DataError, Keep, Keeping, Kept, SessionId, Sessions, VisitorData,
};

/// How often a change is retried after a conflicting write.
const MAX_ATTEMPTS: usize = 50;

/// The largest application data of one session, in bytes of JSON.
pub const LARGEST_APPLICATION_DATA: usize = 64 * 1024;

/// Why data was not written.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The session has ended.
    #[error("the session has ended")]
    Gone,
    /// The data cannot be accepted.
    #[error(transparent)]
    Data(DataError),
    /// Server code wants to keep more than [`LARGEST_APPLICATION_DATA`].
    #[error("a session keeps at most {LARGEST_APPLICATION_DATA} bytes of application data")]
    TooLarge,
    /// The data is not what `If-Match` names.
    #[error("the data has changed since it was read")]
    PreconditionFailed,
    /// The store failed, or every attempt met a conflicting write.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// The browser's own data; `None` when the session has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn visitor_data(
        &self,
        id: SessionId,
    ) -> Result<Option<VisitorData>, StoreError> {
        let kept = self.store().data(id, Compartment::Visitor).await?;
        kept.map(|kept| visitor_data(&kept)).transpose()
    }

    /// Merges a patch (RFC 7396) into the browser's data and returns the result. With `if_match`,
    /// only if the data still has the version that the header names.
    ///
    /// # Errors
    /// [`KeepError`]; nothing was changed.
    pub(crate) async fn patch_visitor_data(
        &self,
        id: SessionId,
        patch: &Value,
        if_match: Option<&str>,
    ) -> Result<VisitorData, KeepError> {
        for _ in 0..MAX_ATTEMPTS {
            let kept = self.store().data(id, Compartment::Visitor).await?.ok_or(KeepError::Gone)?;
            let data = visitor_data(&kept)?;
            if if_match.is_some_and(|header| !data.etag().matches(header)) {
                return Err(KeepError::PreconditionFailed);
            }
            let merged = data.merge(patch).map_err(KeepError::Data)?;
            if self.keep(id, Compartment::Visitor, kept.version, merged.to_bytes()).await? {
                return Ok(merged);
            }
        }
        Err(KeepError::Store(StoreError::Corrupt("every write of session data met a conflict")))
    }

    /// The data of server code; `None` when the session has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn application_data(
        &self,
        id: SessionId,
    ) -> Result<Option<Map<String, Value>>, StoreError> {
        let kept = self.store().data(id, Compartment::Application).await?;
        kept.map(|kept| application_data(&kept)).transpose()
    }

    /// Changes the data of server code. `change` may run several times, each time on the current
    /// data.
    ///
    /// # Errors
    /// [`KeepError`]; nothing was changed.
    pub(crate) async fn change_application_data(
        &self,
        id: SessionId,
        change: impl Fn(&mut Map<String, Value>) + Send + Sync,
    ) -> Result<(), KeepError> {
        for _ in 0..MAX_ATTEMPTS {
            let kept =
                self.store().data(id, Compartment::Application).await?.ok_or(KeepError::Gone)?;
            let mut data = application_data(&kept)?;
            change(&mut data);
            let bytes = Value::Object(data).to_string().into_bytes();
            if bytes.len() > LARGEST_APPLICATION_DATA {
                return Err(KeepError::TooLarge);
            }
            if self.keep(id, Compartment::Application, kept.version, bytes).await? {
                return Ok(());
            }
        }
        Err(KeepError::Store(StoreError::Corrupt("every write of session data met a conflict")))
    }

    /// `false`: another write came first.
    async fn keep(
        &self,
        id: SessionId,
        compartment: Compartment,
        over: i64,
        data: Vec<u8>,
    ) -> Result<bool, KeepError> {
        match self.store().keep(&Keep { id, compartment, over, data }).await? {
            Keeping::Kept => Ok(true),
            Keeping::Moved => Ok(false),
            Keeping::Gone => Err(KeepError::Gone),
        }
    }
}

fn visitor_data(kept: &Kept) -> Result<VisitorData, StoreError> {
    VisitorData::from_bytes(&kept.data).map_err(|_| StoreError::Corrupt("the data of a session"))
}

fn application_data(kept: &Kept) -> Result<Map<String, Value>, StoreError> {
    if kept.data.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&kept.data).map_err(|_| StoreError::Corrupt("the data of a session"))
}
