//! Session layer: looks up the session before the handler, sets the cookie after it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tower::{Layer, Service};

use crate::audit::AuditTrail;
use crate::http::security::applications::Application;
use crate::http::session::cookie::CookieShape;
use crate::http::session::current::{CurrentSession, LookupContext};
use crate::http::session::data_store;
use crate::metrics::Metrics;
use crate::network::TrustedProxies;
use crate::sessions::Sessions;
use crate::throttle::OwnWrites;
use crate::use_cases::Check;

/// Gives every handler behind it [`CurrentSession`], the extractors built on it, and
/// `tower_sessions::Session`. A `Set-Cookie` goes out only where a session starts, rotates or is
/// signed out.
#[derive(Clone)]
pub struct SessionLayer(Arc<SessionLayerParts>);

#[derive(Clone)]
pub(in crate::http) struct SessionLayerParts {
    pub(in crate::http) check: Check,
    pub(in crate::http) sessions: Sessions,
    pub(in crate::http) cookie: CookieShape,
    pub(in crate::http) proxies: TrustedProxies,
    pub(in crate::http) writes: Arc<OwnWrites>,
    pub(in crate::http) metrics: Metrics,
    pub(in crate::http) audit: AuditTrail,
    /// Whether handlers behind it may keep data through `tower_sessions::Session`. Ours do not.
    pub(in crate::http) keeps_data: bool,
}

impl SessionLayer {
    pub(in crate::http) fn new(parts: SessionLayerParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, parts: self.0.clone() }
    }
}

/// The service that [`SessionLayer`] makes of another.
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    parts: Arc<SessionLayerParts>,
}

impl<S> Service<Request> for SessionService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let parts = self.parts.clone();
        // The clone may not be ready: take the one that is.
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(respond(parts, inner, request))
    }
}

async fn respond<S>(
    parts: Arc<SessionLayerParts>,
    mut inner: S,
    mut request: Request,
) -> Result<Response, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let sender = parts.proxies.sender(request.headers(), request.extensions());
    let context = LookupContext {
        sessions: parts.sessions.clone(),
        cookie: parts.cookie.clone(),
        writes: parts.writes.clone(),
        metrics: &parts.metrics,
        audit: parts.audit.clone(),
    };
    let application = request.extensions().get::<Application>().cloned();
    let origin = application.as_ref().map(Application::origin);
    let current =
        CurrentSession::look_up(context, (&parts.check, origin), request.headers(), sender).await;
    request.extensions_mut().insert(current.clone());
    let provide = || data_store::provide(&current, request.extensions_mut());
    let pending = parts.keeps_data.then(provide);

    let mut response = inner.call(request).await?;
    if !response.status().is_server_error()
        && let Some(pending) = pending
        && let Err(problem) = pending.keep().await
    {
        response = problem.into_response();
    }
    if current.is_forgotten() {
        response.headers_mut().insert(CLEAR_SITE_DATA, FROZEN_PAGES);
    }
    if let Some(cookie) = current.finish() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    forbid_sharing(&mut response);
    Ok(response)
}

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Browsers keep pages for the back button in spite of `no-store`. After a sign-out the next user
/// of the browser must not see them. Only the cache of this origin; cookies and storage stay.
const FROZEN_PAGES: HeaderValue = HeaderValue::from_static("\"cache\"");

/// Forbids caches to keep a response that depends on the session.
pub(in crate::http) fn forbid_sharing(response: &mut Response) {
    const VARY_COOKIE: HeaderValue = HeaderValue::from_static("Cookie");
    const VARY: HeaderName = header::VARY;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if !headers.get_all(VARY).iter().any(|vary| vary == VARY_COOKIE) {
        headers.append(VARY, VARY_COOKIE);
    }
}
