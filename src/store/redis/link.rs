//! The connection to the server: one for all calls, reopened when it is lost.
//!
//! A call waits at most a second for a connection and a second for its answer. It is sent again
//! only if it is idempotent. A call without an answer fails, although Redis may have run it or may
//! still run it. A connection that does not answer is dropped. The connection manager of the driver
//! keeps it, and blocks calls during all of its retries. It also stays broken after an error other
//! than I/O, such as LOADING.

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
use super::fitness::{self, ServerInfo};
use super::script::{self, Operation, Script};
use super::trouble::{RedisOpenError, RedisTrouble};
use crate::failure::StoreError;

/// How long a call waits for a connection, and again for its answer.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(1);

/// How many calls may be queued for writing.
const QUEUE: usize = 4096;

/// A connection that is open or being opened.
#[derive(Default)]
struct SharedConnection {
    connection: OnceCell<Result<MultiplexedConnection, Arc<RedisOpenError>>>,
    is_cut: Arc<AtomicBool>,
}

/// The server of the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CurrentServer {
    /// Its `run_id`.
    pub(super) run_id: String,
    /// How often the server changed.
    changes: u64,
}

pub(super) struct Link {
    address: Address,
    current: Mutex<Arc<SharedConnection>>,
    server: Mutex<CurrentServer>,
}

impl Link {
    pub(super) fn to(address: Address) -> Self {
        Self { address, current: Mutex::default(), server: Mutex::default() }
    }

    /// The display address, without user and password.
    pub(super) fn place(&self) -> &str {
        self.address.display()
    }

    fn current(&self) -> MutexGuard<'_, Arc<SharedConnection>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an operation.
    pub(super) async fn run(
        &self,
        operation: &Operation,
        arguments: &[&[u8]],
    ) -> Result<Value, StoreError> {
        let mut may_retry = operation.is_idempotent;
        loop {
            let (shared, mut connection) = self.open().await.map_err(StoreError::backend)?;
            let error = match run(&mut connection, operation, arguments).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if is_of_the_connection(&error) {
                self.discard(&shared);
            }
            // Retry after a lost connection only, not after a timeout.
            may_retry = may_retry && error.is_io_error() && !error.is_timeout();
            if !may_retry {
                return Err(store_error(error));
            }
            may_retry = false;
        }
    }

    /// The connection. Concurrent callers share one attempt and its result.
    async fn open(
        &self,
    ) -> Result<(Arc<SharedConnection>, MultiplexedConnection), Arc<RedisOpenError>> {
        let shared = {
            let mut current = self.current();
            if current.is_cut.load(Ordering::Acquire) {
                *current = Arc::default();
            }
            Arc::clone(&current)
        };
        // Boxed, because the future is large and rarely needed.
        let opened = shared.connection.get_or_init(|| Box::pin(self.connect(&shared.is_cut))).await;
        match opened {
            Ok(connection) => Ok((Arc::clone(&shared), connection.clone())),
            Err(error) => {
                self.discard(&shared);
                Err(Arc::clone(error))
            }
        }
    }

    /// Drops this connection, so that the next call opens another.
    fn discard(&self, shared: &Arc<SharedConnection>) {
        let mut current = self.current();
        if Arc::ptr_eq(&current, shared) {
            *current = Arc::default();
        }
    }

