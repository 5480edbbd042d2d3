//! The table of routes: one entry for each path of the router, with everything that treats it
//! specially.

use axum::http::{Method, StatusCode};

/// Every route of `router.rs`. The paths of most requests come first.
const ROUTES: &[Route] = &[
    route("/auth/verify", RouteKind::Check).routine(Routine::Success).cached(CachedCheck::Verify),
    route("/auth/verify/redirect", RouteKind::Check)
        .routine(Routine::Success)
        .cached(CachedCheck::Verify),
    api("/api/session").routine(Routine::SuccessfulGet).cached(CachedCheck::Session),
    route("/healthz", RouteKind::Probe).routine(Routine::Always).never_next(),
    route("/readyz", RouteKind::Probe).routine(Routine::Always).never_next(),
    route("/assets/{file}", RouteKind::Asset),
    page("/"),
    page("/login").never_next().keeps_path_after_post(),
    page("/login/second-factor").never_next().keeps_path_after_post(),
    page("/auth/continue").never_next(),
    page("/oauth/authorize").for_forms_of_any_site(),
    page("/oauth/consent").never_next().form_on("/"),
    page("/.anteroom/callback").never_next(),
    page("/.anteroom/sign-out").never_next(),
    route("/.anteroom/assets/{file}", RouteKind::Asset),
    page("/.anteroom/{*rest}").never_next(),
    page("/logout").never_next().keeps_path_after_post(),
    page("/signup").never_next().keeps_path_after_post(),
    page("/reauthenticate").never_next().keeps_path_after_post(),
    page("/setup").never_next().not_found_code("setup_unusable"),
    page("/invitation").never_next().not_found_code("invitation_unusable"),
    page("/signup/sent").never_next(),
    page("/recover").never_next().keeps_path_after_post(),
    page("/recover/sent").never_next(),
    page("/recover/confirm").never_next(),
    page("/verify-email").never_next(),
    page("/verify-email/done").never_next(),
    page("/cancel-email-change").never_next(),
    page("/cancel-email-change/done").never_next(),
    page("/preferences").never_next().form_on("/"),
    page("/.well-known/change-password"),
    page("/account"),
    page("/account/verification").never_next().form_on("/account"),
    page("/account/profile"),
    page("/account/password").never_next().form_on("/account"),
    page("/account/second-factor"),
    page("/account/second-factor/set-up").keeps_path_after_post(),
    page("/account/second-factor/begin").form_on("/account/second-factor"),
    page("/account/second-factor/remove").form_on("/account/second-factor"),
    page("/account/second-factor/recovery-codes").form_on("/account/second-factor"),
    page("/account/second-factor/passkeys").form_on("/account/second-factor"),
    page("/account/second-factor/passkeys/{id}/rename").form_on("/account/second-factor"),
    page("/account/second-factor/passkeys/{id}/remove").form_on("/account/second-factor"),
    page("/account/activity"),
    page("/account/remembered"),
    page("/account/applications"),
    page("/account/applications/{id}/withdraw").form_on("/account/applications"),
    page("/account/delete"),
    page("/account/sessions"),
    page("/account/sessions/revoke-others").form_on("/account/sessions"),
    page("/account/sessions/revoke-all").form_on("/account/sessions"),
    page("/account/sessions/{id}/revoke").form_on("/account/sessions"),
    page("/admin"),
    page("/admin/users"),
    page("/admin/users/{id}"),
    page("/admin/users/{id}/delete").form_on("/admin/users/{id}"),
    page("/admin/users/{id}/invitation").form_on("/admin/users/{id}"),
    page("/admin/users/{id}/reset-factors").form_on("/admin/users/{id}"),
    page("/admin/users/{id}/revoke-sessions").form_on("/admin/users/{id}"),
    page("/admin/sessions"),
    page("/admin/sessions/{id}"),
    page("/admin/sessions/{id}/revoke").form_on("/admin/sessions/{id}"),
    page("/admin/applications"),
    page("/admin/audit"),
    page("/admin/mail"),
    page("/admin/clients"),
    page("/admin/clients/{id}"),
    page("/admin/clients/{id}/secret").form_on("/admin/clients/{id}"),
    page("/admin/clients/{id}/remove").form_on("/admin/clients/{id}"),
    api("/openapi.json"),
    api("/api/signup"),
    api("/api/session/second-factor"),
    api("/api/session/passkey"),
    api("/api/session/passkey/options"),
    api("/api/session/reauthenticate"),
    api("/api/session/token"),
    api("/api/session/data"),
    api("/api/session/events"),
    api("/api/sessions"),
    api("/api/sessions/{id}"),
    api("/api/account"),
    api("/api/account/email/verification"),
    api("/api/email/verify"),
    api("/api/recovery"),
    api("/api/recovery/confirm"),
    api("/api/account/password"),
    api("/api/account/factors"),
    api("/api/account/totp"),
    api("/api/account/totp/confirm"),
    api("/api/account/recovery-codes"),
    api("/api/account/passkeys"),
    api("/api/account/passkeys/options"),
    api("/api/account/passkeys/{id}"),
    api("/api/account/applications"),
    api("/api/account/applications/{id}"),
    api("/api/account/data"),
    api("/api/admin/users"),
    api("/api/admin/users/{id}"),
    api("/api/admin/users/{id}/factors"),
    api("/api/admin/users/{id}/invitation"),
    api("/api/admin/users/{id}/sessions"),
    api("/api/admin/sessions"),
    api("/api/admin/sessions/{id}"),
    api("/api/admin/audit"),
    api("/api/admin/audit/export"),
    api("/api/admin/figures"),
    api("/api/admin/revocations"),
    api("/api/admin/webhook"),
    api("/api/admin/mail"),
    api("/api/admin/clients"),
    api("/api/admin/clients/{id}"),
    api("/api/admin/clients/{id}/secret"),
    api("/oauth/jwks"),
    api("/oauth/introspect").only_read(),
    api("/oauth/revoke"),
    api("/oauth/token"),
    api("/oauth/userinfo").only_read(),
    api("/.well-known/oauth-authorization-server"),
    api("/.well-known/openid-configuration"),
];

