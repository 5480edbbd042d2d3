//! A live session in compact form: about 128 bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::accounts::{Epoch, Factor, Proof};
use crate::clock::{from_unix_milliseconds, unix_milliseconds};
use crate::sessions::{
    Client, Compartment, Kept, Owner, ProvenFactor, Session, SessionId, SessionPasskey,
    TimeoutRule, TokenDigest,
};

use super::interned::{Agents, Users};

/// An address and the number of a user agent.
type CompactClient = (Option<IpAddr>, u32);

/// The parts that few sessions have.
#[derive(Default)]
struct Uncommon {
    /// The client of the last activity, if it is another one.
    moved_to: Option<CompactClient>,
    /// The second factor that was proven last, and when.
    second_factor: Option<(Factor, i64)>,
    /// The passkey that started it.
    passkey: Option<SessionPasskey>,
}

/// An absent time.
const NEVER: i64 = i64::MIN;

/// Times are milliseconds since 1970. The epoch is the user's: a session of another epoch is not
/// live.
pub(super) struct LiveSession {
    pub(super) id: SessionId,
    pub(super) digest: TokenDigest,
    pub(super) created_at: i64,
    authenticated_at: i64,
    pub(super) last_seen_at: i64,
    pub(super) expires_at: i64,
    pub(super) data: Compartments,
    address: [u8; 16],
    /// 0 if anonymous, otherwise the number of the user plus one.
    owner: u32,
    agent: u32,
    uncommon: Option<Box<Uncommon>>,
    family: Family,
    pub(super) rule: TimeoutRule,
    remember_me: bool,
}

#[derive(Clone, Copy)]
enum Family {
    None,
    V4,
    V6,
}

impl LiveSession {
    /// Packs a session and sets the epoch of its user.
    pub(super) fn new(
        session: &Session,
        digest: TokenDigest,
        users: &mut Users,
        agents: &mut Agents,
    ) -> Self {
        let owner = match session.owner {
            Owner::Anonymous => 0,
            Owner::User { id, epoch } => users.set(id, epoch).saturating_add(1),
        };
        let (family, address) = match session.client.ip_address {
            None => (Family::None, [0; 16]),
            Some(IpAddr::V4(address)) => (Family::V4, address.to_ipv6_mapped().octets()),
            Some(IpAddr::V6(address)) => (Family::V6, address.octets()),
        };
        let moved_to = session
            .moved_to
            .as_ref()
            .map(|client| (client.ip_address, agents.acquire(&client.user_agent)));
        let proven = session.second_factor;
        let second_factor = proven.map(|proven| (proven.factor, unix_milliseconds(proven.at)));
        let passkey = session.passkey;
        let is_common = moved_to.is_none() && second_factor.is_none() && passkey.is_none();
        let uncommon = Uncommon { moved_to, second_factor, passkey };
        Self {
            id: session.id,
            digest,
            created_at: unix_milliseconds(session.created_at),
            authenticated_at: session.authenticated_at.map_or(NEVER, unix_milliseconds),
            last_seen_at: unix_milliseconds(session.last_seen_at),
            expires_at: unix_milliseconds(session.expires_at),
            data: Compartments::default(),
            address,
            owner,
            agent: agents.acquire(&session.client.user_agent),
            uncommon: (!is_common).then(|| Box::new(uncommon)),
            family,
            rule: session.rule,
            remember_me: session.remember_me,
        }
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.owner == 0
    }

    /// The number of the user.
    pub(super) fn user(&self) -> Option<u32> {
        self.owner.checked_sub(1)
    }

    pub(super) fn prove(&mut self, proof: Proof, at: i64) {
        if proof.is_identity() {
            self.authenticated_at = at;
        }
        if let Some(factor) = proof.factor() {
            self.uncommon.get_or_insert_default().second_factor = Some((factor, at));
        }
    }

    /// The session without its clients: enough for the timeouts.
    pub(super) fn without_clients(&self, users: &Users) -> Session {
        let owner = self.user().map_or(Owner::Anonymous, |number| {
            let (id, epoch): (_, Epoch) = users.get(number);
            Owner::User { id, epoch }
        });
        let authenticated_at = self.authenticated_at;
        let proven = self.uncommon.as_ref().and_then(|uncommon| uncommon.second_factor);
        Session {
            id: self.id,
            owner,
            created_at: from_unix_milliseconds(self.created_at),
            authenticated_at: (authenticated_at != NEVER)
                .then(|| from_unix_milliseconds(authenticated_at)),
            second_factor: proven
                .map(|(factor, at)| ProvenFactor { factor, at: from_unix_milliseconds(at) }),
            passkey: self.uncommon.as_ref().and_then(|uncommon| uncommon.passkey),
            last_seen_at: from_unix_milliseconds(self.last_seen_at),
            expires_at: from_unix_milliseconds(self.expires_at),
            rule: self.rule,
            remember_me: self.remember_me,
            client: Client::default(),
            moved_to: None,
        }
    }

    /// The numbers of its user agents.
    pub(super) fn agents(&self) -> impl Iterator<Item = u32> {
        let last = self.moved_to().map(|client| client.1);
        std::iter::once(self.agent).chain(last)
    }

    /// Records the client of the last activity.
    pub(super) fn set_last_client(&mut self, client: &Client, agents: &mut Agents) {
        let before = self.uncommon.as_mut().and_then(|uncommon| uncommon.moved_to.take());
        if let Some(client) = before {
            agents.release(client.1);
        }
        if self.client(agents) != *client {
            let agent = agents.acquire(&client.user_agent);
            let uncommon = self.uncommon.get_or_insert_default();
            uncommon.moved_to = Some((client.ip_address, agent));
        }
    }

    fn moved_to(&self) -> Option<&CompactClient> {
        self.uncommon.as_ref()?.moved_to.as_ref()
    }

    /// The client that started the session.
    fn client(&self, agents: &Agents) -> Client {
        let address = Ipv6Addr::from(self.address);
        let ip_address = match self.family {
            Family::None => None,
            Family::V4 => Some(address.to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED).into()),
            Family::V6 => Some(address.into()),
        };
        Client { ip_address, user_agent: agents.get(self.agent).to_owned() }
    }

    /// The whole session.
    pub(super) fn session(&self, users: &Users, agents: &Agents) -> Session {
        let moved_to = self.moved_to().map(|&(ip_address, agent)| Client {
            ip_address,
            user_agent: agents.get(agent).to_owned(),
        });
        Session { client: self.client(agents), moved_to, ..self.without_clients(users) }
    }
}

/// The data of a session; allocates on the first write.
#[derive(Default)]
pub(super) struct Compartments(Option<Box<[Kept; 2]>>);

impl Compartments {
    pub(super) fn get(&self, compartment: Compartment) -> Kept {
        self.0.as_ref().map(|kept| kept[compartment_index(compartment)].clone()).unwrap_or_default()
    }

    pub(super) fn version(&self, compartment: Compartment) -> i64 {
        self.0.as_ref().map_or(0, |kept| kept[compartment_index(compartment)].version)
    }

    /// Replaces the data and counts the write.
    pub(super) fn put(&mut self, compartment: Compartment, data: Vec<u8>) {
        let kept = &mut self.0.get_or_insert_default()[compartment_index(compartment)];
        kept.version = kept.version.saturating_add(1);
        kept.data = data;
    }
}

fn compartment_index(compartment: Compartment) -> usize {
    match compartment {
        Compartment::Visitor => 0,
        Compartment::Application => 1,
    }
}
