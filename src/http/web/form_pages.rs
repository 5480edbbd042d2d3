//! GET of paths that only take forms: by a reload, by a bookmark, or after a sign-in.

use axum::http::Uri;
use axum::response::Response;

use crate::http::routes::form_page;
use crate::http::security::redirect::see_other;

/// `GET` of a path that takes a form: redirects to the page with the form.
pub(crate) async fn redirect_to_form(uri: Uri) -> Response {
    see_other(form_page(uri.path()))
}

/// `GET /.well-known/change-password`: where password managers find the form for a new password.
pub(crate) async fn change_password_form() -> Response {
    see_other(form_page("/account/password"))
}
