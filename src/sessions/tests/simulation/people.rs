//! Who asks, who revokes, what goes wrong, and what must not come of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use time::macros::datetime;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::store::Reached;
use super::wire::Telling;
use super::world::{Chance, Process, World, lock};
use crate::accounts::{
    Account, Email, Epoch, EpochReason, Factors, Groups, Name, Proof, Role, Status, User, UserId,
};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::sessions::cache::{Change, Freshness};
use crate::sessions::{
    Child, Client, EndReason, EpochMove, LeaseOptions, LiveChild, NewChild, NewSession, Origin,
    Owner, ResumeError, Session, SessionId, SessionPolicy, SessionStore as _, Sessions,
    SessionsOptions, StartChildError, Token, TokenDigest,
};

const SERVERS: usize = 3;
const PEOPLE: u64 = 3;
const GATEWAYS: usize = 1;
/// How long it is lived.
const LIFE: Duration = Duration::from_secs(4);

/// The observations to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) from_memory: u64,
    pub(super) from_store: u64,
    pub(super) refused: u64,
    /// Answers that said that a session or a token is over.
    pub(super) ends: u64,
    /// Answers that a gateway told from what it keeps.
    pub(super) from_gateways: u64,
}

impl Counted {
    pub(super) fn add(&mut self, other: &Self) {
        self.from_memory += other.from_memory;
        self.from_store += other.from_store;
        self.refused += other.refused;
        self.ends += other.ends;
        self.from_gateways += other.from_gateways;
    }
}

/// A token as its browser and the record know it.
pub(super) struct Held {
    pub(super) token: Token,
    /// The session, or the parent of the child.
    pub(super) session: Session,
    pub(super) child: Option<Child>,
}

impl Held {
    pub(super) fn id(&self) -> SessionId {
        self.child.as_ref().map_or(self.session.id, |child| child.id)
    }
}

/// The facts known to all observers.
#[derive(Default)]
pub(super) struct Record {
    held: Vec<Arc<Held>>,
    /// When it was first answered that a token is over.
    pub(super) over: HashMap<TokenDigest, Instant>,
    /// Those that somebody began to end or to replace.
    doubtful: HashSet<TokenDigest>,
    /// Sessions that somebody began to end.
    ending: HashSet<SessionId>,
    /// Sessions that were answered to be over.
    ended: HashSet<SessionId>,
    pub(super) counted: Counted,
    pub(super) faults: Vec<String>,
}

impl Record {
    /// The ids and digests of the children that match.
    fn tokens_of(
        &self,
        of: impl Fn(&Child) -> bool,
    ) -> impl Iterator<Item = (SessionId, TokenDigest)> {
        self.held.iter().filter_map(move |held| {
            let child = held.child.as_ref().filter(|child| of(child))?;
            Some((child.id, held.token.digest()))
        })
    }

    fn children_of(&self, parent: SessionId) -> Vec<TokenDigest> {
        self.tokens_of(|child| child.parent == parent).map(|(_, digest)| digest).collect()
    }
}

pub(super) struct Server {
    pub(super) process: Arc<Process>,
    pub(super) sessions: Sessions,
}

#[derive(Clone)]
pub(super) struct Scene {
    pub(super) world: Arc<World>,
    pub(super) servers: Arc<[Server]>,
    pub(super) record: Arc<Mutex<Record>>,
    pub(super) begun: Instant,
}

/// Lives through one seed.
pub(super) fn run(seed: u64) -> (Counted, Vec<String>) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let scene = Scene::of(seed);
        let mut all = JoinSet::new();
        for server in &*scene.servers {
            server.sessions.lease_renewers().into_iter().for_each(|renewer| {
                all.spawn(renewer);
            });
        }
        for number in 0..2 * SERVERS {
            all.spawn(scene.clone().look(number % SERVERS));
        }
        for person in 0..PEOPLE {
            all.spawn(scene.clone().live(person));
        }
        for _ in 0..GATEWAYS {
            all.spawn(super::gateway::Gateway::of(scene.clone()).run());
        }
        all.spawn(scene.clone().go_wrong());
        sleep(LIFE).await;
        all.shutdown().await;
        let mut record = lock(&scene.record);
        (record.counted, std::mem::take(&mut record.faults))
    })
}

