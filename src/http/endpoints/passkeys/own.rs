//! `/api/account/passkeys`: adding, renaming and deleting passkeys of the account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::accounts::{Accounts, Name, Passkey, PasskeyId, RecoveryCode, Registration};
use crate::http::endpoints::factors::access::{SettingUp, authorized, signed_in};
use crate::http::endpoints::passkeys::api::{NothingBody, malformed_credential, require_passkeys};
use crate::http::request::body::{JsonObject, UniqueObject, present};
use crate::http::response::error::{FieldError, Problem};
use crate::http::response::json::{ProblemBody, Timestamp};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::{CurrentUser, PathId};
use crate::use_cases::{AddedPasskey, OwnFactors};

/// A new passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Phone", "credential": { "id": "…", "rawId": "…",
    "type": "public-key", "response": { "clientDataJSON": "…", "attestationObject": "…" } } }))]
pub(crate) struct NewPasskeyBody {
    /// At most 100 characters; without it, the passkey is named after the device.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// The result of `PublicKeyCredential.toJSON()` in the browser.
    #[schema(value_type = Object)]
    credential: UniqueObject,
}

/// Another name of a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyNameBody {
    /// 1 to 100 characters.
    name: String,
}

/// A passkey of the account.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub(crate) struct PasskeyBody {
    id: String,
    /// Chosen by its owner.
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last proved its owner; `null` before the first time.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// Whether its authenticator kept a copy elsewhere, as it said at the last use.
    backed_up: bool,
}

impl PasskeyBody {
    pub(in crate::http) fn of(passkey: &Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name.as_str().to_owned(),
            created_at: Timestamp::of(passkey.created_at),
            last_used_at: passkey.last_used_at.map(Timestamp::of),
            backed_up: passkey.backed_up,
        }
    }
}

/// A passkey that was changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangedPasskeyBody {
    passkey: PasskeyBody,
}

/// A passkey that was added.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedPasskeyBody {
    passkey: PasskeyBody,
    /// Ten recovery codes with the first second factor of the account, told once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
}

/// A name as typed; an empty one is refused.
pub(super) fn named(typed: &str) -> Result<Name, Problem> {
    let error = match Name::parse(typed) {
        Ok(name) if !name.as_str().is_empty() => return Ok(name),
        Ok(_) => FieldError { code: "empty", message: "enter a name".to_owned() },
        Err(error) => error.into(),
    };
    Err(Problem::invalid([("name", error)].into()))
}

/// Reads the answer of a browser.
pub(super) fn read_registration(credential: Value) -> Result<Registration, Problem> {
    Registration::read(credential).ok_or_else(malformed_credential)
}

/// The id of a path.
pub(super) fn id_of(text: &str) -> Result<PasskeyId, Problem> {
    PasskeyId::parse(text).ok_or_else(Problem::not_found)
}

