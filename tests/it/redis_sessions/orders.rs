//! The orders by id, user and time: whatever happens, each session is in each of its orders, and
//! nothing else is in any. Every key is looked at.

use std::collections::{BTreeMap, BTreeSet};

use anteroom::accounts::{EpochReason, Proof, UserId};
use anteroom::sessions::{
    Compartment, EndReason, Ended, Ending, EpochMove, Keep, Limit, LimitPolicy, Rotation, Session,
    SessionId, SessionPolicy, SessionStore, Start, Touch,
};
use anteroom::store::{MemoryOptions, MemoryStore};
use anteroom::testing::conformance::{random_trace, replay};
use redis::aio::MultiplexedConnection;
use time::OffsetDateTime;

use super::{digest, ending, limited, opened, second, start, under, user};
use crate::harness::chance::Chance;
use crate::harness::redis::{command, connect, shared_database};

const PREFIX: &[u8] = b"anteroom:1:";

/// The elements of each leaf, by its beginning.
type Leaves = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// Everything that is in the database, by what it is.
#[derive(Debug, Default)]
struct Found {
    /// By the rest of the name.
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    data: BTreeSet<Vec<u8>>,
    codes: BTreeMap<Vec<u8>, Vec<u8>>,
    counts: BTreeMap<Vec<u8>, BTreeMap<String, i64>>,
    /// By tree.
    leaves: BTreeMap<Vec<u8>, Leaves>,
    indexes: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Found {
    async fn in_database(connection: &mut MultiplexedConnection) -> Self {
        let mut found = Self::default();
        let keys: Vec<Vec<u8>> = command(&["KEYS", "*"]).query_async(connection).await.unwrap();
        for key in keys {
            let rest = key.strip_prefix(PREFIX).unwrap();
            let ask = |words: &[&str]| {
                let mut command = redis::cmd(words[0]);
                command.arg(&key).arg(&words[1..]);
                command
            };
            let ttl: i64 = ask(&["PTTL"]).query_async(connection).await.unwrap();
            assert_eq!(ttl, -1, "a key that goes away by itself");
            match rest[0] {
                b't' => {
                    let value = ask(&["GET"]).query_async(connection).await.unwrap();
                    found.records.insert(rest[1..].to_vec(), value);
                }
                b'v' => drop(found.data.insert(rest[1..].to_vec())),
                b'k' => {
                    let value = ask(&["GET"]).query_async(connection).await.unwrap();
                    found.codes.insert(rest[1..].to_vec(), value);
                }
                b'n' => {
                    let counts = ask(&["HGETALL"]).query_async(connection).await.unwrap();
                    found.counts.insert(rest[1..].to_vec(), counts);
                }
                // What the feed of ends has to know of itself.
                b'r' if rest == b"r#" => {}
                kind => {
                    let width = if b"iud".contains(&kind) { 4 } else { 1 };
                    let elements: Vec<Vec<u8>> =
                        ask(&["ZRANGE", "0", "-1"]).query_async(connection).await.unwrap();
                    let tree = rest[..width].to_vec();
                    match rest[width..].split_first() {
                        None => drop(found.indexes.insert(tree, elements)),
                        Some((b':', from)) => {
                            let leaves = found.leaves.entry(tree).or_default();
                            leaves.insert(from.to_vec(), elements);
                        }
                        Some(_) => panic!("{}", String::from_utf8_lossy(&key)),
                    }
                }
            }
        }
        found
    }

    /// The elements of a tree, which is well kept.
    fn tree(&self, name: &[u8]) -> Vec<Vec<u8>> {
        let Some(leaves) = self.leaves.get(name) else {
            assert_eq!(self.indexes.get(name), None, "an index of nothing");
            return Vec::new();
        };
        let beginnings: Vec<_> = leaves.keys().filter(|from| !from.is_empty()).cloned().collect();
        assert_eq!(self.indexes.get(name).cloned().unwrap_or_default(), beginnings);
        let next = beginnings.iter().map(Some).chain([None]);
        let has_first = leaves.keys().next().is_some_and(Vec::is_empty);
        for ((from, elements), next) in leaves.iter().zip(next.skip(usize::from(!has_first))) {
            assert!(elements.len() <= 60, "a leaf of {}", elements.len());
            assert!(elements.iter().all(|element| element >= from));
            assert!(elements.iter().all(|element| next.is_none_or(|next| element < next)));
        }
        leaves.values().flatten().cloned().collect()
    }

    fn generation(&self) -> Vec<u8> {
        self.records.get(&[][..]).map_or(vec![0; 3], |state| state[..3].to_vec())
    }

    /// Holds the database to this: these are live, and nothing is left of anything else but what
    /// its orders say.
    fn is_of(&self, live: &[Session]) {
        let (generation, swept) =
            (self.generation(), self.records.get(&[][..]).is_none_or(|s| s.len() == 3));
        assert!(swept, "an end of all that is not cleared away");
        let of = |kind: u8| [&[kind][..], &generation].concat();
        let (places, users, dues) =
            (self.tree(&of(b'i')), self.tree(&of(b'u')), self.tree(&of(b'd')));
        let (ids, ends) = (self.tree(b"e"), self.tree(b"f"));
        // Well kept, too.
        self.tree(b"r");
        let known = [of(b'i'), of(b'u'), of(b'd')];
        assert!(self.leaves.keys().all(|tree| {
            known.contains(tree) || (tree.len() == 1 && b"efrchqo".contains(&tree[0]))
        }));
        self.has_families_of(&places);

        let id_of = |session: &Session| session.id.as_uuid().as_bytes().to_vec();
        let mut expected: Vec<_> = live.iter().map(id_of).collect();
        expected.sort();
        assert_eq!(places.iter().map(|place| place[..16].to_vec()).collect::<Vec<_>>(), expected);
        let mut of_users: Vec<_> = live
            .iter()
            .filter_map(|session| {
                let user: UserId = session.owner.user()?;
                Some([user.as_uuid().as_bytes().to_vec(), id_of(session)].concat())
            })
            .collect();
        of_users.sort();
        assert_eq!(users, of_users);
        let mut due: Vec<_> =
            places.iter().map(|place| [&place[55..62], &place[..16]].concat()).collect();
        due.sort();
        assert_eq!(dues, due);
        assert!(self.data.iter().all(|id| expected.contains(id)), "data of nobody");

        let counts = self.counts.get(&generation).cloned().unwrap_or_default();
        assert!(self.counts.len() <= 1);
        let count = |name: &str| usize::try_from(counts.get(name).copied().unwrap_or(0)).unwrap();
        assert_eq!((count("u"), count("u") + count("a")), (users.len(), places.len()));

        let mut tokens: BTreeSet<Vec<u8>> =
            places.iter().map(|place| place[16..48].to_vec()).collect();
        let ended = ends.iter().filter(|element| element.len() == 39);
        tokens.extend(ended.map(|element| element[7..].to_vec()));
        tokens.extend(self.tree(b"c").iter().map(|element| element[16..].to_vec()));
        let found: BTreeSet<Vec<u8>> =
            self.records.keys().filter(|name| name.len() == 32).cloned().collect();
        assert_eq!(found, tokens, "records and orders tell of different tokens");
        let mut whole: Vec<_> = self
            .records
            .iter()
            .filter(|(name, record)| name.len() == 32 && record[0] == 2 && record[1] & 2 == 0)
            .map(|(name, record)| [&record[10..26], name].concat())
            .collect();
        whole.sort();
        assert_eq!(ids, whole);
    }

    /// Each child is in both of its orders and has a live parent, by the places of those; each code
    /// is in both of its orders.
    fn has_families_of(&self, places: &[Vec<u8>]) {
        let is_live = |id: &[u8]| places.iter().any(|place| place[..16] == *id);
        let (mut by_parent, mut by_id) = (Vec::new(), Vec::new());
        for (token, record) in self.records.iter().filter(|(_, record)| record.first() == Some(&3))
        {
            assert!(is_live(&record[18..34]), "an orphan");
            by_parent.push([&record[18..34], token].concat());
            by_id.push([&record[2..18], token].concat());
        }
        by_parent.sort();
        by_id.sort();
        assert_eq!((self.tree(b"c"), self.tree(b"h")), (by_parent, by_id));

        let (mut by_session, mut by_expiry) = (Vec::new(), Vec::new());
        for (digest, code) in &self.codes {
            by_session.push([&code[..23], digest].concat());
            by_expiry.push([&code[16..23], digest].concat());
        }
        by_session.sort();
        by_expiry.sort();
        assert_eq!((self.tree(b"q"), self.tree(b"o")), (by_session, by_expiry));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_has_every_session_and_no_other() {
    let Some(url) = shared_database("the orders of sessions in Redis").await else { return };
    let (store, mut connection) = (opened(&url).await, connect(&url).await);
    for seed in 0..6 {
        for some in random_trace(seed, 300).chunks(20) {
            replay(&*store, some).await;
            let mut found = Found::in_database(&mut connection).await;
            if found.records.get(&[][..]).is_some_and(|state| state.len() > 3) {
                // Nothing is older than this, so that this clears away the earlier generation only.
                let cutoffs = SessionPolicy::default().cutoffs(super::DAWN);
                while !store.sweep(&cutoffs, 100).await.unwrap().done {}
                found = Found::in_database(&mut connection).await;
            }
            found.is_of(&store.list_all(None, u32::MAX).await.unwrap());
        }
        let _: () = command(&["FLUSHDB"]).query_async(&mut connection).await.unwrap();
    }
}

/// Something that is done to two stores alike.
#[derive(Debug)]
enum Operation {
    Start(Box<Start>),
    End(Ending),
    Touch(Vec<Touch>),
    Rotate(Rotation),
    Keep(Keep),
    Sweep(OffsetDateTime),
    List(UserId, SessionId),
}

impl Operation {
    /// At random, about the sessions that were started.
    fn chosen_by(chance: &mut Chance, started: &[Start], number: u64) -> Self {
        let seconds = i64::try_from(number).unwrap();
        let at = second(seconds);
        let one = |chance: &mut Chance| {
            let place = chance.below(u64::try_from(started.len()).unwrap());
            &started[usize::try_from(place).unwrap()]
        };
        match if started.len() < 300 { 0 } else { chance.below(20) } {
            0..10 => {
                let of = (chance.below(4) > 0).then(|| chance.below(50));
                let limit = Limit { most: 6, policy: LimitPolicy::EvictOldest };
                Self::Start(Box::new(limited(start(number, of, seconds), limit)))
            }
            10..13 => Self::End(ending(one(chance))),
            13..15 => {
                let touch = |_| {
                    let Start { session, .. } = one(chance);
                    Touch { id: session.id, at, client: session.client.clone() }
                };
                Self::Touch((0..10).map(touch).collect())
            }
            15 => {
                let (from, to) = (one(chance).digest, digest(number));
                Self::Rotate(Rotation { from, to, proof: Proof::Password, at })
            }
            16 => {
                let id = one(chance).session.id;
                let compartment = Compartment::Visitor;
                Self::Keep(Keep { id, compartment, over: 0, data: vec![7] })
            }
            17 => Self::Sweep(at + time::Duration::minutes(15)),
            _ => Self::List(user(chance.below(50)), one(chance).session.id),
        }
    }

    async fn done_to(&self, store: &dyn SessionStore) -> String {
        match self {
            Self::Start(start) => format!("{:?}", store.start(start).await.unwrap()),
            Self::End(ending) => format!("{}", store.end(ending).await.unwrap()),
            Self::Touch(touches) => format!("{:?}", store.touch(touches).await.unwrap()),
            Self::Rotate(rotation) => format!("{}", store.rotate(rotation).await.unwrap()),
            Self::Keep(keep) => format!("{:?}", store.keep(keep).await.unwrap()),
            Self::Sweep(at) => {
                let cutoffs = SessionPolicy::default().cutoffs(*at);
                while !store.sweep(&cutoffs, 500).await.unwrap().done {}
                String::new()
            }
            Self::List(user, after) => {
                let own = store.list(*user).await.unwrap();
                format!("{own:?} {:?}", store.list_all(Some(*after), 20).await.unwrap())
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_sessions_are_kept_as_in_memory() {
    let Some(url) = shared_database("the orders of thousands of sessions").await else { return };
    let (store, mut connection) = (opened(&url).await, connect(&url).await);
    let memory = MemoryStore::new(MemoryOptions { most_sessions: 1_000_000 });
    let (mut chance, mut started) = (Chance::seeded(), Vec::new());
    let seed = chance.seed();
    println!("SEED={seed}");
    for number in 0..3_000 {
        let operation = Operation::chosen_by(&mut chance, &started, number);
        let (found, expected) =
            (operation.done_to(&*store).await, operation.done_to(&memory).await);
        assert_eq!(found, expected, "SEED={seed}: {operation:?}");
        if let Operation::Start(start) = operation {
            started.push(*start);
        }
        if number % 500 == 499 {
            let live = memory.list_all(None, u32::MAX).await.unwrap();
            assert_eq!(store.list_all(None, u32::MAX).await.unwrap(), live, "SEED={seed}");
            assert_eq!(store.count().await.unwrap(), memory.count().await.unwrap());
            Found::in_database(&mut connection).await.is_of(&live);
        }
    }
    let live = memory.list_all(None, u32::MAX).await.unwrap();
    assert!(live.len() > 300, "only {} are left", live.len());
    for page in [1, 59, 60, 61, 250, 251] {
        let after = live[7].id;
        let expected: Vec<_> = live[8..].iter().take(page).cloned().collect();
        let page = u32::try_from(page).unwrap();
        assert_eq!(store.list_all(Some(after), page).await.unwrap(), expected);
    }

    let cutoffs = SessionPolicy::default().cutoffs(second(90 * 86_400));
    while !store.sweep(&cutoffs, 500).await.unwrap().done {}
    let found = Found::in_database(&mut connection).await;
    found.is_of(&[]);
    assert!(found.records.is_empty() && found.leaves.is_empty() && found.indexes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_end_of_all_and_of_a_deleted_account_nothing_is_left_after_a_day() {
    let Some(url) = shared_database("what is left in Redis after a day").await else { return };
    let (store, mut connection) = (opened(&url).await, connect(&url).await);
    for number in 0..200 {
        super::begin(&*store, &start(number, (number % 3 > 0).then_some(number % 5), 0)).await;
    }
    let reason = EndReason::RevokedByAdmin;
    assert_eq!(store.end_all(Ended { reason, at: second(1) }).await.unwrap(), 200);
    for (whose, reason) in [(1, EpochReason::AccountDeleted), (2, EpochReason::PasswordChanged)] {
        super::begin(&*store, &start(1000 + whose, Some(whose), 2)).await;
        let to = anteroom::accounts::Epoch::from_number(2);
        let epoch_move = EpochMove { user: user(whose), to, reason, survivor: None, at: second(3) };
        assert_eq!(store.raise_epoch(&epoch_move).await.unwrap(), 1);
    }

    let cutoffs = SessionPolicy::default().cutoffs(second(2 * 86_400));
    while !store.sweep(&cutoffs, 7).await.unwrap().done {}

    let found = Found::in_database(&mut connection).await;
    found.is_of(&[]);
    let left: Vec<_> = found.records.keys().map(Vec::len).collect();
    // The generation, and the epoch of whom there may be sign-ins again.
    assert_eq!(left, [0, 16]);
    assert!(found.leaves.is_empty(), "{found:?}");
    let late = under(start(2000, Some(2), 200_000), 1);
    let refused = store.start(&late).await.unwrap();
    assert_eq!(refused, anteroom::sessions::Started::EpochMoved);
}
