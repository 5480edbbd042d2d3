//! Figures about accounts, sessions and sign-ins.

pub(in crate::http) mod api;
pub(in crate::http) mod page;
pub(in crate::http) mod plot;
pub(in crate::http) mod view;
