//! The cost of knowing who sent a request, in the process and without a request: from the text
//! of a cookie or of a token to the person.

use std::hint::black_box;
use std::time::Instant;

use anteroom::sessions::Token;

use crate::figures::{Spread, print_table};
use crate::goals::Goal;
use crate::inside::Inside;
use crate::peers::{Keys, somebody};
use crate::plots::{self, Bar, Panel};
use crate::servers::{EDDSA, HS256};

const AT_ONCE: u32 = 10_000;

/// The nanoseconds of each batch, by what was done.
struct Timed {
    name: &'static str,
    nanoseconds: Vec<f64>,
}

/// As many batches of each, one after the other in turn.
fn measure(batches: u32) -> Vec<Timed> {
    let mut inside = Inside::start();
    inside.fill_to(1);
    let cookie = inside.tokens[0].reveal().to_owned();
    let (hs256, eddsa) = (Keys::hs256(), Keys::eddsa());
    let session = "01a1fc81-619f-7000-8928-fa29dbcebbb2";
    let tokens = [&hs256, &eddsa].map(|keys| keys.token_of_user(&somebody(), session));
    let who = || inside.runtime.block_on(check(&inside, &cookie));
    let operations: [(&str, &dyn Fn()); 3] = [
        ("anteroom, remembered", &who),
        (HS256, &|| verify(&hs256, &tokens[0])),
        (EDDSA, &|| verify(&eddsa, &tokens[1])),
    ];
    let mut timed = operations.map(|(name, _)| Timed { name, nanoseconds: Vec::new() });
    for batch in 0..=batches {
        for ((_, operation), timed) in operations.iter().zip(&mut timed) {
            let begun = Instant::now();
            operation();
            // The first is for the caches.
            if batch > 0 {
                timed.nanoseconds.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(AT_ONCE));
            }
        }
    }
    inside.runtime.block_on(inside.anteroom.stop());
    timed.into()
}

async fn check(inside: &Inside, cookie: &str) {
    let mut asked = 0;
    for _ in 0..AT_ONCE {
        let token = Token::parse(black_box(cookie).as_bytes()).unwrap();
        let visitor = inside.check.who(&token).await.unwrap();
        asked += u32::from(!visitor.under_lease);
        black_box(visitor);
    }
    assert!(asked <= AT_ONCE / 100, "the lease was lost");
}

fn verify(keys: &Keys, token: &str) {
    for _ in 0..AT_ONCE {
        black_box(keys.user(black_box(token)).unwrap());
    }
}

pub fn run(rounds: u32) -> Vec<Goal> {
    let batches = rounds * 5;
    let timed = measure(batches);
    let find = |name| timed.iter().find(|timed: &&Timed| timed.name == name).unwrap();
    let (ours, jwt) = (&timed[0], find(HS256));
    let rows: Vec<Vec<String>> = timed
        .iter()
        .map(|of| {
            let to = |other: &Timed| Spread::of_ratios(&of.nanoseconds, &other.nanoseconds).show(2);
            let nanoseconds = Spread::of(of.nanoseconds.iter().copied());
            vec![of.name.to_owned(), nanoseconds.show(0), to(jwt), to(find(EDDSA))]
        })
        .collect();
    let what = format!("{batches} batches of {AT_ONCE} of each, in turn:");
    let head = ["one check", "ns", "to HS256", "to EdDSA"];
    print_table("check", &what, &head, &rows);
    let bars = timed.iter().map(|of| Bar {
        label: of.name.to_owned(),
        value: Spread::of(of.nanoseconds.iter().copied()),
        is_ours: of.name == ours.name,
    });
    let title = "Nanoseconds, on a scale of decades".to_owned();
    let panel = Panel { title, bars: bars.collect(), is_logarithmic: true };
    plots::bars("check", "Session check inside of the process", &[panel]);
    let to_jwt = Spread::of_ratios(&ours.nanoseconds, &jwt.nanoseconds).median;
    vec![Goal::at_most("time of a check in the process, to that of an HS256 JWT", 0.25, to_jwt, "")]
}
