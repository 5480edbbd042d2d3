//! Errors of the fields of a form or a JSON body.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::accounts::{InvalidEmail, InvalidGroups, InvalidName, WeakPassword};
use crate::http::response::error::Problem;
use crate::sessions::DataError;

/// The error of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// A stable word, for example `too_short`.
    pub code: &'static str,
    /// An English sentence that says what to do.
    pub message: String,
}

impl FieldError {
    /// A value that is not one of a fixed list.
    pub(crate) fn unknown_value(message: impl Into<String>) -> Self {
        Self { code: "unknown_value", message: message.into() }
    }
}

/// The errors of all fields, collected so that one response names them all.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(BTreeMap<&'static str, FieldError>);

impl FieldErrors {
    /// The value, or `None` with the error added.
    pub(crate) fn check<T, E: Into<FieldError>>(
        &mut self,
        field: &'static str,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|error| self.0.insert(field, error.into())).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_problem(self) -> Problem {
        Problem::invalid(self.0)
    }
}

impl From<InvalidEmail> for FieldError {
    fn from(error: InvalidEmail) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl From<InvalidName> for FieldError {
    fn from(error: InvalidName) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl From<InvalidGroups> for FieldError {
    fn from(error: InvalidGroups) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl From<DataError> for FieldError {
    fn from(error: DataError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl From<WeakPassword> for FieldError {
    fn from(error: WeakPassword) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}
