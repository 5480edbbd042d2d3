//! The settings of forward auth.

use crate::http::security::applications::Applications;
use crate::rules::LiveRules;

/// The settings of forward auth: which proxy asks, the headers it is given, the applications on
/// other hosts, and the rules.
#[derive(Clone, Debug, Default)]
pub struct ForwardAuthOptions {
    /// The proxy in front; `None` reads no original request.
    pub proxy: Option<ForwardAuthProxy>,
    /// The headers with the identity of the user.
    pub headers: IdentityHeaders,
    /// The applications on other hosts than that of this server.
    pub applications: Applications,
    /// The rules that decide who may send which original request.
    pub rules: LiveRules,
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

impl ForwardAuthProxy {
    /// The word of the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
        }
    }
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
