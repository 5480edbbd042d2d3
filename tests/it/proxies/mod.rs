//! Several real nodes behind the real `HAProxy` and nginx, with the files of `deploy` as they are
//! shipped.

mod applications;
mod both_files;
mod decisions;
mod failing_checks;
mod forward_auth;
mod headers;
mod open_connections;
mod outage;
mod person;
mod plain_nginx;
mod several_hosts;
mod shared;
mod shipped;
mod static_site;
mod sticky;
mod two_readings;
mod upgrades;

use std::fs;
use std::path::Path;

use crate::harness::balancer::{Balancer, Proxy};
use crate::harness::browser::Browser;
use crate::harness::ground::{Ground, Keeping};
use crate::harness::nodes::{Node, Nodes};
use crate::harness::server::Place;

const PASSWORD: &str = crate::harness::app::PASSWORD;
const OTHER_PASSWORD: &str = crate::harness::app::OTHER_PASSWORD;

/// A file of `deploy`.
fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The same place, with what a node behind one of the shipped proxies has to know.
pub fn behind_a_proxy(place: Place) -> Place {
    place
        .with("ANTEROOM_PUBLIC_URL", "https://auth.example.org")
        .with("ANTEROOM_TRUSTED_PROXIES", "127.0.0.1")
}

/// A place with the settings that are shipped, but for what every place has of its own.
fn place(file: &str) -> Place {
    behind_a_proxy(Place::new().with_file(".env", &shipped(file)))
        .with("ANTEROOM_DATABASE", "sqlite:anteroom.db")
        .without_throttles()
}

/// Sessions in the memory of each node.
fn sticky_place() -> Place {
    place("sticky/anteroom.env")
}

/// Sessions where all nodes have them.
fn shared_place(keeping: Keeping) -> Place {
    match keeping {
        Keeping::Postgres => place("shared/postgres.env"),
        Keeping::Redis => place("shared/redis.env"),
    }
}

/// Nodes behind a proxy.
struct Stage {
    nodes: Nodes,
    balancer: Balancer,
    /// Where the nodes keep what they have in common, for as long as they run.
    _ground: Option<Ground>,
}

impl Stage {
    /// Three nodes with their accounts in one database, and each with its own sessions. `None`
    /// where a program is missing, which has been said then.
    async fn sticky(proxy: Proxy) -> Option<Self> {
        Self::start("sticky", proxy, Keeping::Postgres, |place| place).await
    }

    /// Three nodes that keep everything in the same place.
    async fn shared(proxy: Proxy, keeping: Keeping) -> Option<Self> {
        Self::start("shared", proxy, keeping, |place| place).await
    }

    /// Either, by the name of its folder, with settings that `set` completes.
    async fn start(
        kind: &str,
        proxy: Proxy,
        keeping: Keeping,
        set: impl Fn(Place) -> Place,
    ) -> Option<Self> {
        let ground = Ground::fresh(keeping).await?;
        let place = || match kind {
            "sticky" => ground.keeps(sticky_place()).with("ANTEROOM_SESSIONS", "memory:"),
            _ => ground.keeps(shared_place(keeping)),
        };
        let nodes = Nodes::apart(3, || set(place()));
        let balancer = Balancer::start(proxy, kind, &nodes.addresses())?;
        Some(Self { nodes, balancer, _ground: Some(ground) })
    }

    /// What a browser would have if it came to this node past the proxy.
    fn past_the_proxy(&self, node: &Node, browser: &Browser) -> Browser {
        let there = Browser::of(node.address, &self.balancer.public_url());
        there.hold(&browser.token());
        there
    }

    /// The nodes that know the session of a browser.
    async fn homes(&self, browser: &Browser) -> Vec<usize> {
        let mut homes = Vec::new();
        for node in self.nodes.iter().filter(|node| node.is_running()) {
            let there = self.past_the_proxy(node, browser);
            let data = there.get("/api/session/data").await;
            if there.is_signed_in().await || (data.status == 200 && data.text != "{}") {
                homes.push(node.number);
            }
        }
        homes
    }

    /// The only node that knows the session of a browser.
    async fn home(&self, browser: &Browser) -> usize {
        let homes = self.homes(browser).await;
        assert_eq!(homes.len(), 1, "known at {homes:?}");
        homes[0]
    }
}
