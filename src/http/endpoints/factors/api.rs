//! `/api/session/second-factor`, `/api/account/factors`, `/api/account/totp`,
//! `/api/account/recovery-codes`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::{RecoveryCode, TypedCode};
use crate::http::endpoints::factors::access::{SettingUp, authorized, signed_in};
use crate::http::endpoints::factors::qr;
use crate::http::endpoints::passkeys::api::read_assertion;
use crate::http::endpoints::passkeys::own::PasskeyBody;
use crate::http::request::body::{JsonObject, UniqueObject, present};
use crate::http::response::error::Problem;
use crate::http::response::json::{ProblemBody, SignedInBody};
use crate::http::session::current::CurrentSession;
use crate::http::session::extract::CurrentUser;
use crate::http::state::Links;
use crate::sessions::Sessions;
use crate::use_cases::{FormTurn, OwnFactors, SecondFactor, SecondFactorRequest, SecondProof};

/// A second factor: `code` of an authenticator app, `recovery_code`, or `credential` of a passkey,
/// one of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "492039" }))]
pub(crate) struct SecondFactorBody {
    /// Six digits.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    code: Option<String>,
    /// In any case, with or without hyphens.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    recovery_code: Option<String>,
    /// The result of `PublicKeyCredential.toJSON()` in the browser.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, nullable = false)]
    credential: Option<UniqueObject>,
}

impl SecondFactorBody {
    fn proof(self) -> Result<SecondProof, Problem> {
        match (self.code, self.recovery_code, self.credential) {
            (Some(code), None, None) => Ok(SecondProof::Code(TypedCode::totp(&code))),
            (None, Some(code), None) => Ok(SecondProof::Code(TypedCode::recovery(&code))),
            (None, None, Some(credential)) => {
                Ok(SecondProof::Passkey(Box::new(read_assertion(credential.0)?)))
            }
            _ => {
                let detail = "One of `code`, `recovery_code` and `credential` is needed.";
                Err(Problem::malformed(detail))
            }
        }
    }
}

/// A code of an authenticator app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpCodeBody {
    /// Six digits.
    code: String,
}

/// An authenticator app that is being set up. It is told once.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpSetupBody {
    /// In base32, to be typed.
    secret: String,
    /// For apps that open `otpauth:` addresses.
    uri: String,
    /// The same address as a QR code: an SVG element.
    qr: String,
}

/// Recovery codes. They are told once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodesBody {
    /// Each for one use.
    recovery_codes: Vec<String>,
}

impl RecoveryCodesBody {
    fn of(codes: &[RecoveryCode]) -> Self {
        Self { recovery_codes: codes.iter().map(RecoveryCode::reveal).collect() }
    }
}

/// The second factors of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactorsBody {
    /// Whether there is an authenticator app.
    totp: bool,
    /// How many recovery codes can still be used.
    recovery_codes_left: u32,
    /// Its passkeys in the order in which they were added; empty where passkeys are off.
    passkeys: Vec<PasskeyBody>,
}

/// `POST /api/session/second-factor`: finishes a sign-in that answered `second_factor_required`.
#[utoipa::path(post, path = "/api/session/second-factor", tag = "session",
    request_body = SecondFactorBody,
    responses(
        (status = 200, description = "Signed in; the new cookie comes along", body = SignedInBody),
        (status = 401, description = "`invalid_credentials`: the code is wrong or was used, or the \
            passkey is not accepted; with the fifth wrong one the pending session ends. \
            `no_session`: no sign-in waits for a code", body = ProblemBody),
        (status = 409, description = "`session_limit_reached`", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
        (status = 503, description = "`busy` or `unavailable`", body = ProblemBody),
    )
)]
pub(crate) async fn second_step(
    State(second_factor): State<SecondFactor>,
    State(sessions): State<Sessions>,
    current: CurrentSession,
    JsonObject(body): JsonObject<SecondFactorBody>,
) -> Result<Json<SignedInBody>, Problem> {
    let proof = body.proof()?;
    let Some(token) = current.token() else {
        // With two cookies the error says how to get rid of them.
        current.session()?;
        return Err(Problem::no_session());
    };
    let (client, form) = (current.client(), FormTurn::default());
    let request =
        SecondFactorRequest { token, proof, client, form, language: current.language().tag() };
    let (user, started) = second_factor.with_proof(request).await?;
    let (user, session) = signed_in(&current, user, started);
    Ok(Json(SignedInBody::new(&user, &session, sessions.policy())))
}

/// `GET /api/account/factors`: the second factors of the user.
#[utoipa::path(get, path = "/api/account/factors", tag = "account", responses(
    (status = 200, description = "The factors", body = FactorsBody),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
))]
pub(crate) async fn show(
    State(own): State<OwnFactors>,
    current: CurrentUser,
) -> Result<Json<FactorsBody>, Problem> {
    let shown = own.of(current.user.id).await?.ok_or_else(Problem::no_session)?;
    let (totp, recovery_codes_left) = (shown.factors.totp, shown.recovery_codes_left);
    let passkeys = shown.passkeys.iter().map(PasskeyBody::of).collect();
    Ok(Json(FactorsBody { totp, recovery_codes_left, passkeys }))
}

