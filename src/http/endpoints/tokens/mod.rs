//! Tokens: signs them for back ends, publishes the keys, and answers the clients that ask about them.

pub(in crate::http) mod api;
mod client_auth;
pub(in crate::http) mod exchange;
pub(in crate::http) mod metadata;
pub(in crate::http) mod oauth;
mod oauth_error;
pub(in crate::http) mod userinfo;
