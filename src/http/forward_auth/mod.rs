//! Forward auth: the rules of the session checks that a proxy asks for, shared by the router and
//! the fast path.

mod cookies;
mod explain;
mod handover;
mod identity;
mod original;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::accounts::User;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::http::response::error::{Code, Problem};
use crate::http::security::applications::{Application, Applications};
use crate::http::security::guard::{RequestGuard, one_host};
use crate::http::security::public_url::PublicUrl;
use crate::http::security::redirect::{ApplicationUrl, Next, with_next};
use crate::http::session::bearer::Authenticated;
use crate::http::session::cookie::CookieShape;
use crate::rules::{ApplicationRequest, Decision, Visitor};
use crate::sessions::Session;

pub use explain::{Explanation, Verdict};
pub(in crate::http) use handover::HandoverState;
use original::GuardedRequest;
pub use original::OriginalRequest;
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
    entropy: Entropy,
    /// When a refusal may be logged again, in seconds of uptime.
    next_log: AtomicU64,
}

/// A check that may be answered: its original request, as it came and as rules see it. `None` where
/// no proxy says which it is.
pub(in crate::http) struct Admitted<'r>(Option<(OriginalRequest<'r>, GuardedRequest<'r>)>);

impl<'r> Admitted<'r> {
    /// The application on another host that it is about.
    pub(in crate::http) fn application(&self) -> Option<&'r Application> {
        self.0.and_then(|(_, guarded)| guarded.application)
    }
}

impl ForwardAuth {
    pub(in crate::http) fn new(
        options: ForwardAuthOptions,
        cookie: CookieShape,
        request_guard: RequestGuard,
        (clock, entropy): (Clock, Entropy),
    ) -> Self {
        let next_log = AtomicU64::new(0);
        Self(Arc::new(Parts { options, cookie, request_guard, clock, entropy, next_log }))
    }

