//! `/api/admin/clients`: clients of access tokens, for administrators.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::request::body::{JsonObject, present};
use crate::http::request::query::Query;
use crate::http::response::error::{FieldError, FieldErrors, Problem};
use crate::http::response::json::{Id, ProblemBody, Timestamp};
use crate::http::session::extract::{FreshAdministrator, PathId, RequireAdmin};
use crate::tokens::{Algorithm, Audience, ClientId, NewClient, OAuthClient, RedirectUri, Scope};
use crate::use_cases::{Clients, RegisteredClient};

/// A client: an application or a back end that access tokens are for.
#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
pub(crate) struct ClientBody {
    #[schema(value_type = String, format = "uuid")]
    client_id: Id,
    name: String,
    /// Signs its access tokens. With `HS256` its secret does.
    #[schema(pattern = "^(ES256|EdDSA|HS256)$")]
    algorithm: &'static str,
    /// The audiences of its access tokens. None: the public URL.
    audiences: Vec<String>,
    /// The scopes that its access tokens may have.
    scopes: Vec<String>,
    /// Where the browsers of people who sign in may be sent.
    redirect_uris: Vec<String>,
    /// Whether it has no secret.
    public: bool,
    /// Whether people are not asked before they sign in to it.
    trusted: bool,
    /// The groups that may sign in to it. None: everybody.
    allowed_groups: Vec<String>,
    /// How many secrets it has: 1, 2 where an earlier one is valid, too, and 0 for a public client.
    secrets: usize,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<&OAuthClient> for ClientBody {
    fn from(client: &OAuthClient) -> Self {
        Self {
            client_id: Id::of(client.id.as_uuid()),
            name: client.name.to_string(),
            algorithm: client.algorithm.as_str(),
            audiences: texts(&client.audiences, Audience::as_str),
            scopes: texts(&client.scopes, Scope::as_str),
            redirect_uris: texts(&client.redirect_uris, RedirectUri::as_str),
            public: client.is_public,
            trusted: client.is_trusted,
            allowed_groups: client.allowed_groups.iter().map(str::to_owned).collect(),
            secrets: client.secrets.len(),
            created_at: Timestamp::of(client.created_at),
        }
    }
}

pub(super) fn texts<T>(values: &[T], text: impl Fn(&T) -> &str) -> Vec<String> {
    values.iter().map(|value| text(value).to_owned()).collect()
}

/// A page of clients.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClientsBody {
    clients: Vec<ClientBody>,
    /// The `cursor` of the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// One client.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneClientBody {
    client: ClientBody,
}

/// A client with a secret that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClientSecretBody {
    client: ClientBody,
    /// For the client and nobody else. It is sent once, and never for a public client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_secret: Option<String>,
}

impl From<&RegisteredClient> for ClientSecretBody {
    fn from(RegisteredClient { client, secret }: &RegisteredClient) -> Self {
        Self {
            client: client.into(),
            client_secret: secret.as_ref().map(|one| one.reveal().to_owned()),
        }
    }
}

/// A client to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClientBody {
    /// 1 to 64 characters. No other client has the same name.
    name: String,
    /// At most 50 URLs or names of back ends. Without any, its access tokens are for the public URL.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    audiences: Option<Vec<String>>,
    /// At most 50. Without any, its access tokens have no scope.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    scopes: Option<Vec<String>>,
    /// `ES256`, which is the default, `EdDSA`, or `HS256`, which signs with the secret. `HS256` needs
    /// audiences that no other client has.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, pattern = "^(ES256|EdDSA|HS256)$")]
    algorithm: Option<String>,
    /// At most 50 absolute https URIs, exactly as browsers send them; http for loopback addresses only.
    /// Without any, nobody can sign in to the client.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    redirect_uris: Option<Vec<String>>,
    /// Whether the client can keep no secret: an app on a device. `false` by default.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    public: Option<bool>,
    /// Whether people are not asked before they sign in to it, and its tokens count in place of their
    /// cookie. `false` by default.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    trusted: Option<bool>,
    /// The groups that may sign in to it. Without any: everybody.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    allowed_groups: Option<Vec<String>>,
}

/// Another secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSecretBody {
    /// Whether every earlier secret is refused at once. Otherwise the latest one stays valid until
    /// another is made. `false` by default.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    drop_old: Option<bool>,
}

/// `GET /api/admin/clients`: the clients, in the order of their registration, without secrets.
#[utoipa::path(get, path = "/api/admin/clients", tag = "admin",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of clients", body = ClientsBody),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
    )
)]
pub(crate) async fn list(
    State(clients): State<Clients>,
    _: RequireAdmin,
    query: Query,
) -> Result<Json<ClientsBody>, Problem> {
    let (page, next) = page_of(&clients.list().await?, &query, query.limit()?)?;
    let next_cursor = next.map(|id| id.to_string());
    Ok(Json(ClientsBody { clients: page.iter().map(ClientBody::from).collect(), next_cursor }))
}

