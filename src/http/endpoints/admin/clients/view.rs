//! Views of the list of clients and of one client.

use askama::Template;
use time::OffsetDateTime;

use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::tokens::{Algorithm, KeyState};

/// The clients, a form for a new one, and the keys. Fields: `name`, `audiences`, `scopes`,
/// `algorithm`, `redirect_uris`, `allowed_groups`, `public`, `trusted`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/clients/clients.html")]
pub(crate) struct ClientsPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// A page of clients, in the order of their registration.
    pub(crate) clients: Vec<ClientRow>,
    /// Where the next page is; `None` on the last.
    pub(crate) next: Option<String>,
    /// The keys that sign tokens, in the order of their algorithms.
    pub(crate) keys: Vec<KeyRow>,
    /// The input for a new client that was not registered.
    pub(crate) typed: NewClientTyped,
    /// The problem of that input.
    pub(crate) problems: Problems,
    /// The secret that was just made, shown once.
    pub(crate) secret: Option<ShownClientSecret>,
    /// Whether a client was just removed.
    pub(crate) was_removed: bool,
}

/// A client.
#[derive(Clone, Debug)]
pub(crate) struct ClientRow {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Signs its access tokens.
    pub(crate) algorithm: &'static str,
    /// The audiences of its access tokens; none: the public URL.
    pub(crate) audiences: Vec<String>,
    /// The scopes that its access tokens may have.
    pub(crate) scopes: Vec<String>,
    /// Where the browsers of people who sign in may be sent.
    pub(crate) redirect_uris: Vec<String>,
    /// The groups that may sign in to it; none: everybody.
    pub(crate) allowed_groups: Vec<String>,
    /// Whether it has no secret.
    pub(crate) is_public: bool,
    /// Whether people are not asked before they sign in to it.
    pub(crate) is_trusted: bool,
    /// When each of its secrets was made, the newest first.
    pub(crate) secrets: Vec<OffsetDateTime>,
    /// When it was registered.
    pub(crate) created_at: OffsetDateTime,
}

/// A key that signs tokens.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    /// The beginning of its id, by which a person recognises it.
    pub(crate) short_id: String,
    /// The algorithm that it is for.
    pub(crate) algorithm: &'static str,
    /// Its state.
    pub(crate) state: KeyState,
    /// Since when.
    pub(crate) since: OffsetDateTime,
}

/// The typed values of a new client.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewClientTyped {
    /// The name.
    pub(crate) name: String,
    /// The audiences, with blanks between them.
    pub(crate) audiences: String,
    /// The scopes, with blanks between them.
    pub(crate) scopes: String,
    /// The name of the algorithm.
    pub(crate) algorithm: String,
    /// The redirect URIs, with blanks between them.
    pub(crate) redirect_uris: String,
    /// The groups, with blanks between them.
    pub(crate) allowed_groups: String,
    /// Whether the box for a public client is ticked.
    pub(crate) is_public: bool,
    /// Whether the box for a trusted client is ticked.
    pub(crate) is_trusted: bool,
}

/// A secret that was just made. It is not `Debug`, so that no log has it.
#[derive(Clone)]
pub(crate) struct ShownClientSecret {
    /// The name of the client.
    pub(crate) name: String,
    /// The id of the client.
    pub(crate) client_id: String,
    /// The secret.
    pub(crate) secret: String,
}

/// One client: what it is, and what can be done to it. Fields: `drop_old`; `sure`.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/clients/client.html")]
pub(crate) struct ClientPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// The client.
    pub(crate) client: ClientRow,
    /// The secret that was just made, shown once.
    pub(crate) secret: Option<ShownClientSecret>,
    /// Why something could not be done.
    pub(crate) problems: Problems,
}

impl ClientsPage {
    fn algorithms(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let names = Algorithm::ALL.into_iter().map(Algorithm::as_str);
        names.map(|name| (name, name == self.typed.algorithm))
    }

    fn state_of(&self, key: &KeyRow) -> String {
        match key.state {
            KeyState::Next => self.context.text("admin-key-next"),
            KeyState::Signing => self.context.text("admin-key-signing"),
            KeyState::Retired => self.context.text("admin-key-retired"),
        }
    }
}
