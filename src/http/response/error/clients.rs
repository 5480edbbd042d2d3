//! Errors of access tokens and of their clients.

use axum::http::StatusCode;

use crate::http::response::error::{Code, FieldError, Problem};
use crate::tokens::{AddClientError, ClientError, NewClient};
use crate::use_cases::ClientChangeError;

impl Problem {
    pub(crate) fn invalid_token() -> Self {
        let detail = "The access token is not valid here: get another one, or sign in again.";
        Self::new(StatusCode::UNAUTHORIZED, Code::InvalidToken, detail)
    }

    pub(crate) fn insufficient_scope() -> Self {
        let detail = "The access token has not the scope `openid`: ask for it at /oauth/authorize.";
        Self::new(StatusCode::FORBIDDEN, Code::InsufficientScope, detail)
    }

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
        ClientError::TooMany => longest_list(new),
        ClientError::Audience | ClientError::AudienceTaken(_) => "audiences",
        ClientError::Scope => "scopes",
        ClientError::RedirectUri
        | ClientError::PublicWithoutRedirect
        | ClientError::PublicAndTrusted => "redirect_uris",
        ClientError::Groups(_) => "allowed_groups",
        ClientError::SharedSecret | ClientError::PublicWithoutSecret => "algorithm",
    }
}

fn longest_list(new: &NewClient) -> &'static str {
    let lists = [
        ("audiences", new.audiences.len()),
        ("scopes", new.scopes.len()),
        ("redirect_uris", new.redirect_uris.len()),
        ("allowed_groups", new.allowed_groups.len()),
    ];
    lists.into_iter().max_by_key(|(_, length)| *length).map_or("audiences", |(name, _)| name)
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
            ClientChangeError::HasNoSecret => {
                let code = "public_client";
                let message = "A public client has no secret.".to_owned();
                Self::invalid([("client", FieldError { code, message })].into())
            }
            ClientChangeError::Store(error) => error.into(),
        }
    }
}
