//! Signing in, signing out and reauthentication.

pub(in crate::http) mod api;
pub(in crate::http) mod cookie_check;
pub(in crate::http) mod events;
pub(in crate::http) mod page;
pub(in crate::http) mod reauthenticate;
pub(in crate::http) mod repeated_form;
pub(in crate::http) mod view;
