//! Composition of the HTTP service: router, fast path and session layer.

use std::sync::Arc;

use axum::Router;
use tower::Layer as _;

use crate::accounts::{Accounts, SetupLink};
use crate::audit::AuditTrail;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::http::fast_path::{FastPath, FastPathLayer, FastPathState};
use crate::http::finish::RequestIds;
use crate::http::forward_auth::{ForwardAuth, ForwardAuthOptions};
use crate::http::router::{RouterParts, router};
use crate::http::security::guard::RequestGuard;
use crate::http::security::public_url::PublicUrl;
use crate::http::session::cookie::CookieShape;
use crate::http::session::layer::{SessionLayer, SessionLayerParts};
use crate::http::session::recent_sign_ins::RecentSignIns;
use crate::http::state::{FormSettings, HandlerServices, Links};
use crate::http::write_limit::{WriteLimit, WriteLimitLayer};
use crate::mail::Mail;
use crate::metrics::Metrics;
use crate::network::TrustedProxies;
use crate::sessions::Sessions;
use crate::throttle::OwnWrites;
use crate::tokens::Tokens;
use crate::use_cases::{
    AccessTokens, AccountChanges, ChangePassword, Check, Clients, CodeFlow, Dependencies,
    EmailLinks, Figures, Handover, Invitations, Login, Logout, OwnFactors, PasskeySignIn,
    Reauthenticate, Recovery, RevokeSessions, SecondFactor, SentForms, Signup,
};
use crate::webhook::Webhook;

