//! Error for too many attempts: how long to wait, but not which counter was exceeded.

use std::time::Duration;

use axum::http::StatusCode;

use crate::http::response::error::{Code, Problem};
use crate::throttle::Throttled;

impl Problem {
    pub(crate) fn too_many_attempts(wait: Duration) -> Self {
        let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1);
        let detail = format!("Too many attempts: try again in {seconds} s.");
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyAttempts, detail);
        Self { retry_after: Some(seconds), ..problem }
    }
}

impl From<Throttled> for Problem {
    fn from(throttled: Throttled) -> Self {
        Self::too_many_attempts(throttled.wait)
    }
}
