//! The operations of a trace: calls of the port over a few names, short enough to read in a
//! failure.

use time::OffsetDateTime;
use uuid::Uuid;

use super::fixture::{cutoffs, digest, minute};
use crate::accounts::{Epoch, EpochReason, Factor, KeptSession, PasskeyId, Proof, UserId};
use crate::sessions::{
    Child, ChildStart, Client, CodeDigest, Compartment, EndReason, Ended, Ending, EpochMove,
    HandoverBinding, HandoverCode, Keep, Limit, LimitPolicy, Origin, Owner, ProvenFactor, Rotation,
    Session, SessionId, SessionPasskey, SessionPolicy, Start, TimeoutRule, TokenDigest, Touch,
};

/// One call of the port. Users, sessions and tokens are numbers; times are counted in steps of
/// five minutes and may go back.
///
/// Each writing call names what an earlier reading saw (a session, a token, a version, the last
/// activity), so it is the second half of any reading before it: every interleaving of requests
/// that read first and write later is some trace.
#[expect(missing_docs, reason = "the fields are those of the port's own types")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`SessionStore::start`](crate::sessions::SessionStore::start), of an anonymous session
    /// where there is no user.
    Start {
        session: u8,
        token: u8,
        user: Option<u8>,
        epoch: u8,
        rule: TimeoutRule,
        brought: Option<u8>,
        limit: Option<Limit>,
        at: u16,
    },
    /// [`SessionStore::touch`](crate::sessions::SessionStore::touch) of one session.
    Touch { session: u8, at: u16 },
    /// [`SessionStore::rotate`](crate::sessions::SessionStore::rotate).
    Rotate { from: u8, to: u8, proof: Proof, at: u16 },
    /// [`SessionStore::keep`](crate::sessions::SessionStore::keep).
    Keep { session: u8, compartment: Compartment, over: u8, data: u8 },
    /// [`SessionStore::start_child`](crate::sessions::SessionStore::start_child), at one of two
    /// origins. The names are those of sessions and their tokens.
    StartChild { parent: u8, child: u8, token: u8, origin: u8, at: u16 },
    /// [`SessionStore::keep_code`](crate::sessions::SessionStore::keep_code).
    KeepCode { session: u8, code: u8, expires: u16, at: u16 },
    /// [`SessionStore::take_code`](crate::sessions::SessionStore::take_code).
    TakeCode { code: u8 },
    /// [`SessionStore::end`](crate::sessions::SessionStore::end), of a session or a child.
    End { session: u8, of: Option<u8>, unseen_since: Option<u16>, reason: EndReason, at: u16 },
    /// [`SessionStore::raise_epoch`](crate::sessions::SessionStore::raise_epoch); the kept session
    /// is a session, its token, its next token, and whether its user proved who they are.
    RaiseEpoch {
        user: u8,
        to: u8,
        reason: EpochReason,
        survivor: Option<(u8, u8, u8, Proof)>,
        at: u16,
    },
    /// [`SessionStore::end_all`](crate::sessions::SessionStore::end_all).
    EndAll { at: u16 },
    /// [`SessionStore::sweep`](crate::sessions::SessionStore::sweep), in steps of this many rows,
    /// until it is done.
    Sweep { at: u16, most: u8 },
    /// A call that only reads.
    Ask(Question),
}

/// A call that only reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// [`SessionStore::load`](crate::sessions::SessionStore::load).
    Load(u8),
    /// [`SessionStore::find`](crate::sessions::SessionStore::find).
    Find(u8),
    /// [`SessionStore::find_ended`](crate::sessions::SessionStore::find_ended).
    FindEnded(u8),
    /// [`SessionStore::find_child`](crate::sessions::SessionStore::find_child).
    FindChild(u8),
    /// [`SessionStore::children`](crate::sessions::SessionStore::children) of a session.
    Children(u8),
    /// [`SessionStore::children`](crate::sessions::SessionStore::children) of a user.
    ChildrenOfUser(u8),
    /// [`SessionStore::data`](crate::sessions::SessionStore::data).
    Data(u8, Compartment),
    /// [`SessionStore::list`](crate::sessions::SessionStore::list).
    List(u8),
    /// [`SessionStore::list_all`](crate::sessions::SessionStore::list_all): after which session,
    /// and how many.
    ListAll(Option<u8>, u8),
}

