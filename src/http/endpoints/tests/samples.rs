//! One of every page, filled as a handler would fill it.

pub(super) mod administration;
mod sign_on;

use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::accounts::{Name, Passkey, PasskeyId, UserId};
use crate::http::session::language::Language;
use crate::http::state::FormSettings;
use crate::http::web::texts::Texts;
use crate::http::web::theme::Theme;

/// The present of every sample.
pub(super) const NOW: OffsetDateTime = datetime!(2026-11-21 10:42:30 UTC);

/// Around a visitor's page.
pub(super) fn context(language: Language, path: &str) -> PageContext {
    PageContext {
        language,
        theme: Theme::System,
        signed_in: None,
        path: path.to_owned(),
        form: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        is_at_application: false,
    }
}

/// Around the page of somebody who is signed in, with every link there is.
pub(super) fn signed_in(language: Language, path: &str) -> PageContext {
    let who = SignedInUser {
        name_or_email: "Ada Lovelace".to_owned(),
        session: "0197a1b2-0000-7000-8000-000000000001".to_owned(),
        is_admin: true,
    };
    PageContext { signed_in: Some(who), ..context(language, path) }
}

pub(super) fn sign_in(language: Language) -> SignInPage {
    SignInPage {
        context: context(language, "/login?next=/account/sessions"),
        problems: Problems::none(),
        email: String::new(),
        remember_me: false,
        next: "/account/sessions".to_owned(),
        ended: None,
        cookies: Cookies::Usable,
        unknown_passkey: None,
        offers: FormSettings {
            signup_is_open: true,
            password_min_length: 8,
            recovery_is_open: true,
            passkeys_are_on: true,
        },
    }
}

pub(super) fn sign_up(language: Language) -> SignUpPage {
    SignUpPage {
        context: context(language, "/signup"),
        is_open: true,
        problems: Problems::none(),
        email: String::new(),
        name: String::new(),
        minimum_length: 15,
        next: String::new(),
    }
}

pub(super) fn second_step(language: Language) -> SecondStepPage {
    SecondStepPage {
        context: context(language, "/login/second-factor?next=/account/sessions"),
        next: "/account/sessions".to_owned(),
        has_passkey: true,
        problems: Problems::none(),
    }
}

pub(super) fn factors(language: Language) -> FactorsPage {
    FactorsPage {
        context: signed_in(language, "/account/second-factor"),
        has_totp: true,
        has_factor: true,
        codes_left: 9,
        passkeys: vec![Passkey {
            id: PasskeyId::from_uuid(uuid::Uuid::from_u128(7)),
            user: UserId::from_uuid(uuid::Uuid::from_u128(8)),
            name: Name::from_stored("Phone".to_owned()),
            credential_id: b"credential".to_vec(),
            credential: String::new(),
            sign_count: 0,
            backed_up: true,
            created_at: NOW,
            last_used_at: Some(NOW),
        }],
        passkey_host: Some("localhost".to_owned()),
        user_handle: "AaH8gVs-cACaQW8MLZvjEA".to_owned(),
        done: None,
    }
}

pub(super) fn set_up(language: Language) -> SetUpPage {
    let secret = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".to_owned();
    let qr = "<svg width=\"240\" height=\"240\"></svg>";
    let uri = "otpauth://totp/localhost:ada?secret=GEZDGNBVGY3TQOJQ".to_owned();
    SetUpPage {
        context: signed_in(language, "/account/second-factor/set-up"),
        next: String::new(),
        is_required: false,
        passkeys_on: true,
        shown: Some(ShownSecret { secret, uri, qr: qr.to_owned() }),
        problems: Problems::none(),
    }
}

pub(super) fn codes(language: Language) -> CodesPage {
    CodesPage {
        context: signed_in(language, "/account/second-factor"),
        codes: (0..10).map(|n| format!("7K{n}M-9QXW-2HBT-4VZCE")).collect(),
        was_added: true,
        next: "/account".to_owned(),
    }
}

