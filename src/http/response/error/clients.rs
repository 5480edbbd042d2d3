//! Errors of clients of access tokens.

use axum::http::StatusCode;

use crate::http::response::error::{Code, FieldError, Problem};
use crate::tokens::{AddClientError, ClientError, NewClient};
use crate::use_cases::ClientChangeError;

impl Problem {
    pub(crate) fn client_not_found() -> Self {
        let detail = "No client has this id: look at the list of clients.";
        Self::new(StatusCode::NOT_FOUND, Code::ClientNotFound, detail)
    }

    /// Why this client was not registered.
    pub(crate) fn client_refused(error: AddClientError, new: &NewClient) -> Self {
        let (field, code) = match &error {
            AddClientError::NameTaken => ("name", "name_taken"),
            AddClientError::TooMany => ("name", "too_many_clients"),
            AddClientError::Invalid(invalid) => (field_of(invalid, new), invalid.code()),
            AddClientError::Store(_) => ("", ""),
        };
        match error {
            AddClientError::Store(error) => error.into(),
            error => {
                let message = sentence(&error.to_string());
                Self::invalid([(field, FieldError { code, message })].into())
            }
        }
    }
}

fn field_of(error: &ClientError, new: &NewClient) -> &'static str {
    match error {
        ClientError::Name => "name",
        ClientError::TooMany if new.scopes.len() > new.audiences.len() => "scopes",
        ClientError::TooMany | ClientError::Audience | ClientError::AudienceTaken(_) => "audiences",
        ClientError::Scope => "scopes",
        ClientError::SharedSecret => "algorithm",
    }
}

/// Commands print errors after a colon, in small letters.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

impl From<ClientChangeError> for Problem {
    fn from(error: ClientChangeError) -> Self {
        match error {
            ClientChangeError::NotFound => Self::client_not_found(),
            ClientChangeError::Store(error) => error.into(),
        }
    }
}
