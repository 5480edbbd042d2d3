//! Whether a server may keep sessions: what it says about itself.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};

/// The oldest release that has what the scripts need.
const OLDEST: u32 = 7;

/// Why a server may not keep sessions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is older than Redis 7.
    #[error("is version {0}: Redis 7 or Valkey is needed")]
    TooOld(String),
    /// It is a node of a cluster.
    #[error("runs as a cluster (cluster-enabled yes): one server or a Sentinel service is needed")]
    Cluster,
    /// It answers for other servers.
    #[error("is a Sentinel: write redis+sentinel://HOST:PORT/SERVICE")]
    Sentinel,
    /// It follows another server.
    #[error(
        "is a replica: write the address of the primary, or redis+sentinel://HOST:PORT/SERVICE"
    )]
    Replica,
    /// It drops what it holds when its memory is full.
    #[error(
        "drops sessions when its memory is full (maxmemory-policy {0}): set maxmemory-policy noeviction"
    )]
    Evicts(String),
}

/// What a server says about itself.
pub(super) struct Facts(HashMap<String, String>);

impl Facts {
    /// Reads the answer to `INFO`.
    pub(super) fn read(info: &str) -> Self {
        let facts = info.lines().filter_map(|line| line.trim_end().split_once(':'));
        Self(facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What it calls itself: another name after each start of it.
    pub(super) fn server(&self) -> &str {
        self.get("run_id")
    }

    fn policy(&self) -> &str {
        self.get("maxmemory_policy")
    }

    fn has_no_limit(&self) -> bool {
        self.get("maxmemory") == "0"
    }

    /// A policy that concerns only keys with an expiry spares sessions, which have none.
    fn policy_spares_sessions(&self) -> bool {
        self.policy() == "noeviction" || self.policy().starts_with("volatile-")
    }

    /// Why it may not keep sessions, if it may not.
    pub(super) fn unfit(&self) -> Option<Unfit> {
        let version = self.get("redis_version");
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if self.get("redis_mode") == "sentinel" {
            Some(Unfit::Sentinel)
        } else if major.is_none_or(|major| major < OLDEST) {
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

    /// What an operator should know; `appendfsync` is `None` where we may not ask for it.
    pub(super) fn warnings(&self, appendfsync: Option<&str>) -> Vec<String> {
        let mut warnings = Vec::new();
        let loses = "an acknowledged sign-out or revocation may be undone by a crash";
        match (self.get("aof_enabled"), appendfsync) {
            ("1", Some("always")) => {}
            ("1", Some(appendfsync)) => warnings.push(format!(
                "Redis has appendfsync {appendfsync}: {loses}; set appendfsync always"
            )),
            ("1", None) => warnings.push(format!(
                "Redis does not tell its appendfsync: unless it is always, {loses}; let the user \
                 ask with +config|get"
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

pub(super) async fn facts(connection: &mut MultiplexedConnection) -> Result<Facts, RedisError> {
    let info: Value = redis::cmd("INFO").query_async(connection).await?;
    Ok(Facts::read(&redis::from_redis_value::<String>(info)?))
}

/// `None`: it says that it has no such setting.
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
