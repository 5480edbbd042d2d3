//! The start page, and the preferences for theme and language.

pub(in crate::http) mod page;
pub(in crate::http) mod preferences;
pub(in crate::http) mod view;
