//! What is allowed but dangerous.

use super::{Config, settings as table};

impl Config {
    /// What is allowed but worth a line in the log, each a sentence.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let proxies = &self.door.trusted_proxies;
        if self.door.public_url.is_https() && proxies.is_empty() {
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
        if let Some(address) = self.metrics_listen
            && !address.ip().to_canonical().is_loopback()
        {
            warnings.push(format!(
                "ANTEROOM_METRICS_LISTEN is {address}: whoever reaches that address can read the \
                 metrics; keep it to loopback or a private network"
            ));
        }
        warnings
    }
}
