//! Making accounts: sign-up, invitation, setup of the first administrator.

pub(in crate::http) mod api;
pub(in crate::http) mod invitation;
pub(in crate::http) mod page;
pub(in crate::http) mod setup;
pub(in crate::http) mod view;
