//! The data of a session: what the browser keeps in it, and what server code keeps.
//!
//! Nothing is overwritten that somebody else wrote since it was read: a change is made on top of
//! what is there and tried again when it moved. Nothing is written into a session that has ended.

use serde_json::{Map, Value};

use crate::failure::StoreError;
use crate::sessions::{
    Compartment, DataError, Keep, Keeping, Kept, SessionId, Sessions, VisitorData,
};

/// How often a change is made anew on top of what others wrote meanwhile.
const TRIES: usize = 50;

/// The most that server code may keep in one session, in bytes of JSON.
pub const LARGEST_APPLICATION_DATA: usize = 64 * 1024;

/// Why data was not kept.
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
    /// The store failed, or others never stopped writing.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// The browser's own data; `None` when the session has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn visitor_data(&self, id: SessionId) -> Result<Option<VisitorData>, StoreError> {
        let kept = self.store().data(id, Compartment::Visitor).await?;
        kept.map(|kept| visitor_data(&kept)).transpose()
    }

    /// Merges a patch into the browser's own data and gives the whole of it. With `if_match` only
    /// if the data is still what that header names.
    ///
    /// # Errors
    /// [`KeepError`]; nothing was changed.
    pub async fn patch_visitor_data(
        &self,
        id: SessionId,
        patch: &Value,
        if_match: Option<&str>,
    ) -> Result<VisitorData, KeepError> {
        for _ in 0..TRIES {
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
        Err(KeepError::Store(StoreError::Corrupt("data that never stands still")))
    }

    /// What server code keeps; `None` when the session has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn application_data(
        &self,
        id: SessionId,
    ) -> Result<Option<Map<String, Value>>, StoreError> {
        let kept = self.store().data(id, Compartment::Application).await?;
        kept.map(|kept| application_data(&kept)).transpose()
    }

    /// Changes what server code keeps. `change` may be called several times, each time with what
    /// is there by then.
    ///
    /// # Errors
    /// [`KeepError`]; nothing was changed.
    pub async fn change_application_data(
        &self,
        id: SessionId,
        change: impl Fn(&mut Map<String, Value>) + Send + Sync,
    ) -> Result<(), KeepError> {
        for _ in 0..TRIES {
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
        Err(KeepError::Store(StoreError::Corrupt("data that never stands still")))
    }

    /// `false`: somebody else wrote first.
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
