//! Builds the services over their stores, for the server and for the command line.

use std::sync::Arc;

use tokio::sync::Notify;

use super::stores::Opener;
use super::{Options, StartupError, Stores};
use crate::accounts::{
    Accounts, AccountsOptions, Hasher, HasherOptions, PasswordPolicy, RelyingParty,
};
use crate::audit::{AuditOptions, AuditOutputs, AuditTrail};
use crate::http::{PublicUrl, letter_writer};
use crate::mail::{Mail, MailParts};
use crate::sessions::{Sessions, SessionsOptions};
use crate::throttle::Throttle;
use crate::tokens::{TokenStore, Tokens, TokensOptions};
use crate::use_cases::{AccountChanges, Clients, RevokeSessions};
use crate::webhook::{Webhook, WebhookParts};

/// The services, each over its store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) accounts: Accounts,
    pub(crate) sessions: Sessions,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) webhook: Webhook,
    pub(crate) mail: Mail,
    pub(crate) tokens: Tokens,
}

fn tokens(
    store: Arc<dyn TokenStore>,
    sessions: &Sessions,
    options: &Options,
    issuer: &str,
) -> Tokens {
    Tokens::new(TokensOptions {
        store,
        sessions: sessions.clone(),
        issuer: issuer.into(),
        lifetime: options.access_token_lifetime,
        clock: options.clock.clone(),
        entropy: options.entropy.clone(),
    })
}

impl Services {
    /// Starts the hashing threads and the writer of the audit trail. A command queues webhook
    /// deliveries, and the server sends them.
    ///
    /// # Errors
    /// [`StartupError`] says what to do.
    pub(crate) fn new(
        stores: Stores,
        options: &Options,
        opener: Opener,
    ) -> Result<Self, StartupError> {
        let Options { clock, entropy, metrics, .. } = options;
        let hashing = HasherOptions { metrics: metrics.clone(), ..options.hashing.clone() };
        let hasher = Hasher::start_with(entropy.clone(), hashing).map_err(StartupError::Threads)?;
        let throttle = Throttle::new(stores.throttle, options.throttles, clock.clone());
        let accounts = Accounts::new(AccountsOptions {
            store: stores.accounts,
            factors: stores.factors,
            relying_party: options
                .passkeys
                .then(|| RelyingParty::at(&options.public_url))
                .flatten(),
            second_factor: options.second_factor,
            hasher,
            policy: PasswordPolicy { min_length: options.password_min_length },
            throttle: throttle.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        let sessions = Sessions::new(SessionsOptions {
            store: stores.sessions,
            outbox: stores.outbox,
            policy: options.policy,
            clock: clock.clone(),
            entropy: entropy.clone(),
            leases: stores.leases,
        });
        let wake = Arc::<Notify>::default();
        let webhook = Webhook::new(WebhookParts {
            store: stores.deliveries,
            options: options.webhook.clone().filter(|_| opener == Opener::Server),
            wake: wake.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            metrics: metrics.clone(),
        });
        let webhook = webhook.map_err(StartupError::Webhook)?;
        let announced =
            options.webhook.as_ref().map(|webhook| webhook.events.clone()).unwrap_or_default();
        let telling = AuditOutputs { lines: options.audit_lines.clone(), announced, wake };
        let audit =
            AuditOptions { store: stores.audit, clock: clock.clone(), entropy: entropy.clone() };
        let audit = AuditTrail::start_with_outputs(audit, telling);
        let public_url = PublicUrl::parse(&options.public_url).map_err(StartupError::PublicUrl)?;
        let tokens = tokens(stores.tokens, &sessions, options, public_url.origin());
        let mail = Mail::new(MailParts {
            store: stores.mail,
            options: options.mail.clone(),
            writer: letter_writer(&public_url),
            audit: audit.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            metrics: metrics.clone(),
        });
        let mail = mail.map_err(StartupError::Mail)?;
        Ok(Self { accounts, sessions, audit, throttle, webhook, mail, tokens })
    }

    pub(crate) fn account_changes(&self) -> AccountChanges {
        let Self { accounts, sessions, audit, mail, .. } = self.clone();
        AccountChanges::new(accounts, sessions, audit).with_mail(mail)
    }

    pub(crate) fn clients(&self) -> Clients {
        Clients::new(self.tokens.clone(), self.audit.clone())
    }

    pub(crate) fn revoke_sessions(&self) -> RevokeSessions {
        let Self { accounts, sessions, audit, .. } = self.clone();
        RevokeSessions::new(accounts, sessions, audit)
    }
}
