//! One server that remembers what is in a file, or in its own memory. It tells itself what its
//! requests end; only commands are other processes, whose writes it finds out by asking the file.

use super::explorer::{Model, Step};
use super::holder::{Holder, Standing, Times};
use super::rules::{Laws, Premise, Rule};

pub struct Local {
    pub laws: Laws,
    pub times: Times,
    /// How many requests of the server end the session.
    pub requests: usize,
    /// How many commands do; none where sessions are in the server's memory alone.
    pub commands: usize,
}

/// Of both together.
const MOST: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Unasked,
    /// The store has done it, and whoever asked for it is about to hear so.
    Done,
    /// Whoever asked for it knows. A request has dropped what the server remembers.
    Known,
    /// Nobody goes on with it.
    Left,
    /// It was answered, or the wait is over and it could have been.
    Final,
}

/// Whoever ends the session: first the requests, then the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct End {
    stage: Stage,
    /// It was the first.
    changed: bool,
    /// Ticks since the store had done it.
    ago: u8,
}

const UNASKED: End = End { stage: Stage::Unasked, changed: false, ago: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Link {
    None,
    /// The version of the file is known; what was remembered before is still to be dropped.
    Asked,
    Subscribed,
}

/// The question after the version of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Probe {
    None,
    Sent,
    Unchanged,
    Changed,
    /// It counts, and what it told is still to be dropped.
    Overtaken,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    ends: [End; MOST],
    link: Link,
    probe: Probe,
    /// The file has another version than the server knows: another process wrote.
    is_changed: bool,
    holder: Holder,
}

impl Model for Local {
    type State = State;

    fn beginning(&self) -> State {
        State {
            ends: [UNASKED; MOST],
            link: Link::None,
            probe: Probe::None,
            is_changed: false,
            holder: Holder::new(self.times),
        }
    }

