//! The original request: which request the proxy asks about.
//!
//! Each proxy has one family of headers. The other family may come from the client, so it is not
//! read. The caller has checked that a trusted proxy sent the headers.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::http::forward_auth::settings::ForwardAuthProxy;
use crate::http::security::applications::{Application, Applications};
use crate::http::security::public_url::{PublicUrl, could_be_a_host};
use crate::rules::ApplicationRequest;

/// The original request, as the proxy received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginalRequest<'r> {
    pub(super) method: &'r str,
    pub(super) scheme: &'r str,
    /// With the port, where one was written.
    pub(super) host: &'r str,
    /// Path and query. From a proxy it begins with a slash; empty where a person left it out.
    pub(super) target: &'r str,
}

/// An original request to an origin that is guarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuardedRequest<'r> {
    /// As rules see it.
    pub(crate) asked: ApplicationRequest<'r>,
    /// The application on another host; `None` for the origin of this server.
    pub(crate) application: Option<&'r Application>,
}

impl<'r> OriginalRequest<'r> {
    /// The original request, or `None` where none of its headers came.
    ///
    /// # Errors
    /// Why the headers cannot be read.
    pub(super) fn read(
        proxy: ForwardAuthProxy,
        headers: &'r HeaderMap,
    ) -> Result<Option<Self>, &'static str> {
        match proxy {
            ForwardAuthProxy::Nginx | ForwardAuthProxy::Haproxy => {
                let [method, url] = read(headers, ["x-original-method", "x-original-url"])?;
                let (Some(method), Some(url)) = (method, url) else {
                    return nothing([method, url]);
                };
                let original = Self::of_url(method, url)?;
                original.agrees_with(headers)?;
                original.with_path().map(Some)
            }
            ForwardAuthProxy::Caddy | ForwardAuthProxy::Traefik => {
                let names = [
                    "x-forwarded-method",
                    "x-forwarded-proto",
                    "x-forwarded-host",
                    "x-forwarded-uri",
                ];
                let [method, scheme, host, target] = read(headers, names)?;
                // Every proxy sends host and scheme, even with a request that it makes for itself.
                let (Some(method), Some(scheme), Some(host), Some(target)) =
                    (method, scheme, host, target)
                else {
                    return nothing([method, target]);
                };
                Self { method, scheme, host, target }.checked()?.with_path().map(Some)
            }
        }
    }

    /// The host of the URL is the one that the proxy names, and both are plain. A proxy puts the URL
    /// together from the host and the path, so a host with a `/` or `?` would choose another path.
    fn agrees_with(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let is_plain = |host: &HeaderValue| host.to_str().is_ok_and(could_be_a_host);
        let is_same =
            |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(self.host.as_bytes());
        if !headers.get_all(header::HOST).iter().all(is_plain) {
            return Err("the host has other characters than a host may have");
        }
        if !headers.get_all("x-forwarded-host").iter().all(is_same) {
            return Err("X-Forwarded-Host names another host than the URL");
        }
        Ok(())
    }

    /// A proxy writes the path behind the host, so a URL without one is not what it was asked for.
    fn with_path(self) -> Result<Self, &'static str> {
        if self.target.starts_with('/') {
            Ok(self)
        } else {
            Err("the host is not followed by a path")
        }
    }

    /// The request of a method and an absolute URL, as a person writes it: without a path it is for
    /// the start page.
    ///
    /// # Errors
    /// Why the URL cannot be read.
    pub(crate) fn of_url(method: &'r str, url: &'r str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("the URL is not absolute")?;
        let (host, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        Self { method, scheme, host, target }.checked()
    }

    fn checked(self) -> Result<Self, &'static str> {
        // Two headers that something joined into one are two values. A comma may be in a path.
        if [self.method, self.scheme, self.host].iter().any(|one| one.contains(',')) {
            return Err("two values in one header");
        }
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !is_token(self.method) || !is_token(self.scheme) || !is_token(self.host) {
            return Err("method, scheme or host is empty or no text");
        }
        let is_readable = self.target.bytes().all(|b| b.is_ascii_graphic());
        let is_path = self.target.is_empty() || self.target.starts_with(['/', '?', '#']);
        if is_readable && is_path { Ok(self) } else { Err("the path does not parse") }
    }

    /// The request to an origin that is guarded: that of this server, or an application's.
    ///
    /// # Errors
    /// Why it may not pass.
    pub(crate) fn at(
        &self,
        (public_url, applications): (&'r PublicUrl, &'r Applications),
    ) -> Result<GuardedRequest<'r>, &'static str> {
        if self.target.contains('#') {
            return Err("the path has a number sign (#)");
        }
        // Traefik names the scheme of a WebSocket by its own word.
        let scheme = match self.scheme {
            "wss" => "https",
            "ws" => "http",
            scheme => scheme,
        };
        let unknown = "its origin is not among ANTEROOM_PUBLIC_URL and ANTEROOM_APPLICATIONS";
        // Applications have the scheme of the public URL.
        if !scheme.eq_ignore_ascii_case(public_url.scheme()) {
            return Err(unknown);
        }
        let (application, url) = if public_url.is_host(self.host) {
            (None, public_url)
        } else {
            let application = applications.at_host(self.host).ok_or(unknown)?;
            (Some(application), application.url())
        };
        let (method, target) = (self.method, self.target);
        let asked = ApplicationRequest { method, host: url.host(), port: url.port(), target };
        Ok(GuardedRequest { asked, application })
    }

    /// Whether a browser shows the answer as a page, so that a redirect to a form is of use.
    pub(super) fn is_navigation(&self, headers: &HeaderMap) -> bool {
        if !matches!(self.method, "GET" | "HEAD") {
            return false;
        }
        match headers.get("sec-fetch-mode") {
            Some(mode) => mode == "navigate",
            None => headers.get_all("accept").iter().any(|accept| {
                let media = accept.as_bytes().split(|byte| matches!(byte, b',' | b';'));
                media.map(<[u8]>::trim_ascii).any(|one| one.eq_ignore_ascii_case(b"text/html"))
            }),
        }
    }
}

/// The one value of each header.
fn read<'r, const N: usize>(
    headers: &'r HeaderMap,
    names: [&'static str; N],
) -> Result<[Option<&'r str>; N], &'static str> {
    let mut values = [None; N];
    for (value, name) in values.iter_mut().zip(names) {
        let mut lines = headers.get_all(name).into_iter();
        if let Some(line) = lines.next() {
            *value = Some(line.to_str().map_err(|_| "a header is no text")?);
        }
        if lines.next().is_some() {
            return Err("a header came twice");
        }
    }
    Ok(values)
}

/// Nothing came, or something is missing.
fn nothing<T>(values: [Option<&str>; 2]) -> Result<Option<T>, &'static str> {
    if values == [None, None] { Ok(None) } else { Err("a header is missing") }
}
