//! Forward auth: the rules of the session checks that a proxy asks for, shared by the router and
//! the fast path.

mod cookies;
mod identity;
mod original;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::accounts::User;
use crate::clock::Clock;
use crate::http::forward_auth::original::Original;
use crate::http::response::error::{Code, Problem};
use crate::http::security::guard::{RequestGuard, one_host};
use crate::http::security::redirect::{Next, with_next};
use crate::http::session::cookie::CookieShape;

pub use settings::{ForwardAuthOptions, ForwardAuthProxy, IdentityHeaders};

const LOG_INTERVAL_SECONDS: u64 = 60;

/// The rules of the session checks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ForwardAuth(Arc<Parts>);

struct Parts {
    options: ForwardAuthOptions,
    cookie: CookieShape,
    request_guard: RequestGuard,
    clock: Clock,
    /// When a refusal may be logged again, in seconds of uptime.
    next_log: AtomicU64,
}

impl ForwardAuth {
    pub(in crate::http) fn new(
        options: ForwardAuthOptions,
        cookie: CookieShape,
        request_guard: RequestGuard,
        clock: Clock,
    ) -> Self {
        let next_log = AtomicU64::new(0);
        Self(Arc::new(Parts { options, cookie, request_guard, clock, next_log }))
    }

    /// Whether a check may be answered at all. Without `FORWARD_AUTH` only the host is checked.
    pub(in crate::http) fn admit(&self, request: &Request) -> Result<(), Problem> {
        one_host(request)?;
        if self.0.options.proxy.is_none() {
            return Ok(());
        }
        if let Some(name) = self.0.options.headers.brought_by(request.headers()) {
            return Err(forbidden(format!("A client may not send the header {name}.")));
        }
        self.original(request).map(drop)
    }

    /// Logs that a check was refused, once a minute: clients can cause it at will.
    pub(in crate::http) fn log_refusal(&self, problem: &Problem) {
        let (now, next) = (self.0.clock.uptime().as_secs(), &self.0.next_log);
        let is_due = |due: u64| (due <= now).then_some(now + LOG_INTERVAL_SECONDS);
        if next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_ok() {
            tracing::warn!(why = &*problem.detail, "refused a check of a proxy with 403");
        }
    }

    /// The original request, where a trusted proxy says which it was. Its URL is of our own origin.
    fn original<'r>(&self, request: &'r Request) -> Result<Option<Original<'r>>, Problem> {
        let guard = &self.0.request_guard.0;
        let Some(proxy) = self.0.options.proxy else { return Ok(None) };
        if !guard.proxies.sent(request.extensions()) {
            return Ok(None);
        }
        let refused =
            |why: &'static str| forbidden(format!("The original request cannot be judged: {why}."));
        let original = Original::read(proxy, request.headers()).map_err(refused)?;
        match original {
            Some(original) if !original.is_at(&guard.public_url) => {
                Err(refused("its origin is not that of ANTEROOM_PUBLIC_URL"))
            }
            original => Ok(original),
        }
    }

    /// Sets all headers of a successful check.
    pub(in crate::http) fn identify(
        &self,
        user: &User,
        sent: &HeaderMap,
        headers: &mut HeaderMap,
    ) -> Result<(), Problem> {
        self.0.options.headers.identify(user, headers)?;
        if self.hands_cookies_on() {
            headers.insert(header::COOKIE, cookies::without(self.0.cookie.name(), sent));
        }
        Ok(())
    }

    /// The names of the headers that [`ForwardAuth::identify`] sets, in its order.
    pub(in crate::http) fn names(&self) -> impl Iterator<Item = HeaderName> {
        let cookie = self.hands_cookies_on().then_some(header::COOKIE);
        self.0.options.headers.names().iter().cloned().chain(cookie)
    }

    /// Traefik can remove one cookie only by replacing all of them.
    fn hands_cookies_on(&self) -> bool {
        self.0.options.proxy == Some(ForwardAuthProxy::Traefik)
    }

    /// The redirect to the sign-in page, if the original request was a navigation.
    pub(in crate::http) fn sign_in(&self, request: &Request) -> Option<Response> {
        let original = self.original(request).ok()??;
        if !original.is_navigation(request.headers()) {
            return None;
        }
        let next = Next::parse(&original.path());
        let path = with_next("/login", next.as_ref().map_or("", Next::as_str));
        let origin = self.0.request_guard.0.public_url.origin();
        let location = HeaderValue::from_str(&format!("{origin}{path}")).ok()?;
        Some((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
    }
}

fn forbidden(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, Code::Forbidden, detail)
}

#[cfg(test)]
mod tests;
