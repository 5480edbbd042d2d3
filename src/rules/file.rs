//! The file of rules: TOML, read and checked as a whole.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::pattern::{HostPattern, PathPattern};
use super::{Access, Allow, Rule, Rules};
use crate::accounts::{Email, Group, Role};
use crate::duration;

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default: Option<Spanned<String>>,
    #[serde(default)]
    rule: Vec<Spanned<Entry>>,
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    host: Option<Spanned<String>>,
    path: Option<Spanned<String>>,
    methods: Option<Spanned<Vec<String>>>,
    allow: Option<Spanned<String>>,
    fresh: Option<Spanned<String>>,
    factor: Option<Spanned<bool>>,
}

/// How much comparing of paths a file may take. That a rule can never match helps the author of the
/// file, and is not worth more time at a start.
const COMPARING: u32 = 200_000;

/// A host that rules may name.
#[derive(Clone, Debug)]
pub struct KnownHost {
    /// In lower case.
    pub host: String,
    /// That of the scheme where none was written.
    pub port: u16,
}

/// Every mistake of a file, a sentence each, with its line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct InvalidRules(pub Vec<String>);

impl Rules {
    /// Reads a file of rules for these hosts.
    ///
    /// # Errors
    /// Every mistake, with its line: what cannot be read, unknown keys, a rule that can never match
    /// because an earlier one covers it, and a host that is not among `hosts`.
    pub fn parse(text: &str, hosts: &[KnownHost]) -> Result<Self, InvalidRules> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(text, &span));
            InvalidRules(vec![format!("line {line}: {}", error.message().replace('\n', " "))])
        })?;
        let mut reading = Reading { text, hosts, mistakes: Vec::new() };
        let unmatched = reading.unmatched(file.default);
        let mut rules: Vec<Rule> = Vec::with_capacity(file.rule.len());
        let mut steps = COMPARING;
        for entry in file.rule {
            let Some(rule) = reading.rule(entry) else { continue };
            let path = rule.path.clone().unwrap_or_else(PathPattern::everything);
            let later = (&rule, &path, &path.example()[..]);
            if let Some(earlier) = rules.iter().find(|earlier| earlier.covers(later, &mut steps)) {
                reading.mistakes.push(format!(
                    "line {}: this rule can never match, because the rule in line {} covers it; \
                     remove it, or move it before that one",
                    rule.line, earlier.line
                ));
            }
            rules.push(rule);
        }
        match unmatched {
            Some(unmatched) if reading.mistakes.is_empty() => {
                Ok(Self { unmatched, list: rules, is_from_file: true })
            }
            _ => Err(InvalidRules(reading.mistakes)),
        }
    }
}

impl Rule {
    /// Whether this rule matches whatever the later one matches, of which the pattern and an example
    /// are given; `steps` as of [`PathPattern::covers`].
    fn covers(
        &self,
        (later, path, example): (&Self, &PathPattern, &[Cow<'_, str>]),
        steps: &mut u32,
    ) -> bool {
        let covers_host = match (&self.host, &later.host) {
            (None, _) => true,
            (Some(own), Some(later)) => own.covers(later),
            (Some(_), None) => false,
        };
        let covers_methods = match (&self.methods, &later.methods) {
            (None, _) => true,
            (Some(own), Some(later)) => own.is_superset(later),
            (Some(_), None) => false,
        };
        covers_host
            && covers_methods
            && self
                .path
                .as_ref()
                // Few patterns match so much as one path of another.
                .is_none_or(|own| own.matches(example) && own.covers(path, steps))
    }
}

/// The mistakes so far.
struct Reading<'t> {
    text: &'t str,
    hosts: &'t [KnownHost],
    mistakes: Vec<String>,
}

impl Reading<'_> {
    fn unmatched(&mut self, written: Option<Spanned<String>>) -> Option<Access> {
        let Some(written) = written else {
            let mistake = "line 1: default is missing; write default = \"signed-in\" or default = \"deny\" in \
                           the first line";
            self.mistakes.push(mistake.to_owned());
            return None;
        };
        match written.get_ref().as_str() {
            "signed-in" => Some(Access::of(Allow::SignedIn)),
            "deny" => Some(Access::of(Allow::Deny)),
            "public" => self.refuse(
                &written.span(),
                "default may not be public; write a rule with allow = \"public\" for each path",
            ),
            _ => self.refuse(&written.span(), "default: write \"signed-in\" or \"deny\""),
        }
    }

