//! Addresses that only take forms, asked for as if they were pages: by a reload, by a bookmark, by
//! somebody who comes back after signing in.

use axum::http::Uri;
use axum::response::Response;

use crate::http::routes::form_page;
use crate::http::security::redirect::see_other;

/// `GET` of an address that takes a form: leads to the page that the form is on.
pub(crate) async fn to_the_form(uri: Uri) -> Response {
    see_other(form_page(uri.path()))
}

/// `GET /.well-known/change-password`: where password managers find the form for a new password.
pub(crate) async fn to_a_new_password() -> Response {
    see_other(form_page("/account/password"))
}
