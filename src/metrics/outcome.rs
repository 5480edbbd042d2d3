//! What came of a deed, in the words of the labels.

/// What the cookie of a request turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The live session of somebody who signed in.
    LiveUser,
    /// The live session of a visitor who has not.
    LiveAnonymous,
    /// There was no cookie of ours.
    None,
    /// There were several: none counts.
    SeveralCookies,
    /// It is nothing that was ever issued; no store was asked.
    Malformed,
    /// No session has this token, or none that is remembered.
    Unknown,
    /// The session has ended, for this reason, a word of the API.
    Ended(&'static str),
    /// A store failed, and nothing is known.
    StoreFailed,
}

impl CheckOutcome {
    /// All but those of ended sessions.
    pub(super) const WITHOUT_REASON: [Self; 7] = [
        Self::LiveUser,
        Self::LiveAnonymous,
        Self::None,
        Self::SeveralCookies,
        Self::Malformed,
        Self::Unknown,
        Self::StoreFailed,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::LiveUser => "live_user",
            Self::LiveAnonymous => "live_anonymous",
            Self::None => "none",
            Self::SeveralCookies => "several_cookies",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Ended(_) => "ended",
            Self::StoreFailed => "store_failed",
        }
    }

    /// Why the session ended; empty for every other outcome.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Ended(reason) => reason,
            _ => "",
        }
    }
}

/// An enum whose variants are words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$meaning])* $variant,)*
        }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

words! {
    /// What came of an attempt to sign in.
    SignInOutcome {
        /// A session has started.
        Ok = "ok",
        /// Unknown, disabled or wrong.
        Refused = "refused",
        /// Too many attempts: the password was not looked at.
        Throttled = "throttled",
        /// Too many passwords are being hashed.
        Busy = "busy",
        /// The user has as many sessions as allowed, and the policy refuses.
        Limit = "limit",
        /// A store failed.
        Unavailable = "unavailable",
    }
}

words! {
    /// What came of an attempt to sign up that was well-formed.
    SignUpOutcome {
        /// The account is made and its owner signed in.
        Ok = "ok",
        /// The policy refuses the password.
        WeakPassword = "weak_password",
        /// Another account has the address.
        EmailTaken = "email_taken",
        /// The setup link does not work.
        LinkRefused = "link_refused",
        /// Too many attempts from this network.
        Throttled = "throttled",
        /// Too many passwords are being hashed.
        Busy = "busy",
        /// The account is made, but no session started.
        NotStarted = "not_started",
        /// A store failed.
        Unavailable = "unavailable",
    }
}

words! {
    /// How a token was looked up.
    CacheOutcome {
        /// It was remembered, and a lease was held.
        Hit = "hit",
        /// The stores were asked.
        Miss = "miss",
    }
}

words! {
    /// What came of an event that was sent to the webhook.
    WebhookOutcome {
        /// The receiver has it.
        Ok = "ok",
        /// The receiver answered with something else than 2xx.
        Refused = "refused",
        /// There was no answer.
        Failed = "failed",
        /// It was the last attempt, and counted as one of the two above as well.
        GivenUp = "given_up",
    }
}

/// How a store answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It did what was asked, or said why it must not.
    Ok,
    /// It has no room for another session.
    Full,
    /// It failed.
    Failed,
}

impl StoreOutcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Full => "full",
            Self::Failed => "failed",
        }
    }
}