/// The paths that the proxies of other hosts send here; pages for people.
pub(in crate::http) const APPLICATION_AREA: &str = "/.anteroom";

/// Everything below these is for programs, whether or not there is such a route.
const PROGRAM_AREAS: [&str; 3] = ["/api", "/auth", "/oauth"];

/// One path of the router.
pub(in crate::http) struct Route {
    /// As in the router, for example `/admin/users/{id}`.
    path: &'static str,
    kind: RouteKind,
    routine: Routine,
    /// The check that the fast path answers from the cache.
    pub(in crate::http) cached: Option<CachedCheck>,
    /// Whether `next` may lead here after a sign-in.
    may_be_next: bool,
    /// Whether the page of a failed POST is also at this path for GET.
    keeps_path_after_post: bool,
    /// The page with the form that is sent here; always the first segments of `path`.
    form_on: &'static str,
    /// Whether every method only reads.
    is_only_read: bool,
    /// Which pages may send forms here.
    forms_from: FormsFrom,
    /// The code that the error page shows instead of `not_found`.
    not_found_code: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RouteKind {
    /// HTML for people.
    Page,
    /// JSON for programs.
    Api,
    /// Health check, under any `Host`.
    Probe,
    /// Session check of a reverse proxy.
    Check,
    /// Embedded file.
    Asset,
}

/// Which pages may send forms to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FormsFrom {
    /// Those of this site.
    OwnPages,
    /// Those of any site. The cookie does not come with them.
    AnySite,
}

/// Which responses are logged at `debug` instead of `info`.
#[derive(Clone, Copy)]
enum Routine {
    Never,
    Always,
    Success,
    SuccessfulGet,
}

/// A session check that the fast path can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum CachedCheck {
    /// `/auth/verify` and `/auth/verify/redirect`, by any method.
    Verify,
    /// `GET /api/session`.
    Session,
}

const fn route(path: &'static str, kind: RouteKind) -> Route {
    Route {
        path,
        kind,
        routine: Routine::Never,
        cached: None,
        may_be_next: !matches!(kind, RouteKind::Api | RouteKind::Check),
        keeps_path_after_post: false,
        form_on: path,
        is_only_read: matches!(kind, RouteKind::Check),
        forms_from: FormsFrom::OwnPages,
        not_found_code: None,
    }
}

const fn page(path: &'static str) -> Route {
    route(path, RouteKind::Page)
}

const fn api(path: &'static str) -> Route {
    route(path, RouteKind::Api)
}

impl Route {
    const fn routine(self, routine: Routine) -> Self {
        Self { routine, ..self }
    }

    const fn cached(self, check: CachedCheck) -> Self {
        Self { cached: Some(check), ..self }
    }

    const fn only_read(self) -> Self {
        Self { is_only_read: true, ..self }
    }

