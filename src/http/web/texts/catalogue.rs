//! Looking up a text by its key.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use crate::http::session::language::Language;

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> =
    LazyLock::new(|| bundle(Language::English, include_str!("en.ftl")));
static KOREAN: LazyLock<Bundle> =
    LazyLock::new(|| bundle(Language::Korean, include_str!("ko.ftl")));

/// The texts of one language. Cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Texts(Language);

impl Texts {
    /// The texts of `language`.
    #[must_use]
    pub(crate) fn of(language: Language) -> Self {
        Self(language)
    }

    /// The text of `key`, which takes no argument.
    #[must_use]
    pub(crate) fn get(self, key: &str) -> String {
        self.format(key, None)
    }

    /// The text of `key`, which takes one argument: a number where the text counts.
    #[must_use]
    pub(crate) fn with<'a>(
        self,
        key: &str,
        name: &str,
        value: impl Into<FluentValue<'a>>,
    ) -> String {
        self.with_all(key, [(name, value.into())])
    }

    /// The text of `key`, which takes several arguments.
    #[must_use]
    pub(crate) fn with_all<const N: usize>(
        self,
        key: &str,
        arguments: [(&str, FluentValue<'_>); N],
    ) -> String {
        let mut values = FluentArgs::with_capacity(N);
        for (name, value) in arguments {
            values.set(name.to_owned(), value);
        }
        self.format(key, Some(&values))
    }

    /// Why a session ended, by the word of the contract; nothing for a word that is none.
    #[must_use]
    pub(crate) fn ended(self, reason: &str) -> Option<String> {
        self.find(&format!("ended-{reason}"), None)
    }

    /// An event of an account, by the kind of the contract, with its outcome and reason.
    #[must_use]
    pub(crate) fn happened(self, kind: &str, outcome: &str, why: &str) -> String {
        let mut values = FluentArgs::with_capacity(2);
        values.set("outcome", outcome);
        values.set("why", why);
        self.find(&format!("activity-{kind}"), Some(&values)).unwrap_or_else(|| kind.to_owned())
    }

    /// A part of a message, by the kind of the contract; nothing for a part that it does not have.
    #[must_use]
    pub(crate) fn letter(self, kind: &str, part: &str) -> Option<String> {
        self.find(&format!("mail-{kind}-{part}"), None)
    }

    /// The name of a field of a session; nothing for a name without a text.
    #[must_use]
    pub(crate) fn field(self, name: &str) -> String {
        self.find(&format!("field-{name}"), None).unwrap_or_default()
    }

    /// The advice for a password that was refused. `code` is the word of the contract,
    /// `minimum` the fewest characters allowed.
    #[must_use]
    pub(crate) fn weak_password(self, code: &str, minimum: u32) -> String {
        self.with(&format!("weak-password-{code}"), "minimum", minimum)
    }

    /// The title of an error, by the code of the contract; a general one for any other.
    #[must_use]
    pub(crate) fn error_title(self, code: &str) -> String {
        self.find(&format!("error-title-{code}"), None)
            .unwrap_or_else(|| self.get("error-title-internal"))
    }

    /// The remedy of an error, in a sentence or two, by the code of the contract.
    #[must_use]
    pub(crate) fn error_detail(self, code: &str) -> String {
        self.find(&format!("error-detail-{code}"), None)
            .unwrap_or_else(|| self.get("error-detail-internal"))
    }

    pub(super) fn format(self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        self.find(key, arguments).unwrap_or_else(|| key.to_owned())
    }

    fn find(self, key: &str, arguments: Option<&FluentArgs<'_>>) -> Option<String> {
        find_in(bundle_of(self.0), key, arguments).or_else(|| find_in(&ENGLISH, key, arguments))
    }
}

fn bundle_of(language: Language) -> &'static Bundle {
    match language {
        Language::English => &ENGLISH,
        Language::Korean => &KOREAN,
    }
}

fn find_in(bundle: &Bundle, key: &str, arguments: Option<&FluentArgs<'_>>) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    // A missing argument shows its name in the text; the tests of the texts look for that.
    let text = bundle.format_pattern(pattern, arguments, &mut Vec::new());
    Some(text.into_owned())
}

/// Unreadable parts of `source` are left out and fall back; the tests let none be left out.
fn bundle(language: Language, source: &str) -> Bundle {
    let tag = language.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // Of what a person typed, only a name goes into a text, and that is checked for marks that change
    // the direction.
    bundle.set_use_isolating(false);
    let resource =
        FluentResource::try_new(source.to_owned()).unwrap_or_else(|(readable, _)| readable);
    bundle.add_resource_overriding(resource);
    bundle
}
