//! Texts of the pages, in every language.
//!
//! `en.ftl` and `ko.ftl` hold the same keys with the same arguments. A key that is missing falls
//! back to English and then to itself: a page with an odd word is better than none.

mod catalogue;
mod times;

pub(crate) use catalogue::Texts;
pub(crate) use times::machine_time;

#[cfg(test)]
mod tests;
