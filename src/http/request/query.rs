//! Query parameters: one of each, and lists a page at a time.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::request::body::Form;
use crate::http::response::error::Problem;
use crate::text::usual;

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
    /// Of a page that is shown without any parameter.
    pub(crate) fn none() -> Self {
        Self(Form::none())
    }

    /// The parameters as fields, where a form may send the same.
    pub(crate) fn form(&self) -> &Form {
        &self.0
    }

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

    /// A filter; absent also where it is empty, as forms send fields that are not filled in. The
    /// text is normalised to the usual form of its letters.
    pub(crate) fn filter<T>(
        &self,
        name: &str,
        meaning: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        match self.find(name).map(usual).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => parsed(name, meaning, parse(&text)).map(Some),
        }
    }

    /// A filter by an instant, in RFC 3339 or as fields of pages write it, which is UTC.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<OffsetDateTime>, Problem> {
        self.filter(name, "a time such as 2026-11-21T09:00:00Z", instant)
    }

    /// `cursor`: where the page before ended.
    pub(crate) fn cursor<T>(
        &self,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.find("cursor") else { return Ok(None) };
        parsed("cursor", "what `next_cursor` of the page before said", parse(text)).map(Some)
    }

    /// How many a page shows: 25, or `limit` where that is less, so that no page is large.
    pub(crate) fn limit_of_page(&self) -> Result<u32, Problem> {
        const MOST: u32 = 25;
        if self.find("limit").is_none() {
            return Ok(MOST);
        }
        Ok(self.limit()?.min(MOST))
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

fn parsed<T>(name: &str, meaning: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::bad_parameter(format!("`{name}` is {meaning}.")))
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    let completed = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 if text.contains(' ') => format!("{}:00Z", text.replace(' ', "T")),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    OffsetDateTime::parse(&completed, &Rfc3339).ok()
}