pub(super) fn account(language: Language) -> OwnAccountPage {
    OwnAccountPage {
        context: signed_in(language, "/account"),
        email: "ada@example.com".to_owned(),
        email_verified: true,
        pending_email: None,
        can_verify: false,
        name: "Ada Lovelace".to_owned(),
        is_admin: true,
        groups: vec!["dev".to_owned()],
        member_since: datetime!(2025-03-02 08:00 UTC),
        signed_in_since: datetime!(2026-11-21 07:05 UTC),
        problems: Problems::none(),
        minimum_length: 15,
        notice: None,
    }
}

pub(super) fn profile(language: Language) -> ProfilePage {
    ProfilePage {
        context: signed_in(language, "/account/profile"),
        problems: Problems::none(),
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
    }
}

pub(super) fn delete(language: Language) -> DeletePage {
    DeletePage {
        context: signed_in(language, "/account/delete"),
        problems: Problems::none(),
        email: "ada@example.com".to_owned(),
    }
}

pub(super) fn activity_entry(kind: &'static str, why: &str, by: ActivityActor) -> ActivityEntry {
    let is_failure = kind == "login_failed";
    let at = NOW - time::Duration::hours(3);
    ActivityEntry { kind, why: why.to_owned(), is_failure, at, by }
}

pub(super) fn activity(language: Language) -> ActivityPage {
    let device = "Firefox on Linux".to_owned();
    let browser = ActivityActor::Browser { device, ip_address: Some("203.0.113.7".to_owned()) };
    ActivityPage {
        context: signed_in(language, "/account/activity"),
        now: NOW,
        entries: vec![
            activity_entry("login", "", browser.clone()),
            activity_entry("login_failed", "wrong_password", browser),
            activity_entry("session_ended", "revoked_by_admin", ActivityActor::Administrator),
            activity_entry("session_ended", "idle_timeout", ActivityActor::Service),
        ],
        next_cursor: Some("0197a1b2-0000-7000-8000-000000000009".to_owned()),
    }
}

pub(super) fn remembered(language: Language) -> StoredDataPage {
    let field = |name, value| Field { name, value };
    StoredDataPage {
        context: signed_in(language, "/account/remembered"),
        now: NOW,
        cookie_name: "__Host-anteroom",
        fields: vec![
            field("id", FieldValue::Text("0197a1b2-0000-7000-8000-000000000001".to_owned())),
            field("created_at", FieldValue::Time(NOW - time::Duration::hours(3))),
            field("expires_at", FieldValue::Deadline(NOW + time::Duration::hours(27))),
            field("ip_address", FieldValue::Nothing),
        ],
    }
}

pub(super) fn card(id: &str, device: &str, is_current: bool) -> SessionCard {
    let hours = if is_current { 0 } else { 3 };
    SessionCard {
        id: format!("0197a1b2-0000-7000-8000-00000000000{id}"),
        device: device.to_owned(),
        is_current,
        ip_address: Some("203.0.113.7".to_owned()),
        moved_to: (id == "2").then(|| ClientView {
            device: "Safari on iPhone".to_owned(),
            ip_address: Some("198.51.100.7".to_owned()),
        }),
        started_at: datetime!(2026-11-20 21:05 UTC),
        last_seen_at: NOW - time::Duration::hours(hours),
        idle_ends_at: datetime!(2026-12-04 10:42 UTC),
        ends_at: datetime!(2026-12-20 21:05 UTC),
        applications: if is_current { vec![application("4"), application("5")] } else { vec![] },
    }
}

pub(super) fn application(id: &str) -> ApplicationCard {
    ApplicationCard {
        id: format!("0197a1b2-0000-7000-8000-00000000000{id}"),
        host: format!("wiki{id}.example.org"),
        started_at: NOW - time::Duration::hours(1),
    }
}

pub(super) fn sessions(language: Language) -> SessionsPage {
    SessionsPage {
        context: signed_in(language, "/account/sessions"),
        now: NOW,
        sessions: vec![
            card("1", "Firefox on Linux", true),
            card("2", "Safari on iPhone", false),
            SessionCard { ip_address: None, ..card("3", "Unknown device", false) },
        ],
        notice: None,
        problems: Problems::none(),
    }
}

