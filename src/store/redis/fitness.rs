//! Checks that a server can keep sessions, by the answer to `INFO`.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};

/// The oldest release with the features that the scripts need.
const MIN_MAJOR_VERSION: u32 = 7;

/// Why a server cannot keep sessions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is older than Redis 7.
    #[error("is version {0}: Redis 7 or Valkey is needed")]
    TooOld(String),
    /// It is a node of a cluster.
    #[error("runs as a cluster (cluster-enabled yes): one server or a Sentinel service is needed")]
    Cluster,
    /// It is a Sentinel.
    #[error("is a Sentinel: write redis+sentinel://HOST:PORT/SERVICE")]
    Sentinel,
    /// It is a replica.
    #[error(
        "is a replica: write the address of the primary, or redis+sentinel://HOST:PORT/SERVICE"
    )]
    Replica,
    /// It evicts keys when its memory is full.
    #[error(
        "drops sessions when its memory is full (maxmemory-policy {0}): set maxmemory-policy noeviction"
    )]
    Evicts(String),
}

/// The fields of `INFO`.
pub(super) struct ServerInfo(HashMap<String, String>);

impl ServerInfo {
    /// Parses the answer to `INFO`.
    pub(super) fn read(info: &str) -> Self {
        let info = info.lines().filter_map(|line| line.trim_end().split_once(':'));
        Self(info.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The `run_id`, which changes with each start of the server.
    pub(super) fn run_id(&self) -> &str {
        self.get("run_id")
    }

    fn policy(&self) -> &str {
        self.get("maxmemory_policy")
    }

    fn has_no_limit(&self) -> bool {
        self.get("maxmemory") == "0"
    }

    /// `volatile-*` policies only evict keys with an expiry, which sessions do not have.
    fn policy_spares_sessions(&self) -> bool {
        self.policy() == "noeviction" || self.policy().starts_with("volatile-")
    }

    /// Why it cannot keep sessions, if it cannot.
    pub(super) fn unfit(&self) -> Option<Unfit> {
        let version = self.get("redis_version");
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if self.get("redis_mode") == "sentinel" {
            Some(Unfit::Sentinel)
        } else if major.is_none_or(|major| major < MIN_MAJOR_VERSION) {
            Some(Unfit::TooOld(version.to_owned()))
        } else if self.get("redis_mode") == "cluster" || self.get("cluster_enabled") == "1" {
            Some(Unfit::Cluster)
        } else if self.get("role") != "master" {
            Some(Unfit::Replica)
        } else if !self.has_no_limit() && !self.policy_spares_sessions() {
            Some(Unfit::Evicts(self.policy().to_owned()))
        } else {
            None
        }
    }

    /// Warnings for the operator. `appendfsync` is `None` without the right to read it.
    pub(super) fn warnings(&self, appendfsync: Option<&str>) -> Vec<String> {
        let mut warnings = Vec::new();
        let loses = "an acknowledged sign-out or revocation may be undone by a crash";
        match (self.get("aof_enabled"), appendfsync) {
            ("1", Some("always")) => {}
            ("1", Some(appendfsync)) => warnings.push(format!(
                "Redis has appendfsync {appendfsync}: {loses}; set appendfsync always"
            )),
            ("1", None) => warnings.push(format!(
                "could not read appendfsync of Redis: unless it is always, {loses}; grant its user \
                 +config|get"
            )),
            _ => warnings.push(format!(
                "Redis has appendonly off: {loses}; set appendonly yes and appendfsync always"
            )),
        }
        if self.policy() != "noeviction" {
            warnings.push(format!(
                "Redis has maxmemory-policy {}: set noeviction, so that no session can be dropped",
                self.policy()
            ));
        }
        warnings
    }
}

pub(super) async fn server_info(
    connection: &mut MultiplexedConnection,
) -> Result<ServerInfo, RedisError> {
    let info: Value = redis::cmd("INFO").query_async(connection).await?;
    Ok(ServerInfo::read(&redis::from_redis_value::<String>(info)?))
}

/// `None`: the server has no such setting.
pub(super) async fn appendfsync(
    connection: &mut MultiplexedConnection,
) -> Result<Option<String>, RedisError> {
    let mut command = redis::cmd("CONFIG");
    let found: HashMap<String, String> =
        command.arg("GET").arg("appendfsync").query_async(connection).await?;
    Ok(found.into_values().next())
}

#[cfg(test)]
mod tests;
