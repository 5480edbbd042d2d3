//! The pages on the way to a client, and the list of clients that a user allows.

use askama::Template as _;

use crate::http::endpoints::applications::view::{AllowedApplication, ApplicationsOfUserPage};
use crate::http::endpoints::authorize::view::{ConsentPage, FormPostPage, RefusedPage, WrongPart};
use crate::http::endpoints::tests::samples::{NOW, Rendered, context, signed_in};
use crate::http::session::language::Language;
use crate::http::web::page_context::PageContext;

fn consent(language: Language) -> ConsentPage {
    ConsentPage {
        context: signed_in(language, "/oauth/authorize?client_id=x"),
        client: "Notes".to_owned(),
        destination: "com.example.notes:/callback".to_owned(),
        email: "ada@example.com".to_owned(),
        user: "0197a1b2-0000-7000-8000-000000000001".to_owned(),
        scopes: ["openid", "profile", "email", "groups", "orders:read"].map(str::to_owned).into(),
        fields: vec![("client_id".to_owned(), "x".to_owned())],
    }
}

fn form_post(language: Language) -> FormPostPage {
    FormPostPage {
        context: signed_in(language, "/account"),
        // It leads elsewhere; every other form of a page does not.
        action: "/callback".to_owned(),
        fields: vec![("code".to_owned(), "x".to_owned())],
    }
}

fn applications(language: Language) -> ApplicationsOfUserPage {
    let one = |id: &str| AllowedApplication {
        id: id.to_owned(),
        name: "Notes".to_owned(),
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        given_at: NOW,
    };
    ApplicationsOfUserPage {
        context: signed_in(language, "/account/applications"),
        applications: vec![one("a"), one("b")],
        was_withdrawn: true,
    }
}

/// Every page, with a name for messages, in `language`.
pub(super) fn all(language: Language) -> Vec<(&'static str, Rendered)> {
    let refused = |wrong| RefusedPage { context: context(language, "/"), wrong }.render();
    let none = ApplicationsOfUserPage {
        applications: Vec::new(),
        was_withdrawn: false,
        ..applications(language)
    };
    vec![
        ("consent", consent(language).render()),
        ("form-post", form_post(language).render()),
        ("unknown-client", refused(WrongPart::Client)),
        ("unknown-redirect", refused(WrongPart::RedirectUri)),
        ("own-applications", applications(language).render()),
        ("own-applications-none", none.render()),
    ]
}

/// The pages with what comes from outside, everywhere.
pub(super) fn hostile(text: &str, context: PageContext) -> [Rendered; 3] {
    let hostile = || text.to_owned();
    let consent = ConsentPage {
        context: context.clone(),
        client: hostile(),
        destination: hostile(),
        email: hostile(),
        user: hostile(),
        scopes: vec![hostile()],
        fields: vec![(hostile(), hostile())],
    };
    let form_post = FormPostPage {
        context: context.clone(),
        fields: vec![(hostile(), hostile())],
        ..form_post(Language::English)
    };
    let one = AllowedApplication {
        id: hostile(),
        name: hostile(),
        scopes: vec![hostile()],
        given_at: NOW,
    };
    let applications =
        ApplicationsOfUserPage { context, applications: vec![one], was_withdrawn: false };
    [consent.render(), form_post.render(), applications.render()]
}
