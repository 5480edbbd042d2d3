//! `/api/admin/users`: accounts, for administrators.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::{Accounts, Email, Groups, GroupsChange, Listing, Name, Role, Status, UserId};
use crate::http::endpoints::admin::account_of;
use crate::http::endpoints::factors::access::authorized_over;
use crate::http::request::body::{JsonObject, present};
use crate::http::request::query::Query;
use crate::http::response::error::{FieldError, FieldErrors, Problem};
use crate::http::response::json::{OneUserBody, ProblemBody, UsersBody};
use crate::http::session::extract::{PathId, RequireAdmin};
use crate::sessions::Sessions;
use crate::use_cases::{AccountChange, AccountChanges, OwnFactors};

/// A change of an account by an administrator.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountBody {
    /// `active` or `disabled`.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, pattern = "^(active|disabled)$")]
    pub(crate) status: Option<String>,
    /// `user` or `admin`.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, pattern = "^(user|admin)$")]
    pub(crate) role: Option<String>,
    /// All groups of the account, in any order: they replace those that it has. At most 64, each of
    /// 1 to 64 of the characters `a` to `z`, `0` to `9`, `_` and `-`. `user` and `admin` are no groups.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, example = json!(["dev", "on-call"]))]
    pub(crate) groups: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub(crate) name: Option<String>,
    /// Counts as verified.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub(crate) email: Option<String>,
}

/// `GET /api/admin/users`: accounts, in the order in which they were created.
#[utoipa::path(get, path = "/api/admin/users", tag = "admin",
    params(
        ("query" = Option<String>, Query,
            description = "A whole address, which is found at once, or a part of an address or a \
                           name: then each page looks at 100,000 accounts at most"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of accounts", body = UsersBody),
        (status = 400, description = "`invalid_input`", body = ProblemBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: not an administrator", body = ProblemBody),
    )
)]
pub(crate) async fn list(
    (State(accounts), State(sessions)): (State<Accounts>, State<Sessions>),
    _: RequireAdmin,
    query: Query,
) -> Result<Json<UsersBody>, Problem> {
    let listing = listing(&query)?;
    let page = accounts.list(&listing).await?;
    sessions.wait_for_epochs(&page.accounts).await?;
    let next_cursor = page.next.map(|id| id.to_string());
    let users = page.accounts.iter().map(|account| (&account.user).into()).collect();
    Ok(Json(UsersBody { users, next_cursor }))
}

pub(crate) fn listing(query: &Query) -> Result<Listing, Problem> {
    Ok(Listing {
        query: query.filter("query", "a text", |text| Some(text.to_owned()))?,
        after: query.cursor(UserId::parse)?,
        limit: query.limit()?,
    })
}

/// `GET /api/admin/users/{id}`: one account.
#[utoipa::path(get, path = "/api/admin/users/{id}", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the account")),
    responses(
        (status = 200, description = "The account", body = OneUserBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
    )
)]
pub(crate) async fn show(
    (State(accounts), State(sessions)): (State<Accounts>, State<Sessions>),
    _: RequireAdmin,
    PathId(id): PathId,
) -> Result<Json<OneUserBody>, Problem> {
    let account = account_of(&accounts, &id).await?;
    sessions.wait_for_epochs(std::slice::from_ref(&account)).await?;
    Ok(Json(OneUserBody { user: (&account.user).into() }))
}

/// `PATCH /api/admin/users/{id}`: a new status, role, name or address, or other groups. A new role
/// and disabling end every session of the account; the rest ends none.
#[utoipa::path(patch, path = "/api/admin/users/{id}", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the account")),
    request_body = AccountBody,
    responses(
        (status = 200, description = "The account after the change", body = OneUserBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
        (status = 409, description = "`last_administrator` or `email_taken`", body = ProblemBody),
        (status = 422, description = "`invalid_input`", body = ProblemBody),
    )
)]
pub(crate) async fn change(
    State(changes): State<AccountChanges>,
    RequireAdmin(administrator): RequireAdmin,
    PathId(id): PathId,
    JsonObject(body): JsonObject<AccountBody>,
) -> Result<Json<OneUserBody>, Problem> {
    let id = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let authorized = administrator.authorized().ok_or_else(Problem::reauthentication_required)?;
    let outcome = changes.apply(id, account_change(&body)?, &authorized).await?;
    let user = outcome.account.ok_or_else(Problem::not_found)?.user;
    Ok(Json(OneUserBody { user: (&user).into() }))
}

pub(crate) fn account_change(body: &AccountBody) -> Result<AccountChange, Problem> {
    let mut errors = FieldErrors::default();
    let status = body.status.as_deref().map(|text| {
        errors.check("status", Status::parse(text).ok_or_else(|| one_of("active", "disabled")))
    });
    let role = body
        .role
        .as_deref()
        .map(|text| errors.check("role", Role::parse(text).ok_or_else(|| one_of("user", "admin"))));
    let groups = body
        .groups
        .as_deref()
        .map(|names| errors.check("groups", Groups::parse(names.iter().map(String::as_str))));
    let name = body.name.as_deref().map(|text| errors.check("name", Name::parse(text)));
    let email = body.email.as_deref().map(|text| errors.check("email", Email::parse(text)));
    if !errors.is_empty() {
        return Err(errors.into_problem());
    }
    Ok(AccountChange {
        status: status.flatten(),
        role: role.flatten(),
        groups: groups.flatten().map(GroupsChange::Replace),
        name: name.flatten(),
        email: email.flatten().map(|email| (email, true)),
        ..AccountChange::default()
    })
}

pub(crate) fn one_of(this: &str, that: &str) -> FieldError {
    FieldError::unknown_value(format!("write `{this}` or `{that}`"))
}

/// `DELETE /api/admin/users/{id}`: deletes an account, with all its sessions.
#[utoipa::path(delete, path = "/api/admin/users/{id}", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the account")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`: for the own account with a second \
            factor, where it has one", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
        (status = 409, description = "`last_administrator`", body = ProblemBody),
    )
)]
pub(crate) async fn delete(
    (State(changes), State(own)): (State<AccountChanges>, State<OwnFactors>),
    RequireAdmin(administrator): RequireAdmin,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let id = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let authorized = authorized_over(&own, &administrator, id).await?;
    let change = AccountChange { delete: true, ..AccountChange::default() };
    changes.apply(id, change, &authorized).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/admin/users/{id}/factors`: removes every second factor of an account, for somebody
/// who lost them. All sessions of the account end.
#[utoipa::path(delete, path = "/api/admin/users/{id}/factors", tag = "admin",
    params(("id" = String, Path, format = "uuid", description = "The id of the account")),
    responses(
        (status = 204, description = "The account has none"),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`: for the own account with a second \
            factor, where it has one", body = ProblemBody),
        (status = 404, description = "`not_found`", body = ProblemBody),
    )
)]
pub(crate) async fn reset_factors(
    (State(changes), State(own)): (State<AccountChanges>, State<OwnFactors>),
    RequireAdmin(administrator): RequireAdmin,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    let id = UserId::parse(&id).ok_or_else(Problem::not_found)?;
    let authorized = authorized_over(&own, &administrator, id).await?;
    let change = AccountChange { reset_factors: true, ..AccountChange::default() };
    changes.apply(id, change, &authorized).await?;
    Ok(StatusCode::NO_CONTENT)
}
