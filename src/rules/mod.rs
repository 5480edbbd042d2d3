//! Rules of forward auth: who may use which URL of an application.
//!
//! The first rule that matches decides. Without one the default does.

mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod live;
mod path;
mod pattern;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::accounts::{Group, Role, User};
use crate::duration::WrittenDuration;

use pattern::{HostPattern, PathPattern};

pub use file::{InvalidRules, KnownHost};
pub use live::{LiveRules, RulesError, RulesFile};
pub use path::Ambiguous;

/// All rules, in the order in which they are tried.
#[derive(Clone, Debug)]
pub struct Rules {
    unmatched: Access,
    list: Vec<Rule>,
    /// Whether paths are judged at all, which needs a file.
    is_from_file: bool,
}

/// One rule.
#[derive(Clone, Debug)]
struct Rule {
    /// The line of the file in which it begins, from 1.
    line: usize,
    host: Option<HostPattern>,
    path: Option<PathPattern>,
    /// `None` for every method.
    methods: Option<BTreeSet<String>>,
    access: Access,
}

/// A condition on users.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Access {
    allow: Allow,
    /// The most time since the user last proved who they are.
    fresh: Option<Duration>,
    /// Whether the session must have a second factor.
    factor: bool,
}

/// The users that a rule lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Allow {
    /// Everybody, also without a session.
    Public,
    SignedIn,
    Role(Role),
    Group(Group),
    /// A verified address, as accounts have it.
    Email(String),
    /// A verified address at this domain.
    EmailDomain(String),
    /// Nobody.
    Deny,
}

/// A request to an application.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplicationRequest<'r> {
    /// The method. One with lower-case letters is ambiguous.
    pub method: &'r str,
    /// The host in lower case, without the port.
    pub host: &'r str,
    /// The port, that of the scheme where none was written.
    pub port: u16,
    /// Path and query.
    pub target: &'r str,
}

/// A user with a live session.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'v> {
    /// The account.
    pub user: &'v User,
    /// The time since the user last proved who they are.
    pub since_proof: Duration,
    /// Whether the session has a second factor.
    pub has_factor: bool,
}

/// The rule that matched a request.
#[derive(Clone, Copy, Debug)]
pub struct Match<'r> {
    access: &'r Access,
    /// The line of the rule in its file, from 1; `None` where no rule matched.
    pub line: Option<usize>,
}

/// The result for one request and one visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request may pass.
    Allowed,
    /// Only signed-in users may pass.
    SignIn,
    /// The user has to prove again who they are.
    Reauthenticate,
    /// The session needs a second factor.
    SecondFactor,
    /// The request may not pass.
    Forbidden,
}

impl Rules {
    /// Without a file: every URL needs a signed-in user.
    #[must_use]
    pub fn signed_in() -> Self {
        Self { unmatched: Access::of(Allow::SignedIn), list: Vec::new(), is_from_file: false }
    }

    /// How many rules there are, beside the default.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The first rule that matches, or the default.
    ///
    /// # Errors
    /// Where servers could take the method or the path for another one.
    pub fn find(&self, request: &ApplicationRequest<'_>) -> Result<Match<'_>, Ambiguous> {
        if !self.is_from_file {
            return Ok(Match { access: &self.unmatched, line: None });
        }
        if request.method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(Ambiguous::Method);
        }
        if request.method == "CONNECT" {
            return Err(Ambiguous::Tunnel);
        }
        let segments = path::segments(request.target)?;
        let matching = self.list.iter().find(|rule| {
            rule.host.as_ref().is_none_or(|host| host.matches(request.host, request.port))
                && rule.path.as_ref().is_none_or(|path| path.matches(&segments))
                && rule.methods.as_ref().is_none_or(|methods| methods.contains(request.method))
        });
        Ok(match matching {
            Some(rule) => Match { access: &rule.access, line: Some(rule.line) },
            None => Match { access: &self.unmatched, line: None },
        })
    }
}

impl Match<'_> {
    /// Whether this visitor may pass; `None` for somebody who is not signed in.
    #[must_use]
    pub fn decide(&self, visitor: Option<Visitor<'_>>) -> Decision {
        let Access { allow, fresh, factor } = self.access;
        match (allow, visitor) {
            (Allow::Public, _) => Decision::Allowed,
            (Allow::Deny, _) => Decision::Forbidden,
            (_, None) => Decision::SignIn,
            (allow, Some(visitor)) if !allow.includes(visitor.user) => Decision::Forbidden,
            (_, Some(visitor)) if *factor && !visitor.has_factor => Decision::SecondFactor,
            (_, Some(visitor)) if fresh.is_some_and(|most| visitor.since_proof > most) => {
                Decision::Reauthenticate
            }
            _ => Decision::Allowed,
        }
    }
}

impl Access {
    fn of(allow: Allow) -> Self {
        Self { allow, fresh: None, factor: false }
    }
}

impl Allow {
    fn includes(&self, user: &User) -> bool {
        match self {
            Self::Public | Self::SignedIn => true,
            Self::Deny => false,
            Self::Role(role) => user.role == *role,
            Self::Group(group) => user.groups.contains(group.as_str()),
            Self::Email(email) => user.email_verified && user.email.as_str() == email,
            Self::EmailDomain(domain) => {
                let own = user.email.as_str().rsplit_once('@').map(|(_, domain)| domain);
                user.email_verified && own == Some(domain)
            }
        }
    }
}

/// A rule as people read it.
#[derive(Clone, Debug)]
pub struct RuleText {
    /// The line of the file in which it begins, from 1; `None` for the default.
    pub line: Option<usize>,
    /// The pattern of hosts; empty for every host.
    pub host: String,
    /// The pattern of paths; empty for every path.
    pub path: String,
    /// The methods, with commas between them; empty for every method.
    pub methods: String,
    /// The users that it lets through, and on which condition.
    pub access: String,
}

impl Rules {
    /// Every rule in the order in which they are tried, and the default.
    pub fn texts(&self) -> impl Iterator<Item = RuleText> {
        let shown = |pattern: Option<String>| pattern.unwrap_or_default();
        let rules =
            self.list.iter().map(move |rule| RuleText {
                line: Some(rule.line),
                host: shown(rule.host.as_ref().map(ToString::to_string)),
                path: shown(rule.path.as_ref().map(ToString::to_string)),
                methods: shown(rule.methods.as_ref().map(|methods| {
                    methods.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
                })),
                access: rule.access.to_string(),
            });
        let (host, path, methods) = (String::new(), String::new(), String::new());
        let access = self.unmatched.to_string();
        rules.chain([RuleText { line: None, host, path, methods, access }])
    }
}

/// For `anteroom rules check`.
impl fmt::Display for Match<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "the rule in line {line}: {}", self.access),
            None => write!(f, "no rule; the default: {}", self.access),
        }
    }
}

/// As in the file.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.allow {
            Allow::Public => f.write_str("public")?,
            Allow::SignedIn => f.write_str("signed-in")?,
            Allow::Role(role) => write!(f, "role:{}", role.as_str())?,
            Allow::Group(group) => write!(f, "group:{}", group.as_str())?,
            Allow::Email(email) => write!(f, "email:{email}")?,
            Allow::EmailDomain(domain) => write!(f, "email:*@{domain}")?,
            Allow::Deny => f.write_str("deny")?,
        }
        if let Some(fresh) = self.fresh {
            write!(f, ", fresh within {}", WrittenDuration(fresh))?;
        }
        if self.factor { f.write_str(", with a second factor") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