impl Scene {
    fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let mut tokens = Chance::of(!seed);
        let begun = Instant::now();
        // Two clocks may differ by a quarter at most.
        let paces: Vec<f64> = (0..SERVERS)
            .map(|_| [0.9, 0.95, 1.0, 1.08, 1.12][(chance.bits() % 5) as usize])
            .collect();
        let world = Arc::new(World::of(chance));
        let servers = paces.into_iter().enumerate().map(|(number, pace)| {
            let process = Arc::new(Process::new(number, Arc::clone(&world)));
            let telling: Arc<dyn Freshness> = Arc::new(Telling(Arc::clone(&process)));
            let mut draws = Chance::of(tokens.bits());
            let sessions = Sessions::new(SessionsOptions {
                store: Arc::new(Reached(Arc::clone(&process))),
                outbox: None,
                policy: SessionPolicy::default(),
                clock: Clock::simulated(datetime!(2026-11-21 09:00 UTC), begun, pace),
                entropy: Entropy::scripted(move |bytes| {
                    bytes.chunks_mut(8).for_each(|chunk| {
                        let bits = draws.bits().to_le_bytes();
                        chunk.copy_from_slice(&bits[..chunk.len()]);
                    });
                }),
                leases: LeaseOptions {
                    confirming: vec![Arc::clone(&telling)],
                    publishing: vec![telling],
                    sessions_elsewhere: true,
                    users_elsewhere: true,
                },
            });
            Server { process, sessions }
        });
        let servers: Arc<[Server]> = servers.collect();
        for person in 0..PEOPLE {
            lock(&world.accounts).insert(id_of(person), account(person));
        }
        Self { world, servers, record: Arc::default(), begun }
    }

    pub(super) fn any_server(&self) -> &Server {
        &self.servers[usize::try_from(self.world.draw(SERVERS as u64)).unwrap()]
    }

    fn record_end(&self, digest: TokenDigest) {
        let mut record = lock(&self.record);
        record.counted.ends += 1;
        record.over.entry(digest).or_insert_with(Instant::now);
    }

    fn doubt(&self, digest: TokenDigest) {
        lock(&self.record).doubtful.insert(digest);
    }

    /// Somebody begins to end what is held: with a session, its children.
    fn doubt_all_of(&self, held: &Held) {
        let mut record = lock(&self.record);
        record.doubtful.insert(held.token.digest());
        if held.child.is_none() {
            record.ending.insert(held.session.id);
            let children = record.children_of(held.session.id);
            record.doubtful.extend(children);
        }
    }

    /// It was answered that what is held is over: with a session, its children.
    fn record_end_of_all(&self, held: &Held) {
        self.record_end(held.token.digest());
        if held.child.is_none() {
            let mut record = lock(&self.record);
            record.ended.insert(held.session.id);
            for child in record.children_of(held.session.id) {
                record.over.entry(child).or_insert_with(Instant::now);
            }
        }
    }

    pub(super) fn any_held(&self, of: impl Fn(&Held) -> bool) -> Option<Arc<Held>> {
        let held: Vec<_> = lock(&self.record).held.iter().filter(|one| of(one)).cloned().collect();
        // Of the latest, for those before are long over.
        let from = held.len().saturating_sub(4);
        let draw = usize::try_from(self.world.draw(4)).unwrap();
        held[from..].get(draw % held[from..].len().max(1)).cloned()
    }

    /// Looks at tokens, one after the other, at one server.
    async fn look(self, server: usize) {
        let server = &self.servers[server];
        loop {
            sleep(self.world.upto(12)).await;
            let Some(held) = self.any_held(|_| true) else { continue };
            let (digest, asked) = (held.token.digest(), Instant::now());
            let seen = who(server, &held).await;
            self.judge(digest, asked, &seen);
        }
    }

    pub(super) fn judge(
        &self,
        digest: TokenDigest,
        asked: Instant,
        seen: &Result<bool, ResumeError>,
    ) {
        let mut record = lock(&self.record);
        let over = record.over.get(&digest).filter(|over| **over < asked).copied();
        match seen {
            Ok(from_memory) => {
                *(if *from_memory {
                    &mut record.counted.from_memory
                } else {
                    &mut record.counted.from_store
                }) += 1;
                if let Some(over) = over {
                    let (asked, over) = (asked - self.begun, over - self.begun);
                    let fault = format!("{digest:?} was over at {over:?}, accepted of {asked:?}");
                    record.faults.push(fault);
                }
            }
            Err(ResumeError::Unknown | ResumeError::Ended(_)) => {
                record.counted.refused += 1;
                if !record.doubtful.contains(&digest) {
                    record.faults.push(format!("a live token is told {seen:?}"));
                }
                // That was an answer too.
                record.over.entry(digest).or_insert_with(Instant::now);
            }
            Err(ResumeError::Store(_)) => {}
        }
    }

    /// The operations of one person.
    async fn live(self, person: u64) {
        loop {
            sleep(self.world.upto(60)).await;
            let own = self.any_held(|held| held.session.owner.user() == Some(id_of(person)));
            let operation = self.world.draw(10);
            match own {
                Some(held) if operation < 3 || (operation < 7 && held.child.is_some()) => {
                    self.revoke(&held).await;
                }
                Some(held) if operation < 5 => self.rotate(&held).await,
                Some(held) if operation < 7 => self.start_child(&held).await,
                Some(_) if operation == 7 => self.change(person).await,
                _ => self.sign_in(person).await,
            }
        }
    }

    async fn sign_in(&self, person: u64) {
        let server = self.any_server();
        let id = id_of(person);
        let read = server.process.ask(move |world| (lock(&world.accounts)[&id].clone(), vec![]));
        let Ok(account) = read.await else { return };
        let beginning = NewSession {
            owner: Owner::User { id, epoch: account.epoch },
            administrator: false,
            second_factor: None,
            passkey: None,
            remember_me: false,
            client: Client::default(),
            previous_token: None,
            last_epoch_reason: account.epoch_reason,
        };
        if let Ok(started) = server.sessions.start(beginning).await {
            self.hold(Held { token: started.token, session: started.session, child: None });
        }
    }

    /// At one of two applications.
    async fn start_child(&self, held: &Arc<Held>) {
        let origin = ["https://wiki.example.org", "https://mail.example.org"]
            [usize::try_from(self.world.draw(2)).unwrap()];
        let (parent, origin) = (held.session.id, Origin::of(origin));
        // The earlier one may end.
        let earlier = {
            let mut record = lock(&self.record);
            let at_origin = |child: &Child| child.parent == parent && child.origin == origin;
            let earlier: Vec<_> = record.tokens_of(at_origin).collect();
            record.doubtful.extend(earlier.iter().map(|(_, digest)| *digest));
            earlier
        };
        let new = NewChild { parent, origin, client: Client::default() };
        match self.any_server().sessions.start_child(new).await {
            Ok(started) => {
                let ended = earlier.iter().filter(|(id, _)| Some(*id) == started.replaced);
                ended.for_each(|(_, digest)| self.record_end(*digest));
                let session = held.session.clone();
                self.hold(Held { token: started.token, session, child: Some(started.child) });
            }
            Err(StartChildError::Gone) => {
                if !lock(&self.record).doubtful.contains(&held.token.digest()) {
                    lock(&self.record).faults.push("a live session has no children".to_owned());
                }
                self.record_end_of_all(held);
            }
            Err(StartChildError::Store(_)) => {}
        }
    }

    fn hold(&self, held: Held) {
        let (digest, session) = (held.token.digest(), &held.session);
        // Whatever began to end before this was answered may have ended it.
        let epoch = lock(&self.world.accounts)[&session.owner.user().unwrap()].epoch;
        let raised = Some(epoch) > session.owner.epoch();
        let mut record = lock(&self.record);
        if raised || record.ending.contains(&session.id) {
            record.doubtful.insert(digest);
        }
        if record.ended.contains(&session.id) {
            record.over.insert(digest, Instant::now());
        }
        record.held.push(Arc::new(held));
    }

    /// Until a server answers. The client may give up first, and ask another server.
    async fn revoke(&self, held: &Arc<Held>) {
        self.doubt_all_of(held);
        for _ in 0..3 {
            let (scene, held) = (self.clone(), Arc::clone(held));
            let server = usize::try_from(self.world.draw(SERVERS as u64)).unwrap();
            let revoking = tokio::spawn(async move {
                let sessions = &scene.servers[server].sessions;
                if sessions.revoke(held.id(), None, EndReason::SignedOut).await.is_ok() {
                    scene.record_end_of_all(&held);
                    return true;
                }
                false
            });
            let patience = if self.world.is_one_of(4) { self.world.upto(100) } else { LIFE };
            if matches!(timeout(patience, revoking).await, Ok(Ok(true))) {
                return;
            }
        }
    }

    async fn rotate(&self, held: &Arc<Held>) {
        self.doubt(held.token.digest());
        let server = self.any_server();
        let rotated = server.sessions.rotate(&held.session, &held.token, Proof::Nothing).await;
        if let Ok(rotated) = rotated {
            self.record_end(held.token.digest());
            // Ending the session by its handle ends it under this token too.
            self.doubt(rotated.token.digest());
            let new = Held { token: rotated.token, session: rotated.session, child: None };
            lock(&self.record).held.push(Arc::new(new));
        }
    }

    /// As a flow does it that changes an account and ends all of its sessions.
    async fn change(&self, person: u64) {
        let (server, id) = (self.any_server(), id_of(person));
        let before: Vec<Arc<Held>> = {
            let mut record = lock(&self.record);
            let is_theirs = |held: &&Arc<Held>| held.session.owner.user() == Some(id);
            let before: Vec<_> = record.held.iter().filter(is_theirs).cloned().collect();
            record.doubtful.extend(before.iter().map(|held| held.token.digest()));
            record.ending.extend(before.iter().map(|held| held.session.id));
            before
        };
        let at = server.sessions.now();
        let raised = server.process.ask(move |world| {
            let mut accounts = lock(&world.accounts);
            let account = accounts.get_mut(&id).unwrap();
            account.epoch = account.epoch.next();
            let reason = EpochReason::RevokedByAdmin;
            let raise = EpochMove { user: id, to: account.epoch, reason, survivor: None, at };
            account.epoch_reason = Some(reason);
            let raised = futures_util::FutureExt::now_or_never(world.store.raise_epoch(&raise));
            (raised.unwrap().unwrap(), vec![Change::User(id)])
        });
        let raised = raised.await;
        server.sessions.ended(crate::sessions::service::EndScope::User(id)).await;
        if raised.is_ok() {
            for held in before {
                self.record_end_of_all(&held);
            }
        }
    }

    /// Whatever may happen to machines and to what is between them.
    async fn go_wrong(self) {
        loop {
            sleep(self.world.upto(400)).await;
            let server = self.any_server();
            let number = server.process.number;
            match self.world.draw(6) {
                0 | 1 => server.process.freeze(self.world.upto(400)),
                2 => self.world.disturb(number, |wire| wire.cut(true)),
                3 => self.world.disturb(number, |wire| wire.cut(false)),
                4 => self.world.disturb(number, super::wire::Wire::unsubscribe),
                _ => self.world.stand_still(self.world.upto(300)),
            }
        }
    }
}

