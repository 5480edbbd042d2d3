//! The connection to the server: one for all calls, made anew when it is lost.
//!
//! A call waits a second for a connection and another for its answer, never longer, and fails
//! then. It is sent again only where twice is as good as once; what was sent and not answered may
//! have been done, now or later, and the caller is told that it failed. After a silence the
//! connection is given up, so that one that leads nowhere is not asked for ever. The connection
//! manager of the driver does neither: it keeps a silent connection, holds calls up through all of
//! its own tries, and stays broken after a refusal that is no I/O error, as of a server that is
//! still loading.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, PushInfo, PushKind, RedisError, ServerErrorKind, Value,
};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::address::Address;
use super::fitness::{self, Facts};
use super::script::{self, Script, Step};
use super::trouble::{RedisOpenError, RedisTrouble};
use crate::failure::StoreError;

/// How long a call waits for a connection, and how long for its answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Calls that may wait to be written.
const QUEUE: usize = 4096;

/// A way to the server, open or about to be.
#[derive(Default)]
struct Way {
    connection: OnceCell<Result<MultiplexedConnection, Arc<RedisOpenError>>>,
    is_cut: Arc<AtomicBool>,
}

/// Which server the calls go to, or went to last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    /// As it calls itself.
    pub(super) server: String,
    /// How often it was another one.
    moves: u64,
}

pub(super) struct Link {
    address: Address,
    way: Mutex<Arc<Way>>,
    course: Mutex<Course>,
}

impl Link {
    pub(super) fn to(address: Address) -> Self {
        Self { address, way: Mutex::default(), course: Mutex::default() }
    }

    /// Where it leads, without who we are there.
    pub(super) fn place(&self) -> &str {
        self.address.shown()
    }

    fn way(&self) -> MutexGuard<'_, Arc<Way>> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a step.
    pub(super) async fn run(&self, step: &Step, arguments: &[&[u8]]) -> Result<Value, StoreError> {
        let mut repeats = step.repeats;
        loop {
            let (way, mut connection) = self.open().await.map_err(StoreError::backend)?;
            let error = match run(&mut connection, step, arguments).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if is_of_the_connection(&error) {
                self.give_up(&way);
            }
            // Only a cut is worth another try: whoever was silent for a second is not asked twice.
            repeats = repeats && error.is_io_error() && !error.is_timeout();
            if !repeats {
                return Err(store_error(error));
            }
            repeats = false;
        }
    }

    /// The connection; all who wait for the same attempt get the same answer.
    async fn open(&self) -> Result<(Arc<Way>, MultiplexedConnection), Arc<RedisOpenError>> {
        let way = {
            let mut current = self.way();
            if current.is_cut.load(Ordering::Acquire) {
                *current = Arc::default();
            }
            Arc::clone(&current)
        };
        // In a box, for it is large and seldom needed.
        let opened = way.connection.get_or_init(|| Box::pin(self.connect(&way.is_cut))).await;
        match opened {
            Ok(connection) => Ok((Arc::clone(&way), connection.clone())),
            Err(error) => {
                self.give_up(&way);
                Err(Arc::clone(error))
            }
        }
    }

    /// Leaves this way, unless somebody did already: the next call takes another.
    fn give_up(&self, way: &Arc<Way>) {
        let mut current = self.way();
        if Arc::ptr_eq(&current, way) {
            *current = Arc::default();
        }
    }

