//! Chance that can be had again: whoever fails with it names the seed.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// Draws numbers from a seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// From the variable `SEED`, otherwise another each time. Print [`Chance::seed`] on failure.
    pub fn seeded() -> Self {
        let fresh = || RandomState::new().build_hasher().finish();
        let seed = std::env::var("SEED").ok().map_or_else(fresh, |seed| seed.parse().unwrap());
        Self { seed, state: seed }
    }

    /// Another that draws its own numbers, of the same seed.
    pub fn fork(&mut self) -> Self {
        Self { seed: self.seed, state: self.next() }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_of<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        let place = self.below(choices.len() as u64);
        &choices[usize::try_from(place).unwrap()]
    }

    /// All of these, in an order that was drawn.
    pub fn shuffled<T: Copy>(&mut self, choices: &[T]) -> Vec<T> {
        let (mut left, mut drawn) = (choices.to_vec(), Vec::new());
        while !left.is_empty() {
            let place = self.below(left.len() as u64);
            drawn.push(left.swap_remove(usize::try_from(place).unwrap()));
        }
        drawn
    }

    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap();
        least + Duration::from_micros(self.below(span + 1))
    }
}

/// Whether this is the nightly run, in which tests that explore take as long as they need.
pub fn is_nightly() -> bool {
    std::env::var_os("NIGHTLY").is_some_and(|value| !value.is_empty())
}

/// How many rounds a test does in the ordinary and in the nightly run, unless the variable says
/// another number.
pub fn rounds(variable: &str, ordinary: u64, nightly: u64) -> u64 {
    let usual = if is_nightly() { nightly } else { ordinary };
    std::env::var(variable).ok().map_or(usual, |rounds| rounds.parse().unwrap())
}

/// All of these in the nightly run, and the first `ordinary` of them otherwise.
pub fn some_of<T>(all: &[T], ordinary: usize) -> &[T] {
    if is_nightly() { all } else { &all[..ordinary.min(all.len())] }
}

/// Says the seed when a test fails.
pub struct SaysSeed(pub u64);

impl Drop for SaysSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEED={}", self.0);
        }
    }
}

/// Parts of the routes that a run is about, separated by `|`, from the variable `OPERATIONS`. `None`:
/// all of them.
pub fn chosen_operations() -> Option<String> {
    std::env::var("OPERATIONS").ok().filter(|parts| !parts.is_empty())
}
