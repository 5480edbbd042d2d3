//! Accounts and invitations, for administrators.

pub(in crate::http) mod api;
pub(in crate::http) mod invitations;
pub(in crate::http) mod page;
pub(in crate::http) mod user_page;
pub(in crate::http) mod view;