/// The services and settings of the HTTP service.
pub struct HttpOptions {
    /// The accounts.
    pub accounts: Accounts,
    /// The sessions.
    pub sessions: Sessions,
    /// The audit trail.
    pub audit: AuditTrail,
    /// The webhook that audit events are sent to.
    pub webhook: Webhook,
    /// Mail to people.
    pub mail: Mail,
    /// Clients, keys and access tokens.
    pub tokens: Tokens,
    /// The link for the first administrator.
    pub setup_link: SetupLink,
    /// Where browsers find this server.
    pub public_url: PublicUrl,
    /// Origins of front ends on the same site that may call the API.
    pub trusted_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-*` headers count.
    pub proxies: TrustedProxies,
    /// The proxy that asks for session checks, and the headers it is given.
    pub forward_auth: ForwardAuthOptions,
    /// Settings of the forms.
    pub form_settings: FormSettings,
    /// The clock.
    pub clock: Clock,
    /// Draws request ids.
    pub entropy: Entropy,
    /// The metrics.
    pub metrics: Metrics,
}

/// The router and the session layer, on the same services.
#[derive(Clone)]
pub struct Service {
    router: Router,
    fast_path: FastPathLayer,
    write_limit: WriteLimitLayer,
    session_layer: SessionLayer,
    writes: Arc<OwnWrites>,
    audit: AuditTrail,
    forms: SentForms,
}

fn session_layer_parts(
    options: &HttpOptions,
    cookie: &CookieShape,
    writes: &Arc<OwnWrites>,
) -> SessionLayerParts {
    SessionLayerParts {
        check: Check::new(options.accounts.clone(), options.sessions.clone()),
        sessions: options.sessions.clone(),
        cookie: cookie.clone(),
        proxies: options.proxies.clone(),
        writes: Arc::clone(writes),
        metrics: options.metrics.clone(),
        audit: options.audit.clone(),
        keeps_data: true,
    }
}

fn access_tokens(options: &HttpOptions, check: &Check) -> AccessTokens {
    let HttpOptions { tokens, sessions, audit, .. } = options;
    AccessTokens::new(tokens.clone(), check.clone(), sessions.clone(), audit.clone())
}

fn code_flow(options: &HttpOptions, check: &Check) -> CodeFlow {
    let HttpOptions { tokens, sessions, audit, .. } = options;
    CodeFlow::new(tokens.clone(), check.clone(), sessions.clone(), audit.clone())
}

fn forward_auth(
    options: &HttpOptions,
    cookie: &CookieShape,
    request_guard: &RequestGuard,
) -> ForwardAuth {
    ForwardAuth::new(
        options.forward_auth.clone(),
        cookie.clone(),
        request_guard.clone(),
        (options.clock.clone(), options.entropy.clone()),
    )
}

fn dependencies(options: &HttpOptions) -> Dependencies {
    Dependencies {
        accounts: options.accounts.clone(),
        sessions: options.sessions.clone(),
        audit: options.audit.clone(),
        mail: options.mail.clone(),
        metrics: options.metrics.clone(),
    }
}

fn request_guard(options: &HttpOptions) -> RequestGuard {
    RequestGuard::new(
        options.public_url.clone(),
        options.trusted_origins.clone(),
        options.proxies.clone(),
        options.forward_auth.applications.clone(),
    )
}

impl Service {
    /// Builds the router and the layers.
    #[must_use]
    pub fn new(options: HttpOptions) -> Self {
        let cookie = CookieShape::of(&options.public_url);
        let writes = Arc::new(OwnWrites::new(options.accounts.limits_attempts(), &options.clock));
        let parts = session_layer_parts(&options, &cookie, &writes);
        let check = parts.check.clone();
        let access_tokens = access_tokens(&options, &check);
        let code_flow = code_flow(&options, &check);
        let (request_guard, on) = (request_guard(&options), dependencies(&options));
        let forward_auth = forward_auth(&options, &cookie, &request_guard);
        let HttpOptions { accounts, sessions, audit, metrics, .. } = options;
        let ids = RequestIds::new(&options.entropy);
        let shared = (&parts, &access_tokens);
        let state = FastPathState::new(shared, &request_guard, &forward_auth, ids.clone());
        let own = SessionLayer::new(SessionLayerParts { keeps_data: false, ..parts.clone() });
        let session_layer = SessionLayer::new(parts);
        let forms = SentForms::new(sessions.clone(), options.entropy);
        let (a, s, t) = (&accounts, &sessions, &audit);
        let services = HandlerServices {
            login: Login::new(&on),
            logout: Logout::new(a.clone(), s.clone(), t.clone()),
            second_factor: SecondFactor::new(&on),
            own_factors: OwnFactors::new(&on),
            passkey_sign_in: PasskeySignIn::new(&on),
            signup: Signup::new(&on, options.setup_link),
            reauthenticate: Reauthenticate::new(&on),
            change_password: ChangePassword::new(&on),
            revoke_sessions: RevokeSessions::new(a.clone(), s.clone(), t.clone()),
            account_changes: AccountChanges::new(a.clone(), s.clone(), t.clone())
                .with_mail(on.mail.clone()),
            invitations: Invitations::new(&on),
            recovery: Recovery::new(&on),
            email_links: EmailLinks::new(&on),
            mail: on.mail.clone(),
            clients: Clients::new(options.tokens, t.clone()),
            access_tokens,
            code_flow,
            handover: Handover::new(s.clone()),
            figures: Figures::new(a.clone(), s.clone(), t.clone()),
            forms: forms.clone(),
            recent_sign_ins: RecentSignIns::default(),
            links: Links::to(request_guard.0.public_url.origin()),
            audit: audit.clone(),
            form_settings: options.form_settings,
            webhook: options.webhook,
            check,
            cookie,
            applications: request_guard.0.applications.clone(),
            forward_auth,
            accounts,
            sessions,
        };
        let router = router(RouterParts {
            state: services.into(),
            session_layer: own,
            request_guard,
            ids,
            metrics,
        });
        let (fast_path, write_limit) = (FastPathLayer::new(state), WriteLimitLayer::new());
        Self { router, fast_path, write_limit, session_layer, writes, audit, forms }
    }

    /// Every route of the service, to be served by itself: session checks skip the router.
    #[must_use]
    pub fn front(&self) -> FastPath<WriteLimit<Router>> {
        self.fast_path.layer(self.write_limit.layer(self.router.clone()))
    }

    /// Every route of the service, for a router of one's own, each route with the fast path and the
    /// write limit around it.
    pub fn mountable(&self) -> Router {
        self.router.clone().layer(self.write_limit.clone()).layer(self.fast_path.clone())
    }

    /// Every route of the service, without the fast path and the write limit.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The layer that gives one's own handlers the session.
    #[must_use]
    pub fn session_layer(&self) -> SessionLayer {
        self.session_layer.clone()
    }

    /// Forgets networks and users that have been quiet, and forms that were sent a while ago.
    pub fn sweep(&self) {
        self.writes.sweep();
        self.audit.sweep();
        self.forms.sweep();
    }
}
