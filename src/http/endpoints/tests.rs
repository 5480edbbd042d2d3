mod samples;

use std::collections::BTreeSet;

use askama::Template as Page;

use crate::accounts::Name;
use crate::http::endpoints::account::view::{
    AccountNotice, ActivityActor, ActivityEntry, ActivityPage, DeletePage, Field, FieldValue,
    OwnAccountPage, ProfilePage, StoredDataPage,
};
use crate::http::endpoints::admin::applications::view::{ApplicationsPage, Outcome, Trial};
use crate::http::endpoints::admin::audit::view::{AuditEventRow, AuditFilters, AuditTrailPage};
use crate::http::endpoints::admin::mail::view::{MailPageView, MailRow};
use crate::http::endpoints::admin::overview::plot::{Plot, PlottedSpan};
use crate::http::endpoints::admin::overview::view::OverviewPage;
use crate::http::endpoints::admin::sessions::view::{
    AllSessionsPage, ChildView, ExplainedSession, PolicyView, SessionDetailPage, SessionEnd,
    SessionFilters, SessionRow,
};
use crate::http::endpoints::admin::users::view::{
    InvitationLink, NewUserTyped, UserNotice, UserPage, UserRow, UserTyped, UsersNotice, UsersPage,
};
use crate::http::endpoints::email::view::EmailLinkPage;
use crate::http::endpoints::factors::view::{
    CodesPage, FactorsPage, SecondStepPage, SetUpPage, ShownSecret,
};
use crate::http::endpoints::handover::view::FailedPage;
use crate::http::endpoints::home::view::LandingPage;
use crate::http::endpoints::recovery::view::{MailSentPage, RecoverPage, SetPasswordPage};
use crate::http::endpoints::session::view::{Cookies, ReauthenticatePage, SignInPage, SignOutPage};
use crate::http::endpoints::sessions::view::{
    ApplicationCard, ClientView, SessionCard, SessionsNotice, SessionsPage,
};
use crate::http::endpoints::signup::view::{InvitationPage, SetupPage, SignUpPage};
use crate::http::endpoints::tests::samples::{
    account, activity, all, context, error, factors, reauthenticate, remembered, sessions, setup,
    sign_in, sign_up,
};
use crate::http::security::redirect::with_next;
use crate::http::session::language::Language;
use crate::http::session::language::Language::{English, Korean};
use crate::http::web::assets::{find, path_of_passkeys, path_of_script, path_of_style};
use crate::http::web::error_page::ErrorPage;
use crate::http::web::form_problems::Problems;
use crate::http::web::page_context::{PageContext, SignedInUser};
use crate::http::web::theme::Theme;
use crate::rules::RuleText;

/// Script that a browser would run if one place forgot to escape it.
const HOSTILE: &str = "\"'><script>alert(1)</script>&lt; onfocus=";

/// Every tag of a page with its attributes, as written.
fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let starts = html.match_indices('<').map(|(at, _)| &html[at + 1..]);
    let named = starts.filter(|tag| {
        tag.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    });
    named.map(|tag| &tag[..tag.find('>').unwrap()]).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let after = tag.split_once(&format!(" {name}=\""))?.1;
    after.split('"').next()
}

/// Every value of an attribute anywhere in a page.
fn values<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    let parts: Vec<&str> = html.split(&start).skip(1).collect();
    parts.into_iter().map(|after| after.split('"').next().unwrap()).collect()
}

fn every_page() -> Vec<(&'static str, Language, String)> {
    let pages =
        |language| all(language).into_iter().map(move |(name, html)| (name, language, html));
    Language::ALL.into_iter().flat_map(pages).collect()
}

/// The page without the tags of the two scripts of this server, each of which it may have once.
fn without_own_scripts(html: String) -> String {
    [path_of_script(), path_of_passkeys()].iter().fold(html, |html, path| {
        html.replacen(&format!("<script src=\"{path}\" defer></script>"), "", 1)
    })
}

#[test]
fn hdr_1_a_page_runs_nothing_and_fetches_nothing_from_elsewhere() {
    for (name, _, html) in every_page() {
        let html = without_own_scripts(html);
        for never in
            ["<script", "<style", " style=", " on", "javascript:", "http:", "https:", "<iframe"]
        {
            let found = html.match_indices(never).find(|(at, _)| {
                // Words of the text may start with "on"; attributes have a `=` right after them.
                never != " on" || {
                    let word = html[at + 1..].split([' ', '>', '\n']).next().unwrap();
                    word.contains('=')
                }
            });
            assert!(found.is_none(), "{name} has {never}");
        }
        for target in values(&html, "href").into_iter().chain(values(&html, "action")) {
            let inside = target.starts_with('#') || target.starts_with('/');
            // For an app, and a file to keep: both are part of the page.
            let own = ["otpauth://totp/", "data:text/plain;"];
            if own.iter().any(|scheme| target.starts_with(scheme)) {
                continue;
            }
            assert!(inside && !target.starts_with("//"), "{name} leads to {target}");
        }
    }
}

