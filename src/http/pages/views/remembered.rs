//! `GET /account/remembered`.

use askama::Template;
use time::OffsetDateTime;

use super::Frame;

/// What the browser and the server remember of one's own session.
#[derive(Template)]
#[template(config = "src/http/pages/askama.toml", path = "remembered.html")]
pub(crate) struct RememberedPage {
    /// Around it.
    pub(crate) frame: Frame,
    /// The present, by which deadlines are told.
    pub(crate) now: OffsetDateTime,
    /// The name of the cookie.
    pub(crate) cookie_name: &'static str,
    /// What the store keeps of the session, in its order.
    pub(crate) fields: Vec<Field>,
}

/// One thing that the server keeps of a session.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name in the API, or in the store where the API does not show it.
    pub(crate) name: &'static str,
    /// What it is now.
    pub(crate) value: FieldValue,
}

/// What is kept.
#[derive(Clone, Debug)]
pub(crate) enum FieldValue {
    /// An instant of the past.
    Time(OffsetDateTime),
    /// An instant at which the session ends.
    Deadline(OffsetDateTime),
    /// Anything else.
    Text(String),
    /// Not there.
    Nothing,
}

impl RememberedPage {
    fn meaning(&self, field: &Field) -> String {
        self.frame.texts().field(field.name)
    }

    /// How much is left, in whole minutes; a script counts the seconds.
    fn left(&self, at: &OffsetDateTime) -> String {
        self.frame.texts().duration(*at - self.now)
    }
}
