//! The pages of clients.

use askama::Template as _;

use super::ID;
use crate::http::endpoints::admin::clients::view::{
    ClientPage, ClientRow, ClientsPage, KeyRow, NewClientTyped, ShownClientSecret,
};
use crate::http::endpoints::tests::samples::{NOW, Rendered, signed_in};
use crate::http::session::language::Language;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::texts::Texts;
use crate::tokens::KeyState;

fn row(n: usize) -> ClientRow {
    ClientRow {
        id: ID.to_owned(),
        name: "Orders".to_owned(),
        algorithm: "ES256",
        audiences: vec!["api.example.com".to_owned(); n],
        scopes: vec!["orders:read".to_owned(), "orders:write".to_owned()],
        redirect_uris: vec!["com.example.orders:/callback".to_owned(); n],
        allowed_groups: vec!["staff".to_owned(); n],
        is_public: false,
        is_trusted: n > 0,
        secrets: vec![NOW; 1 + n],
        created_at: NOW,
    }
}

fn secret() -> ShownClientSecret {
    ShownClientSecret {
        name: "Orders".to_owned(),
        client_id: ID.to_owned(),
        secret: "q3Zr0c8nqZ0m4w6bqv1mBq7iB8Yq5G6d2o0sWJb3x1k".to_owned(),
    }
}

fn clients(language: Language) -> ClientsPage {
    let key =
        |state, algorithm| KeyRow { short_id: "Hd0yxi1p".to_owned(), algorithm, state, since: NOW };
    ClientsPage {
        context: signed_in(language, "/admin/clients"),
        clients: vec![row(0), row(1)],
        next: Some("/admin/clients?cursor=x".to_owned()),
        keys: vec![
            key(KeyState::Retired, "ES256"),
            key(KeyState::Signing, "ES256"),
            key(KeyState::Next, "EdDSA"),
        ],
        typed: NewClientTyped::default(),
        problems: Problems::none(),
        secret: None,
        was_removed: false,
    }
}

fn client(language: Language) -> ClientPage {
    ClientPage {
        context: signed_in(language, &format!("/admin/clients/{ID}")),
        client: row(1),
        secret: None,
        problems: Problems::none(),
    }
}

/// Every page, with a name for messages, in `language`.
pub(super) fn all(language: Language) -> Vec<(&'static str, Rendered)> {
    let t = Texts::of(language);
    let made = ClientsPage { secret: Some(secret()), ..clients(language) };
    let none = ClientsPage {
        clients: Vec::new(),
        next: None,
        keys: Vec::new(),
        was_removed: true,
        problems: Problems::of_field("name", t.get("client-name_taken"))
            .and("algorithm", t.get("client-shared_secret"))
            .and("audiences", t.get("client-invalid_audience")),
        ..clients(language)
    };
    let rotated = ClientPage { secret: Some(secret()), ..client(language) };
    let unsure = ClientPage {
        client: ClientRow { scopes: Vec::new(), ..row(0) },
        problems: Problems::of_field("sure", t.get("admin-client-remove-unsure")),
        ..client(language)
    };
    vec![
        ("admin-clients", clients(language).render()),
        ("admin-clients-made", made.render()),
        ("admin-clients-none", none.render()),
        ("admin-client", client(language).render()),
        ("admin-client-rotated", rotated.render()),
        ("admin-client-unsure", unsure.render()),
    ]
}

/// Both pages with what comes from outside, everywhere.
pub(super) fn hostile(text: &str, context: PageContext) -> [Rendered; 2] {
    let hostile = || text.to_owned();
    let row = || ClientRow {
        id: hostile(),
        name: hostile(),
        audiences: vec![hostile()],
        scopes: vec![hostile()],
        redirect_uris: vec![hostile()],
        allowed_groups: vec![hostile()],
        ..row(1)
    };
    let secret = || ShownClientSecret { name: hostile(), client_id: hostile(), secret: hostile() };
    let typed = NewClientTyped {
        name: hostile(),
        audiences: hostile(),
        scopes: hostile(),
        algorithm: hostile(),
        redirect_uris: hostile(),
        allowed_groups: hostile(),
        is_public: true,
        is_trusted: true,
    };
    let clients = ClientsPage {
        context: context.clone(),
        clients: vec![row()],
        next: Some(hostile()),
        typed,
        secret: Some(secret()),
        ..clients(Language::English)
    };
    let client =
        ClientPage { context, client: row(), secret: Some(secret()), ..client(Language::English) };
    [clients.render(), client.render()]
}
