//! The theme of pages: light, dark, or that of the device.

/// How bright the pages are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Theme {
    /// As the device says.
    #[default]
    System,
    /// Light, whatever the device says.
    Light,
    /// Dark, whatever the device says.
    Dark,
}

impl Theme {
    /// Every theme there is.
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// `system`, `light` or `dark`: the value of the `theme` cookie and of the form field.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads what [`Theme::as_str`] writes, and nothing else.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }

    /// The theme for a request: what the `theme` cookie says, as the device says for anything
    /// else.
    #[must_use]
    pub(crate) fn of(cookie: Option<&str>) -> Self {
        cookie.and_then(Self::parse).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
