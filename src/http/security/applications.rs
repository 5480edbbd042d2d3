//! The origins of applications on other hosts that this server guards.

use std::sync::Arc;

use url::Url;

use crate::http::security::public_url::PublicUrl;
use crate::sessions::Origin;

/// The applications of `APPLICATIONS`. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Applications(Arc<[Application]>);

/// One application on another host. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Application(Arc<Place>);

#[derive(Debug)]
struct Place {
    url: PublicUrl,
    origin: Origin,
}

impl Applications {
    /// The applications at these URLs, guarded by a server at `public_url`. Its own origin is
    /// guarded without being listed.
    ///
    /// # Errors
    /// One sentence that says which of them cannot be guarded.
    pub fn beside(
        public_url: &PublicUrl,
        urls: impl IntoIterator<Item = PublicUrl>,
    ) -> Result<Self, String> {
        let mut list: Vec<Application> = Vec::new();
        for url in urls {
            let is_known = |known: &PublicUrl| known.origin() == url.origin();
            if public_url.is_origin(url.origin()) || list.iter().any(|one| is_known(one.url())) {
                continue;
            }
            if url.scheme() != public_url.scheme() {
                let scheme = public_url.scheme();
                return Err(format!(
                    "{url}: ANTEROOM_PUBLIC_URL begins with {scheme}://, and an application begins \
                     with the same; use https for both"
                ));
            }
            let other = list.iter().map(Application::url).find(|other| other.host() == url.host());
            let own = Some(public_url).filter(|own| own.host() == url.host());
            if let Some(other) = other.or(own) {
                return Err(format!(
                    "{url}: {other} has the same host, and browsers send the cookies of a host to \
                     all its ports; give each a separate host"
                ));
            }
            let origin = Origin::of(url.origin());
            list.push(Application(Arc::new(Place { url, origin })));
        }
        Ok(Self(list.into()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their URLs, in the order in which they were listed.
    pub fn urls(&self) -> impl Iterator<Item = &PublicUrl> {
        self.0.iter().map(Application::url)
    }

    /// The application that a `Host` header names. Unlike the host of this server, a loopback host
    /// is only itself: each has separate cookies.
    pub(crate) fn at_host(&self, host: &str) -> Option<&Application> {
        self.0.iter().find(|application| application.url().is_this_very_host(host))
    }

    /// The application that has this URL.
    pub(crate) fn of_url(&self, url: &Url) -> Option<&Application> {
        let origin = url.origin().ascii_serialization();
        self.0.iter().find(|application| application.url().origin() == origin)
    }
}

impl Application {
    pub(crate) fn url(&self) -> &PublicUrl {
        &self.0.url
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }
}

#[cfg(test)]
mod tests;
