//! The pages. They work without JavaScript; a form that fails shows itself again.

mod account;
mod frame;
mod home;
mod login;
mod preferences;
mod reauthenticate;
mod sessions;
mod setup;
mod signup;
pub(super) mod views;

pub(super) use account::{change_password, show as account};
pub(super) use frame::{frame_of, problems_of, shown};
pub(super) use home::{asset, home};
pub(super) use login::{ask_to_sign_out, sign_in, sign_in_form, sign_out};
pub(super) use preferences::prefer;
pub(super) use reauthenticate::{form as reauthenticate_form, submit as reauthenticate};
pub(super) use sessions::{list as sessions, revoke as revoke_session, revoke_others};
pub(super) use setup::{form as setup_form, submit as set_up};
pub(super) use signup::{form as sign_up_form, submit as sign_up};