/// Names that [`Operation::chosen_by`] uses.
pub(super) const USERS: u8 = 3;
pub(super) const NAMES: u8 = 24;
const CODES: u8 = 6;

pub(super) fn user_of(number: u8) -> UserId {
    UserId::from_uuid(Uuid::from_u128(u128::from(number) + 1))
}

pub(super) fn session_of(number: u8) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128((0x7 << 76) | u128::from(number)))
}

/// The passkey that started a session; of every second one without a password.
fn passkey_of(number: u8) -> SessionPasskey {
    let id = PasskeyId::from_uuid(Uuid::from_u128(u128::from(number) << 8));
    SessionPasskey { id, is_alone: number.is_multiple_of(2) }
}

pub(super) fn token_of(number: u8) -> TokenDigest {
    digest(u64::from(number))
}

pub(super) fn code_of(number: u8) -> CodeDigest {
    CodeDigest::from_bytes(*digest(u64::from(number) << 8).as_bytes())
}

pub(super) fn instant(at: u16) -> OffsetDateTime {
    minute(i64::from(at) * 5)
}

/// Where everybody is at a time: on the way every third step.
fn client_at(at: u16) -> Client {
    match at % 3 {
        0 => Client { ip_address: None, user_agent: "on the way".to_owned() },
        _ => Client::default(),
    }
}

/// The same call in the types of the port.
pub(super) enum Request {
    Start(Box<Start>),
    Touch([Touch; 1]),
    Rotate(Rotation),
    Keep(Keep),
    StartChild(Box<ChildStart>),
    KeepCode(HandoverCode, OffsetDateTime),
    TakeCode(CodeDigest),
    End(Ending),
    RaiseEpoch(EpochMove),
    EndAll(Ended),
    Sweep(OffsetDateTime, u32),
    Ask(Question),
}

impl Operation {
    /// An operation by a source of choices: `choose(n)` gives a number below `n`, 0 the simplest.
    /// The source may be a generator, a fuzzer, or a property test that shrinks.
    pub fn chosen_by(choose: &mut impl FnMut(u32) -> u32) -> Self {
        let mut pick = Pick(choose);
        match pick.below(26) {
            0..6 => pick.start(),
            6..8 => Self::Touch { session: pick.name(), at: pick.time() },
            8..10 => {
                let (from, to, proof) = (pick.name(), pick.name(), pick.proof());
                Self::Rotate { from, to, proof, at: pick.time() }
            }
            10..12 => {
                let (session, compartment) = (pick.name(), pick.compartment());
                Self::Keep { session, compartment, over: pick.below(3), data: pick.below(250) }
            }
            12..14 => Self::End {
                session: pick.name(),
                of: pick.maybe(|pick| pick.below(USERS)),
                unseen_since: pick.maybe(Pick::time),
                reason: pick.of(&EndReason::ALL),
                at: pick.time(),
            },
            14..16 => pick.raise(),
            16 => Self::Sweep { at: pick.time(), most: pick.below(5) + 1 },
            17 if pick.below(8) == 7 => Self::EndAll { at: pick.time() },
            18..22 => pick.start_child(),
            22 => {
                let (session, code) = (pick.name(), pick.below(CODES));
                Self::KeepCode { session, code, expires: pick.time(), at: pick.time() }
            }
            23 => Self::TakeCode { code: pick.below(CODES) },
            _ => Self::Ask(pick.question()),
        }
    }

