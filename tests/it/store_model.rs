//! Random traces: every backend answers as the model does, and so all of them alike.

use anteroom::testing::conformance::{Operation, check_trace, random_trace, replay};
use proptest::prelude::*;

use crate::harness::backends::{Fresh, every};
use crate::harness::chance::rounds;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn traces() -> u32 {
    u32::try_from(rounds("TRACES", 5, 300)).unwrap()
}

/// An operation by choices that shrink to the simplest one.
fn any_operation() -> impl Strategy<Value = Operation> {
    any::<[u16; 12]>().prop_map(|choices| {
        let mut left = choices.into_iter();
        Operation::chosen_by(&mut |bound| u32::from(left.next().unwrap_or(0)) % bound)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(traces()))]

    #[test]
    fn every_backend_answers_any_trace_as_the_model_does(
        trace in prop::collection::vec(any_operation(), 0..80)
    ) {
        let verdict = block_on(async {
            for Fresh { name, store, .. } in &every().await {
                check_trace(&**store, &trace).await.map_err(|what| format!("{name}: {what}"))?;
            }
            Ok::<_, String>(())
        });
        prop_assert_eq!(verdict, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_backend_gives_the_same_answers_to_the_same_trace() {
    for seed in 0..u64::from(traces()) {
        let trace = random_trace(seed, 200);
        let mut first = None;
        for Fresh { name, store, .. } in &every().await {
            let answers = replay(&**store, &trace).await;
            let (first_name, expected) = first.get_or_insert((name, answers.clone()));
            for ((operation, found), expected) in trace.iter().zip(&answers).zip(&*expected) {
                assert_eq!(found, expected, "{name} and {first_name}, seed {seed}: {operation:?}");
            }
        }
    }
}