    async fn connect(
        &self,
        is_cut: &Arc<AtomicBool>,
    ) -> Result<MultiplexedConnection, Arc<RedisOpenError>> {
        let is_cut = Arc::clone(is_cut);
        // Detects a lost connection at once, before the next call fails on it.
        let config = connection_config().set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                is_cut.store(true, Ordering::Release);
            }
            Ok::<(), std::convert::Infallible>(())
        });
        let (connection, info) = self.reach(&config).await?;
        self.note_server(info.run_id());
        Ok(connection)
    }

    /// Opens a connection and checks that the server can keep sessions.
    async fn reach(
        &self,
        config: &AsyncConnectionConfig,
    ) -> Result<(MultiplexedConnection, ServerInfo), RedisOpenError> {
        let connecting = async {
            let mut connection = self.address.connect(config).await?;
            let info = fitness::server_info(&mut connection).await?;
            Ok((connection, info))
        };
        let trouble = |trouble| RedisOpenError::new(&self.address, trouble);
        match timeout(CALL_TIMEOUT, connecting).await {
            Err(_) => Err(trouble(RedisTrouble::Silent)),
            Ok(Err(error)) => Err(trouble(RedisTrouble::of(&error))),
            Ok(Ok((connection, info))) => match info.unfit() {
                Some(why) => Err(trouble(RedisTrouble::Unfit(why))),
                None => Ok((connection, info)),
            },
        }
    }

    /// Opens a separate connection, which is never reopened, and returns the `run_id` of its
    /// server. `receive` gets every push message in order, and before any later answer.
    pub(super) async fn open_separate(
        &self,
        receive: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<(MultiplexedConnection, String), RedisOpenError> {
        let config = connection_config().set_push_sender(move |push: PushInfo| {
            receive(push);
            Ok::<(), std::convert::Infallible>(())
        });
        let (connection, info) = self.reach(&config).await?;
        Ok((connection, info.run_id().to_owned()))
    }

    fn note_server(&self, run_id: &str) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if server.run_id != run_id {
            run_id.clone_into(&mut server.run_id);
            server.changes += 1;
        }
    }

    pub(super) fn server(&self) -> CurrentServer {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Checks the right to run the scripts and all of their commands. EVAL first, because EVALSHA
    /// of a known script does not test that right.
    pub(super) async fn try_out(&self) -> Result<(), RedisOpenError> {
        let mut connection = self.opened().await?;
        let ready = &script::READY.script;
        let tried = async {
            send(&mut connection, "EVAL", &ready.text, &[]).await?;
            send(&mut connection, "EVALSHA", &ready.digest, &[]).await
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

    /// Warnings about how the server may lose acknowledged changes.
    pub(super) async fn warnings(&self) -> Result<Vec<String>, RedisOpenError> {
        let mut connection = self.opened().await?;
        let info =
            fitness::server_info(&mut connection).await.map_err(|error| self.trouble(&error))?;
        let appendfsync = fitness::appendfsync(&mut connection).await;
        Ok(info.warnings(appendfsync.ok().flatten().as_deref()))
    }

    async fn opened(&self) -> Result<MultiplexedConnection, RedisOpenError> {
        let opened = self.open().await;
        opened.map(|(_, connection)| connection).map_err(|error| RedisOpenError::clone(&error))
    }

    fn trouble(&self, error: &RedisError) -> RedisOpenError {
        RedisOpenError::new(&self.address, RedisTrouble::of(error))
    }
}

fn connection_config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CALL_TIMEOUT))
        .set_response_timeout(Some(CALL_TIMEOUT))
        .set_pipeline_buffer_size(QUEUE)
}

async fn run(
    connection: &mut MultiplexedConnection,
    operation: &Operation,
    arguments: &[&[u8]],
) -> Result<Value, RedisError> {
    match (evaluate(connection, &operation.script, arguments).await, &operation.reading) {
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
    match send(connection, "EVALSHA", &script.digest, arguments).await {
        Err(error) if is_unknown(&error) => send(connection, "EVAL", &script.text, arguments).await,
        answer => answer,
    }
}

async fn send(
    connection: &mut MultiplexedConnection,
    verb: &str,
    script: &str,
    arguments: &[&[u8]],
) -> Result<Value, RedisError> {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(0);
    for argument in arguments {
        command.arg(*argument);
    }
    command.query_async(connection).await
}

/// Whether the server does not know the script, and ran nothing.
fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether to reconnect: the connection is lost or timed out, the server is no longer the primary,
/// or the login is no longer valid.
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
