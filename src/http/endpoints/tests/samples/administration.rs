//! One of every page of the administration.

mod clients;

use time::Duration;
use time::macros::datetime;

use super::super::*;
use crate::http::endpoints::tests::samples::{NOW, Rendered, application, sign_on, signed_in};
use crate::http::session::language::Language;
use crate::http::web::texts::Texts;

const ID: &str = "0197a1b2-0000-7000-8000-000000000001";

fn user() -> UserRow {
    UserRow {
        id: ID.to_owned(),
        email: "ada@example.com".to_owned(),
        email_verified: true,
        name: "Ada Lovelace".to_owned(),
        is_admin: false,
        groups: vec!["dev".to_owned(), "on-call".to_owned()],
        is_disabled: false,
        created_at: datetime!(2025-03-02 08:00 UTC),
    }
}

/// Without its scheme: no page of the samples may name another place.
fn invitation() -> InvitationLink {
    InvitationLink {
        email: "ada@example.com".to_owned(),
        url: "auth.example.com/invitation?token=secret".to_owned(),
        expires_at: datetime!(2026-11-28 10:42 UTC),
    }
}

fn row(n: u32) -> SessionRow {
    SessionRow {
        id: format!("0197a1b2-0000-7000-8000-0000000001{n:02}"),
        device: "Firefox on Linux".to_owned(),
        is_current: n == 0,
        user: (n != 1).then(|| ID.to_owned()),
        ip_address: (n != 2).then(|| "203.0.113.7".to_owned()),
        moved_to: None,
        started_at: datetime!(2026-11-20 21:05 UTC),
        last_seen_at: NOW - Duration::hours(3),
        applications: if n == 0 { vec![application("2")] } else { Vec::new() },
    }
}

fn event(n: u32) -> AuditEventRow {
    AuditEventRow {
        at: NOW,
        kind: "session_ended",
        actor: if n == 0 { "server".to_owned() } else { ID.to_owned() },
        actor_is_user: n != 0,
        subject: Some(ID.to_owned()),
        session: Some(ID.to_owned()),
        network: Some("203.0.113.7".to_owned()),
        outcome: "ok".to_owned(),
        details: vec!["reason: revoked_by_admin".to_owned()],
    }
}

fn plot(name: &'static str, number: u64) -> Plot {
    let span = |n: u64| PlottedSpan { begun_at: NOW, sign_ins: n * 7 % 23, failures: n % 5 };
    Plot { name, spans: (0..number).map(span).collect() }
}

fn overview(language: Language) -> OverviewPage {
    OverviewPage {
        context: signed_in(language, "/admin"),
        live_sessions: Some((1204, 377)),
        users: 913,
        administrators: 2,
        disabled: 4,
        plots: vec![plot("hours", 24), plot("days", 30)],
    }
}

fn users(language: Language) -> UsersPage {
    UsersPage {
        context: signed_in(language, "/admin/users"),
        query: "ada".to_owned(),
        users: (0..25)
            .map(|n| UserRow { is_admin: n == 1, is_disabled: n == 2, ..user() })
            .collect(),
        next: Some("/admin/users?cursor=x".to_owned()),
        typed: NewUserTyped::default(),
        problems: Problems::none(),
        invitation: None,
        notice: None,
    }
}

fn one_user(language: Language) -> UserPage {
    UserPage {
        context: signed_in(language, &format!("/admin/users/{ID}")),
        now: NOW,
        user: user(),
        typed: UserTyped {
            email: "ada@example.com".to_owned(),
            name: "Ada Lovelace".to_owned(),
            groups: "dev on-call".to_owned(),
        },
        sessions: (0..25).map(row).collect(),
        has_factor: true,
        invitation: None,
        notice: None,
        problems: Problems::none(),
    }
}

fn sessions(language: Language) -> AllSessionsPage {
    AllSessionsPage {
        context: signed_in(language, "/admin/sessions?kind=user"),
        now: NOW,
        filters: SessionFilters { kind: "user".to_owned(), ..SessionFilters::default() },
        sessions: (0..25).map(row).collect(),
        next: Some("/admin/sessions?kind=user&cursor=x".to_owned()),
    }
}

fn one_session(language: Language) -> SessionDetailPage {
    SessionDetailPage {
        context: signed_in(language, &format!("/admin/sessions/{ID}")),
        now: NOW,
        id: ID.to_owned(),
        session: Some(ExplainedSession {
            row: row(0),
            user_agent: "Mozilla/5.0".to_owned(),
            last_user_agent: "Mozilla/5.0".to_owned(),
            methods: "password, totp".to_owned(),
            authenticated_at: Some(NOW),
            idle_ends_at: datetime!(2026-12-04 10:42 UTC),
            ends_at: datetime!(2026-12-20 21:05 UTC),
            policy: PolicyView::Remembered,
        }),
        child: None,
        applications: vec![application("4")],
        ended: None,
        under_lease: true,
        trial: Some(trial(true)),
        events: (0..20).map(event).collect(),
    }
}