    /// Whether a check may be answered at all, and what it is about. Without `FORWARD_AUTH` only
    /// the host is checked.
    pub(in crate::http) fn admit<'r>(
        &'r self,
        request: &'r Request,
    ) -> Result<Admitted<'r>, Problem> {
        one_host(request)?;
        let options = &self.0.options;
        if options.proxy.is_some()
            && let Some(name) = options.headers.brought_by(request.headers())
        {
            return Err(forbidden(format!("A client may not send the header {name}.")));
        }
        match self.original(request)? {
            Some(original) => Ok(Admitted(Some(original))),
            None if options.rules.file().is_some() || !options.applications.is_empty() => {
                Err(forbidden(
                    "There are rules or applications, but no trusted proxy says which request this \
                     is about."
                        .to_owned(),
                ))
            }
            None => Ok(Admitted(None)),
        }
    }

    /// Whether the rules let a user send the original request; `None` for somebody who is not
    /// signed in. Without an original request every signed-in user is allowed.
    pub(in crate::http) fn decide(
        &self,
        admitted: &Admitted<'_>,
        visitor: Option<(&User, &Session)>,
    ) -> Result<Decision, Problem> {
        let rules = self.0.options.rules.current();
        let asked = admitted.0.map(|(_, guarded)| guarded.asked).unwrap_or_default();
        let found = rules.find(&asked).map_err(|ambiguous| cannot_be_judged(&ambiguous))?;
        Ok(found.decide(visitor.map(|(user, session)| self.visitor(user, session))))
    }

    /// The decision about a request of a visitor, for a person who wants to know it.
    pub(in crate::http) fn explain(
        &self,
        original: &OriginalRequest<'_>,
        visitor: Option<Visitor<'_>>,
    ) -> Explanation {
        let rules = self.0.options.rules.current();
        let (public_url, applications) = self.guarded();
        Explanation::of(original, (public_url, applications, &rules), visitor)
    }

    /// The settings, for the administration.
    pub(in crate::http) fn options(&self) -> &ForwardAuthOptions {
        &self.0.options
    }

    /// The origins that this server guards.
    pub(in crate::http) fn origins(&self) -> impl Iterator<Item = &str> {
        let (public_url, applications) = self.guarded();
        [public_url].into_iter().chain(applications.urls()).map(PublicUrl::origin)
    }

    fn guarded(&self) -> (&PublicUrl, &Applications) {
        (&self.0.request_guard.0.public_url, &self.0.options.applications)
    }

    /// A user and their session, as rules see them.
    pub(in crate::http) fn visitor<'v>(&self, user: &'v User, session: &Session) -> Visitor<'v> {
        // A proof in the future is from before the clock was put back.
        let since = |at| Duration::try_from(self.0.clock.now() - at).unwrap_or_default();
        let since_proof = session.authenticated_at.map_or(Duration::MAX, since);
        Visitor { user, since_proof, has_factor: session.second_factor.is_some() }
    }

    /// Whether a page of an application needs a newer proof of identity than this session has.
    pub(in crate::http) fn needs_proof(
        &self,
        url: &ApplicationUrl,
        (user, session): (&User, &Session),
    ) -> bool {
        let place = url.application.url();
        let (host, port, target) = (place.host(), place.port(), url.path());
        let asked = ApplicationRequest { method: "GET", host, port, target };
        let rules = self.0.options.rules.current();
        let decision =
            rules.find(&asked).map(|rule| rule.decide(Some(self.visitor(user, session))));
        decision == Ok(Decision::Reauthenticate)
    }

    /// The headers of a successful check, or the error. An error of the session itself, such as a
    /// store that does not answer, is one for every URL.
    pub(in crate::http) fn answer(
        &self,
        admitted: &Admitted<'_>,
        sent: &HeaderMap,
        user: Result<Authenticated, Problem>,
    ) -> Result<HeaderMap, Problem> {
        let (user, refusal) = match user {
            Ok(user) => (Some(user), None),
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => (None, Some(problem)),
            Err(problem) => return Err(problem),
        };
        let visitor = user.as_ref().map(|current| (&*current.user, &*current.session));
        match self.decide(admitted, visitor)? {
            Decision::Allowed => {
                let mut headers = HeaderMap::with_capacity(8);
                let user = user.as_ref().map(|current| &*current.user);
                self.identify(user, sent, &mut headers)?;
                Ok(headers)
            }
            Decision::SignIn => Err(refusal.unwrap_or_else(Problem::no_session)),
            Decision::Reauthenticate => Err(Problem::reauthentication_required()),
            Decision::SecondFactor => Err(Problem::second_factor_required()),
            Decision::Forbidden => {
                Err(forbidden("The rules do not allow this request.".to_owned()))
            }
        }
    }

    /// Logs that a check was refused, once a minute: clients can cause it at will.
    pub(in crate::http) fn log_refusal(&self, problem: &Problem) {
        let (now, next) = (self.0.clock.uptime().as_secs(), &self.0.next_log);
        let is_due = |due: u64| (due <= now).then_some(now + LOG_INTERVAL_SECONDS);
        if next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_ok() {
            tracing::warn!(why = &*problem.detail, "refused a check of a proxy with 403");
        }
    }

    /// The original request, where a trusted proxy says which it was, as it came and as rules see
    /// it. Its URL is of an origin that is guarded.
    fn original<'r>(
        &'r self,
        request: &'r Request,
    ) -> Result<Option<(OriginalRequest<'r>, GuardedRequest<'r>)>, Problem> {
        let guard = &self.0.request_guard.0;
        let Some(proxy) = self.0.options.proxy else { return Ok(None) };
        if !guard.proxies.sent(request.extensions()) {
            return Ok(None);
        }
        let read = OriginalRequest::read(proxy, request.headers());
        let judged = read.and_then(|original| {
            original.map(|original| Ok((original, original.at(self.guarded())?))).transpose()
        });
        judged.map_err(|why| cannot_be_judged(&why))
    }

    /// Sets all headers of a successful check; they are empty where nobody is signed in.
    pub(in crate::http) fn identify(
        &self,
        user: Option<&User>,
        sent: &HeaderMap,
        headers: &mut HeaderMap,
    ) -> Result<(), Problem> {
        self.0.options.headers.identify(user, headers)?;
        if self.hands_cookies_on() {
            let (session, state) = (&self.0.cookie, self.0.cookie.of_state());
            let names = [session.name(), state.name()];
            headers.insert(header::COOKIE, cookies::without(names, sent));
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

    /// The redirect that a refusal calls for, if the original request was a navigation: to a form,
    /// or from another host to the hand-over.
    ///
    /// # Errors
    /// The refusal, where it is the answer.
    pub(in crate::http) fn redirect(
        &self,
        admitted: &Admitted<'_>,
        sent: &HeaderMap,
        refusal: Problem,
    ) -> Result<Response, Problem> {
        let form = match (refusal.status, refusal.code) {
            (StatusCode::UNAUTHORIZED, _) => "/login",
            (_, Code::ReauthenticationRequired) => "/reauthenticate",
            _ => return Err(refusal),
        };
        let Some((original, guarded)) = admitted.0 else { return Err(refusal) };
        if !original.is_navigation(sent) {
            return Err(refusal);
        }
        let Some(application) = guarded.application else {
            let next = Next::parse(original.target);
            return self.found(&with_next(form, next.as_ref().map_or("", Next::as_str)));
        };
        // The session at the application may be another person's, or of another sign-in, than the
        // one at the sign-in host: that host asks for the proof, and hands its own session over.
        let url = ApplicationUrl::of(application, original.target)
            .unwrap_or_else(|| ApplicationUrl::start_of(application));
        let state = HandoverState::of(sent, &self.0.cookie, &self.0.entropy)?;
        let mut response = self.found(&state.hand_over_path(&url))?;
        response.headers_mut().append(header::SET_COOKIE, state.cookie(&self.0.cookie)?);
        Ok(response)
    }

    /// 302 to a path of this server.
    fn found(&self, path: &str) -> Result<Response, Problem> {
        let origin = self.0.request_guard.0.public_url.origin();
        let location = HeaderValue::from_str(&format!("{origin}{path}"));
        let location = location.map_err(|_| Problem::internal())?;
        Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
    }
}

fn cannot_be_judged(why: &dyn fmt::Display) -> Problem {
    forbidden(format!("The original request cannot be judged: {why}."))
}

pub(in crate::http) fn forbidden(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, Code::Forbidden, detail)
}

#[cfg(test)]
mod tests;
