//! Warnings about settings that are valid but dangerous.

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Config, SessionStorage, WrittenDuration, settings as table};
use crate::accounts::RelyingParty;
use crate::mail::Transport;
use crate::store::DatabaseAt;

impl Config {
    /// Valid but dangerous settings, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        warnings.extend(self.proxies_in_front());
        warnings.extend(self.stores_in_the_clear());
        warnings.extend(self.webhook_in_the_clear());
        warnings.extend(self.mail_in_the_log());
        warnings.extend(self.passkeys_of_an_address());
        warnings.extend(self.ignored_names());
        let throttles = [
            (table::THROTTLE_ACCOUNT.setting, self.throttles.account),
            (table::THROTTLE_NETWORK.setting, self.throttles.network),
            (table::THROTTLE_SIGNUP.setting, self.throttles.signup),
        ];
        for (setting, _) in throttles.iter().filter(|(_, throttle)| throttle.is_none()) {
            let (variable, default) = (setting.variable(), setting.default);
            warnings.push(format!(
                "{variable} is off: attempts go on unchecked; the default is {default}"
            ));
        }
        warnings.extend(self.addresses_kept_longer());
        if let Some(address) = self.metrics_listen
            && !address.ip().to_canonical().is_loopback()
        {
            warnings.push(format!(
                "ANTEROOM_METRICS_LISTEN is {address}: everybody who reaches that address can read \
                 the metrics; keep it to loopback or a private network"
            ));
        }
        warnings
    }

    fn passkeys_of_an_address(&self) -> Option<String> {
        let url = &self.http.public_url;
        let works = !self.accounts.passkeys || RelyingParty::at(url.origin()).is_some();
        (!works).then(|| {
            format!(
                "passkeys are off: browsers refuse them for {}, an IP address; give \
                 ANTEROOM_PUBLIC_URL a name, or set ANTEROOM_PASSKEYS=off",
                url.host()
            )
        })
    }

    fn proxies_in_front(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let proxies = &self.http.trusted_proxies;
        if self.http.public_url.is_https() && proxies.is_empty() {
            warnings.push(
                "ANTEROOM_PUBLIC_URL is https but ANTEROOM_TRUSTED_PROXIES names no proxy: every \
                 visitor seems to come from the proxy's address; set it to that address"
                    .to_owned(),
            );
        }
        if let Some(all) = proxies.iter().find(|network| network.prefix_len() == 0) {
            warnings.push(format!(
                "ANTEROOM_TRUSTED_PROXIES trusts everybody ({all}): anyone can claim any address; \
                 name the proxies alone"
            ));
        }
        let options = &self.http.forward_auth;
        let guards = [
            (table::RULES.setting, options.rules.file().is_some()),
            (table::APPLICATIONS.setting, !options.applications.is_empty()),
        ];
        for (setting, _) in guards.iter().filter(|(_, is_set)| *is_set && options.proxy.is_none()) {
            warnings.push(format!(
                "{} is set but ANTEROOM_FORWARD_AUTH is not: no proxy tells which request a check \
                 is about, so every check is refused; set it to the proxy in front",
                setting.variable()
            ));
        }
        if self.http.forward_auth.proxy.is_some() && proxies.is_empty() {
            let effect = if guards.iter().any(|(_, is_set)| *is_set) {
                "every check is refused"
            } else {
                "nobody is redirected to sign in"
            };
            warnings.push(format!(
                "ANTEROOM_FORWARD_AUTH is set but ANTEROOM_TRUSTED_PROXIES names no proxy: no \
                 original request is read, so {effect}; set it to the address of the proxy"
            ));
        }
        warnings
    }

    fn stores_in_the_clear(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let DatabaseAt::Postgres(url) = &self.storage.database
            && let Some(host) = unverified(url)
        {
            warnings.push(format!(
                "ANTEROOM_DATABASE does not check that {host} is what answers there: a \
                 program in between can read everything; add sslmode=verify-full to it"
            ));
        }
        if let SessionStorage::Redis { url } = &self.storage.sessions
            && let Some(host) = unencrypted(url)
        {
            warnings.push(format!(
                "ANTEROOM_SESSIONS goes to {host} in the clear: a program in between reads the \
                 password, and who is signed in from where; write rediss://"
            ));
        }
        warnings
    }

    fn webhook_in_the_clear(&self) -> Option<String> {
        let host = self.webhook.as_ref()?.target.in_the_clear()?;
        Some(format!(
            "ANTEROOM_WEBHOOK_URL goes to {host} in the clear: a program in between can read the \
             events; write https:// where the receiver has a certificate"
        ))
    }

    fn mail_in_the_log(&self) -> Option<String> {
        let is_log = matches!(self.mail.as_ref()?.transport, Transport::Log);
        is_log.then(|| {
            "ANTEROOM_MAIL is log: links that set passwords are in the log; name a mail server \
             where anybody else reads it"
                .to_owned()
        })
    }

    fn ignored_names(&self) -> impl Iterator<Item = String> {
        self.ignored.iter().map(|name| {
            format!(
                "{name} is ignored, as a name that Kubernetes or Docker injects: the setting for \
                 the address to listen on is ANTEROOM_LISTEN"
            )
        })
    }

    /// Sessions keep full addresses until they end.
    fn addresses_kept_longer(&self) -> Option<String> {
        let policy = &self.policy;
        let lives = [policy.standard, policy.remembered, policy.administrator];
        let longest = lives.map(|timeouts| timeouts.absolute).into_iter().max()?;
        let kept = self.retention.addresses.filter(|kept| *kept < longest)?;
        let (kept, longest) = (WrittenDuration(kept), WrittenDuration(longest));
        Some(format!(
            "ANTEROOM_ADDRESS_RETENTION is {kept}, but a session keeps its address as long as it \
             lives, up to {longest}; shorten the absolute timeouts, or lengthen it"
        ))
    }
}

/// The host of a remote database server whose certificate is not verified.
fn unverified(url: &SecretString) -> Option<String> {
    let url = url::Url::parse(url.expose_secret()).ok()?;
    let parameter = |name: &str| {
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let host = parameter("host").or_else(|| url.host_str().map(str::to_owned))?;
    let is_socket = ["/", "%2F", "%2f"].iter().any(|begins| host.starts_with(begins));
    let is_verified = parameter("sslmode").is_some_and(|mode| mode.starts_with("verify-"));
    (!is_here(&host) && !is_socket && !is_verified).then_some(host)
}

/// The host of a remote Redis server or Sentinel without TLS. Sentinel addresses list several hosts,
/// so they are not valid URLs.
fn unencrypted(url: &SecretString) -> Option<String> {
    let (scheme, rest) = url.expose_secret().split_once("://")?;
    if scheme.starts_with("rediss") {
        return None;
    }
    let hosts = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
    let hosts = hosts.split(['/', '?']).next()?.split(',');
    let mut names = hosts.map(|host| match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    });
    names.find(|name| !is_here(name)).map(str::to_owned)
}

fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