    pub(super) fn request(self) -> Request {
        match self {
            start @ Self::Start { .. } => Request::Start(Box::new(start.to_start())),
            Self::Touch { session, at } => Request::Touch([Touch {
                id: session_of(session),
                at: instant(at),
                client: client_at(at),
            }]),
            Self::Rotate { from, to, proof, at } => Request::Rotate(Rotation {
                from: token_of(from),
                to: token_of(to),
                proof,
                at: instant(at),
            }),
            Self::Keep { session, compartment, over, data } => Request::Keep(Keep {
                id: session_of(session),
                compartment,
                over: i64::from(over),
                data: vec![data],
            }),
            Self::StartChild { .. } => Request::StartChild(Box::new(self.to_child_start())),
            Self::KeepCode { session, code, expires, at } => {
                Request::KeepCode(to_code(session, code, expires), instant(at))
            }
            Self::TakeCode { code } => Request::TakeCode(code_of(code)),
            Self::End { session, of, unseen_since, reason, at } => Request::End(Ending {
                id: session_of(session),
                of: of.map(user_of),
                unseen_since: unseen_since.map(instant),
                ended: Ended { reason, at: instant(at) },
            }),
            Self::RaiseEpoch { user, to, reason, survivor, at } => Request::RaiseEpoch(EpochMove {
                user: user_of(user),
                to: Epoch::from_number(i64::from(to)),
                reason,
                survivor: survivor.map(|(session, from, to, proof)| KeptSession {
                    session: session_of(session).as_uuid(),
                    from: *token_of(from).as_bytes(),
                    to: *token_of(to).as_bytes(),
                    proof,
                }),
                at: instant(at),
            }),
            Self::EndAll { at } => {
                Request::EndAll(Ended { reason: EndReason::RevokedByAdmin, at: instant(at) })
            }
            Self::Sweep { at, most } => Request::Sweep(instant(at), u32::from(most)),
            Self::Ask(question) => Request::Ask(question),
        }
    }

    /// Of a start of a child; of anything else a start of nothing in particular.
    fn to_child_start(self) -> ChildStart {
        let (mut names, mut at_origin, mut when) = ((0, 0, 0), 0, 0);
        if let Self::StartChild { parent, child, token, origin, at } = self {
            (names, at_origin, when) = ((parent, child, token), origin, at);
        }
        let (parent, child, token) = names;
        let child = Child {
            id: session_of(child),
            parent: session_of(parent),
            origin: Origin::of(format!("https://{at_origin}.example.org")),
            created_at: instant(when),
            client: client_at(when),
        };
        ChildStart { child, digest: token_of(token) }
    }

    /// Of a start; of anything else a start of nothing in particular.
    fn to_start(self) -> Start {
        let (mut named, mut owner, mut rule) = ((0, 0), Owner::Anonymous, TimeoutRule::Standard);
        let (mut bringing, mut limited, mut when) = (None, None, 0);
        if let Self::Start { session, token, user, epoch, rule: under, brought, limit, at } = self {
            named = (session, token);
            if let Some(user) = user {
                let epoch = Epoch::from_number(i64::from(epoch));
                owner = Owner::User { id: user_of(user), epoch };
            }
            (rule, bringing, limited, when) = (under, brought.map(token_of), limit, at);
        }
        let at = instant(when);
        let factor = owner.user().and(Factor::from_number(i64::from(named.1)));
        let session = Session {
            id: session_of(named.0),
            owner,
            created_at: at,
            authenticated_at: owner.user().map(|_| at),
            second_factor: factor.map(|factor| ProvenFactor { factor, at }),
            passkey: (factor == Some(Factor::Passkey)).then(|| passkey_of(named.0)),
            last_seen_at: at,
            expires_at: SessionPolicy::default().expires_at(rule, at),
            rule,
            remember_me: rule == TimeoutRule::Remembered,
            client: Client::default(),
            moved_to: None,
        };
        let digest = token_of(named.1);
        let odd = owner.epoch().is_some_and(|epoch| epoch.number() % 2 == 1);
        let outdated = if odd { EndReason::PasswordChanged } else { EndReason::RoleChanged };
        let (previous_token, limit, unwritten) = (bringing, limited, Vec::new());
        Start { session, digest, previous_token, outdated, limit, unwritten, cutoffs: cutoffs(at) }
    }
}