pub(super) fn reauthenticate(language: Language) -> ReauthenticatePage {
    ReauthenticatePage {
        context: signed_in(language, "/reauthenticate?next=/account"),
        email: "ada@example.com".to_owned(),
        asks_for_code: false,
        has_passkey: true,
        next: "/account".to_owned(),
        problems: Problems::none(),
    }
}

pub(super) fn setup(language: Language) -> SetupPage {
    SetupPage {
        context: context(language, "/setup?token=secret"),
        token: "secret".to_owned(),
        email: String::new(),
        name: String::new(),
        minimum_length: 15,
        problems: Problems::none(),
    }
}

pub(super) fn invitation(language: Language) -> InvitationPage {
    InvitationPage {
        context: context(language, "/invitation?token=secret"),
        token: "secret".to_owned(),
        email: "ada@example.com".to_owned(),
        minimum_length: 15,
        problems: Problems::none(),
    }
}

pub(super) fn recover(language: Language) -> RecoverPage {
    RecoverPage {
        context: context(language, "/recover"),
        problems: Problems::none(),
        email: String::new(),
    }
}

pub(super) fn set_password(language: Language) -> SetPasswordPage {
    SetPasswordPage {
        context: context(language, "/recover/confirm?token=secret"),
        token: "secret".to_owned(),
        email: "ada@example.org".to_owned(),
        minimum_length: 15,
        problems: Problems::none(),
    }
}

pub(super) fn notice(language: Language) -> MailSentPage {
    let t = Texts::of(language);
    MailSentPage {
        context: context(language, "/recover/sent"),
        title: t.get("recover-sent-title"),
        lead: t.get("recover-sent-lead"),
    }
}

pub(super) fn email_link(language: Language) -> EmailLinkPage {
    let t = Texts::of(language);
    EmailLinkPage {
        context: context(language, "/verify-email?token=secret"),
        action: "/verify-email",
        token: "secret".to_owned(),
        email: "ada@example.com".to_owned(),
        title: t.get("verify-email-title"),
        lead: t.get("verify-email-lead"),
        submit: t.get("verify-email-submit"),
    }
}

pub(super) fn error(language: Language, status: u16, code: &'static str) -> ErrorPage {
    let request_id = "0197a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b".to_owned();
    ErrorPage { context: context(language, "/account"), status, code, request_id }
}

pub(super) fn handover_failed(language: Language) -> FailedPage {
    FailedPage { context: context(language, "/"), start_over: "/reports".to_owned() }
}

/// Every page, with a name for messages, in `language`.
pub(super) fn all(language: Language) -> Vec<(&'static str, String)> {
    let mut pages = at_the_door(language);
    pages.extend(inside(language));
    pages.extend(administration::all(language));
    pages.extend(sign_on::all(language));
    pages.into_iter().map(|(name, html)| (name, html.unwrap())).collect()
}

pub(super) type Rendered = Result<String, askama::Error>;