#[test]
fn a_page_says_its_language_and_has_one_heading_a_skip_link_and_landmarks() {
    for (name, language, html) in every_page() {
        assert!(html.starts_with("<!doctype html>"), "{name}");
        assert_eq!(attribute(tags(&html, "html")[0], "lang"), Some(language.tag()), "{name}");
        // A drawing has its title.
        let outside: String =
            html.split("<svg").map(|part| part.rsplit("</svg>").next().unwrap()).collect();
        for (tag, count) in [("h1", 1), ("main", 1), ("header", 1), ("footer", 1), ("title", 1)] {
            assert_eq!(tags(&outside, tag).len(), count, "{name}: <{tag}>");
        }
        assert!(html.contains("<a class=\"skip\" href=\"#content\">"), "{name}");
        let title = html.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0;
        assert!(title.ends_with(" · Anteroom") && title.len() > " · Anteroom".len(), "{name}");
    }
}

#[test]
fn every_field_has_a_label_and_every_reference_leads_somewhere() {
    for (name, _, html) in every_page() {
        let ids = values(&html, "id");
        let known: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), known.len(), "{name} has an id twice: {ids:?}");

        let labelled = values(&html, "for");
        for input in tags(&html, "input") {
            let unseen =
                input.contains("type=\"hidden\"") || input.contains("aria-hidden=\"true\"");
            let label = attribute(input, "id").is_some_and(|id| labelled.contains(&id));
            assert!(unseen || label, "{name}: {input}");
        }
        for attribute in ["aria-describedby", "aria-labelledby", "for"] {
            for id in values(&html, attribute).into_iter().flat_map(str::split_whitespace) {
                assert!(known.contains(id), "{name}: {attribute} names {id}");
            }
        }
        for link in values(&html, "href").into_iter().filter_map(|href| href.strip_prefix('#')) {
            assert!(known.contains(link), "{name}: a link to #{link}");
        }
    }
}

#[test]
fn an_error_is_shown_at_the_top_and_beside_its_field() {
    let message = "Enter an email address such as name@example.com.";
    let problems = Problems::of_field("email", message);
    let html = SignUpPage { problems, ..sign_up(English) }.render().unwrap();

    assert!(html.contains("role=\"alert\""));
    assert!(html.contains(&format!("<a href=\"#email\">{message}</a>")));
    assert!(html.contains(&format!("id=\"email-error\">{message}</p>")));
    let inputs = tags(&html, "input");
    let input = inputs.iter().find(|input| attribute(input, "id") == Some("email")).unwrap();
    assert_eq!(attribute(input, "aria-invalid"), Some("true"));
    assert_eq!(attribute(input, "aria-describedby"), Some("email-error"));
    assert_eq!(html.matches("aria-invalid").count(), 1);
}

#[test]
fn typed_values_are_kept_but_passwords() {
    let typed = || ("ada@example.com".to_owned(), "Ada".to_owned());
    let (email, name) = typed();
    let html = SignUpPage { email, name, ..sign_up(English) }.render().unwrap();
    assert!(html.contains("value=\"ada@example.com\"") && html.contains("value=\"Ada\""));
    let (email, name) = typed();
    let html = SetupPage { email, name, ..setup(English) }.render().unwrap();
    assert!(html.contains("value=\"ada@example.com\"") && html.contains("value=\"Ada\""));
    let html = SignInPage { remember_me: true, ..sign_in(English) }.render().unwrap();
    assert!(tags(&html, "input").iter().any(|input| input.ends_with(" checked")));

    for (name, _, html) in every_page() {
        for input in tags(&html, "input").iter().filter(|i| i.contains("type=\"password\"")) {
            assert_eq!(attribute(input, "value"), None, "{name}");
        }
    }
}

#[test]
fn pw_7_each_field_is_labelled_for_password_managers() {
    let of = |html: &str| values(html, "autocomplete").join(" ");
    assert_eq!(of(&sign_in(English).render().unwrap()), "username webauthn current-password");
    let mut without_passkeys = sign_in(English);
    without_passkeys.offers.passkeys_are_on = false;
    assert_eq!(of(&without_passkeys.render().unwrap()), "username current-password");
    assert_eq!(of(&sign_up(English).render().unwrap()), "username name new-password");
    assert_eq!(of(&setup(English).render().unwrap()), "username name new-password");
    assert_eq!(of(&reauthenticate(English).render().unwrap()), "username current-password");
    let html = account(English).render().unwrap();
    assert_eq!(of(&html), "username current-password new-password");
    assert_eq!(values(&html, "data-minimum"), ["15"]);
    assert!(!sign_in(English).render().unwrap().contains("data-minimum"));
}

