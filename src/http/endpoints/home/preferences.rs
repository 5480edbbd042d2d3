//! `/preferences`: theme and language, in cookies without security meaning.

use axum::extract::State;
use axum::http::header;
use axum::response::Response;

use crate::http::request::body::Form;
use crate::http::response::error::{FieldError, FieldErrors, Problem};
use crate::http::security::redirect::{Next, see_other};
use crate::http::session::cookie::{CookieShape, set_preference};
use crate::http::session::language::Language;
use crate::http::web::theme::Theme;

/// `POST /preferences`: keeps a theme, a language or both, and goes back.
pub(crate) async fn prefer(
    State(shape): State<CookieShape>,
    form: Form,
) -> Result<Response, Problem> {
    let mut errors = FieldErrors::default();
    let unknown = |message: &str| FieldError::unknown_value(message);
    let theme = form.find("theme").map(|text| {
        errors.check(
            "theme",
            Theme::parse(text).ok_or_else(|| unknown("write `system`, `light` or `dark`")),
        )
    });
    let language = form.find("lang").map(|text| {
        errors.check("lang", Language::parse(text).ok_or_else(|| unknown("write `en` or `ko`")))
    });
    if !errors.is_empty() {
        return Err(errors.into_problem());
    }
    let back = Next::for_preferences(form.get("next"));
    let mut response = see_other(back.as_ref().map_or("/", Next::as_str));
    let theme = theme.flatten().and_then(|theme| set_preference(&shape, "theme", theme.as_str()));
    let language =
        language.flatten().and_then(|language| set_preference(&shape, "lang", language.tag()));
    for cookie in theme.into_iter().chain(language) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
