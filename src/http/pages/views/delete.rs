//! `GET /account/delete`, and `POST /account/delete` that failed.

use askama::Template;

use super::{Frame, Problems};

/// Deleting one's own account. Field: `confirm` (value `true`).
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "delete.html")]
pub(crate) struct DeletePage {
    /// Around it.
    pub(crate) frame: Frame,
    /// Why it was not deleted.
    pub(crate) problems: Problems,
    /// The address of the account.
    pub(crate) email: String,
}
