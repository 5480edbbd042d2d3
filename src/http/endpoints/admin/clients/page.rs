//! `/admin/clients`: the clients, the registration of one, and the signing keys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::api::{algorithm_of, page_of, texts};
use super::view::{ClientPage, ClientRow, ClientsPage, KeyRow, NewClientTyped, ShownClientSecret};
use crate::http::endpoints::admin::{failed, path_with};
use crate::http::request::body::Form;
use crate::http::request::query::Query;
use crate::http::response::error::Problem;
use crate::http::session::extract::{AdministratorOrLogin, FreshAdministratorOrProof};
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::tokens::{Audience, NewClient, OAuthClient, RedirectUri, Scope, SigningKey};
use crate::use_cases::{Clients, RegisteredClient};

const PATH: &str = "/admin/clients";

/// `GET /admin/clients`: a page of clients, and the signing keys.
pub(in crate::http) async fn list(
    State(clients): State<Clients>,
    _: AdministratorOrLogin,
    context: PageContext,
    query: Query,
) -> Result<Response, Problem> {
    let was_removed = query.find("done") == Some("removed");
    let page = page(&clients, context, &query).await?;
    Ok(render(StatusCode::OK, &ClientsPage { was_removed, ..page }))
}

async fn page(
    clients: &Clients,
    context: PageContext,
    query: &Query,
) -> Result<ClientsPage, Problem> {
    let limit = query.limit_of_page()?;
    let (shown, next) = page_of(&clients.list().await?, query, limit)?;
    let next = next
        .map(|id| path_with(PATH, &[("limit", &limit.to_string()), ("cursor", &id.to_string())]));
    Ok(ClientsPage {
        context,
        clients: shown.iter().map(client_row).collect(),
        next,
        keys: clients.with_keys(|keys| keys.iter().map(key_row).collect()).await?,
        typed: NewClientTyped::default(),
        problems: Problems::none(),
        secret: None,
        was_removed: false,
    })
}

pub(super) fn client_row(client: &OAuthClient) -> ClientRow {
    ClientRow {
        id: client.id.to_string(),
        name: client.name.to_string(),
        algorithm: client.algorithm.as_str(),
        audiences: texts(&client.audiences, Audience::as_str),
        scopes: texts(&client.scopes, Scope::as_str),
        redirect_uris: texts(&client.redirect_uris, RedirectUri::as_str),
        allowed_groups: client.allowed_groups.iter().map(str::to_owned).collect(),
        is_public: client.is_public,
        is_trusted: client.is_trusted,
        secrets: client.secrets.iter().map(|secret| secret.created_at).collect(),
        created_at: client.created_at,
    }
}

fn key_row(key: &SigningKey) -> KeyRow {
    KeyRow {
        short_id: key.id.to_string().chars().take(8).collect(),
        algorithm: key.algorithm.as_str(),
        state: key.state(),
        since: key.retired_at.or(key.signs_from).unwrap_or(key.announced_at),
    }
}

pub(super) fn shown_secret(
    RegisteredClient { client, secret }: &RegisteredClient,
) -> Option<ShownClientSecret> {
    let secret = secret.as_ref()?;
    Some(ShownClientSecret {
        name: client.name.to_string(),
        client_id: client.id.to_string(),
        secret: secret.reveal().to_owned(),
    })
}

/// `POST /admin/clients`: registers a client. The secret is in the answer itself and nowhere else:
/// not in an address, which browsers and proxies keep.
pub(in crate::http) async fn create(
    State(clients): State<Clients>,
    FreshAdministratorOrProof(_, authorized): FreshAdministratorOrProof,
    context: PageContext,
    form: Form,
) -> Result<Response, Problem> {
    let context = PageContext { path: PATH.to_owned(), ..context };
    let first = Query::none();
    let algorithm = form.find("algorithm").filter(|name| !name.is_empty());
    let added = match new_client(&form, algorithm) {
        Ok(new) => {
            let added = clients.add(new.clone(), &authorized).await;
            added.map_err(|error| Problem::client_refused(error, &new))
        }
        Err(problem) => Err(problem),
    };
    match added {
        Ok(added) => {
            let secret = shown_secret(&added);
            // No store is asked once the secret is made: the page of it would be lost if that failed.
            let page = one_client(context, &added.client);
            Ok(render(StatusCode::CREATED, &ClientPage { secret, ..page }))
        }
        Err(problem) => {
            let (rejected, problems) = failed(problem, &context)?;
            let page = page(&clients, context, &first).await?;
            Ok(rejected.render(&ClientsPage { typed: typed(&form), problems, ..page }))
        }
    }
}

fn new_client(form: &Form, algorithm: Option<&str>) -> Result<NewClient, Problem> {
    Ok(NewClient {
        name: form.get("name").to_owned(),
        audiences: words_in(form.get("audiences")),
        scopes: words_in(form.get("scopes")),
        algorithm: algorithm_of(algorithm)?,
        redirect_uris: words_in(form.get("redirect_uris")),
        is_public: form.ticked("public"),
        is_trusted: form.ticked("trusted"),
        allowed_groups: words_in(form.get("allowed_groups")),
    })
}

/// The page of a client.
pub(super) fn one_client(context: PageContext, client: &OAuthClient) -> ClientPage {
    let path = format!("/admin/clients/{}", client.id);
    ClientPage {
        context: PageContext { path, ..context },
        client: client_row(client),
        secret: None,
        problems: Problems::none(),
    }
}

/// Audiences or scopes as they are typed, with blanks between them.
fn words_in(typed: &str) -> Vec<String> {
    typed.split_whitespace().map(str::to_owned).collect()
}

fn typed(form: &Form) -> NewClientTyped {
    let typed = |name| form.get(name).to_owned();
    NewClientTyped {
        name: typed("name"),
        audiences: typed("audiences"),
        scopes: typed("scopes"),
        algorithm: typed("algorithm"),
        redirect_uris: typed("redirect_uris"),
        allowed_groups: typed("allowed_groups"),
        is_public: form.ticked("public"),
        is_trusted: form.ticked("trusted"),
    }
}
