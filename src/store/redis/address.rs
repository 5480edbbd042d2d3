//! The address of the server, or of Sentinels that know the primary.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, RedisError, TlsMode,
};
use tokio::sync::Mutex;
use url::Url;

const SENTINEL_PORT: u16 = 26379;
const KEEPALIVE: Duration = Duration::from_secs(15);

pub(super) struct Address {
    reach: Reach,
    display: String,
}

enum Reach {
    Server(Box<Client>),
    /// Locked while the Sentinels are asked: concurrent callers share one attempt.
    Sentinels(Box<Mutex<SentinelClient>>),
}

impl Address {
    /// Parses `redis://`, `rediss://`, `redis+sentinel://` or `rediss+sentinel://`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("write redis://HOST:PORT")?;
        if rest.contains('#') {
            return Err("leave out the # and what follows".to_owned());
        }
        match scheme {
            "redis" | "rediss" => Self::server(text),
            "redis+sentinel" => Self::sentinels(rest, None),
            "rediss+sentinel" => Self::sentinels(rest, Some(TlsMode::Secure)),
            _ => Err("write redis://, rediss:// or redis+sentinel://".to_owned()),
        }
    }

    fn server(text: &str) -> Result<Self, String> {
        if text.contains('?') {
            return Err("leave out the ? and what follows".to_owned());
        }
        let info = text.into_connection_info().map_err(|error| error.to_string())?;
        let (display, settings) =
            (info.addr().to_string(), with_protocol(info.redis_settings().clone()));
        let info = info.set_redis_settings(settings).set_tcp_settings(tcp_settings());
        let client = Client::open(info).map_err(|error| error.to_string())?;
        Ok(Self { reach: Reach::Server(Box::new(client)), display })
    }

    fn sentinels(rest: &str, tls: Option<TlsMode>) -> Result<Self, String> {
        let form = || "write redis+sentinel://HOST:PORT,HOST:PORT/SERVICE".to_owned();
        let (authority, _) = rest.split_once('/').ok_or_else(form)?;
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        // One host instead of the list makes it a normal URL.
        let single = format!("redis://{login}@sentinels/{}", &rest[authority.len() + 1..]);
        let url = Url::parse(&single).map_err(|_| form())?;
        let mut path = url.path().trim_matches('/').split('/');
        let service = path.next().filter(|service| !service.is_empty()).ok_or_else(form)?;
        let database = path.next().unwrap_or("0").parse::<i64>().map_err(|_| form())?;

        let mut of_sentinels = RedisConnectionInfo::default().set_skip_set_lib_name();
        for (name, value) in url.query_pairs() {
            of_sentinels = match &*name {
                "sentinel_username" => of_sentinels.set_username(value),
                "sentinel_password" => of_sentinels.set_password(value),
                _ => {
                    return Err(
                        "only sentinel_username and sentinel_password may follow the ?".into()
                    );
                }
            };
        }
        let sentinel = |host: &str| sentinel(host, tls, &of_sentinels).ok_or_else(form);
        let sentinels = hosts.split(',').map(sentinel).collect::<Result<Vec<_>, _>>()?;

        let mut settings = RedisConnectionInfo::default().set_db(database);
        if !url.username().is_empty() {
            settings = settings.set_username(decoded(url.username())?);
        }
        if let Some(password) = url.password() {
            settings = settings.set_password(decoded(password)?);
        }
        let mut node = SentinelNodeConnectionInfo::default()
            .set_redis_connection_info(with_protocol(settings))
            .set_tcp_settings(tcp_settings());
        if let Some(tls) = tls {
            node = node.set_tls_mode(tls);
        }
        let kind = SentinelServerType::Master;
        let client = SentinelClient::build(sentinels, service, Some(node), kind)
            .map_err(|error| error.to_string())?;
        let reach = Reach::Sentinels(Box::new(Mutex::new(client)));
        Ok(Self { reach, display: format!("{service} by {hosts}") })
    }

    /// The display address, without user and password.
    pub(super) fn display(&self) -> &str {
        &self.display
    }

    pub(super) async fn connect(
        &self,
        config: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, RedisError> {
        let client = match &self.reach {
            Reach::Server(client) => Client::clone(client),
            Reach::Sentinels(sentinels) => sentinels.lock().await.async_get_client().await?,
        };
        client.get_multiplexed_async_connection_with_config(config).await
    }
}

fn sentinel(
    host: &str,
    tls: Option<TlsMode>,
    settings: &RedisConnectionInfo,
) -> Option<ConnectionInfo> {
    let scheme = if tls.is_some() { "rediss" } else { "redis" };
    let mut url = Url::parse(&format!("{scheme}://{host}")).ok()?;
    if url.port().is_none() {
        url.set_port(Some(SENTINEL_PORT)).ok()?;
    }
    let info = url.into_connection_info().ok()?;
    Some(info.set_redis_settings(settings.clone()).set_tcp_settings(tcp_settings()))
}

/// RESP3, so that a disconnection is reported; no `CLIENT SETINFO`, which needs another right.
fn with_protocol(settings: RedisConnectionInfo) -> RedisConnectionInfo {
    settings.set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name()
}

/// No Nagle delay, and keepalive so that firewalls do not drop idle connections.
fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true).set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE))
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| "user and password have to be UTF-8".to_owned())
}

#[cfg(test)]
mod tests;
