//! A store that tells what changes in it over a connection that may fail, a server that remembers,
//! and others that end the session.
//!
//! Servers do not speak with each other, so one that remembers stands for all of them, and those
//! that revoke need remember nothing. An end that nobody answers, because the server died or the
//! request was dropped, is one whose answer does not come.

use super::explorer::{Model, Step};
use super::holder::{Holder, Standing, Times};
use super::rules::{Laws, Premise, Rule};

pub struct Distributed {
    pub laws: Laws,
    pub times: Times,
    /// How many servers end the session, or the same one once more. The first finds it live.
    pub revokes: usize,
}

const MOST: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Unasked,
    /// On its way to the store.
    Asked,
    /// Everybody can see it. In `PostgreSQL` those who listen may not have been signalled yet, and
    /// what is to signal them may stand still for as long as it likes.
    Committed,
    /// The store has said so.
    Acknowledged,
    /// It was answered, or the wait is over and it could have been.
    Final,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Revoke {
    stage: Stage,
    /// Ticks since the store acknowledged it.
    acknowledged: u8,
    /// Ticks for which its server has waited.
    waited: u8,
}

const UNASKED: Revoke = Revoke { stage: Stage::Unasked, acknowledged: 0, waited: 0 };

/// The connection by which the server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Link {
    None,
    Subscribed,
    /// It lives, but the store has forgotten that it was subscribed (`RESET`, `DISCARD ALL`).
    Forgotten,
    /// The store has given it up, and the server does not know.
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Message {
    None,
    Confirmation,
    Invalidation,
    /// To a probe: the subscription stands.
    Stands,
    /// To a probe: there is none.
    Fallen,
}

/// Sent in order, received in order: a confirmation, invalidations, two answers at most.
type Queue = [Message; MOST + 3];

/// A probe on its way, with the revokes that were acknowledged before it was sent.
type Probe = Option<[bool; MOST]>;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    revokes: [Revoke; MOST],
    link: Link,
    is_confirmed: bool,
    /// Of which revokes the store has yet to tell.
    owed: [bool; MOST],
    probes: [Probe; 2],
    queue: Queue,
    holder: Holder,
}

impl Model for Distributed {
    type State = State;

    fn beginning(&self) -> State {
        State {
            revokes: [UNASKED; MOST],
            link: Link::None,
            is_confirmed: false,
            owed: [false; MOST],
            probes: [None; 2],
            queue: [Message::None; MOST + 3],
            holder: Holder::new(self.times),
        }
    }

    fn steps(&self, from: &State, to: &mut Vec<(Step, State)>) {
        self.time(from, to);
        self.connection(from, to);
        self.store(from, to);
        self.messages(from, to);
        to.extend((0..self.revokes).filter_map(|number| self.revoke(from, number)));
        let operations = from.holder.operations(from.standing(), self.laws);
        to.extend(
            operations
                .into_iter()
                .map(|(operation, holder)| (operation, State { holder, ..*from })),
        );
    }

    fn is_broken(&self, state: &State) -> bool {
        state.holder.accepted()
    }
}

impl Distributed {
    fn time(&self, from: &State, to: &mut Vec<(Step, State)>) {
        for (step, misses) in [("tick", false), ("tick that the holder's clock misses", true)] {
            let ticked = from.holder.after_tick(misses, (self.laws, self.times));
            let Some(holder) = ticked else { continue };
            let mut after = State { holder, ..*from };
            after.revokes.iter_mut().for_each(|revoke| self.pass(revoke));
            to.push((Step(step, None), after));
        }
    }

    fn pass(&self, revoke: &mut Revoke) {
        match revoke.stage {
            Stage::Unasked | Stage::Final => return,
            Stage::Asked | Stage::Committed => {
                if self.laws.keep(Rule::WaitFromTheAcknowledgement) {
                    return;
                }
            }
            Stage::Acknowledged => revoke.acknowledged += 1,
        }
        revoke.waited = (revoke.waited + 1).min(self.times.wait);
        if revoke.acknowledged == self.times.wait {
            revoke.become_final();
        }
    }

    /// What befalls the connection, and what the server does about it.
    fn connection(&self, from: &State, to: &mut Vec<(Step, State)>) {
        if from.link == Link::None {
            let mut after = State { link: Link::Subscribed, ..*from };
            after.send(Message::Confirmation);
            to.push((Step("it subscribes", None), after));
            return;
        }
        let mut after = *from;
        after.lose_connection();
        to.push((Step("the connection is lost", None), after));
        let nothing_owed = State { owed: [false; MOST], ..*from };
        if from.link != Link::Dead {
            let after = State { link: Link::Dead, probes: [None; 2], ..nothing_owed };
            to.push((Step("the connection is dead, and nobody knows", None), after));
        }
        if from.link == Link::Subscribed {
            let after = State { link: Link::Forgotten, ..nothing_owed };
            to.push((Step("the store forgets the subscription", None), after));
        }
        let most = if self.laws.keep(Rule::OneProbeAtATime) { 1 } else { 2 };
        if from.is_confirmed && from.probes_under_way() < most {
            let mut after = *from;
            after.holder.note();
            if from.link != Link::Dead {
                let free = usize::from(from.probes[0].is_some());
                after.probes[free] = Some(from.revokes.map(Revoke::is_acknowledged));
            }
            to.push((Step("it sends a probe", None), after));
        }
    }

