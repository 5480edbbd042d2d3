//! Fast path: a layer that answers session checks from the cache before the service inside runs.
//!
//! It only answers an ordinary request whose session is cached under a lease. Every other request
//! goes through the router, and so does every error.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use futures_util::future::Either;
use hyper::body::Body as _;
use tower::{Layer, Service};

use crate::accounts::User;
use crate::http::endpoints::check::middleware::Ending;
use crate::http::finish::{REQUEST_ID, RequestIds};
use crate::http::forward_auth::{Admitted, ForwardAuth};
use crate::http::response::error::Problem;
use crate::http::response::json::SignedInBody;
use crate::http::routes::{self, CachedCheck};
use crate::http::security::applications::Application;
use crate::http::security::guard::RequestGuard;
use crate::http::security::headers::security_headers;
use crate::http::session::bearer::bearer_of;
use crate::http::session::cookie::{CookieShape, Presented};
use crate::http::session::layer::{SessionLayerParts, forbid_sharing};
use crate::http::traces::RequestSpan;
use crate::metrics::{CacheOutcome, CheckOutcome, Metrics};
use crate::rules::Decision;
use crate::sessions::{Session, Sessions, TokenDigest};
use crate::use_cases::{AccessTokens, Check, Identity};

const ZERO: HeaderValue = HeaderValue::from_static("0");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Puts a [`FastPath`] around a service. Cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct FastPathLayer(Arc<FastPathState>);

/// Answers the checks of proxies and `GET /api/session` from the cache, and calls the service inside for
/// every other request. Responses are byte-identical to those of the router.
#[derive(Clone)]
pub struct FastPath<S> {
    state: Arc<FastPathState>,
    inner: S,
}

/// The services and settings of the fast path.
pub(in crate::http) struct FastPathState {
    check: Check,
    access_tokens: AccessTokens,
    sessions: Sessions,
    cookie: CookieShape,
    request_guard: RequestGuard,
    forward_auth: ForwardAuth,
    headers: PreparedHeaders,
    ids: RequestIds,
    metrics: Metrics,
}

impl FastPathLayer {
    pub(in crate::http) fn new(state: FastPathState) -> Self {
        Self(Arc::new(state))
    }
}

impl<S> Layer<S> for FastPathLayer {
    type Service = FastPath<S>;

    fn layer(&self, inner: S) -> FastPath<S> {
        FastPath { state: Arc::clone(&self.0), inner }
    }
}

impl<S> Service<Request> for FastPath<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let proxies = &self.state.request_guard.0.proxies;
        if let Some(span) = RequestSpan::begin(&request, proxies) {
            request.extensions_mut().insert(span);
        }
        // After a panic here the router answers, which handles its own panics.
        match catch_unwind(AssertUnwindSafe(|| self.state.cached_response(&request))) {
            Ok(Some(response)) => Either::Left(ready(Ok(response))),
            Ok(None) | Err(_) => Either::Right(self.inner.call(request)),
        }
    }
}

impl<S> std::fmt::Debug for FastPath<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FastPath")
    }
}

/// The check that a request asks for, if the fast path can answer it. A body of the session
/// request would have to be read before the lookup; the body of a proxy's check is never read.
fn cached_check(request: &Request) -> Option<CachedCheck> {
    let is_plain = || request.method() == Method::GET && request.body().is_end_stream();
    let check = routes::find(request.uri().path())?.cached?;
    (check == CachedCheck::Verify || is_plain()).then_some(check)
}

impl FastPathState {
    pub(in crate::http) fn new(
        (parts, access_tokens): (&SessionLayerParts, &AccessTokens),
        request_guard: &RequestGuard,
        forward_auth: &ForwardAuth,
        ids: RequestIds,
    ) -> Self {
        Self {
            check: parts.check.clone(),
            access_tokens: access_tokens.clone(),
            sessions: parts.sessions.clone(),
            cookie: parts.cookie.clone(),
            headers: PreparedHeaders::at(request_guard, forward_auth),
            request_guard: request_guard.clone(),
            forward_auth: forward_auth.clone(),
            metrics: parts.metrics.clone(),
            ids,
        }
    }