#[test]
fn inj_2_nothing_that_comes_from_outside_is_markup() {
    let pages = hostile_signed_out_pages()
        .into_iter()
        .chain(hostile_signed_in_pages())
        .chain(samples::administration::hostile(HOSTILE, &hostile_frame(), &hostile_problems()));
    for (number, html) in pages.enumerate() {
        let html = without_own_scripts(html.unwrap());
        assert!(!html.contains("<script"), "page {number}: {html}");
        assert!(!html.contains("\"'"), "page {number} lets a quotation mark through");
    }
}

fn hostile() -> String {
    HOSTILE.to_owned()
}

fn hostile_frame() -> PageContext {
    let who = SignedInUser { name_or_email: hostile(), session: hostile(), is_admin: true };
    PageContext { signed_in: Some(who), path: hostile(), ..PageContext::default() }
}

fn hostile_problems() -> Problems {
    let fields = ["email", "name", "password", "current_password", "new_password"];
    fields.into_iter().fold(Problems::of_form(HOSTILE), |all, field| all.and(field, HOSTILE))
}

fn hostile_signed_out_pages() -> Vec<Result<String, askama::Error>> {
    let (context, problems) = (hostile_frame, hostile_problems);
    let (email, name, next, token) = (hostile, hostile, hostile, hostile);
    let sign_in_again = SignInPage {
        context: context(),
        email: email(),
        next: next(),
        problems: problems(),
        ended: Some(HOSTILE),
        ..sign_in(English)
    };
    let sign_up_again = SignUpPage {
        context: context(),
        email: email(),
        name: name(),
        next: next(),
        problems: problems(),
        ..sign_up(English)
    };
    let setup_again = SetupPage {
        context: context(),
        token: token(),
        email: email(),
        name: name(),
        problems: problems(),
        ..setup(English)
    };
    let ended = SignInPage { ended: Some(HOSTILE), ..sign_in(English) };
    vec![sign_in_again.render(), ended.render(), sign_up_again.render(), setup_again.render()]
}

fn hostile_signed_in_pages() -> Vec<Result<String, askama::Error>> {
    let (context, problems) = (hostile_frame, hostile_problems);
    let card = SessionCard {
        id: hostile(),
        device: hostile(),
        ip_address: Some(hostile()),
        moved_to: Some(ClientView { device: hostile(), ip_address: Some(hostile()) }),
        ..samples::card("1", "", false)
    };
    let in_two = samples::card("2", &format!("{HOSTILE} on {HOSTILE}"), false);
    let cards = SessionsPage {
        context: context(),
        sessions: vec![card, in_two],
        problems: problems(),
        ..sessions(English)
    };
    let (email, name, next) = (hostile(), hostile(), hostile());
    let who = OwnAccountPage {
        context: context(),
        email,
        name,
        problems: problems(),
        ..account(English)
    };
    let email = hostile();
    let again = ReauthenticatePage {
        context: context(),
        email,
        asks_for_code: true,
        has_passkey: false,
        next,
        problems: problems(),
    };
    let request_id = hostile();
    let failed = ErrorPage { context: context(), request_id, ..error(English, 500, HOSTILE) };
    let landing = LandingPage { context: context(), signup_open: true };
    let (name, email) = (hostile(), hostile());
    let profile = ProfilePage { context: context(), problems: problems(), name, email };
    let delete = DeletePage { context: context(), problems: problems(), email: hostile() };
    let by = ActivityActor::Browser { device: hostile(), ip_address: Some(hostile()) };
    let entries = vec![
        samples::activity_entry("login_failed", HOSTILE, by.clone()),
        samples::activity_entry(HOSTILE, HOSTILE, by),
    ];
    let next_cursor = Some(hostile());
    let activity = ActivityPage { context: context(), entries, next_cursor, ..activity(English) };
    let fields = vec![Field { name: HOSTILE, value: FieldValue::Text(hostile()) }];
    let remembered = StoredDataPage { context: context(), fields, ..remembered(English) };
    let more = [profile.render(), delete.render(), activity.render(), remembered.render()];
    let mut pages =
        vec![landing.render(), who.render(), cards.render(), again.render(), failed.render()];
    let mut named = factors(English);
    named.passkeys[0].name = Name::from_stored(hostile());
    pages.push(FactorsPage { context: context(), ..named }.render());
    pages.extend(more);
    pages
}

