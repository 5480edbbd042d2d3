//! New recovery codes are for a session that is live when they are kept, not only when it asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anteroom::store::{Intercepted, Interceptor, StoreCall, StoreFailure};
use anteroom::{Anteroom, Stores};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::authenticator::{send_recovery_code, set_up, texts};
use crate::harness::app::{Kind, PASSWORD, TestApp, on_each_store};
use crate::harness::browser::{Answer, Browser};

const ADA: &str = "ada@example.org";

on_each_store!(a_session_that_ends_while_new_codes_are_hashed_gets_none);

/// Holds a request up once it has read an account.
#[derive(Clone, Default)]
struct Pause(Arc<State>);

#[derive(Default)]
struct State {
    /// How often an account was read.
    reads: AtomicUsize,
    /// After which of them a request waits; 0 for none.
    paused_after: AtomicUsize,
    reached: Notify,
    resumed: Notify,
}

impl Pause {
    /// Pauses after this read of those that follow.
    fn wait_after(&self, read: usize) {
        self.0.reads.store(0, Ordering::SeqCst);
        self.0.paused_after.store(read, Ordering::SeqCst);
    }
}

impl Interceptor for Pause {
    async fn intercept<T: Send, E: StoreFailure>(
        &self,
        name: StoreCall,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let outcome = call.await;
        if name.operation == "find" {
            let read = self.0.reads.fetch_add(1, Ordering::SeqCst) + 1;
            if read == self.0.paused_after.load(Ordering::SeqCst) {
                self.0.reached.notify_one();
                self.0.resumed.notified().await;
            }
        }
        outcome
    }
}

async fn renews(browser: &Browser) -> Answer {
    browser.post("/api/account/recovery-codes", json!({})).await
}

async fn a_session_that_ends_while_new_codes_are_hashed_gets_none(kind: Kind) {
    let pause = Pause::default();
    let interceptor = pause.clone();
    let wrap = |stores: Stores| {
        let accounts = Arc::new(Intercepted::new(stores.accounts, interceptor));
        Stores { accounts, ..stores }
    };
    let app = TestApp::start_over(kind, |_| (), Anteroom::front, wrap).await;
    let ada = app.signed_in(ADA).await;
    let (authenticator, _) = set_up(&app, &ada).await;
    pause.wait_after(0);
    let codes = texts(&renews(&ada).await.json()["recovery_codes"]);
    let reads = pause.0.reads.load(Ordering::SeqCst);
    assert!(reads > 0, "the last read is before the codes are hashed");

    for read in 1..=reads {
        let thief = authenticator.sign_in(&app, ADA, PASSWORD).await;
        let path = format!("/api/sessions/{}", thief.session_id().await);
        pause.wait_after(read);
        let ended = async {
            pause.0.reached.notified().await;
            assert_eq!(ada.delete(&path).await.status, 204);
            pause.0.resumed.notify_one();
        };

        let both = timeout(Duration::from_secs(20), async { tokio::join!(renews(&thief), ended) });

        let (answer, ()) = both.await.unwrap();
        assert_eq!(answer.refusal(), (401, "session_ended".to_owned()), "{read} of {reads}");
    }
    let browser = app.browser();
    browser.try_to_sign_in(ADA, PASSWORD, false).await;
    assert_eq!(send_recovery_code(&browser, &codes[0]).await.status, 200, "they are as before");
}