/// `POST /api/account/passkeys/options`: the options for the browser
/// (`PublicKeyCredential.parseCreationOptionsFromJSON()`). A pending session that answered
/// `second_factor_setup_required` may ask, too.
#[utoipa::path(post, path = "/api/account/passkeys/options", tag = "account",
    request_body = NothingBody,
    responses(
        (status = 200, description = "The options; the challenge works once, for five minutes",
            body = Object, example = json!({ "rp": { "name": "auth.example.org",
            "id": "auth.example.org" }, "user": { "id": "…", "name": "ada@example.org",
            "displayName": "Ada" }, "challenge": "…", "pubKeyCredParams": [
            { "type": "public-key", "alg": -7 } ], "timeout": 300_000, "attestation": "none" })),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`: with a second factor, where the \
            account has one; `email_unverified`: mail is on and the address not confirmed, the \
            link was sent again", body = ProblemBody),
        (status = 404, description = "`not_found`: passkeys are off", body = ProblemBody),
        (status = 409, description = "`too_many_passkeys`: the account has 20", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn options(
    (State(own), State(accounts)): (State<OwnFactors>, State<Accounts>),
    current: CurrentSession,
    user: Result<CurrentUser, Problem>,
    JsonObject(NothingBody {}): JsonObject<NothingBody>,
) -> Result<Json<Value>, Problem> {
    require_passkeys(&accounts)?;
    let setting_up = SettingUp::of(&own, &current, user).await?;
    setting_up.count_change(&current).await?;
    let language = current.language().tag();
    let options = own.begin_passkey(setting_up.user(), setting_up.binding(), language).await?;
    Ok(Json(options.ok_or_else(Problem::not_found)?))
}

/// `POST /api/account/passkeys`: adds a passkey. All other sessions of the user end, and this one
/// gets a new token; a pending session becomes a session.
#[utoipa::path(post, path = "/api/account/passkeys", tag = "account",
    request_body = NewPasskeyBody,
    responses(
        (status = 201, description = "Added; the new cookie comes along", body = AddedPasskeyBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`invalid_credentials`: the passkey or its challenge is wrong, \
            or the passkey is in use; `reauthentication_required`; or `email_unverified`",
            body = ProblemBody),
        (status = 404, description = "`not_found`: passkeys are off", body = ProblemBody),
        (status = 409, description = "`too_many_passkeys`: the account has 20", body = ProblemBody),
        (status = 422, description = "`invalid_input`: the name", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
        (status = 503, description = "`busy` or `unavailable`", body = ProblemBody),
    )
)]
pub(crate) async fn add(
    (State(own), State(accounts)): (State<OwnFactors>, State<Accounts>),
    current: CurrentSession,
    user: Result<CurrentUser, Problem>,
    JsonObject(body): JsonObject<NewPasskeyBody>,
) -> Result<(StatusCode, Json<AddedPasskeyBody>), Problem> {
    require_passkeys(&accounts)?;
    let setting_up = SettingUp::of(&own, &current, user).await?;
    let registration = read_registration(body.credential.0)?;
    let name = body.name.as_deref().map(named).transpose()?;
    let added = add_passkey(&own, &current, setting_up, (&registration, name)).await?;
    let body = AddedPasskeyBody {
        passkey: PasskeyBody::of(&added.passkey),
        recovery_codes: added.recovery_codes.iter().map(RecoveryCode::reveal).collect(),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Adds the passkey and sets the cookie.
pub(super) async fn add_passkey(
    own: &OwnFactors,
    current: &CurrentSession,
    setting_up: SettingUp,
    new: (&Registration, Option<Name>),
) -> Result<AddedPasskey, Problem> {
    setting_up.count_change(current).await?;
    match setting_up {
        SettingUp::User(CurrentUser { user, session, token, .. }, authorized) => {
            let held = (&*session, &token);
            let (added, started) = own.add_passkey(&user, held, new, &authorized).await?;
            current.set_continued_session(started, user);
            Ok(added)
        }
        SettingUp::Pending(pending, account) => {
            let request = (current.client(), current.language().tag());
            let (added, user, started) =
                own.add_passkey_by_pending((pending, &account.user), new, request).await?;
            signed_in(current, user, started);
            Ok(added)
        }
    }
}

/// `PATCH /api/account/passkeys/{id}`: gives a passkey another name.
#[utoipa::path(patch, path = "/api/account/passkeys/{id}", tag = "account",
    params(("id" = String, Path, description = "The passkey")),
    request_body = PasskeyNameBody,
    responses(
        (status = 200, description = "Renamed", body = ChangedPasskeyBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 404, description = "`not_found`: the user has no such passkey, or passkeys are \
            off", body = ProblemBody),
        (status = 422, description = "`invalid_input`: the name", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn rename(
    (State(own), State(accounts)): (State<OwnFactors>, State<Accounts>),
    user: CurrentUser,
    PathId(id): PathId,
    JsonObject(body): JsonObject<PasskeyNameBody>,
) -> Result<Json<ChangedPasskeyBody>, Problem> {
    require_passkeys(&accounts)?;
    let (id, name) = (id_of(&id)?, named(&body.name)?);
    user.actor.count_change().await?;
    let passkey = own.rename_passkey(user.user.id, id, &name).await?;
    Ok(Json(ChangedPasskeyBody { passkey: PasskeyBody::of(&passkey) }))
}

/// `DELETE /api/account/passkeys/{id}`: deletes a passkey. The sessions that it started end, and no
/// others. The recovery codes go with the last second factor.
#[utoipa::path(delete, path = "/api/account/passkeys/{id}", tag = "account",
    params(("id" = String, Path, description = "The passkey")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`reauthentication_required`: with a second factor",
            body = ProblemBody),
        (status = 404, description = "`not_found`: the user has no such passkey, or passkeys are \
            off", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn delete(
    (State(own), State(accounts)): (State<OwnFactors>, State<Accounts>),
    user: CurrentUser,
    PathId(id): PathId,
) -> Result<StatusCode, Problem> {
    require_passkeys(&accounts)?;
    let id = id_of(&id)?;
    let authorized = authorized(&own, &user).await?;
    user.actor.count_change().await?;
    own.remove_passkey(&user.user, id, &authorized).await?;
    Ok(StatusCode::NO_CONTENT)
}
