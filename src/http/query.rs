//! Query parameters: one of each, and lists a page at a time.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::body::Form;
use super::error::Problem;

/// The parameters of a request's query. Unknown ones are passed over, repeated ones refused.
pub(crate) struct Query(Form);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
        Ok(Self(form))
    }
}

impl Query {
    /// A parameter that may be missing.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.find(name)
    }

    /// Whether a switch is on: `true` or `false`, off by default.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, Problem> {
        match self.find(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::bad_parameter(format!("`{name}` is `true` or `false`."))),
        }
    }

    /// `limit`: how many to list, 1 to 200, 50 by default.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        let Some(text) = self.find("limit") else { return Ok(50) };
        let limit = text.parse().ok().filter(|limit| (1..=200).contains(limit));
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        limit
            .filter(|_| digits)
            .ok_or_else(|| Problem::bad_parameter("`limit` is a number from 1 to 200."))
    }
}
