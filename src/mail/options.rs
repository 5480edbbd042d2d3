//! The settings of mail: the mail server, and the sender.

use std::fmt;
use std::net::IpAddr;

use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

const FORM: &str = "write smtp://USER:PASSWORD@HOST:587, smtps://USER:PASSWORD@HOST:465, log or off; \
                    percent-encode special characters of the password";

/// Where mail goes, and whom it is from.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// Where it goes.
    pub transport: Transport,
    /// The sender.
    pub from: SenderAddress,
    /// Whether a session starts at a verified address only.
    pub verification_is_required: bool,
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Transport {
    /// To a mail server.
    Smtp(MailServer),
    /// To the log, links included: for development.
    Log,
}

/// How the connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// By TLS from the start.
    Tls,
    /// Not at all: within this machine only.
    None,
}

/// A mail server.
#[derive(Clone)]
pub struct MailServer {
    /// The host as it is looked up, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// User and password, where the server wants them.
    pub credentials: Option<(String, SecretString)>,
}

impl Transport {
    /// Reads the setting. `None`: mail is off.
    ///
    /// # Errors
    /// One sentence that says what to write instead, and nothing of what was written.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        match text {
            "off" => Ok(None),
            "log" => Ok(Some(Self::Log)),
            text => MailServer::parse(text).map(|server| Some(Self::Smtp(server))),
        }
    }
}

impl MailServer {
    fn parse(text: &str) -> Result<Self, String> {
        let is_plain = !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\');
        let has_slashes = text.split_once("://").is_some_and(|(scheme, _)| !scheme.contains(':'));
        let url = Url::parse(text).ok().filter(|_| is_plain && has_slashes).ok_or(FORM)?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let is_elsewhere = !matches!(url.path(), "" | "/") || url.fragment().is_some();
        if host.is_empty() || url.port() == Some(0) || is_elsewhere {
            return Err(FORM.to_owned());
        }
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtp", None) => (Security::StartTls, 587),
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", Some("tls=off")) if is_here(&host) => (Security::None, 25),
            ("smtp", Some("tls=off")) => {
                return Err(
                    "leave out ?tls=off: only a mail server on this machine may be spoken to \
                            in the clear"
                        .to_owned(),
                );
            }
            _ => return Err(FORM.to_owned()),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
        let user = decoded(url.username()).map_err(|_| FORM)?;
        let password = decoded(url.password().unwrap_or_default()).map_err(|_| FORM)?;
        let is_good = |text: &str| !text.contains(char::is_control);
        if !is_good(&user) || !is_good(&password) || (user.is_empty() != password.is_empty()) {
            return Err(FORM.to_owned());
        }
        let credentials = (!user.is_empty()).then(|| (user, password.into()));
        Ok(Self { host, port: url.port().unwrap_or(port), security, credentials })
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailServer({}:{})", self.host, self.port)
    }
}

/// The sender of mail, for example `Example <no-reply@example.org>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderAddress(Mailbox);

impl SenderAddress {
    /// Reads one address, with a name or without.
    ///
    /// # Errors
    /// One sentence that says what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = "write one address, for example Example <no-reply@example.org>";
        if text.contains(char::is_control) {
            return Err(form.to_owned());
        }
        let mailbox: Mailbox = text.parse().map_err(|_| form)?;
        if mailbox.email.domain().is_ascii() { Ok(Self(mailbox)) } else { Err(form.to_owned()) }
    }

    /// For mail that goes to the log.
    #[must_use]
    pub fn of_log() -> Self {
        let address = lettre::Address::new_dangerous("anteroom", "localhost");
        Self(Mailbox::new(None, address))
    }

    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.0
    }

    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}
