//! Reads the settings of checks by proxies.

use super::read::Reader;
use super::settings as table;
use crate::http::{Applications, ForwardAuthOptions, PublicUrl};
use crate::rules::{KnownHost, LiveRules, RulesError, RulesFile};

impl Reader {
    pub(super) fn forward_auth(
        &mut self,
        public_url: Option<&PublicUrl>,
    ) -> Option<ForwardAuthOptions> {
        let proxy = self.read(&table::FORWARD_AUTH);
        let headers = self.read(&table::IDENTITY_HEADERS);
        let applications = self.applications(public_url);
        // Without them no host of a rule can be known, and that is a mistake already.
        let guarded = public_url.zip(applications.as_ref());
        let rules = self.rules(guarded);
        Some(ForwardAuthOptions {
            proxy: proxy?,
            headers: headers?,
            applications: applications?,
            rules: rules?,
        })
    }

    fn applications(&mut self, public_url: Option<&PublicUrl>) -> Option<Applications> {
        let urls = self.read(&table::APPLICATIONS)?;
        match Applications::beside(public_url?, urls) {
            Ok(applications) => Some(applications),
            Err(mistake) => {
                self.mistake(table::APPLICATIONS.setting, &mistake);
                None
            }
        }
    }

    /// The rules of the file, with a mistake for each of its lines that cannot be used.
    fn rules(&mut self, guarded: Option<(&PublicUrl, &Applications)>) -> Option<LiveRules> {
        let Some(path) = self.read(&table::RULES)? else { return Some(LiveRules::default()) };
        let host = |url: &PublicUrl| KnownHost { host: url.host().to_owned(), port: url.port() };
        let hosts = guarded.into_iter().flat_map(|(own, applications)| {
            applications.urls().chain([own]).map(host).collect::<Vec<_>>()
        });
        let hosts = hosts.collect();
        match LiveRules::from_file(RulesFile { path, hosts }) {
            Ok(rules) => Some(rules),
            Err(RulesError::Invalid(_)) if guarded.is_none() => None,
            Err(error) => {
                for mistake in error.to_string().lines() {
                    self.mistake(table::RULES.setting, mistake);
                }
                None
            }
        }
    }
}