#[test]
fn every_page_of_a_signed_in_user_can_sign_out() {
    let sign_out = "<form class=\"leave\" method=\"post\" action=\"/logout\">";
    for html in
        [account(Korean).render(), sessions(Korean).render(), reauthenticate(Korean).render()]
    {
        assert!(html.unwrap().contains(sign_out));
    }
    assert!(!sign_in(Korean).render().unwrap().contains(sign_out));
}

#[test]
fn every_page_offers_theme_and_language_and_comes_back() {
    for (name, language, html) in every_page() {
        assert_eq!(html.matches("action=\"/preferences\"").count(), 2, "{name}");
        assert_eq!(
            values(&html, "value")
                .iter()
                .filter(|v| ["system", "light", "dark"].contains(v))
                .count(),
            3
        );
        let pressed = format!("value=\"{0}\" lang=\"{0}\" aria-pressed=\"true\"", language.tag());
        assert!(html.contains(&pressed), "{name}");
    }
    let html = sign_in(English).render().unwrap();
    let back = "name=\"next\" value=\"/login?next=/account/sessions\"";
    assert_eq!(html.matches(back).count(), 2);
}

#[test]
fn the_chosen_theme_is_on_the_page_and_the_device_decides_otherwise() {
    for (theme, expected) in
        [(Theme::System, None), (Theme::Light, Some("light")), (Theme::Dark, Some("dark"))]
    {
        let context = PageContext { theme, ..context(English, "/") };
        let html = LandingPage { context, signup_open: true }.render().unwrap();
        assert_eq!(attribute(tags(&html, "html")[0], "data-theme"), expected);
    }
}

#[test]
fn signing_in_says_why_the_session_before_has_ended() {
    for reason in ["idle_timeout", "account_disabled", "replaced"] {
        let html = SignInPage { ended: Some(reason), ..sign_in(Korean) }.render().unwrap();
        assert!(html.contains(&korean_text(reason)), "{reason}");
    }
    let html = SignInPage { ended: Some("no_such_reason"), ..sign_in(Korean) }.render().unwrap();
    assert!(!html.contains("banner"));
}

#[test]
fn the_link_to_sign_up_keeps_next() {
    let html = SignInPage { next: "/a?b=c&d=é#".to_owned(), ..sign_in(English) }.render().unwrap();
    assert!(html.contains("href=\"/signup?next=/a%3Fb%3Dc%26d%3D%C3%A9%23\""));
    assert_eq!(with_next("/login", ""), "/login");
    let mut closed = sign_in(English);
    closed.offers.signup_is_open = false;
    let closed = closed.render().unwrap();
    assert!(!closed.contains("/signup"));
    let closed = SignUpPage { is_open: false, ..sign_up(English) }.render().unwrap();
    assert!(!closed.contains("action=\"/signup\""));
}

#[test]
fn every_session_can_be_ended_and_all_others_only_where_there_are_some() {
    let html = sessions(Korean).render().unwrap();
    for session in sessions(Korean).sessions {
        let ends = format!("action=\"/account/sessions/{}/revoke\"", session.id);
        // The current session is signed out, so no other device is named.
        assert_eq!(html.contains(&ends), !session.is_current);
    }
    assert!(html.contains("Linux의 Firefox") && html.contains("알 수 없는 기기"));
    assert!(html.contains("action=\"/account/sessions/revoke-others\""));
    let alone = vec![samples::card("1", "Firefox on Linux", true)];
    let html = SessionsPage { sessions: alone, ..sessions(English) }.render().unwrap();
    assert!(!html.contains("revoke-others") && html.contains("Firefox on Linux"));
}

#[test]
fn an_error_names_the_request_and_offers_to_try_again_where_that_may_help() {
    for (status, code, again) in [(503, "unavailable", 1), (503, "busy", 1), (404, "not_found", 0)]
    {
        let html = error(English, status, code).render().unwrap();
        assert!(html.contains("0197a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"), "{code}");
        assert_eq!(html.matches(">Try again</a>").count(), again, "{code}");
    }
}

#[test]
fn a_page_and_its_style_stay_below_fifty_kilobytes() {
    let [style, script] = [path_of_style(), path_of_script()].map(|path| find(path).unwrap());
    for (name, _, html) in every_page() {
        let weight = html.len() + style.bytes.len() + script.bytes.len();
        assert!(weight < 50_000, "{name}: {weight}");
    }
}

fn korean_text(reason: &str) -> String {
    crate::http::web::texts::Texts::of(Korean).ended(reason).unwrap()
}