    fn store(&self, from: &State, to: &mut Vec<(Step, State)>) {
        for number in (0..self.revokes).filter(|number| from.owed[*number]) {
            let mut after = *from;
            after.send_invalidation(number);
            to.push((Step("the store tells of revoke", Some(number)), after));
        }
        let Some(acknowledged) = from.probes[0] else { return };
        let mut after = State { probes: [from.probes[1], None], ..*from };
        for (number, is_acknowledged) in acknowledged.into_iter().enumerate() {
            let is_due = is_acknowledged && self.laws.rest_on(Premise::StoresTellInOrder);
            if from.owed[number] && is_due {
                after.send_invalidation(number);
            }
        }
        let stands = from.link == Link::Subscribed;
        after.send(if stands { Message::Stands } else { Message::Fallen });
        to.push((Step("the store answers a probe", None), after));
    }

    fn messages(&self, from: &State, to: &mut Vec<(Step, State)>) {
        if from.queue[0] != Message::None {
            to.push((Step("it receives what is next", None), self.received(from, 0)));
        }
        let answer =
            from.queue.iter().position(|message| message.is_answer()).filter(|place| *place > 0);
        if let (Some(place), false) = (answer, self.laws.keep(Rule::ChangesBeforeAnswers)) {
            to.push((Step("it receives an answer first", None), self.received(from, place)));
        }
    }

    fn received(&self, from: &State, place: usize) -> State {
        let mut after = *from;
        let message = std::mem::replace(&mut after.queue[place], Message::None);
        after.queue[place..].rotate_left(1);
        match message {
            Message::None => {}
            Message::Invalidation => after.holder.drop_entry(self.laws),
            Message::Confirmation => {
                after.is_confirmed = true;
                if self.laws.keep(Rule::ConfirmationDropsEverything) {
                    after.holder.drop_entry(self.laws);
                }
            }
            Message::Fallen if self.laws.keep(Rule::SubscriptionIsChecked) => {
                after.lose_connection();
            }
            Message::Stands | Message::Fallen => {
                let is_last = after.probes_under_way() == 0;
                after.holder.extend_lease(is_last, (self.laws, self.times));
            }
        }
        after
    }

    fn revoke(&self, from: &State, number: usize) -> Option<(Step, State)> {
        let mut after = *from;
        let revoke = &mut after.revokes[number];
        let is_first = number == 0;
        let what = match revoke.stage {
            Stage::Unasked if !self.laws.keep(Rule::WaitFromTheAcknowledgement) => {
                revoke.stage = Stage::Asked;
                "somebody asks for revoke"
            }
            Stage::Unasked | Stage::Asked => {
                // They are alike, so those of lower numbers come first.
                if !is_first && !from.revokes[number - 1].is_committed() {
                    return None;
                }
                revoke.stage = Stage::Committed;
                let is_told = is_first || self.laws.keep(Rule::InvalidationWhereNothingChanged);
                after.owed[number] = is_told && from.link == Link::Subscribed;
                "everybody can see revoke"
            }
            Stage::Committed => {
                revoke.stage = Stage::Acknowledged;
                "the store acknowledges revoke"
            }
            Stage::Acknowledged => {
                if revoke.waited < self.times.until_answered(is_first, self.laws) {
                    return None;
                }
                revoke.become_final();
                "a server answers revoke"
            }
            Stage::Final => return None,
        };
        Some((Step(what, Some(number)), after))
    }
}

impl Message {
    fn is_answer(self) -> bool {
        matches!(self, Self::Stands | Self::Fallen)
    }
}

impl Revoke {
    fn become_final(&mut self) {
        *self = Self { stage: Stage::Final, ..UNASKED };
    }

    fn is_committed(self) -> bool {
        matches!(self.stage, Stage::Committed | Stage::Acknowledged | Stage::Final)
    }

    fn is_acknowledged(self) -> bool {
        matches!(self.stage, Stage::Acknowledged | Stage::Final)
    }
}

impl State {
    fn standing(&self) -> Standing {
        Standing {
            is_over: self.revokes[0].is_committed(),
            is_final: self.revokes.iter().any(|revoke| revoke.stage == Stage::Final),
        }
    }

    /// Those that are asked or answered; of a dead connection nobody counts them.
    fn probes_under_way(&self) -> usize {
        let answers = self.queue.iter().filter(|message| message.is_answer());
        self.probes.iter().flatten().count() + answers.count()
    }

    fn send(&mut self, message: Message) {
        let free = self.queue.iter().position(|place| *place == Message::None).unwrap();
        self.queue[free] = message;
    }

    fn send_invalidation(&mut self, number: usize) {
        self.owed[number] = false;
        self.send(Message::Invalidation);
    }

    /// The server knows. What it remembers stays, and so does its lease: to drop them here would
    /// not be enough, nor is it needed.
    fn lose_connection(&mut self) {
        self.link = Link::None;
        self.is_confirmed = false;
        self.owed = [false; MOST];
        self.probes = [None; 2];
        self.queue = [Message::None; MOST + 3];
        self.holder.give_up_probe();
    }
}