    async fn connect(
        &self,
        is_cut: &Arc<AtomicBool>,
    ) -> Result<MultiplexedConnection, Arc<RedisOpenError>> {
        let is_cut = Arc::clone(is_cut);
        // So that a cut is known when it happens, not when the next call is lost to it.
        let config = patient().set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                is_cut.store(true, Ordering::Release);
            }
            Ok::<(), std::convert::Infallible>(())
        });
        let (connection, facts) = self.reach(&config).await?;
        self.leads_to(facts.server());
        Ok(connection)
    }

    /// A connection to a server that may keep sessions, and what that says about itself.
    async fn reach(
        &self,
        config: &AsyncConnectionConfig,
    ) -> Result<(MultiplexedConnection, Facts), RedisOpenError> {
        let connecting = async {
            let mut connection = self.address.connect(config).await?;
            let facts = fitness::facts(&mut connection).await?;
            Ok((connection, facts))
        };
        let trouble = |trouble| RedisOpenError::new(&self.address, trouble);
        match timeout(PATIENCE, connecting).await {
            Err(_) => Err(trouble(RedisTrouble::Silent)),
            Ok(Err(error)) => Err(trouble(RedisTrouble::of(&error))),
            Ok(Ok((connection, facts))) => match facts.unfit() {
                Some(why) => Err(trouble(RedisTrouble::Unfit(why))),
                None => Ok((connection, facts)),
            },
        }
    }

    /// A connection of its own beside that of the calls, which is never made anew, and the server
    /// that it leads to. Whatever the server says unasked is shown to `hear`, in the order in which
    /// it comes and before any answer behind it.
    pub(super) async fn apart(
        &self,
        hear: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<(MultiplexedConnection, String), RedisOpenError> {
        let config = patient().set_push_sender(move |push: PushInfo| {
            hear(push);
            Ok::<(), std::convert::Infallible>(())
        });
        let (connection, facts) = self.reach(&config).await?;
        Ok((connection, facts.server().to_owned()))
    }

    fn leads_to(&self, server: &str) {
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        if course.server != server {
            server.clone_into(&mut course.server);
            course.moves += 1;
        }
    }

    pub(super) fn course(&self) -> Course {
        self.course.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds out whether the server lets us run the scripts, all of each. By their text first: one
    /// that the server knows already shows nothing about that.
    pub(super) async fn try_out(&self) -> Result<(), RedisOpenError> {
        let mut connection = self.opened().await?;
        let ready = &script::READY.script;
        let tried = async {
            send(&mut connection, ("EVAL", &ready.text), &[]).await?;
            send(&mut connection, ("EVALSHA", &ready.digest), &[]).await
        };
        let tried: Result<Value, RedisError> = tried.await;
        let missing: Vec<String> = tried
            .and_then(|missing| Ok(redis::from_redis_value(missing)?))
            .map_err(|error| self.trouble(&error))?;
        if missing.is_empty() {
            return Ok(());
        }
        let trouble = RedisTrouble::Rights(missing.join(", "));
        Err(RedisOpenError::new(&self.address, trouble))
    }

    /// How the server may lose what it acknowledged.
    pub(super) async fn warnings(&self) -> Result<Vec<String>, RedisOpenError> {
        let mut connection = self.opened().await?;
        let facts = fitness::facts(&mut connection).await.map_err(|error| self.trouble(&error))?;
        let appendfsync = fitness::appendfsync(&mut connection).await;
        Ok(facts.warnings(appendfsync.ok().flatten().as_deref()))
    }

    async fn opened(&self) -> Result<MultiplexedConnection, RedisOpenError> {
        let opened = self.open().await;
        opened.map(|(_, connection)| connection).map_err(|error| RedisOpenError::clone(&error))
    }

    fn trouble(&self, error: &RedisError) -> RedisOpenError {
        RedisOpenError::new(&self.address, RedisTrouble::of(error))
    }
}

fn patient() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_pipeline_buffer_size(QUEUE)
}

async fn run(
    connection: &mut MultiplexedConnection,
    step: &Step,
    arguments: &[&[u8]],
) -> Result<Value, RedisError> {
    match (evaluate(connection, &step.script, arguments).await, &step.reading) {
        (Err(error), Some(reading)) if error.code() == Some("MISCONF") => {
            evaluate(connection, reading, arguments).await
        }
        (answer, _) => answer,
    }
}

pub(super) async fn evaluate(
    connection: &mut MultiplexedConnection,
    script: &Script,
    arguments: &[&[u8]],
) -> Result<Value, RedisError> {
    match send(connection, ("EVALSHA", &script.digest), arguments).await {
        Err(error) if is_unknown(&error) => {
            send(connection, ("EVAL", &script.text), arguments).await
        }
        answer => answer,
    }
}

async fn send(
    connection: &mut MultiplexedConnection,
    (verb, script): (&str, &str),
    arguments: &[&[u8]],
) -> Result<Value, RedisError> {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(0);
    for argument in arguments {
        command.arg(*argument);
    }
    command.query_async(connection).await
}

/// The server has forgotten the script, and has run nothing.
fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether another connection may do better: this one is cut or silent, or leads to a server that
/// is not the primary any more, or knows us no longer.
fn is_of_the_connection(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => true,
        ErrorKind::Server(_) => false,
        ErrorKind::Extension => error.code() == Some("NOAUTH"),
        _ => true,
    }
}

fn store_error(error: RedisError) -> StoreError {
    if error.code() == Some("OOM") { StoreError::Full } else { StoreError::backend(error) }
}
