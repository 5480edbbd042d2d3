//! What several servers have in ground: one `PostgreSQL`, and one Redis beside it where that keeps
//! their sessions. Both are real, and can be stopped, paused and cut off.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

use super::cut::{Cut, Flow};
use super::postgres::{Cluster, Database};
use super::redis::{self, DURABLE, RedisServer};
use super::server::Place;

/// Where sessions are kept. Accounts are in `PostgreSQL` in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// In the database of the accounts.
    Postgres,
    Redis,
}

const WHY: &str = "several servers with their sessions in Redis";

/// What goes wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is ended at once, and started again.
    Stopped,
    /// Its time stands still.
    Paused,
    /// Every connection is cut, and no new one comes about.
    Unreachable,
    /// Connections are cut again and again.
    Cut,
    /// Nothing is heard; what was sent meanwhile arrives in the end.
    Silent,
    /// Everything arrives late.
    Late,
}

impl Trouble {
    pub const ALL: [Self; 6] =
        [Self::Stopped, Self::Paused, Self::Unreachable, Self::Cut, Self::Silent, Self::Late];

    /// How late everything is.
    pub const LATE: Duration = Duration::from_millis(60);
}

enum Server {
    Postgres(Cluster),
    Redis(RedisServer),
}

/// A server of a test's own, behind a wire.
pub struct Store {
    pub name: &'static str,
    wire: Cut,
    server: Server,
}

impl Store {
    fn new(name: &'static str, port: u16, server: Server) -> Self {
        Self { name, wire: Cut::before(SocketAddr::from(([127, 0, 0, 1], port))), server }
    }

    /// Lets something go wrong.
    pub fn disturb(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Stopped => match &mut self.server {
                Server::Postgres(server) => server.stop(),
                Server::Redis(server) => server.kill(),
            },
            Trouble::Paused => self.signal("STOP"),
            Trouble::Unreachable => {
                self.wire.refuse(true);
                self.wire.cut_all();
            }
            Trouble::Cut => self.wire.cut_all(),
            Trouble::Silent => self.wire.silence(),
            Trouble::Late => self.wire.flow(Flow::Late(Trouble::LATE), Flow::Late(Trouble::LATE)),
        }
    }

    /// Puts it right again.
    pub fn mend(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Stopped => match &mut self.server {
                Server::Postgres(server) => server.resume_service(),
                Server::Redis(server) => server.start_again(),
            },
            Trouble::Paused => self.signal("CONT"),
            Trouble::Unreachable | Trouble::Cut | Trouble::Silent | Trouble::Late => {
                self.wire.heal();
            }
        }
    }

    /// Lets something go wrong for a while.
    pub async fn suffer(&mut self, trouble: Trouble, time: Duration) {
        const CUTS: u32 = 4;
        tokio::task::block_in_place(|| self.disturb(trouble));
        for _ in 0..CUTS {
            tokio::time::sleep(time / CUTS).await;
            if trouble == Trouble::Cut {
                self.wire.cut_all();
            }
        }
        tokio::task::block_in_place(|| self.mend(trouble));
    }

    fn signal(&self, name: &str) {
        match &self.server {
            Server::Postgres(server) => server.signal(name),
            Server::Redis(server) => server.signal(name),
        }
    }
}

/// Of this run's servers, with nothing in them.
pub struct Ground {
    database: Database,
    redis: Option<String>,
}

impl Ground {
    /// `None` where the machine lacks a server, which has been said then.
    pub async fn fresh(keeping: Keeping) -> Option<Self> {
        let redis = match keeping {
            Keeping::Postgres => None,
            Keeping::Redis => Some(redis::shared_database(WHY).await?),
        };
        let Some(database) = Database::fresh().await else {
            super::postgres::is_here().await;
            return None;
        };
        Some(Self { database, redis })
    }

    /// The same place, with everything kept here.
    pub fn keeps(&self, place: Place) -> Place {
        kept(place, &self.database.url, self.redis.as_deref())
    }

    /// A way of its own to each of the stores, for one of several servers.
    pub fn ways(&self) -> Ways {
        let way = |url: &str| {
            let port = Url::parse(url).unwrap().port().unwrap();
            Cut::before(SocketAddr::from(([127, 0, 0, 1], port)))
        };
        Ways { postgres: way(&self.database.url), redis: self.redis.as_deref().map(way) }
    }

    /// The same place, with everything kept here, by ways of its own.
    pub fn keeps_by(&self, place: Place, ways: &Ways) -> Place {
        let database = self.database.url_at(ways.postgres.address.port());
        let database = database.replace("127.0.0.1", &ways.postgres.address.ip().to_string());
        let redis = self.redis.as_deref().zip(ways.redis.as_ref()).map(|(url, way)| {
            let mut url = Url::parse(url).unwrap();
            url.set_ip_host(way.address.ip()).unwrap();
            url.set_port(Some(way.address.port())).unwrap();
            url.to_string()
        });
        kept(place, &database, redis.as_deref())
    }
}

/// From one server to the stores.
pub struct Ways {
    postgres: Cut,
    redis: Option<Cut>,
}

impl Ways {
    pub fn each(&self, what: impl Fn(&Cut)) {
        what(&self.postgres);
        self.redis.as_ref().into_iter().for_each(what);
    }
}

/// Of servers of a test's own.
pub struct OwnGround {
    /// `PostgreSQL` first.
    pub stores: Vec<Store>,
}

impl OwnGround {
    /// `None` where the machine lacks a server, which has been said then.
    pub async fn start(keeping: Keeping) -> Option<Self> {
        tokio::task::spawn_blocking(move || {
            let cluster = Cluster::start(&[])?;
            let mut stores =
                vec![Store::new("PostgreSQL", cluster.port, Server::Postgres(cluster))];
            if keeping == Keeping::Redis {
                let redis = RedisServer::start(DURABLE, WHY)?;
                stores.push(Store::new("Redis", redis.port, Server::Redis(redis)));
            }
            Some(Self { stores })
        })
        .await
        .unwrap()
    }

    /// The same place, with everything kept here, by way of the wires.
    pub fn keeps(&self, place: Place) -> Place {
        let (mut database, mut redis) = (String::new(), None);
        for Store { wire, server, .. } in &self.stores {
            match server {
                Server::Postgres(cluster) => {
                    let direct = format!("@127.0.0.1:{}/", cluster.port);
                    let wired = format!("@{}/", wire.address);
                    database = cluster.url("postgres").replace(&direct, &wired);
                    database += "?sslmode=disable";
                }
                Server::Redis(_) => redis = Some(format!("redis://{}", wire.address)),
            }
        }
        kept(place, &database, redis.as_deref())
    }
}

fn kept(place: Place, database: &str, redis: Option<&str>) -> Place {
    place.with("ANTEROOM_DATABASE", database).with("ANTEROOM_SESSIONS", redis.unwrap_or("database"))
}

/// Runs each test with sessions in `PostgreSQL`, and with sessions in Redis.
macro_rules! with_each_keeping {
    ($($test:ident),+ $(,)?) => {
        with_each_keeping!(@in_postgres Postgres $($test),+);
        with_each_keeping!(@in_redis Redis $($test),+);
    };
    (@$kind:ident $keeping:ident $($test:ident),+) => {
        mod $kind {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test($crate::harness::ground::Keeping::$keeping).await;
                }
            )+
        }
    };
}
pub(crate) use with_each_keeping;