fn audit(language: Language) -> AuditTrailPage {
    AuditTrailPage {
        context: signed_in(language, "/admin/audit?kind=login"),
        filters: AuditFilters { kind: "login".to_owned(), ..AuditFilters::default() },
        kinds: vec!["login", "login_failed"],
        events: (0..25).map(event).collect(),
        next: None,
        exports: ["csv", "json"].map(|f| format!("/api/admin/audit/export?format={f}")),
    }
}

fn trial(is_allowed: bool) -> Trial {
    let reason = if is_allowed { "admin-decision-allowed" } else { "admin-decision-no-account" };
    let rule = is_allowed.then(|| "the rule in line 12: group:dev, fresh within 10m".to_owned());
    Trial {
        method: "GET".to_owned(),
        url: "app.example.com/reports".to_owned(),
        email: "ada@example.com".to_owned(),
        outcome: Some(Outcome { is_allowed, reason, rule }),
    }
}

fn applications(language: Language) -> ApplicationsPage {
    let rule = |line, path: &str, access: &str| RuleText {
        line,
        host: String::new(),
        path: path.to_owned(),
        methods: if line == Some(3) { "GET, HEAD".to_owned() } else { String::new() },
        access: access.to_owned(),
    };
    ApplicationsPage {
        context: signed_in(language, "/admin/applications"),
        origins: vec!["app.example.com".to_owned(), "wiki.example.com".to_owned()],
        proxy: "nginx",
        headers: "remote-user, remote-email, remote-name, remote-groups".to_owned(),
        file: Some("/etc/anteroom/rules.toml".to_owned()),
        rules: vec![
            rule(Some(3), "/public/**", "public"),
            rule(Some(8), "/drafts/*", "group:dev, fresh within 10m"),
            rule(None, "", "signed-in"),
        ],
        trial: trial(true),
    }
}

fn mail(language: Language) -> MailPageView {
    MailPageView {
        context: signed_in(language, "/admin/mail"),
        is_on: true,
        messages: vec![message(false), message(true)],
        next: Some("/admin/mail?cursor=1".to_owned()),
    }
}

fn message(is_failed: bool) -> MailRow {
    MailRow {
        at: NOW - Duration::hours(3),
        kind: "recovery",
        to: "ada@example.com".to_owned(),
        user: is_failed.then(|| ID.to_owned()),
        attempts: 3,
        next_attempt_at: (!is_failed).then_some(NOW + Duration::hours(1)),
        is_failed,
        status: if is_failed { "failed" } else { "pending" },
        error: "permanent error (550): no such mailbox".to_owned(),
    }
}

/// Every page, with a name for messages, in `language`.
pub(in super::super) fn all(language: Language) -> Vec<(&'static str, Rendered)> {
    let mut pages = users_pages(language);
    let child = SessionDetailPage {
        child: Some(ChildView { origin: "wiki.example.org".to_owned(), parent: ID.to_owned() }),
        applications: vec![],
        ..one_session(language)
    };
    let ended = SessionDetailPage {
        session: None,
        ended: Some(SessionEnd { reason: "revoked_by_admin", at: NOW }),
        under_lease: false,
        ..one_session(language)
    };
    let empty = AuditTrailPage { events: Vec::new(), ..audit(language) };
    let off = MailPageView { is_on: false, messages: Vec::new(), next: None, ..mail(language) };
    let uncounted = OverviewPage { live_sessions: None, ..overview(language) };
    pages.extend([
        ("admin", overview(language).render()),
        ("admin-uncounted", uncounted.render()),
        ("admin-sessions", sessions(language).render()),
        ("admin-session", one_session(language).render()),
        ("admin-session-at-an-application", child.render()),
        ("admin-session-ended", ended.render()),
        ("admin-audit", audit(language).render()),
        ("admin-audit-empty", empty.render()),
        ("admin-mail", mail(language).render()),
        ("admin-mail-off", off.render()),
    ]);
    pages.extend(applications_pages(language));
    pages.extend(clients::all(language));
    pages
}

fn users_pages(language: Language) -> Vec<(&'static str, Rendered)> {
    let t = Texts::of(language);
    let made = UsersPage { invitation: Some(invitation()), ..users(language) };
    let none = UsersPage {
        users: Vec::new(),
        next: None,
        problems: Problems::of_field("email", t.get("email-invalid")),
        notice: Some(UsersNotice::Deleted),
        ..users(language)
    };
    let last = UserPage {
        problems: Problems::of_form(t.error_detail("last_administrator")),
        user: UserRow {
            is_admin: true,
            is_disabled: true,
            email_verified: false,
            groups: Vec::new(),
            ..user()
        },
        sessions: Vec::new(),
        ..one_user(language)
    };
    let refused = UserPage {
        problems: Problems::of_field("groups", t.get("groups-invalid_name")),
        ..one_user(language)
    };
    let done = UserPage { notice: Some(UserNotice::Ended(2)), ..one_user(language) };
    let invited = UserPage {
        notice: Some(UserNotice::Changed),
        invitation: Some(invitation()),
        problems: Problems::of_field("sure", t.get("admin-delete-unsure")),
        ..one_user(language)
    };
    vec![
        ("admin-users", users(language).render()),
        ("admin-users-made", made.render()),
        ("admin-users-none", none.render()),
        ("admin-user", one_user(language).render()),
        ("admin-user-last", last.render()),
        ("admin-user-refused", refused.render()),
        ("admin-user-done", done.render()),
        ("admin-user-invited", invited.render()),
    ]
}

