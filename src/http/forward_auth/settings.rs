//! The settings of forward auth.

/// The settings of forward auth: which proxy asks, and which headers it is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForwardAuthOptions {
    /// The proxy in front; `None` reads no original request.
    pub proxy: Option<ForwardAuthProxy>,
    /// The headers with the identity of the user.
    pub headers: IdentityHeaders,
}

/// A proxy, which decides in which headers the original request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardAuthProxy {
    /// nginx, by `X-Original-Method` and `X-Original-URL`.
    Nginx,
    /// `HAProxy`, by the same headers.
    Haproxy,
    /// Caddy, by `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
    Caddy,
    /// Traefik, by the same headers.
    Traefik,
}

/// The headers with the identity of the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentityHeaders {
    /// `Remote-User`, `-Email`, `-Name` and `-Groups`.
    #[default]
    Remote,
    /// `X-Auth-Request-User`, `-Email`, `-Preferred-Username` and `-Groups`.
    XAuthRequest,
    /// `X-Forwarded-User`, `-Email`, `-Preferred-Username` and `-Groups`.
    XForwarded,
}