/// As the check does it. Whether memory answered.
pub(super) async fn who(server: &Server, held: &Held) -> Result<bool, ResumeError> {
    server.process.breathe().await;
    let (sessions, digest) = (&server.sessions, &held.token.digest());
    let origin = held.child.as_ref().map(|child| &child.origin);
    let is_remembered = match origin {
        None => sessions.remembered(digest).is_some(),
        Some(origin) => sessions.remembered_child(digest, origin).is_some(),
    };
    if is_remembered {
        return Ok(true);
    }
    let ticket = sessions.ticket();
    let (child, session) = match origin {
        None => (None, sessions.resume_digest(digest).await?),
        Some(origin) => {
            let live = sessions.resume_child_digest(digest, origin).await?;
            let LiveChild { child, parent } = live;
            (Some(Arc::new(child)), parent)
        }
    };
    let id = session.owner.user().unwrap();
    let read = server.process.ask(move |world| (lock(&world.accounts)[&id].clone(), vec![]));
    let account = read.await?;
    if session.owner.epoch() != Some(account.epoch) {
        return Err(ResumeError::Store(StoreError::Corrupt("nothing: it is about to end")));
    }
    if let Some(ticket) = ticket {
        let session = Arc::new(session);
        match &child {
            None => sessions.remember(ticket, digest, &session, Some(&account)),
            Some(child) => {
                sessions.remember_child(ticket, digest, child, (&session, Some(&account)));
            }
        }
    }
    Ok(false)
}

fn id_of(person: u64) -> UserId {
    UserId::from_uuid(Uuid::from_u128(u128::from(person) + 1))
}

fn account(person: u64) -> Account {
    let user = User {
        id: id_of(person),
        email: Email::from_stored(format!("p{person}@example.org")),
        email_verified: true,
        name: Name::default(),
        role: Role::User,
        groups: Groups::default(),
        status: Status::Active,
        created_at: datetime!(2026-11-01 09:00 UTC),
    };
    Account {
        user,
        epoch: Epoch::FIRST,
        epoch_reason: None,
        factors: Factors::default(),
        signed_up_by_mail: false,
    }
}
