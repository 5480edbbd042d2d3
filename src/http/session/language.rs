//! The language of pages.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

use crate::http::session::cookie::preference;

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    /// English, the default.
    #[default]
    English,
    /// Korean, in polite style.
    Korean,
}

/// How much of an `Accept-Language` header is read; browsers send fewer than ten ranges.
const MOST_RANGES: usize = 32;

impl Language {
    /// Every language there is.
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Korean];

    /// `en` or `ko`: the value of the `lang` cookie, of the form field and of `<html lang>`.
    #[must_use]
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// Its name in itself, as the choice of languages shows it.
    #[must_use]
    pub(crate) fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Korean => "한국어",
        }
    }

    /// Reads what [`Language::tag`] writes, and nothing else.
    #[must_use]
    pub(crate) fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The language for a request with these headers.
    #[must_use]
    pub(crate) fn of_headers(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self::of(preference(headers, "lang"), accepted)
    }

    /// The language for a request: what the `lang` cookie says, else what `Accept-Language` likes
    /// best among those there are, else English. Nonsense in either counts as absent.
    #[must_use]
    pub(crate) fn of(cookie: Option<&str>, accept_language: Option<&str>) -> Self {
        cookie
            .and_then(Self::parse)
            .or_else(|| Self::liked_best(accept_language?))
            .unwrap_or_default()
    }

    /// The first of the ranges with the greatest weight that names a language there is.
    fn liked_best(accept_language: &str) -> Option<Self> {
        let mut best: Option<(Self, u16)> = None;
        for range in accept_language.split(',').take(MOST_RANGES) {
            let Some((language, weight)) = read_range(range) else { continue };
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// One range of `Accept-Language` and its weight in thousandths.
fn read_range(range: &str) -> Option<(Language, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next()?;
    let primary = tag.split('-').next()?.to_ascii_lowercase();
    let language = if primary == "*" { Language::English } else { Language::parse(&primary)? };
    let weight = match parts.next() {
        None => 1000,
        Some(parameter) => read_weight(parameter)?,
    };
    Some((language, weight))
}

/// A weight as RFC 9110 writes it: `q=` and 0 to 1 with at most three decimals.
fn read_weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim_end().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, decimals) = value.trim_start().split_once('.').unwrap_or((value.trim(), ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{decimals:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
