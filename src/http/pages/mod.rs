//! The pages. They work without JavaScript; a form that fails shows itself again.

mod account;
mod activity;
pub(super) mod administration;
mod again;
mod arrival;
mod delete;
mod forms;
mod frame;
mod home;
mod invitation;
mod login;
mod preferences;
mod profile;
mod reauthenticate;
mod remembered;
mod sessions;
mod setup;
mod signup;
pub(super) mod views;

pub(super) use account::{change_password, show as account};
pub(super) use activity::show as activity;
pub(super) use arrival::Arrivals;
pub(super) use delete::{form as delete_form, submit as delete};
pub(super) use forms::{to_a_new_password, to_the_form};
pub(super) use frame::{frame_of, problems_of, shown};
pub(super) use home::{asset, home};
pub(super) use invitation::{form as invitation_form, submit as accept_invitation};
pub(super) use login::{ask_to_sign_out, sign_in, sign_in_form, sign_out};
pub(super) use preferences::prefer;
pub(super) use profile::{form as profile_form, submit as change_profile};
pub(super) use reauthenticate::{form as reauthenticate_form, submit as reauthenticate};
pub(super) use remembered::show as remembered;
pub(super) use sessions::{list as sessions, revoke as revoke_session, revoke_all, revoke_others};
pub(super) use setup::{form as setup_form, submit as set_up};
pub(super) use signup::{form as sign_up_form, submit as sign_up};
