//! Shared parts of the pages: page context, texts, theme, assets, forms, templates.

pub(in crate::http) mod assets;
pub(in crate::http) mod error_page;
pub(in crate::http) mod form_pages;
pub(in crate::http) mod form_problems;
pub(in crate::http) mod letters;
pub(in crate::http) mod page_context;
pub(in crate::http) mod render;
pub(in crate::http) mod texts;
pub(in crate::http) mod theme;
