//! What each page shows: a struct per page, to be filled by whoever answers and rendered with
//! [`Page::render`].
//!
//! The structs hold plain values. They know no account, no session and no request; the words come
//! from [`crate::http::texts`] and the markup from `../templates`, where everything is escaped.

mod account;
mod activity;
mod administration;
mod delete;
mod error;
mod form;
mod frame;
mod invitation;
mod landing;
mod profile;
mod reauthenticate;
mod remembered;
mod sessions;
mod setup;
mod sign_in;
mod sign_out;
mod sign_up;

pub(crate) use account::{AccountNotice, AccountPage};
pub(crate) use activity::{ActivityPage, Doer, Happening};
pub(crate) use administration::{
    AllSessionsPage, AuditEventRow, AuditFilters, AuditTrailPage, ExplainedSession, NewUserTyped,
    OverviewPage, Plot, PlottedSpan, SessionEnd, SessionFilters, SessionPolicyShown, SessionRow,
    SessionShownPage, ShownInvitation, UserNotice, UserPage, UserRow, UsersNotice, UsersPage,
};
pub(crate) use askama::Template as Page;
pub(crate) use delete::DeletePage;
pub(crate) use error::ErrorPage;
pub(crate) use form::Problems;
pub(crate) use frame::{Frame, WhoIsShown};
pub(crate) use invitation::InvitationPage;
pub(crate) use landing::LandingPage;
pub(crate) use profile::ProfilePage;
pub(crate) use reauthenticate::ReauthenticatePage;
pub(crate) use remembered::{Field, FieldValue, RememberedPage};
pub(crate) use sessions::{Place, SessionCard, SessionsNotice, SessionsPage};
pub(crate) use setup::SetupPage;
pub(crate) use sign_in::{Cookies, SignInPage};
pub(crate) use sign_out::SignOutPage;
pub(crate) use sign_up::SignUpPage;

#[cfg(test)]
mod tests;