/// `POST /api/account/totp`: begins to set up an authenticator app. A pending session that answered
/// `second_factor_setup_required` may do so too. It is not in use before it is confirmed.
#[utoipa::path(post, path = "/api/account/totp", tag = "account", responses(
    (status = 201, description = "The secret, told once", body = TotpSetupBody),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
    (status = 403, description = "`reauthentication_required`: with a second factor, where the \
        account has one; `email_unverified`: mail is on and the address not confirmed, the link \
        was sent again", body = ProblemBody),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    (status = 503, description = "`unavailable`", body = ProblemBody),
))]
pub(crate) async fn begin_totp(
    State(own): State<OwnFactors>,
    State(links): State<Links>,
    current: CurrentSession,
    signed_in: Result<CurrentUser, Problem>,
) -> Result<(StatusCode, Json<TotpSetupBody>), Problem> {
    let setting_up = SettingUp::of(&own, &current, signed_in).await?;
    setting_up.count_change(&current).await?;
    let (browser, language) = (setting_up.binding(), current.language().tag());
    let setup = own.begin_totp(setting_up.user(), &browser, language).await?;
    let uri = setup.secret.uri(links.service(), &setting_up.user().email.display());
    let body = TotpSetupBody {
        secret: setup.secret.base32().expose_secret().to_owned(),
        qr: qr::svg(uri.expose_secret())?,
        uri: uri.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// `POST /api/account/totp/confirm`: adds the authenticator app that is being set up. All other
/// sessions of the user end, and this one gets a new token; a pending session becomes a session.
#[utoipa::path(post, path = "/api/account/totp/confirm", tag = "account",
    request_body = TotpCodeBody,
    responses(
        (status = 200, description = "Added; the new cookie comes along", body = RecoveryCodesBody),
        (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
        (status = 403, description = "`invalid_credentials`: the code is wrong; or \
            `reauthentication_required`", body = ProblemBody),
        (status = 404, description = "`not_found`: nothing is being set up", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
        (status = 503, description = "`busy` or `unavailable`", body = ProblemBody),
    )
)]
pub(crate) async fn confirm_totp(
    State(own): State<OwnFactors>,
    current: CurrentSession,
    user: Result<CurrentUser, Problem>,
    JsonObject(body): JsonObject<TotpCodeBody>,
) -> Result<Json<RecoveryCodesBody>, Problem> {
    let setting_up = SettingUp::of(&own, &current, user).await?;
    let codes = confirm(&own, &current, setting_up, &TypedCode::totp(&body.code)).await?;
    Ok(Json(RecoveryCodesBody::of(&codes)))
}

/// Adds the authenticator app and sets the cookie.
pub(super) async fn confirm(
    own: &OwnFactors,
    current: &CurrentSession,
    setting_up: SettingUp,
    code: &TypedCode,
) -> Result<Vec<RecoveryCode>, Problem> {
    setting_up.count_change(current).await?;
    match setting_up {
        SettingUp::User(CurrentUser { user, session, token, .. }, authorized) => {
            let (codes, started) =
                own.confirm_totp(&user, (&session, &token), code, &authorized).await?;
            current.set_continued_session(started, user);
            Ok(codes)
        }
        SettingUp::Pending(pending, account) => {
            let request = (current.client(), current.language().tag());
            let (codes, user, started) =
                own.confirm_pending((pending, &account.user), code, request).await?;
            signed_in(current, user, started);
            Ok(codes)
        }
    }
}

/// `DELETE /api/account/totp`: removes the authenticator app, and the recovery codes with it. All
/// other sessions of the user end, and this one gets a new token.
#[utoipa::path(delete, path = "/api/account/totp", tag = "account", responses(
    (status = 204, description = "Removed; the new cookie comes along"),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
    (status = 403, description = "`reauthentication_required`: with a second factor",
        body = ProblemBody),
    (status = 404, description = "`not_found`: there is none", body = ProblemBody),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody),
))]
pub(crate) async fn remove_totp(
    State(own): State<OwnFactors>,
    current: CurrentSession,
    user: CurrentUser,
) -> Result<StatusCode, Problem> {
    let authorized = authorized(&own, &user).await?;
    user.actor.count_change().await?;
    let started = own.remove_totp(&user.user, (&user.session, &user.token), &authorized).await?;
    current.set_continued_session(started, user.user);
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/account/recovery-codes`: ten new recovery codes. The earlier ones are void.
#[utoipa::path(post, path = "/api/account/recovery-codes", tag = "account", responses(
    (status = 200, description = "The codes, told once", body = RecoveryCodesBody),
    (status = 401, description = "`no_session` or `session_ended`", body = ProblemBody),
    (status = 403, description = "`reauthentication_required`: with a second factor",
        body = ProblemBody),
    (status = 404, description = "`not_found`: there is no second factor", body = ProblemBody),
    (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    (status = 503, description = "`busy` or `unavailable`", body = ProblemBody),
))]
pub(crate) async fn renew_codes(
    State(own): State<OwnFactors>,
    user: CurrentUser,
) -> Result<Json<RecoveryCodesBody>, Problem> {
    let authorized = authorized(&own, &user).await?;
    user.actor.count_change().await?;
    let codes = own.renew_codes(user.user.id, (&user.session, &user.token), &authorized).await?;
    Ok(Json(RecoveryCodesBody::of(&codes)))
}
