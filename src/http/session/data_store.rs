//! `tower_sessions::Session` behind our session layer.
//!
//! The extractor, its types and its habits are theirs; where the data is kept, under which token
//! and for how long is ours. What they would do otherwise, and must not happen here:
//! - saving brings no ended session back: there is no insert but a start;
//! - the id that they see is the public handle, never the token;
//! - `cycle_id` deletes nothing: the new token replaces the old one in one step;
//! - `flush` clears what server code kept; it signs nobody out;
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
    /// What was read or written last, if anything was: a save changes only what differs from it.
    base: Mutex<Option<Data>>,
    /// Their side has let go of the id: for `cycle_id`, or for `flush`.
    let_go: AtomicBool,
    /// The answer to give when keeping the data failed, in place of the handler's.
    failure: Mutex<Option<Problem>>,
}

/// What the layer keeps while the handler runs.
pub(in crate::http) struct Pending {
    session: Session,
    store: Arc<RequestStore>,
}

/// Puts the extractor's session into the request.
pub(in crate::http) fn provide(current: &CurrentSession, extensions: &mut Extensions) -> Pending {
    let store = Arc::new(RequestStore {
        current: current.clone(),
        base: Mutex::default(),
        let_go: AtomicBool::new(false),
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
    /// Keeps what the handler changed. An error replaces the handler's answer: what it says about
    /// the data would not be true.
    pub(in crate::http) async fn keep(self) -> std::result::Result<(), Problem> {
        if !self.session.is_modified() {
            return Ok(());
        }
        let kept = if self.session.is_empty().await {
            if self.store.let_go.load(Ordering::Acquire) {
                self.store.write(&Data::new()).await
            } else {
                Ok(())
            }
        } else {
            self.session.save().await.map_err(|error| Error::Backend(error.to_string()))
        };
        kept.map_err(|error| {
            let told = lock(&self.store.failure).take();
            told.unwrap_or_else(|| {
                tracing::error!(%error, "the data of a session could not be kept");
                Problem::internal()
            })
        })
    }
}

impl RequestStore {
    /// Writes what differs from what was read, on top of what others wrote meanwhile.
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

    /// What is kept in the session; `None` without a live one.
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
            KeepError::Gone => self.current.why_gone().await,
            error => {
                tracing::error!(%error, "server code cannot keep this in a session");
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
        if self.let_go.load(Ordering::Acquire)
            && let Err(error) = self.current.rotate().await
        {
            return Err(self.fail(error.into()));
        }
        self.let_go.store(false, Ordering::Release);
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
        self.let_go.store(true, Ordering::Release);
        Ok(())
    }
}

impl Problem {
    /// The answer when the data of a `tower_sessions::Session` cannot be read or written: 503 where
    /// the store failed, so that nobody takes it for an empty cart.
    #[must_use]
    pub fn from_data(error: tower_sessions::session::Error) -> Self {
        match error {
            tower_sessions::session::Error::Store(error) => {
                Self::unavailable(&crate::failure::StoreError::backend(error))
            }
            error @ tower_sessions::session::Error::SerdeJson(_) => {
                tracing::error!(%error, "the data of a session is not of the type asked for");
                Self::internal()
            }
        }
    }
}

/// The public handle, as they write it.
fn handle(id: SessionId) -> Id {
    Id(i128::from_be_bytes(*id.as_uuid().as_bytes()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