fn applications_pages(language: Language) -> Vec<(&'static str, Rendered)> {
    let unprotected = ApplicationsPage {
        origins: vec![],
        file: None,
        rules: vec![],
        trial: trial(false),
        ..applications(language)
    };
    vec![
        ("admin-applications", applications(language).render()),
        ("admin-applications-none", unprotected.render()),
    ]
}

/// Every page with what comes from outside, everywhere.
pub(in super::super) fn hostile(
    text: &str,
    context: &PageContext,
    problems: &Problems,
) -> Vec<Rendered> {
    let (hostile, context) = (|| text.to_owned(), || context.clone());
    let user = || UserRow {
        id: hostile(),
        email: hostile(),
        name: hostile(),
        groups: vec![hostile()],
        ..user()
    };
    let link = || Some(InvitationLink { email: hostile(), url: hostile(), ..invitation() });
    let english = Language::English;
    let typed = NewUserTyped { email: hostile(), name: hostile(), is_admin: true };
    let (invitation, problems) = (link(), problems.clone());
    let users = UsersPage {
        context: context(),
        query: hostile(),
        users: vec![user()],
        next: Some(hostile()),
        typed,
        problems: problems.clone(),
        invitation,
        ..users(english)
    };
    let one_user = UserPage {
        context: context(),
        user: user(),
        typed: UserTyped { email: hostile(), name: hostile(), groups: hostile() },
        sessions: vec![hostile_row(text)],
        invitation: link(),
        problems,
        ..one_user(english)
    };
    let filters =
        SessionFilters { user: hostile(), device: hostile(), ..SessionFilters::default() };
    let next = Some(hostile());
    let sessions = vec![hostile_row(text)];
    let all = AllSessionsPage { context: context(), now: NOW, filters, sessions, next };
    let (id, events) = (hostile(), vec![hostile_event(text)]);
    let render = SessionDetailPage { context: context(), id, events, ..one_session(english) };
    let filters = AuditFilters { outcome: hostile(), kind: hostile(), ..AuditFilters::default() };
    let (events, exports) = (vec![hostile_event(text)], [hostile(), hostile()]);
    let trail = AuditTrailPage { context: context(), filters, events, exports, ..audit(english) };
    let [clients, client] = clients::hostile(text, context());
    let [consent, form_post, own] = sign_on::hostile(text, context());
    vec![
        clients,
        client,
        consent,
        form_post,
        own,
        users.render(),
        one_user.render(),
        all.render(),
        render.render(),
        hostile_applications(text, context()).render(),
        trail.render(),
        hostile_mail(text, context()).render(),
    ]
}

fn hostile_mail(text: &str, context: PageContext) -> MailPageView {
    let hostile = || text.to_owned();
    let message =
        MailRow { to: hostile(), user: Some(hostile()), error: hostile(), ..message(true) };
    let (messages, next) = (vec![message], Some(hostile()));
    MailPageView { context, messages, next, ..mail(Language::English) }
}

fn hostile_applications(text: &str, context: PageContext) -> ApplicationsPage {
    let hostile = || text.to_owned();
    let outcome =
        Outcome { is_allowed: false, reason: "admin-decision-forbidden", rule: Some(hostile()) };
    let trial =
        Trial { method: hostile(), url: hostile(), email: hostile(), outcome: Some(outcome) };
    let rule = RuleText {
        line: None,
        host: hostile(),
        path: hostile(),
        methods: hostile(),
        access: hostile(),
    };
    ApplicationsPage {
        context,
        origins: vec![hostile()],
        headers: hostile(),
        file: Some(hostile()),
        rules: vec![rule],
        trial,
        ..applications(Language::English)
    }
}

fn hostile_row(text: &str) -> SessionRow {
    let hostile = || text.to_owned();
    SessionRow {
        id: hostile(),
        device: hostile(),
        user: Some(hostile()),
        ip_address: Some(hostile()),
        moved_to: Some(ClientView { device: hostile(), ip_address: Some(hostile()) }),
        applications: vec![ApplicationCard { host: hostile(), ..application(text) }],
        ..row(0)
    }
}

fn hostile_event(text: &str) -> AuditEventRow {
    let hostile = || text.to_owned();
    AuditEventRow {
        actor: hostile(),
        subject: Some(hostile()),
        session: Some(hostile()),
        network: Some(hostile()),
        outcome: hostile(),
        details: vec![hostile()],
        ..event(1)
    }
}