/// The clients after the cursor, and where the next page begins.
pub(super) fn page_of(
    clients: &[OAuthClient],
    query: &Query,
    limit: u32,
) -> Result<(Vec<OAuthClient>, Option<ClientId>), Problem> {
    let after = query.cursor(ClientId::parse)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let begin = clients.partition_point(|client| after.is_some_and(|after| client.id <= after));
    let rest = &clients[begin..];
    let page = &rest[..limit.min(rest.len())];
    let next = page.last().filter(|_| page.len() < rest.len()).map(|last| last.id);
    Ok((page.to_vec(), next))
}

/// `POST /api/admin/clients`: registers a client. Its secret is in the answer, and told once.
#[utoipa::path(post, path = "/api/admin/clients", tag = "admin", request_body = NewClientBody,
    responses(
        (status = 201, description = "The client and its secret", body = ClientSecretBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
        (status = 422, description = "`invalid_input`", body = ProblemBody),
    )
)]
pub(crate) async fn create(
    State(clients): State<Clients>,
    FreshAdministrator(authorized): FreshAdministrator,
    JsonObject(body): JsonObject<NewClientBody>,
) -> Result<(StatusCode, Json<ClientSecretBody>), Problem> {
    let new = NewClient {
        name: body.name,
        audiences: body.audiences.unwrap_or_default(),
        scopes: body.scopes.unwrap_or_default(),
        algorithm: algorithm_of(body.algorithm.as_deref())?,
        redirect_uris: body.redirect_uris.unwrap_or_default(),
        is_public: body.public.unwrap_or(false),
        is_trusted: body.trusted.unwrap_or(false),
        allowed_groups: body.allowed_groups.unwrap_or_default(),
    };
    let added = clients.add(new.clone(), &authorized).await;
    let added = added.map_err(|error| Problem::client_refused(error, &new))?;
    Ok((StatusCode::CREATED, Json((&added).into())))
}

/// The algorithm of a form or a JSON body.
pub(super) fn algorithm_of(name: Option<&str>) -> Result<Algorithm, Problem> {
    let mut errors = FieldErrors::default();
    let parsed = name.map_or(Some(Algorithm::default()), Algorithm::parse);
    let unknown = || FieldError::unknown_value("Write `ES256`, `EdDSA` or `HS256`.");
    let algorithm = errors.check("algorithm", parsed.ok_or_else(unknown));
    algorithm.ok_or_else(|| errors.into_problem())
}

/// `GET /api/admin/clients/{id}`: one client, without its secrets.
#[utoipa::path(get, path = "/api/admin/clients/{id}", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the client")),
    responses(
        (status = 200, description = "The client", body = OneClientBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`client_not_found`, or `not_found`: not an administrator",
            body = ProblemBody),
    )
)]
pub(crate) async fn show(
    State(clients): State<Clients>,
    _: RequireAdmin,
    PathId(id): PathId,
) -> Result<Json<OneClientBody>, Problem> {
    let client = find(&clients, &id).await?;
    Ok(Json(OneClientBody { client: (&client).into() }))
}

/// The client of this id. A name is none: commands alone take it instead.
pub(super) async fn find(clients: &Clients, id: &str) -> Result<OAuthClient, Problem> {
    let id = ClientId::parse(id).ok_or_else(Problem::client_not_found)?;
    let client = clients.find(&id.to_string()).await?;
    Some(client).filter(|client| client.id == id).ok_or_else(Problem::client_not_found)
}

/// `DELETE /api/admin/clients/{id}`: removes a client. Its secrets and all tokens for it are refused
/// from then on.
#[utoipa::path(delete, path = "/api/admin/clients/{id}", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the client")),
    responses(
        (status = 204, description = "Removed"),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`", body = ProblemBody),
        (status = 404, description = "`client_not_found`, or `not_found`: not an administrator",
            body = ProblemBody),
    )
)]
pub(crate) async fn remove(
    State(clients): State<Clients>,
    FreshAdministrator(authorized): FreshAdministrator,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let client = find(&clients, &id).await?;
    clients.remove(client, &authorized).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/admin/clients/{id}/secret`: gives a client another secret, which is told once. A client
/// has two at most: the new one and the latest before it.
#[utoipa::path(post, path = "/api/admin/clients/{id}/secret", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the client")),
    request_body = NewSecretBody,
    responses(
        (status = 200, description = "The client and its new secret", body = ClientSecretBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`", body = ProblemBody),
        (status = 404, description = "`client_not_found`, or `not_found`: not an administrator",
            body = ProblemBody),
    )
)]
pub(crate) async fn rotate_secret(
    State(clients): State<Clients>,
    FreshAdministrator(authorized): FreshAdministrator,
    PathId(id): PathId,
    JsonObject(body): JsonObject<NewSecretBody>,
) -> Result<Json<ClientSecretBody>, Problem> {
    let client = find(&clients, &id).await?;
    let drop_old = body.drop_old.unwrap_or(false);
    let rotated = clients.rotate_secret(client, drop_old, &authorized).await?;
    Ok(Json((&rotated).into()))
}
