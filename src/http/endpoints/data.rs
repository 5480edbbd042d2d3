//! `/api/session/data`: the browser's own JSON object in its session. Servers must not trust it; it
//! is separate from the data of server code.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::request::body::MergePatch;
use crate::http::response::error::{Code, Problem};
use crate::http::response::json::ProblemBody;
use crate::http::session::current::{CurrentSession, SessionState};
use crate::sessions::{DataError, KeepError, Sessions, VisitorData};

/// `GET /api/session/data`: the JSON object of the session; `{}` without a session.
#[utoipa::path(get, path = "/api/session/data", tag = "data", responses(
    (status = 200, description = "The object", body = Object,
        headers(("ETag" = String, description = "Strong; for `If-Match`")),
        example = json!({ "cart": ["0815"] })),
    (status = 401, description = "`session_ended`", body = ProblemBody),
))]
pub(crate) async fn show(
    State(sessions): State<Sessions>,
    current: CurrentSession,
) -> Result<Response, Problem> {
    let data = match current.session()? {
        None => VisitorData::default(),
        Some(session) => match sessions.visitor_data(session.id).await? {
            Some(data) => data,
            None => return Err(current.end_problem().await),
        },
    };
    Ok(answer(&data))
}

/// `PATCH /api/session/data`: merges a patch (RFC 7396) into the object, and returns the whole
/// object. Without a session it starts an anonymous one.
#[utoipa::path(patch, path = "/api/session/data", tag = "data",
    request_body(content(
        (Object = "application/merge-patch+json", example = json!({ "cart": ["0815"] })),
        (Object = "application/json", example = json!({ "cart": ["0815"] })),
    )),
    params(("If-Match" = Option<String>, Header, nullable = false,
        description = "Only if the object is still this")),
    responses(
        (status = 200, description = "The object after the change", body = Object,
            headers(("ETag" = String, description = "Strong; for `If-Match`")),
            example = json!({ "cart": ["0815"] })),
        (status = 400, description = "`invalid_input`: `If-Match` cannot be read", body = ProblemBody),
        (status = 401, description = "`session_ended`", body = ProblemBody),
        (status = 412, description = "`precondition_failed`", body = ProblemBody),
        (status = 422, description = "`invalid_input`: more than 8 KiB", body = ProblemBody),
        (status = 429, description = "`too_many_attempts`", body = ProblemBody),
    )
)]
pub(crate) async fn change(
    State(sessions): State<Sessions>,
    current: CurrentSession,
    headers: HeaderMap,
    MergePatch(patch): MergePatch,
) -> Result<Response, Problem> {
    let if_match = if_match(&headers)?;
    if !matches!(current.session_state(), SessionState::Live(_)) {
        // Data that cannot be stored starts no session.
        current.session()?;
        let nothing = VisitorData::default();
        if if_match.as_deref().is_some_and(|header| !nothing.etag().matches(header)) {
            return Err(KeepError::PreconditionFailed.into());
        }
        if nothing.merge(&patch).map_err(KeepError::Data)? == nothing {
            return Ok(answer(&nothing));
        }
    }
    let session = current.session_or_start().await?;
    current.count_data(&session)?;
    match sessions.patch_visitor_data(session.id, &patch, if_match.as_deref()).await {
        Ok(data) => Ok(answer(&data)),
        Err(KeepError::Gone) => Err(current.end_problem().await),
        Err(error) => Err(error.into()),
    }
}

/// All lines of `If-Match` as one list.
fn if_match(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let lines = headers.get_all(header::IF_MATCH).into_iter();
    let lines: Result<Vec<_>, _> = lines.map(HeaderValue::to_str).collect();
    let lines = lines.map_err(|_| Problem::bad_parameter("`If-Match` cannot be read."))?;
    Ok((!lines.is_empty()).then(|| lines.join(", ")))
}

fn answer(data: &VisitorData) -> Response {
    let mut response = Json(data.as_map()).into_response();
    if let Ok(etag) = HeaderValue::from_str(data.etag().as_str()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

impl From<KeepError> for Problem {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Gone => Self::no_session(),
            KeepError::PreconditionFailed => Self::new(
                StatusCode::PRECONDITION_FAILED,
                Code::PreconditionFailed,
                "The data has changed since it was read: read it again and decide anew.",
            ),
            KeepError::Data(DataError::NotAnObject) => Self::malformed("Send a JSON object."),
            KeepError::Data(error) => Self::invalid([("data", error.into())].into()),
            KeepError::TooLarge => Self::internal(),
            KeepError::Store(error) => error.into(),
        }
    }
}
