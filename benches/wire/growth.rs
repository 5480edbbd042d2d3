//! Whether a check costs more where more people are signed in, and a session takes more.

use std::time::Instant;

use crate::figures::{Spread, print_table};
use crate::goals::Goal;
use crate::inside::Inside;
use crate::memory;
use crate::plots::{self, Line};

/// How many sessions of a million there are at each step.
const STEPS: [f64; 6] = [0.001, 0.01, 0.1, 1.0, 5.0, 10.0];
/// Of how many it is told what one takes.
const WEIGHED: [f64; 3] = [1.0, 5.0, 10.0];
const AT_ONCE: u32 = 10_000;
/// How many people are at work while the others are only signed in.
const HOT: usize = 1000;
/// More than are remembered.
const WARMED: usize = 150_000;

/// Whose tokens come, and what is done with them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Hot,
    Anybody,
    StoreOnly,
}

impl Asking {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Hot, "1000 at work"),
        (Self::Anybody, "anybody at random"),
        (Self::StoreOnly, "the session alone, at random"),
    ];
}

/// Draws numbers that need not be hard to guess (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let count = u64::try_from(count).unwrap();
        usize::try_from((mixed ^ (mixed >> 31)) % count).unwrap()
    }
}

/// The time of a check with this number of sessions, in nanoseconds, one value of each batch.
struct Step {
    sessions: u32,
    batches: [Vec<f64>; 3],
}

fn measure(million: u32, rounds: u32) -> Vec<Step> {
    let mut inside = Inside::start();
    let mut dice = Dice(1);
    let mut steps = Vec::new();
    for sessions in counts(&STEPS, million) {
        eprintln!("{sessions} sessions");
        inside.fill_to(sessions);
        warm(&inside, &mut dice);
        let mut step = Step { sessions, batches: Default::default() };
        for round in 0..=rounds {
            for ((asking, _), batches) in Asking::ALL.into_iter().zip(&mut step.batches) {
                let nanoseconds = batch(&inside, asking, &mut dice);
                // In the first round those at work come to be remembered.
                if round > 0 {
                    batches.push(nanoseconds);
                }
            }
        }
        steps.push(step);
    }
    let Inside { runtime, anteroom, .. } = inside;
    runtime.block_on(anteroom.stop());
    steps
}

fn counts(parts: &[f64], million: u32) -> Vec<u32> {
    let thousands = f64::from(million) / 1000.0;
    let count = |part: &f64| format!("{:.0}", part * 1000.0 * thousands).parse().unwrap();
    parts.iter().map(count).collect()
}

/// Has so many people come that those are remembered who would be after a while.
fn warm(inside: &Inside, dice: &mut Dice) {
    inside.runtime.block_on(async {
        for token in inside.tokens.iter().take(WARMED) {
            inside.check.who(token).await.unwrap();
        }
        if inside.tokens.len() > WARMED {
            for _ in 0..WARMED {
                let token = &inside.tokens[dice.below(inside.tokens.len())];
                inside.check.who(token).await.unwrap();
            }
        }
    });
}

fn batch(inside: &Inside, asking: Asking, dice: &mut Dice) -> f64 {
    let all = inside.tokens.len();
    let apart = all.div_ceil(HOT);
    let tokens: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let place = if asking == Asking::Hot {
                dice.below(all / apart) * apart
            } else {
                dice.below(all)
            };
            inside.tokens[place].clone()
        })
        .collect();
    let begun = Instant::now();
    inside.runtime.block_on(async {
        for token in &tokens {
            if asking == Asking::StoreOnly {
                inside.anteroom.sessions().resume(token).await.unwrap();
            } else {
                inside.check.who(token).await.unwrap();
            }
        }
    });
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(AT_ONCE)
}

pub fn run(million: u32, rounds: u32) -> Vec<Goal> {
    let weighed = counts(&WEIGHED, million);
    let bytes = memory::in_process("anteroom", &weighed);
    let steps = measure(million, rounds);
    let spread = |step: &Step, of: usize| Spread::of(step.batches[of].iter().copied());
    let rows = steps.iter().map(|step| {
        let found = weighed.iter().position(|count| *count == step.sessions);
        let mut row = vec![step.sessions.to_string()];
        row.extend((0..3).map(|of| spread(step, of).show(0)));
        row.push(found.map_or_else(|| "–".to_owned(), |place| format!("{:.0}", bytes[place])));
        row
    });
    let what = format!("{rounds} batches of {AT_ONCE} checks, in turn; nanoseconds of one check:");
    let [hot, anybody, store] = Asking::ALL.map(|(_, name)| name);
    let head = ["live sessions", hot, anybody, store, "bytes per session"];
    print_table("growth", &what, &head, &rows.collect::<Vec<_>>());
    let lines: Vec<Line> = Asking::ALL
        .into_iter()
        .enumerate()
        .map(|(of, (_, label))| {
            let points =
                steps.iter().map(|step| (f64::from(step.sessions), spread(step, of))).collect();
            Line { label: label.to_owned(), points }
        })
        .collect();
    let title = "Cost of a check with more live sessions";
    plots::lines("growth", title, ("live sessions", "nanoseconds"), &lines);
    let (first, last) = (&steps[0], &steps[steps.len() - 1]);
    Asking::ALL
        .into_iter()
        .enumerate()
        .map(|(of, (_, name))| {
            let ratio = spread(last, of).median / spread(first, of).median;
            let what = format!(
                "a check with {} sessions, to one with {}: {name}",
                last.sessions, first.sessions
            );
            Goal::at_most(what, 1.3, ratio, "")
        })
        .collect()
}