    fn steps(&self, from: &State, to: &mut Vec<(Step, State)>) {
        self.time(from, to);
        self.connection(from, to);
        self.probe(from, to);
        for number in 0..self.requests + self.commands {
            self.end(from, number, to);
        }
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

impl Local {
    fn time(&self, from: &State, to: &mut Vec<(Step, State)>) {
        let mut requests = from.ends.iter().take(self.requests);
        let is_due = |end: &End| end.stage == Stage::Done && end.ago + 1 == self.times.wait;
        if requests.any(is_due) && self.laws.rest_on(Premise::TasksGetTheirTurn) {
            return;
        }
        for (step, misses) in [("tick", false), ("tick that the server's clock misses", true)] {
            let ticked = from.holder.after_tick(misses, (self.laws, self.times));
            let Some(holder) = ticked else { continue };
            let mut after = State { holder, ..*from };
            after.ends.iter_mut().for_each(|end| self.pass(end));
            to.push((Step(step, None), after));
        }
    }

    fn pass(&self, end: &mut End) {
        if !matches!(end.stage, Stage::Unasked | Stage::Final) {
            end.ago += 1;
            if end.ago == self.times.wait {
                end.become_final();
            }
        }
    }

    /// What befalls the one connection that writes, and what the server does about it.
    fn connection(&self, from: &State, to: &mut Vec<(Step, State)>) {
        let mut after = *from;
        let step = match from.link {
            Link::None => {
                (after.link, after.is_changed) = (Link::Asked, false);
                "it asks for the version to begin with"
            }
            Link::Asked => {
                after.link = Link::Subscribed;
                if self.laws.keep(Rule::ConfirmationDropsEverything) {
                    after.holder.drop_entry(self.laws);
                }
                "it begins anew"
            }
            Link::Subscribed => {
                (after.link, after.probe, after.is_changed) = (Link::None, Probe::None, false);
                after.holder.give_up_probe();
                "the file does not answer"
            }
        };
        to.push((Step(step, None), after));
        if from.link != Link::None {
            // Versions are of a connection: that of another says nothing of what was before.
            let is_changed = self.laws.keep(Rule::SubscriptionIsChecked);
            let after = State { is_changed, ..*from };
            to.push((Step("another connection writes from now on", None), after));
        }
    }

    fn probe(&self, from: &State, to: &mut Vec<(Step, State)>) {
        let mut after = *from;
        let step = match from.probe {
            Probe::None if from.link != Link::Subscribed => return,
            Probe::None => {
                after.holder.note();
                after.probe = Probe::Sent;
                "it asks for the version"
            }
            Probe::Sent => {
                let tells = from.is_changed && self.laws.rest_on(Premise::StoresTellInOrder);
                after.probe = if tells { Probe::Changed } else { Probe::Unchanged };
                after.is_changed = false;
                "the file has an answer"
            }
            Probe::Unchanged | Probe::Changed => {
                after.probe = Probe::None;
                if from.probe == Probe::Changed {
                    if self.laws.keep(Rule::ChangesBeforeAnswers) {
                        after.holder.drop_entry(self.laws);
                    } else {
                        after.probe = Probe::Overtaken;
                    }
                }
                after.holder.extend_lease(true, (self.laws, self.times));
                "it receives the answer"
            }
            Probe::Overtaken => {
                after.probe = Probe::None;
                after.holder.drop_entry(self.laws);
                "it drops what has changed"
            }
        };
        to.push((Step(step, None), after));
        let is_under_way = !matches!(from.probe, Probe::None | Probe::Overtaken);
        if is_under_way && !self.laws.keep(Rule::OneProbeAtATime) {
            let mut after = *from;
            after.holder.note();
            to.push((Step("it asks once more", None), after));
        }
    }

    fn end(&self, from: &State, number: usize, to: &mut Vec<(Step, State)>) {
        let is_request = number < self.requests;
        let mut add = |what, stage, drops| {
            let mut after = *from;
            after.ends[number].stage = stage;
            if drops {
                after.holder.drop_entry(self.laws);
            }
            to.push((Step(what, Some(number)), after));
        };
        let End { stage, changed, ago } = from.ends[number];
        match stage {
            Stage::Unasked => to.push(self.done(from, number)),
            Stage::Done => {
                let drops = is_request && self.drops_own_entry(changed);
                add("it is known of end", Stage::Known, drops);
                let drops = is_request && self.laws.keep(Rule::DropWhereNothingIsKnown);
                add("the answer of the store is lost to end", Stage::Left, drops);
                if is_request && !self.laws.keep(Rule::OutlivesItsRequest) {
                    add("the request is dropped of end", Stage::Left, false);
                }
            }
            Stage::Known => {
                // The server need not wait for itself.
                if is_request || ago >= self.times.until_answered(changed, self.laws) {
                    let mut after = *from;
                    after.ends[number].become_final();
                    to.push((Step("somebody is answered by end", Some(number)), after));
                }
            }
            Stage::Left | Stage::Final => {}
        }
    }

    fn done(&self, from: &State, number: usize) -> (Step, State) {
        let mut after = *from;
        let changed = !from.standing().is_over;
        after.ends[number] = End { stage: Stage::Done, changed, ago: 0 };
        let is_command = number >= self.requests;
        after.is_changed |= changed && is_command && from.link != Link::None;
        (Step("the store has done end", Some(number)), after)
    }

    fn drops_own_entry(&self, changed: bool) -> bool {
        let where_nothing_changed = self.laws.keep(Rule::InvalidationWhereNothingChanged);
        self.laws.keep(Rule::OwnDrop) && (changed || where_nothing_changed)
    }
}

impl End {
    fn become_final(&mut self) {
        *self = Self { stage: Stage::Final, ..UNASKED };
    }
}

impl State {
    fn standing(&self) -> Standing {
        Standing {
            is_over: self.ends.iter().any(|end| end.stage != Stage::Unasked),
            is_final: self.ends.iter().any(|end| end.stage == Stage::Final),
        }
    }
}