    /// Reads every key before it gives up, so that no mistake hides another.
    fn rule(&mut self, entry: Spanned<Entry>) -> Option<Rule> {
        let span = entry.span();
        let Entry { host, path, methods, allow, fresh, factor } = entry.into_inner();
        if host.is_none() && path.is_none() && methods.is_none() {
            return self.refuse(
                &span,
                "this rule matches everything; write a host, a path or methods, or change default",
            );
        }
        let host = self.optional("host", host, |host| HostPattern::parse(&host));
        let host = host.filter(|(host, span)| self.is_known(host.as_ref(), span));
        let path = self.optional("path", path, |path| PathPattern::parse(&path));
        let methods = self.optional("methods", methods, parse_methods);
        let fresh_span = fresh.as_ref().map(Spanned::span);
        let fresh = self.optional("fresh", fresh, |text| duration::parse(&text));
        let allow = match allow {
            Some(allow) => self.optional("allow", Some(allow), |text| Allow::parse(&text)),
            None => self.refuse(&span, "allow is missing; write for example allow = \"signed-in\""),
        };
        let factor_span = factor.as_ref().map(Spanned::span);
        let (allow, fresh) = (allow?.0?, fresh?.0);
        let factor = factor.is_some_and(Spanned::into_inner);
        if let (Allow::Public | Allow::Deny, Some(span)) = (&allow, fresh_span.or(factor_span)) {
            return self.refuse(&span, "fresh and factor need a rule for signed-in users");
        }
        Some(Rule {
            line: line_at(self.text, &span),
            host: host?.0,
            path: path?.0,
            methods: methods?.0,
            access: Access { allow, fresh, factor },
        })
    }

    /// The value, if the key is there, and where it stands. `None` after a mistake.
    fn optional<W, T>(
        &mut self,
        key: &str,
        written: Option<Spanned<W>>,
        parse: impl FnOnce(W) -> Result<T, String>,
    ) -> Option<(Option<T>, Range<usize>)> {
        let Some(written) = written else { return Some((None, 0..0)) };
        let span = written.span();
        match parse(written.into_inner()) {
            Ok(value) => Some((Some(value), span)),
            Err(mistake) => self.refuse(&span, &format!("{key}: {mistake}")),
        }
    }

    /// Whether a guarded origin has the host; otherwise it is a mistake.
    fn is_known(&mut self, pattern: Option<&HostPattern>, span: &Range<usize>) -> bool {
        let is_known = pattern.is_none_or(|pattern| {
            self.hosts.iter().any(|known| pattern.matches(&known.host, known.port))
        });
        if !is_known {
            let mistake = "host: neither ANTEROOM_PUBLIC_URL nor one of ANTEROOM_APPLICATIONS has \
                           this host; correct it, or list the origin there";
            self.refuse::<()>(span, mistake);
        }
        is_known
    }

    fn refuse<T>(&mut self, span: &Range<usize>, mistake: &str) -> Option<T> {
        self.mistakes.push(format!("line {}: {mistake}", line_at(self.text, span)));
        None
    }
}

impl Allow {
    fn parse(text: &str) -> Result<Self, String> {
        let form = || {
            "write public, signed-in, role:admin, group:NAME, email:ADDRESS, email:*@DOMAIN or deny"
                .to_owned()
        };
        match text.split_once(':') {
            None => match text {
                "public" => Ok(Self::Public),
                "signed-in" => Ok(Self::SignedIn),
                "deny" => Ok(Self::Deny),
                _ => Err(form()),
            },
            Some(("role", role)) => Role::parse(role).map(Self::Role).ok_or_else(form),
            Some(("group", group)) => {
                Group::parse(group).map(Self::Group).map_err(|error| error.to_string())
            }
            Some(("email", address)) => match address.strip_prefix("*@") {
                // The parser of addresses knows which domains there can be.
                Some(domain) => match Email::parse(&format!("x@{domain}")) {
                    Ok(email) => Ok(Self::EmailDomain(email.as_str()["x@".len()..].to_owned())),
                    Err(error) => Err(error.to_string()),
                },
                None => match Email::parse(address) {
                    Ok(email) => Ok(Self::Email(email.as_str().to_owned())),
                    Err(error) => Err(error.to_string()),
                },
            },
            Some(_) => Err(form()),
        }
    }
}

fn parse_methods(written: Vec<String>) -> Result<BTreeSet<String>, String> {
    if written.is_empty() {
        return Err("write at least one method, or leave the key out for all".to_owned());
    }
    let is_method = |text: &String| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')
    };
    if let Some(wrong) = written.iter().find(|text| !is_method(text)) {
        return Err(format!("{wrong:?} is no method; write it in capitals, for example \"GET\""));
    }
    let mut methods: BTreeSet<String> = written.into_iter().collect();
    // A server answers HEAD as it answers GET.
    if methods.contains("GET") {
        methods.insert("HEAD".to_owned());
    }
    Ok(methods)
}

/// The line of a place, from 1.
fn line_at(text: &str, span: &Range<usize>) -> usize {
    let before = text.as_bytes().iter().take(span.start);
    before.filter(|byte| **byte == b'\n').count() + 1
}
