//! The user's own account: profile, password, deletion, activity, stored data.

pub(in crate::http) mod activity;
pub(in crate::http) mod api;
pub(in crate::http) mod deletion;
pub(in crate::http) mod own_data;
pub(in crate::http) mod page;
pub(in crate::http) mod profile;
pub(in crate::http) mod stored_data;
pub(in crate::http) mod view;
