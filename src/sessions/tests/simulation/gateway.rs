//! A gateway that keeps answers and follows the feed of ends by the rules of
//! docs/integrate/revocation-feed.md. It reads the feed at one server and asks others who somebody
//! is.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::people::{Scene, who};
use super::world::lock;
use crate::sessions::{Cursor, Revocations, SessionId, TokenDigest};

/// How many entries it reads at once.
const AT_ONCE: u32 = 5;
/// Without word from the feed for this long it tells nothing.
const SILENCE: Duration = Duration::from_secs(1);

pub(super) struct Gateway {
    scene: Scene,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    cursor: Option<Cursor>,
    /// When the last answer of the feed was asked for.
    heard: Option<Instant>,
    /// Counts what was dropped.
    drops: u64,
    answers: HashMap<TokenDigest, SessionId>,
}

impl Gateway {
    pub(super) fn of(scene: Scene) -> Self {
        Self { scene, kept: Mutex::default() }
    }

    pub(super) async fn run(self) {
        tokio::join!(self.follow(), self.ask(), self.ask(), self.tell());
    }

    async fn follow(&self) {
        loop {
            sleep(self.scene.world.upto(20)).await;
            let server = self.scene.any_server();
            let (cursor, asked) = (lock(&self.kept).cursor.clone(), Instant::now());
            server.process.breathe().await;
            let read = server.sessions.revocations_after(cursor.as_ref(), AT_ONCE).await;
            let Ok(read) = read else { continue };
            let mut kept = lock(&self.kept);
            match read {
                Revocations::After { revocations, next } => {
                    // Where there are as many as were asked for, there may be more.
                    let is_all = revocations.len() < AT_ONCE as usize;
                    for end in revocations {
                        kept.drops += 1;
                        kept.answers.retain(|_, session| *session != end.session);
                    }
                    kept.cursor = Some(next);
                    if is_all {
                        kept.heard = Some(asked);
                    }
                }
                Revocations::Expired => {
                    *kept = Kept { drops: kept.drops + 1, ..Kept::default() };
                }
            }
        }
    }

    /// Asks a server about one token after the other, and keeps its answers.
    async fn ask(&self) {
        loop {
            sleep(self.scene.world.upto(10)).await;
            let ticket = {
                let kept = lock(&self.kept);
                kept.cursor.is_some().then_some(kept.drops)
            };
            let Some(held) = self.scene.any_held(|_| true) else { continue };
            let (digest, asked) = (held.token.digest(), Instant::now());
            let seen = who(self.scene.any_server(), &held).await;
            self.scene.judge(digest, asked, &seen);
            let mut kept = lock(&self.kept);
            if seen.is_ok() && kept.cursor.is_some() && ticket == Some(kept.drops) {
                kept.answers.insert(digest, held.id());
            }
        }
    }

    /// Tells from what it keeps. It must have dropped whatever was over when it read the feed last.
    async fn tell(&self) {
        loop {
            sleep(self.scene.world.upto(60)).await;
            let kept = lock(&self.kept);
            let Some(heard) = kept.heard.filter(|heard| heard.elapsed() < SILENCE) else {
                continue;
            };
            let mut record = lock(&self.scene.record);
            for digest in kept.answers.keys() {
                record.counted.from_gateways += 1;
                let over = record.over.get(digest).filter(|over| **over < heard).copied();
                if let Some(over) = over {
                    let (heard, over) = (heard - self.scene.begun, over - self.scene.begun);
                    let fault = format!(
                        "a gateway keeps {digest:?}, over at {over:?}, after a read of {heard:?}"
                    );
                    record.faults.push(fault);
                }
            }
        }
    }
}