    const fn for_forms_of_any_site(self) -> Self {
        Self { forms_from: FormsFrom::AnySite, ..self }
    }

    /// A redirect here would loop, sign out, or show a response that is meant for programs.
    const fn never_next(self) -> Self {
        Self { may_be_next: false, ..self }
    }

    const fn keeps_path_after_post(self) -> Self {
        Self { keeps_path_after_post: true, ..self }
    }

    const fn form_on(self, page: &'static str) -> Self {
        Self { form_on: page, ..self }
    }

    const fn not_found_code(self, code: &'static str) -> Self {
        Self { not_found_code: Some(code), ..self }
    }

    fn matches(&self, path: &str) -> bool {
        let (mut pattern, mut segments) = (self.path.split('/'), path.split('/'));
        loop {
            match (pattern.next(), segments.next()) {
                (None, None) => return true,
                (Some(expected), Some(segment)) if expected == segment => {}
                (Some(expected), Some(segment))
                    if expected.starts_with('{') && !segment.is_empty() => {}
                _ => return false,
            }
        }
    }
}

/// The route of a request path.
pub(in crate::http) fn find(path: &str) -> Option<&'static Route> {
    let exact = ROUTES.iter().find(|route| route.path == path);
    exact.or_else(|| ROUTES.iter().find(|route| route.path.contains('{') && route.matches(path)))
}

/// Whether this is the path of a session check of a reverse proxy.
pub(in crate::http) fn is_check(path: &str) -> bool {
    find(path).is_some_and(|route| route.kind == RouteKind::Check)
}

/// Whether every request of this path only reads, by whichever method.
pub(in crate::http) fn is_only_read(path: &str) -> bool {
    find(path).is_some_and(|route| route.is_only_read)
}

/// Whether pages of other sites may send forms to this path.
pub(in crate::http) fn is_from_any_site(path: &str) -> bool {
    find(path).is_some_and(|route| route.forms_from == FormsFrom::AnySite)
}

/// Whether this is the path of a health check.
pub(in crate::http) fn is_probe(path: &str) -> bool {
    find(path).is_some_and(|route| route.kind == RouteKind::Probe)
}

/// Whether errors of this path are problem documents instead of pages.
pub(in crate::http) fn is_for_programs(path: &str) -> bool {
    match find(path) {
        Some(Route { kind: RouteKind::Page, .. }) => false,
        Some(Route { kind: RouteKind::Api | RouteKind::Probe, .. }) => true,
        _ => PROGRAM_AREAS.iter().any(|area| is_under(area, path)),
    }
}

/// Whether a response is routine, and logged at `debug`: health checks and successful session
/// checks, which are most requests.
pub(in crate::http) fn is_routine(method: &Method, path: &str, status: StatusCode) -> bool {
    let is_ok = status == StatusCode::OK;
    match find(path).map_or(Routine::Never, |route| route.routine) {
        Routine::Never => false,
        Routine::Always => true,
        Routine::Success => is_ok,
        Routine::SuccessfulGet => is_ok && *method == Method::GET,
    }
}

/// Whether `next` may lead to this path. Unknown paths are allowed: an embedding application has
/// its own.
pub(in crate::http) fn may_be_next(path: &str) -> bool {
    let refuses = |route: &Route| !route.may_be_next && is_under(route.path, path);
    let is_page = find(path).is_some_and(|route| route.kind == RouteKind::Page);
    let is_in_area = PROGRAM_AREAS.iter().any(|area| is_under(area, path));
    (is_page || !is_in_area) && !ROUTES.iter().any(refuses)
}

/// Whether a page for a POST to this path is also what GET answers there.
pub(in crate::http) fn keeps_path_after_post(path: &str) -> bool {
    find(path).is_some_and(|route| route.keeps_path_after_post)
}

/// The page with the form that is sent to this path; the path itself where no route says otherwise.
pub(in crate::http) fn form_page(path: &str) -> &str {
    match find(path) {
        Some(Route { form_on: "/", .. }) => "/",
        Some(route) => {
            let segments = route.form_on.matches('/').count();
            path.match_indices('/').nth(segments).map_or(path, |(end, _)| &path[..end])
        }
        None => path,
    }
}

/// The code that an error page shows for a 404 of this path.
pub(in crate::http) fn not_found_code(path: &str) -> Option<&'static str> {
    find(path)?.not_found_code
}

/// Whether `path` is `root` or below it.
pub(in crate::http) fn is_under(root: &str, path: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
