//! Metrics of store calls: duration, outcome, and how much activity and sweeps wrote.

use std::time::Instant;

use super::{Interceptor, StoreCall, StoreFailure};
use crate::failure::StoreError;
use crate::metrics::{Metrics, StoreOutcome};
use crate::sessions::Swept;

impl Interceptor for Metrics {
    async fn intercept<T: Send, E: StoreFailure>(
        &self,
        name: StoreCall,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let started = Instant::now();
        let result = call.await;
        let outcome = match result.as_ref().err().and_then(StoreFailure::failure) {
            None => StoreOutcome::Ok,
            Some(StoreError::Full) => StoreOutcome::Full,
            Some(_) => StoreOutcome::Failed,
        };
        self.store_call(name.store, name.operation, outcome, started.elapsed());
        result
    }

    fn touched(&self, sessions: usize) {
        self.touched(sessions);
    }

    fn swept(&self, swept: &Swept) {
        self.swept(swept.ended, swept.forgotten);
    }
}