    /// The response, or `None` where the router has to answer.
    fn cached_response(&self, request: &Request) -> Option<Response> {
        let check = cached_check(request)?;
        let begun = Instant::now();
        let admitted = match check {
            CachedCheck::Verify => Some(self.forward_auth.admit(request).ok()?),
            CachedCheck::Session => {
                self.admit_session(request)?;
                None
            }
        };
        let application = admitted.as_ref().and_then(Admitted::application);
        let Identity { session, user, .. } = self.remembered(request.headers(), application)?;
        let user = user?;
        if let Some(admitted) = &admitted {
            let decision = self.forward_auth.decide(admitted, Some((&user, &session))).ok()?;
            (decision == Decision::Allowed).then_some(())?;
        }
        let mut response = self.response(check, &user, &session, request).ok()?;
        self.sessions.seen(&session, || self.request_guard.client(request));
        if matches!(check, CachedCheck::Verify) {
            Ending::of(request).mark(&mut response);
        }
        self.ids.next().routine(request, &mut response, begun);
        if let Some(span) = request.extensions().get::<RequestSpan>() {
            span.name(request.method(), Some(request.uri().path()));
            span.answered(response.status());
        }
        self.count(request, begun);
        Some(response)
    }

    /// The checks of the layers around the router. `None` where one fails or does not apply here.
    fn admit_session(&self, request: &Request) -> Option<()> {
        // A cookie together with an access token is an error, of which the router tells.
        if self.request_guard.lets_other_origins_read() || bearer_of(request.headers()).is_some() {
            return None;
        }
        self.request_guard.check(request).ok()
    }

    fn remembered(&self, headers: &HeaderMap, at: Option<&Application>) -> Option<Identity> {
        let token = match self.cookie.presented(headers) {
            Presented::Token(token) => token,
            Presented::Nothing => return self.bearer(headers, at),
            Presented::Malformed | Presented::Several => return None,
        };
        match at {
            Some(at) => Some(self.check.remembered_at(&token.digest(), at.origin())?.identity),
            None => self.check.remembered(&token.digest()),
        }
    }

    fn bearer(&self, headers: &HeaderMap, at: Option<&Application>) -> Option<Identity> {
        let holder = self.access_tokens.remembered(&TokenDigest::of(bearer_of(headers)?))?;
        let audience = self.access_tokens.audience_at(at.map(Application::origin));
        holder.token.is_for(audience).then_some(holder.identity)
    }

    fn response(
        &self,
        check: CachedCheck,
        user: &User,
        session: &Session,
        request: &Request,
    ) -> Result<Response, Problem> {
        let mut headers = self.headers.of(check).clone();
        let body = match check {
            CachedCheck::Verify => {
                self.forward_auth.identify(Some(user), request.headers(), &mut headers)?;
                Body::empty()
            }
            CachedCheck::Session => {
                let (client, policy) = (self.request_guard.client(request), self.sessions.policy());
                let body = SignedInBody::asked_from(&client, (user, session), policy).to_bytes()?;
                headers.insert(header::CONTENT_LENGTH, body.len().into());
                Body::from(body)
            }
        };
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// The route is the whole path, which has no parameters here.
    fn count(&self, request: &Request, begun: Instant) {
        if self.metrics.is_on() {
            self.metrics.cache(CacheOutcome::Hit);
            self.metrics.check(CheckOutcome::LiveUser);
            let (method, route) = (request.method().as_str(), request.uri().path());
            self.metrics.request(method, Some(route), 200, begun.elapsed());
        }
    }
}

/// The headers of the responses: fixed values, and empty ones in the order of the router.
pub(in crate::http) struct PreparedHeaders {
    verify: HeaderMap,
    session: HeaderMap,
}

impl PreparedHeaders {
    pub(in crate::http) fn at(request_guard: &RequestGuard, forward_auth: &ForwardAuth) -> Self {
        let session = [header::CONTENT_TYPE, header::CONTENT_LENGTH, REQUEST_ID];
        let mut session =
            security_headers(request_guard, shared_headers(&session)).into_parts().0.headers;
        session.insert(header::CONTENT_TYPE, JSON);
        let verify = [header::CONTENT_LENGTH, REQUEST_ID].into_iter().chain(forward_auth.names());
        let mut verify = shared_headers(&verify.collect::<Vec<_>>()).into_parts().0.headers;
        verify.insert(header::CONTENT_LENGTH, ZERO);
        Self { verify, session }
    }

    fn of(&self, check: CachedCheck) -> &HeaderMap {
        match check {
            CachedCheck::Verify => &self.verify,
            CachedCheck::Session => &self.session,
        }
    }
}

/// A response with these headers, still empty, and those of the session layer.
fn shared_headers(places: &[HeaderName]) -> Response {
    let mut response = Response::new(Body::empty());
    for name in places {
        response.headers_mut().insert(name, HeaderValue::from_static(""));
    }
    forbid_sharing(&mut response);
    response
}