fn to_code(session: u8, code: u8, expires: u16) -> HandoverCode {
    HandoverCode {
        digest: code_of(code),
        session: session_of(session),
        origin: Origin::of("https://0.example.org"),
        binding: HandoverBinding::from_bytes([code; 32]),
        expires_at: instant(expires),
    }
}

struct Pick<'a, C>(&'a mut C);

impl<C: FnMut(u32) -> u32> Pick<'_, C> {
    fn below(&mut self, bound: u8) -> u8 {
        u8::try_from((self.0)(u32::from(bound))).unwrap_or(0) % bound
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.below(u8::try_from(all.len()).unwrap_or(1)))]
    }

    fn maybe<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.yes() { Some(some(self)) } else { None }
    }

    fn proof(&mut self) -> Proof {
        let factors = Factor::ALL.map(Proof::Factor);
        self.of(&[Proof::Nothing, Proof::Password, factors[0], factors[1], factors[2]])
    }

    fn name(&mut self) -> u8 {
        self.below(NAMES)
    }

    /// Mostly of the same number, so that a session and its token meet often.
    fn token_of(&mut self, session: u8) -> u8 {
        if self.below(4) == 3 { self.name() } else { session }
    }

    /// Mostly within the hours in which sessions go idle, sometimes days later.
    fn time(&mut self) -> u16 {
        let within = u16::from(self.below(20));
        match self.below(8) {
            0..7 => within,
            _ => within * 40,
        }
    }

    fn compartment(&mut self) -> Compartment {
        self.of(&[Compartment::Visitor, Compartment::Application])
    }

    fn start(&mut self) -> Operation {
        let limit = self.maybe(|pick| Limit {
            most: u32::from(pick.below(3)) + 1,
            policy: pick.of(&[
                LimitPolicy::EvictIdle,
                LimitPolicy::EvictOldest,
                LimitPolicy::Refuse,
            ]),
        });
        let session = self.name();
        Operation::Start {
            session,
            token: self.token_of(session),
            user: [Some(0), Some(0), Some(1), Some(2), None][usize::from(self.below(5))],
            epoch: [1, 1, 1, 2, 3][usize::from(self.below(5))],
            rule: self.of(&TimeoutRule::ALL),
            brought: self.maybe(Self::name),
            limit,
            at: self.time(),
        }
    }

    fn start_child(&mut self) -> Operation {
        let (parent, child) = (self.name(), self.name());
        Operation::StartChild {
            parent,
            child,
            token: self.token_of(child),
            origin: self.below(2),
            at: self.time(),
        }
    }

    fn raise(&mut self) -> Operation {
        let reason = self.of(&[EpochReason::PasswordChanged, EpochReason::RevokedByUser]);
        let survivor = self.maybe(|pick| {
            let session = pick.name();
            (session, pick.token_of(session), pick.name(), pick.proof())
        });
        let (user, to) = (self.below(USERS), self.below(3) + 1);
        Operation::RaiseEpoch { user, to, reason, survivor, at: self.time() }
    }

    fn question(&mut self) -> Question {
        match self.below(9) {
            0 => Question::Load(self.name()),
            1 => Question::Find(self.name()),
            2 => Question::FindEnded(self.name()),
            3 => Question::Data(self.name(), self.compartment()),
            4 => Question::List(self.below(USERS)),
            5 => Question::FindChild(self.name()),
            6 => Question::Children(self.name()),
            7 => Question::ChildrenOfUser(self.below(USERS)),
            _ => Question::ListAll(self.maybe(Self::name), self.below(6)),
        }
    }
}
