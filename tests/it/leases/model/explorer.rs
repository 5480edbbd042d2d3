//! Every state that a model can get into, breadth first: whatever can be broken is broken by as few
//! steps as it takes.

use std::fmt;
use std::hash::{Hash, Hasher};

/// Something that goes from state to state, by steps of which several may be possible at once.
pub trait Model {
    type State: Copy + Eq + Hash;

    fn beginning(&self) -> Self::State;

    /// Adds every step that is possible now, with the state that it leads to.
    fn steps(&self, from: &Self::State, to: &mut Vec<(Step, Self::State)>);

    /// Whether what must never happen has happened.
    fn is_broken(&self, state: &Self::State) -> bool;
}

/// What happens, in words; and to which of several, from 0.
#[derive(Clone, Copy)]
pub struct Step(pub &'static str, pub Option<usize>);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            None => f.write_str(self.0),
            Some(number) => write!(f, "{} {}", self.0, number + 1),
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Explored {
    /// How many states there are, or were until one was broken.
    pub states: usize,
    /// The fewest steps to a broken state, if there is one.
    pub broken_by: Option<Vec<String>>,
}

/// More would not fit into the memory that a test may take.
const MOST_STATES: usize = 16_000_000;

/// Goes everywhere, or until a state is broken.
///
/// # Panics
/// Where there are too many states.
pub fn explore<M: Model>(model: &M) -> Explored {
    let mut seen = Seen::starting_at(model.beginning());
    let (mut at, mut steps) = (0, Vec::new());
    while let Some(visit) = seen.all.get(at) {
        let from = visit.state;
        model.steps(&from, &mut steps);
        for (step, state) in steps.drain(..) {
            let is_broken = model.is_broken(&state);
            seen.add(Visit { state, before: u32::try_from(at).unwrap(), by: Some(step) });
            if is_broken {
                return Explored { states: seen.all.len(), broken_by: Some(seen.way_to_last()) };
            }
        }
        at += 1;
        assert!(seen.all.len() <= MOST_STATES, "there are more than {MOST_STATES} states");
    }
    Explored { states: seen.all.len(), broken_by: None }
}

struct Visit<S> {
    state: S,
    /// Where this one was reached from, by which step.
    before: u32,
    by: Option<Step>,
}

/// The states in the order in which they were found, and a table to find them by.
struct Seen<S> {
    all: Vec<Visit<S>>,
    /// One more than the place in `all`; at most half of them are taken.
    table: Vec<u32>,
}

impl<S: Eq + Hash> Seen<S> {
    fn starting_at(state: S) -> Self {
        let mut seen = Self { all: Vec::new(), table: vec![0; 1 << 12] };
        seen.add(Visit { state, before: 0, by: None });
        seen
    }

    fn add(&mut self, visit: Visit<S>) {
        let slot = self.slot_of(&visit.state);
        if self.table[slot] != 0 {
            return;
        }
        self.all.push(visit);
        self.table[slot] = u32::try_from(self.all.len()).unwrap();
        if self.all.len() * 2 > self.table.len() {
            self.table = vec![0; self.table.len() * 2];
            for place in 0..self.all.len() {
                let slot = self.slot_of(&self.all[place].state);
                self.table[slot] = u32::try_from(place + 1).unwrap();
            }
        }
    }

    /// Where a state is in the table, or would be.
    fn slot_of(&self, state: &S) -> usize {
        let mut mixer = Mixer(0xcbf2_9ce4_8422_2325);
        state.hash(&mut mixer);
        let mask = self.table.len() - 1;
        let mut slot = usize::try_from(mixer.finish()).unwrap() & mask;
        loop {
            match self.table[slot] {
                0 => return slot,
                known if self.all[known as usize - 1].state == *state => return slot,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn way_to_last(&self) -> Vec<String> {
        let (mut way, mut at) = (Vec::new(), self.all.len() - 1);
        while let Visit { by: Some(step), before, .. } = &self.all[at] {
            way.push(step.to_string());
            at = *before as usize;
        }
        way.reverse();
        way
    }
}

/// Cheap where nothing is optimised (FNV); nobody chooses states to make it slow.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    // Which variant of an enum it is.
    fn write_isize(&mut self, value: isize) {
        self.mix(value.cast_unsigned() as u64);
    }

    // How long an array is, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// A jug of three litres and one of five, to measure four.
struct Jugs;

impl Model for Jugs {
    type State = (u8, u8);

    fn beginning(&self) -> (u8, u8) {
        (0, 0)
    }

    fn steps(&self, &(small, large): &(u8, u8), to: &mut Vec<(Step, (u8, u8))>) {
        let (into_large, into_small) = (small.min(5 - large), large.min(3 - small));
        to.extend([
            (Step("fill", Some(0)), (3, large)),
            (Step("fill", Some(1)), (small, 5)),
            (Step("empty", Some(0)), (0, large)),
            (Step("empty", Some(1)), (small, 0)),
            (Step("pour from", Some(0)), (small - into_large, large + into_large)),
            (Step("pour from", Some(1)), (small + into_small, large - into_small)),
        ]);
    }

    fn is_broken(&self, state: &(u8, u8)) -> bool {
        state.1 == 4
    }
}

#[test]
fn the_explorer_finds_the_shortest_way() {
    let found = explore(&Jugs);
    let way = ["fill 2", "pour from 2", "empty 1", "pour from 2", "fill 2", "pour from 2"];
    assert_eq!(found.broken_by.as_deref(), Some(&way.map(String::from)[..]));
}
