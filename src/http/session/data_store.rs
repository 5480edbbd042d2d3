//! Store for `tower_sessions::Session`, over our sessions.
//!
//! The extractor is that of tower-sessions; storage, token and lifetime are ours. Differences from
//! its own stores:
//! - saving brings no ended session back: there is no insert but a start;
//! - the id is the public session id, never the token;
//! - `cycle_id` deletes nothing: the new token replaces the old one in one step;
//! - `flush` clears what server code kept; it does not sign out;
//! - a change of data sends no cookie.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::http::Extensions;
use serde_json::Value;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Session, SessionStore};

use crate::http::response::error::Problem;
use crate::http::session::current::{CurrentSession, SessionStateUnknown};
use crate::sessions::{KeepError, SessionId};

type Data = HashMap<String, Value>;

/// The data of one request's session.
#[derive(Debug)]
struct RequestStore {
    current: CurrentSession,
    /// The data that was read or written last, if any: a save changes only what differs from it.
    base: Mutex<Option<Data>>,
    /// `delete` was called, by `cycle_id` or by `flush`.
    deleted: AtomicBool,
    /// The error that replaces the handler's response after a failed save.
    failure: Mutex<Option<Problem>>,
}

/// The session data while the handler runs.
pub(in crate::http) struct Pending {
    session: Session,
    store: Arc<RequestStore>,
}

/// Puts the extractor's session into the request.
pub(in crate::http) fn provide(current: &CurrentSession, extensions: &mut Extensions) -> Pending {
    let store = Arc::new(RequestStore {
        current: current.clone(),
        base: Mutex::default(),
        deleted: AtomicBool::new(false),
        failure: Mutex::default(),
    });
    let id = match current.live_id() {
        Ok(id) => id.map(handle),
        // The store has to be asked, to say that it failed.
        Err(SessionStateUnknown) => Some(Id(0)),
    };
    let session = Session::new(id, store.clone(), None);
    extensions.insert(session.clone());
    Pending { session, store }
}

impl Pending {
    /// Saves the changes of the handler. An error replaces the handler's response, which would
    /// claim that they were saved.
    pub(in crate::http) async fn keep(self) -> std::result::Result<(), Problem> {
        if !self.session.is_modified() {
            return Ok(());
        }
        let kept = if self.session.is_empty().await {
            if self.store.deleted.load(Ordering::Acquire) {
                self.store.write(&Data::new()).await
            } else {
                Ok(())
            }
        } else {
            self.session.save().await.map_err(|error| Error::Backend(error.to_string()))
        };
        kept.map_err(|error| {
            let problem = lock(&self.store.failure).take();
            problem.unwrap_or_else(|| {
                tracing::error!(%error, "could not save the data of a session");
                Problem::internal()
            })
        })
    }
}

impl RequestStore {
    /// Writes the keys that differ from those read, and keeps concurrent changes of other keys.
    async fn write(&self, data: &Data) -> Result<()> {
        let known = lock(&self.base).clone();
        let base = match known {
            Some(base) => base,
            // Cleared or flushed before it was ever read.
            None => self.read().await?.unwrap_or_default(),
        };
        if *data == base {
            return Ok(());
        }
        let session =
            self.current.session_or_start().await.map_err(|problem| self.fail(problem))?;
        let sessions = self.current.sessions();
        let kept = sessions.change_application_data(session.id, |kept| {
            kept.retain(|key, _| data.contains_key(key) || !base.contains_key(key));
            for (key, value) in data.iter().filter(|(key, value)| base.get(*key) != Some(*value)) {
                kept.insert(key.clone(), value.clone());
            }
        });
        match kept.await {
            Ok(()) => {
                *lock(&self.base) = Some(data.clone());
                Ok(())
            }
            Err(error) => Err(self.fail(self.problem(error).await)),
        }
    }

    /// The data of the session; `None` without a live one.
    async fn read(&self) -> Result<Option<Data>> {
        let session = self.current.session().map_err(|problem| self.fail(problem))?;
        let Some(session) = session else { return Ok(None) };
        let data = self.current.sessions().application_data(session.id).await;
        let data = data.map_err(|error| self.fail(error.into()))?;
        Ok(Some(data.unwrap_or_default().into_iter().collect()))
    }

    async fn problem(&self, error: KeepError) -> Problem {
        match error {
            KeepError::Store(error) => error.into(),
            KeepError::Gone => self.current.end_problem().await,
            error => {
                tracing::error!(%error, "server code stored a value that a session cannot hold");
                Problem::internal()
            }
        }
    }

    fn fail(&self, problem: Problem) -> Error {
        let error = Error::Backend(problem.detail.to_string());
        *lock(&self.failure) = Some(problem);
        error
    }
}

#[async_trait]
impl SessionStore for RequestStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        if self.deleted.load(Ordering::Acquire)
            && let Err(error) = self.current.rotate().await
        {
            return Err(self.fail(error.into()));
        }
        self.deleted.store(false, Ordering::Release);
        self.write(&record.data).await?;
        let session =
            self.current.session_or_start().await.map_err(|problem| self.fail(problem))?;
        record.id = handle(session.id);
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.write(&record.data).await
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let session = self.current.session().map_err(|problem| self.fail(problem))?;
        let (Some(session), Some(data)) = (session, self.read().await?) else { return Ok(None) };
        *lock(&self.base) = Some(data.clone());
        Ok(Some(Record { id: *id, data, expiry_date: session.expires_at }))
    }

    async fn delete(&self, _: &Id) -> Result<()> {
        self.deleted.store(true, Ordering::Release);
        Ok(())
    }
}

impl Problem {
    /// The error when the data of a `tower_sessions::Session` cannot be read or written: 503 where
    /// the store failed, so that a failure is not taken for empty data.
    #[must_use]
    pub fn from_data(error: tower_sessions::session::Error) -> Self {
        match error {
            tower_sessions::session::Error::Store(error) => {
                Self::unavailable(&crate::failure::StoreError::backend(error))
            }
            error @ tower_sessions::session::Error::SerdeJson(_) => {
                tracing::error!(%error, "the data of a session has another type than requested");
                Self::internal()
            }
        }
    }
}

/// The public session id as an id of tower-sessions.
fn handle(id: SessionId) -> Id {
    Id(i128::from_be_bytes(*id.as_uuid().as_bytes()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
