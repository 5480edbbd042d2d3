//! Addresses that only take forms, asked for as if they were pages: by a reload, by a bookmark, by
//! somebody who comes back after signing in.

use axum::http::Uri;
use axum::response::Response;

use crate::http::security::redirect::see_other;

/// `GET` of an address that takes a form: leads to the page that the form is on.
pub(crate) async fn to_the_form(uri: Uri) -> Response {
    see_other(page_of(uri.path()))
}

/// `GET /.well-known/change-password`: where password managers find the form for a new password.
pub(crate) async fn to_a_new_password() -> Response {
    see_other(page_of("/account/password"))
}

/// The page is one step up. The list of sessions has the forms of all of them, and the form of the
/// preferences is on every page.
fn page_of(path: &str) -> &str {
    const SESSIONS: &str = "/account/sessions";
    if path.starts_with(SESSIONS) {
        return SESSIONS;
    }
    let page = path.rsplit_once('/').map_or("", |(page, _)| page);
    if page.is_empty() { "/" } else { page }
}

#[cfg(test)]
mod tests {
    use super::page_of;

    #[test]
    fn every_form_is_on_a_page() {
        for (form, page) in [
            ("/account/password", "/account"),
            ("/account/sessions/revoke-others", "/account/sessions"),
            ("/account/sessions/revoke-all", "/account/sessions"),
            ("/account/sessions/0197/revoke", "/account/sessions"),
            ("/preferences", "/"),
            ("/admin/users/0197/delete", "/admin/users/0197"),
            ("/admin/sessions/0197/revoke", "/admin/sessions/0197"),
        ] {
            assert_eq!(page_of(form), page);
        }
    }
}
