//! Sign-in to clients: `/oauth/authorize` and the page that asks for consent.

pub(in crate::http) mod page;
mod request;
mod target;
pub(in crate::http) mod view;
