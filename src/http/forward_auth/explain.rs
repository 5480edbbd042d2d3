//! The decision about one request, for people: the command line and the administration.

use crate::accounts::Status;
use crate::http::forward_auth::original::OriginalRequest;
use crate::http::security::applications::Applications;
use crate::http::security::public_url::PublicUrl;
use crate::rules::{Ambiguous, Decision, Rules, Visitor};

/// A decision, and the rule that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The rule as one line of text; `None` where no rule was asked.
    pub rule: Option<String>,
    /// The decision.
    pub verdict: Verdict,
}

/// A decision with its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// By the rules.
    Decided(Decision),
    /// The account is disabled, so it has no live session.
    Disabled,
    /// The URL is not of an origin that this server guards, or holds a number sign.
    OtherOrigin(&'static str),
    /// Servers could take the path for another one.
    Ambiguous(Ambiguous),
}

impl Explanation {
    /// The decision about a request of `visitor`; `None` for somebody who is not signed in.
    #[must_use]
    pub fn of(
        original: &OriginalRequest<'_>,
        (public_url, applications, rules): (&PublicUrl, &Applications, &Rules),
        visitor: Option<Visitor<'_>>,
    ) -> Self {
        let asked = match original.at((public_url, applications)) {
            Ok(guarded) => guarded.asked,
            Err(why) => return Self { rule: None, verdict: Verdict::OtherOrigin(why) },
        };
        match rules.find(&asked) {
            Err(ambiguous) => Self { rule: None, verdict: Verdict::Ambiguous(ambiguous) },
            Ok(found) => {
                let is_disabled =
                    visitor.is_some_and(|visitor| visitor.user.status == Status::Disabled);
                let verdict = if is_disabled {
                    Verdict::Disabled
                } else {
                    Verdict::Decided(found.decide(visitor))
                };
                Self { rule: Some(found.to_string()), verdict }
            }
        }
    }

    /// Whether the request may pass.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Decided(Decision::Allowed)
    }
}