/// Before signing in.
fn at_the_door(language: Language) -> Vec<(&'static str, Rendered)> {
    let t = Texts::of(language);
    let ended = SignInPage { ended: Some("revoked_by_user"), ..sign_in(language) };
    let refused = SignInPage {
        problems: Problems::of_form(t.get("sign-in-refused")),
        email: "ada@example.com".to_owned(),
        remember_me: true,
        ..sign_in(language)
    };
    let cookies = SignInPage { cookies: Cookies::Several, ..sign_in(language) };
    let wrong = SignUpPage {
        problems: Problems::of_field("email", t.get("email-invalid"))
            .and("password", t.weak_password("too_short", 15)),
        email: "ada@".to_owned(),
        ..sign_up(language)
    };
    let wrong_code = SecondStepPage {
        problems: Problems::of_field("code", t.get("code-wrong")),
        ..second_step(language)
    };
    vec![
        ("second-step", second_step(language).render()),
        ("second-step-wrong", wrong_code.render()),
        ("landing", LandingPage { context: context(language, "/"), signup_open: true }.render()),
        ("sign-in", sign_in(language).render()),
        ("sign-in-ended", ended.render()),
        ("sign-in-refused", refused.render()),
        ("sign-in-cookies", cookies.render()),
        ("sign-up", sign_up(language).render()),
        ("sign-up-wrong", wrong.render()),
        ("sign-up-closed", SignUpPage { is_open: false, ..sign_up(language) }.render()),
        ("setup", setup(language).render()),
        ("invitation", invitation(language).render()),
        ("recover", recover(language).render()),
        ("recover-sent", notice(language).render()),
        ("set-password", set_password(language).render()),
        ("verify-email", email_link(language).render()),
        ("error-410", error(language, 410, "link_expired").render()),
        ("error-404", error(language, 404, "not_found").render()),
        ("error-503", error(language, 503, "unavailable").render()),
        ("handover-failed", handover_failed(language).render()),
    ]
}

fn pages_of_factors(language: Language) -> Vec<(&'static str, Rendered)> {
    let t = Texts::of(language);
    let without = FactorsPage {
        has_totp: false,
        has_factor: false,
        passkeys: Vec::new(),
        done: Some("removed".to_owned()),
        ..factors(language)
    };
    let not_begun = SetUpPage { shown: None, is_required: true, ..set_up(language) };
    let wrong_code =
        SetUpPage { problems: Problems::of_field("code", t.get("code-wrong")), ..set_up(language) };
    let by_code = ReauthenticatePage { asks_for_code: true, ..reauthenticate(language) };
    vec![
        ("factors", factors(language).render()),
        ("factors-none", without.render()),
        ("set-up", set_up(language).render()),
        ("set-up-begin", not_begun.render()),
        ("set-up-wrong", wrong_code.render()),
        ("recovery-codes", codes(language).render()),
        ("reauthenticate-by-code", by_code.render()),
    ]
}

/// After it.
fn inside(language: Language) -> Vec<(&'static str, Rendered)> {
    let t = Texts::of(language);
    let landing = LandingPage { context: signed_in(language, "/"), signup_open: true };
    let weak = OwnAccountPage {
        problems: Problems::of_field("current_password", t.get("password-wrong"))
            .and("new_password", t.weak_password("guessable", 15)),
        email_verified: false,
        can_verify: true,
        ..account(language)
    };
    let notice = Some(AccountNotice::Password);
    let changed = OwnAccountPage { notice, name: String::new(), ..account(language) };
    let renamed = OwnAccountPage {
        notice: Some(AccountNotice::Profile),
        pending_email: Some("countess@example.com".to_owned()),
        ..account(language)
    };
    let unconfirmed = DeletePage {
        problems: Problems::of_field("confirm", t.get("delete-unconfirmed")),
        ..delete(language)
    };
    let quiet = ActivityPage { entries: Vec::new(), next_cursor: None, ..activity(language) };
    let alone = SessionsPage {
        sessions: vec![card("1", "Firefox on Linux", true)],
        notice: Some(SessionsNotice::Others(2)),
        ..sessions(language)
    };
    let mut pages = pages_of_factors(language);
    pages.extend([
        ("landing-signed-in", landing.render()),
        ("sign-out", SignOutPage { context: signed_in(language, "/logout") }.render()),
        ("account", account(language).render()),
        ("account-wrong", weak.render()),
        ("account-changed", changed.render()),
        ("account-renamed", renamed.render()),
        ("profile", profile(language).render()),
        ("delete", delete(language).render()),
        ("delete-unconfirmed", unconfirmed.render()),
        ("activity", activity(language).render()),
        ("activity-none", quiet.render()),
        ("remembered", remembered(language).render()),
        ("sessions", sessions(language).render()),
        ("sessions-ended", alone.render()),
        ("reauthenticate", reauthenticate(language).render()),
    ]);
    pages
}
