//! Metrics of store calls (duration, outcome, and how much activity and sweeps wrote), and their
//! spans in traces.

use std::time::Instant;

use tracing::Instrument as _;
use tracing::field::Empty;

use super::{Interceptor, StoreCall, StoreFailure};
use crate::failure::StoreError;
use crate::metrics::{Metrics, StoreOutcome};
use crate::sessions::Swept;
use crate::telemetry::TRACES;

impl Interceptor for Metrics {
    async fn intercept<T: Send, E: StoreFailure>(
        &self,
        name: StoreCall,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let started = Instant::now();
        let span = tracing::trace_span!(
            target: TRACES,
            "store call",
            otel.name = %format_args!("{}.{}", name.store, name.operation),
            otel.kind = "client",
            otel.status_code = Empty,
        );
        let result = call.instrument(span.clone()).await;
        let outcome = match result.as_ref().err().and_then(StoreFailure::failure) {
            None => StoreOutcome::Ok,
            Some(StoreError::Full) => StoreOutcome::Full,
            Some(_) => StoreOutcome::Failed,
        };
        if outcome != StoreOutcome::Ok {
            span.record("otel.status_code", "error");
        }
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
