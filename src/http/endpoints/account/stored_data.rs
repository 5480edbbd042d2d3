//! `/account/remembered`: data that browser and server store about the session.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::UserId;
use crate::http::endpoints::account::view::{Field, FieldValue, StoredDataPage};
use crate::http::response::error::Problem;
use crate::http::session::cookie::CookieShape;
use crate::http::session::extract::{CurrentUser, CurrentUserOrLogin};
use crate::http::web::page_context::PageContext;
use crate::http::web::render::render;
use crate::sessions::{Client, Session, Sessions, TokenDigest, VisitorData, device_name};

/// `GET /account/remembered`: every field of the session, as the store has it.
pub(crate) async fn show(
    State(sessions): State<Sessions>,
    State(cookie): State<CookieShape>,
    CurrentUserOrLogin(current): CurrentUserOrLogin,
    context: PageContext,
) -> Result<Response, Problem> {
    let CurrentUser { session, token, actor, .. } = current;
    let seen_now = Session { moved_to: Some(actor.client()), ..Session::clone(&session) };
    let data = sessions.visitor_data(session.id).await?.unwrap_or_default();
    let page = StoredDataPage {
        context,
        now: sessions.now(),
        cookie_name: cookie.name(),
        fields: fields(&seen_now, &token.digest(), &data, &sessions),
    };
    Ok(render(StatusCode::OK, &page))
}

fn fields(
    session: &Session,
    digest: &TokenDigest,
    data: &VisitorData,
    sessions: &Sessions,
) -> Vec<Field> {
    use FieldValue::{Deadline, Nothing, Text, Time};
    let field = |name, value| Field { name, value };
    let words = |name, value: String| Field { name, value: Text(value) };
    let address = |client: &Client| client.ip_address.map_or(Nothing, |ip| Text(ip.to_string()));
    let (last, passkey) = (session.last_client(), session.passkey);
    vec![
        words("id", session.id.to_string()),
        words("token_digest", shortened(digest)),
        field("user_id", session.owner.user().map_or(Nothing, |id: UserId| Text(id.to_string()))),
        field("epoch", session.owner.epoch().map_or(Nothing, |it| Text(it.number().to_string()))),
        field("created_at", Time(session.created_at)),
        field("authenticated_at", session.authenticated_at.map_or(Nothing, Time)),
        words("methods", session.methods().join(", ")),
        field("second_factor_at", session.second_factor.map_or(Nothing, |one| Time(one.at))),
        field("passkey_id", passkey.map_or(Nothing, |one| Text(one.id.to_string()))),
        field("last_seen_at", Time(session.last_seen_at)),
        field("idle_expires_at", Deadline(sessions.policy().idle_expires_at(session))),
        field("expires_at", Deadline(session.expires_at)),
        words("timeout_rule", session.rule.as_str().to_owned()),
        words("remember_me", session.remember_me.to_string()),
        field("ip_address", address(&session.client)),
        words("user_agent", session.client.user_agent.clone()),
        words("device", device_name(&session.client.user_agent)),
        field("last_ip_address", address(last)),
        words("last_user_agent", last.user_agent.clone()),
        words("last_device", device_name(&last.user_agent)),
        words("data", serde_json::Value::Object(data.as_map().clone()).to_string()),
    ]
}

/// Its first bytes: enough to recognise it by. Not even the whole of it signs anybody in.
fn shortened(digest: &TokenDigest) -> String {
    let [a, b, c, d, ..] = digest.as_bytes();
    format!("{a:02x}{b:02x}{c:02x}{d:02x}…")
}
