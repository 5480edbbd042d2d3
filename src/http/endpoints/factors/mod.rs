//! Second factors: the second step of a sign-in, set-up, removal and recovery codes.

pub(in crate::http) mod access;
pub(in crate::http) mod api;
pub(in crate::http) mod page;
mod qr;
pub(in crate::http) mod second_step;
pub(in crate::http) mod set_up;
pub(in crate::http) mod view;
