//! Errors of a form that is shown again.

/// The errors of a form, in the language of the page. Empty on a new form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Problems {
    whole: Option<String>,
    fields: Vec<(&'static str, String)>,
}

impl Problems {
    /// Nothing was wrong.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Something that no single field is to blame for, such as a refused sign-in.
    #[must_use]
    pub(crate) fn of_form(message: impl Into<String>) -> Self {
        Self { whole: Some(message.into()), fields: Vec::new() }
    }

    /// Something about the field of this name.
    #[must_use]
    pub(crate) fn of_field(name: &'static str, message: impl Into<String>) -> Self {
        Self::none().and(name, message)
    }

    /// And something about another field.
    #[must_use]
    pub(crate) fn and(mut self, name: &'static str, message: impl Into<String>) -> Self {
        self.fields.push((name, message.into()));
        self
    }

    /// The problem of the form as a whole.
    #[must_use]
    pub(crate) fn whole(&self) -> Option<&str> {
        self.whole.as_deref()
    }

    /// Names and messages, in the order in which they were added.
    #[must_use]
    pub(crate) fn fields(&self) -> &[(&'static str, String)] {
        &self.fields
    }

    /// The problem of the field with this name.
    #[must_use]
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, message)| message.as_str())
    }

    /// Whether the field of this name is the first one that is wrong, and gets the focus.
    #[must_use]
    pub(crate) fn is_first(&self, name: &str) -> bool {
        self.whole.is_none() && self.fields.first().is_some_and(|(field, _)| *field == name)
    }

    /// Whether the summary gets the focus instead of a field.
    #[must_use]
    pub(crate) fn are_of_no_field(&self) -> bool {
        self.whole.is_some()
    }

    /// Whether nothing was wrong.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.fields.is_empty()
    }
}
