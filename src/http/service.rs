//! The whole door, made of rooms and a few settings.

use std::sync::Arc;

use axum::Router;

use super::cookie::CookieShape;
use super::front::{Desk, Forms, Front};
use super::middleware::{Door, DoorParts, RequestIds, SessionLayer, SessionLayerParts};
use super::network::TrustedProxies;
use super::pages::Arrivals;
use super::public_url::PublicUrl;
use super::router::{House, router};
use super::state::{Links, Manners, Rooms};
use crate::accounts::{Accounts, SetupLink};
use crate::audit::AuditTrail;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::flows::{
    AccountChanges, ChangePassword, Check, Figures, Invitations, Login, Logout, Reauthenticate,
    RevokeSessions, SentForms, Signup,
};
use crate::metrics::Metrics;
use crate::sessions::Sessions;
use crate::throttle::OwnWrites;
use crate::webhook::Webhook;

/// What the door is made of.
pub struct DoorOptions {
    /// Who people are.
    pub accounts: Accounts,
    /// Who is signed in.
    pub sessions: Sessions,
    /// What happened.
    pub audit: AuditTrail,
    /// Who is told of it.
    pub webhook: Webhook,
    /// The link for the first administrator.
    pub setup_link: SetupLink,
    /// Where browsers find this server.
    pub public_url: PublicUrl,
    /// Origins of front ends on the same site that may call the API.
    pub trusted_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-*` headers count.
    pub proxies: TrustedProxies,
    /// How people are treated.
    pub manners: Manners,
    /// Tells the time.
    pub clock: Clock,
    /// Draws request ids.
    pub entropy: Entropy,
    /// Counts what goes on.
    pub metrics: Metrics,
}

/// The router and the session layer, on the same rooms.
#[derive(Clone)]
pub struct Service {
    router: Router,
    front: Front,
    session_layer: SessionLayer,
    writes: Arc<OwnWrites>,
    audit: AuditTrail,
    forms: SentForms,
}

impl Service {
    /// Puts the door together.
    #[must_use]
    pub fn new(options: DoorOptions) -> Self {
        let DoorOptions { accounts, sessions, audit, public_url, proxies, clock, metrics, .. } =
            options;
        let cookie =
            if public_url.is_https() { CookieShape::SECURE } else { CookieShape::LOOPBACK };
        let writes = Arc::new(OwnWrites::new(accounts.limits_attempts(), &clock));
        let check = Check::new(accounts.clone(), sessions.clone());
        let parts = SessionLayerParts {
            check: check.clone(),
            sessions: sessions.clone(),
            cookie: cookie.clone(),
            proxies: proxies.clone(),
            writes: writes.clone(),
            metrics: metrics.clone(),
            audit: audit.clone(),
            keeps_data: true,
        };
        let own = SessionLayer::new(SessionLayerParts { keeps_data: false, ..parts.clone() });
        let session_layer = SessionLayer::new(parts);
        let door = Door(Arc::new(DoorParts {
            public_url,
            trusted_origins: options.trusted_origins,
            proxies,
        }));
        let ids = RequestIds::new(&options.entropy);
        let desk = Desk {
            check: check.clone(),
            sessions: sessions.clone(),
            cookie: cookie.clone(),
            forms: Forms::at(&door),
            door: door.clone(),
            ids: ids.clone(),
            metrics: metrics.clone(),
        };
        let forms = SentForms::new(sessions.clone(), options.entropy);
        let (a, s, t) = (&accounts, &sessions, &audit);
        let rooms = Rooms {
            login: Login::new(a.clone(), s.clone(), t.clone()).counted_in(&metrics),
            logout: Logout::new(s.clone(), t.clone()),
            signup: Signup::new(a.clone(), s.clone(), options.setup_link, t.clone())
                .counted_in(&metrics),
            reauthenticate: Reauthenticate::new(a.clone(), s.clone(), t.clone()),
            change_password: ChangePassword::new(a.clone(), s.clone(), t.clone()),
            revoke_sessions: RevokeSessions::new(a.clone(), s.clone(), t.clone()),
            account_changes: AccountChanges::new(a.clone(), s.clone(), t.clone()),
            invitations: Invitations::new(a.clone(), s.clone(), t.clone()),
            figures: Figures::new(a.clone(), s.clone(), t.clone()),
            forms: forms.clone(),
            arrivals: Arrivals::default(),
            links: Links::to(door.0.public_url.origin()),
            audit: audit.clone(),
            manners: options.manners,
            webhook: options.webhook,
            check,
            cookie,
            accounts,
            sessions,
        };
        let router = router(House { state: rooms.into(), session_layer: own, door, ids, metrics });
        let front = Front::new(desk, router.clone());
        Self { router, front, session_layer, writes, audit, forms }
    }

    /// Every route of the service, to be served by itself.
    #[must_use]
    pub fn front(&self) -> Front {
        self.front.clone()
    }

    /// Every route of the service, to be served or merged into a router of one's own.
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
