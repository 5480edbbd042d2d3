//! Page context: language, theme, signed-in user and links of a page.

use fluent_bundle::FluentValue;
use time::OffsetDateTime;

use crate::http::routes::APPLICATION_AREA;
use crate::http::session::language::Language;
use crate::http::web::assets;
use crate::http::web::texts::{Texts, machine_time};
use crate::http::web::theme::Theme;

/// Around every page: language, theme, who is signed in.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageContext {
    /// The language.
    pub(crate) language: Language,
    /// The theme.
    pub(crate) theme: Theme,
    /// Who is signed in; `None` for a visitor, and where it could not be found out.
    pub(crate) signed_in: Option<SignedInUser>,
    /// Path and query to which a change of theme or language comes back, for example
    /// `/account/sessions`. Must be one that GET answers.
    pub(crate) path: String,
    /// The name of the form on the page that is to count once however often it is sent; empty
    /// where there is none.
    pub(crate) form: String,
    /// Whether the page is at the host of an application, where our other pages are not.
    pub(crate) is_at_application: bool,
}

/// Who is signed in, as the head of a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedInUser {
    /// The name, or the email address where there is none.
    pub(crate) name_or_email: String,
    /// The public session id, by which the script recognises the end of this session.
    pub(crate) session: String,
    /// Whether to show the way to the administration.
    pub(crate) is_admin: bool,
}

#[expect(clippy::unused_self, reason = "templates call methods of what they are given")]
impl PageContext {
    /// The texts of this page's language.
    #[must_use]
    pub(crate) fn texts(&self) -> Texts {
        Texts::of(self.language)
    }

    /// The text of `key`.
    #[must_use]
    pub(crate) fn text(&self, key: &str) -> String {
        self.texts().get(key)
    }

    /// The text of `key`, which takes one argument.
    #[must_use]
    pub(crate) fn text_with<'a>(
        &self,
        key: &str,
        name: &str,
        value: impl Into<FluentValue<'a>>,
    ) -> String {
        self.texts().with(key, name, value)
    }

    /// The URL of the style sheet.
    #[must_use]
    pub(crate) fn style(&self) -> String {
        self.asset(assets::path_of_style())
    }

    fn asset(&self, path: &str) -> String {
        format!("{}{path}", if self.is_at_application { APPLICATION_AREA } else { "" })
    }

    /// The URL of the script.
    #[must_use]
    pub(crate) fn script(&self) -> &'static str {
        assets::path_of_script()
    }

    /// The URL of the script for passkeys.
    #[must_use]
    pub(crate) fn passkey_script(&self) -> &'static str {
        assets::path_of_passkeys()
    }

    /// The URL of the icon.
    #[must_use]
    pub(crate) fn icon(&self) -> String {
        self.asset(assets::path_of_favicon())
    }

    /// The theme that a person chose, unless it is left to the device.
    #[must_use]
    pub(crate) fn chosen_theme(&self) -> Option<&'static str> {
        (self.theme != Theme::System).then(|| self.theme.as_str())
    }

    /// Which parts of the colour scheme the browser may use for its own widgets.
    #[must_use]
    pub(crate) fn color_scheme(&self) -> &'static str {
        self.chosen_theme().unwrap_or("light dark")
    }

    /// Whether `path` is this page, its query aside.
    #[must_use]
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.path.split('?').next() == Some(path)
    }

    /// Whether `path` is this page or one above it.
    #[must_use]
    pub(crate) fn is_under(&self, path: &str) -> bool {
        let rest = self.path.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }

    /// Browser and system in the words of this language.
    #[must_use]
    pub(crate) fn device(&self, name: &str) -> String {
        match name.split_once(" on ") {
            Some((browser, system)) => self.texts().with_all(
                "sessions-device",
                [("browser", browser.into()), ("system", system.into())],
            ),
            None if matches!(name, "" | "Unknown device") => self.text("sessions-device-unknown"),
            None => name.to_owned(),
        }
    }

    /// A time in words.
    #[must_use]
    pub(crate) fn exact(&self, at: &OffsetDateTime) -> String {
        self.texts().exact_time(*at)
    }

    /// How long ago a time was, in words.
    #[must_use]
    pub(crate) fn ago(&self, at: &OffsetDateTime, now: &OffsetDateTime) -> String {
        self.texts().ago(*at, *now)
    }

    /// A day in words.
    #[must_use]
    pub(crate) fn day(&self, at: &OffsetDateTime) -> String {
        self.texts().day(*at)
    }

    /// A time for machines.
    #[must_use]
    pub(crate) fn machine(&self, at: &OffsetDateTime) -> String {
        machine_time(*at)
    }
}
