//! Outcomes, as label values.

/// The result of a session check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// A live session of a user.
    LiveUser,
    /// A live anonymous session.
    LiveAnonymous,
    /// No session cookie.
    None,
    /// Several session cookies: all are ignored.
    SeveralCookies,
    /// Not a token; the store was not asked.
    Malformed,
    /// No session with this token is known.
    Unknown,
    /// The session ended for this reason, as in the API.
    Ended(&'static str),
    /// A store failed.
    StoreFailed,
}

impl CheckOutcome {
    /// All outcomes except ended sessions.
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

    /// The reason of an ended session; otherwise empty.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Ended(reason) => reason,
            _ => "",
        }
    }
}

/// An enum of label values.
macro_rules! labels {
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

labels! {
    /// The outcome of an attempt to sign in.
    SignInOutcome {
        /// A session started.
        Ok = "ok",
        /// Unknown account, disabled account or wrong password.
        Refused = "refused",
        /// Too many attempts; the password was not checked.
        Throttled = "throttled",
        /// Too many passwords are being hashed.
        Busy = "busy",
        /// The session limit is reached, and the policy refuses.
        Limit = "limit",
        /// The email address has to be confirmed first.
        Unverified = "unverified",
        /// A store failed.
        Unavailable = "unavailable",
    }
}

labels! {
    /// The outcome of a well-formed attempt to sign up.
    SignUpOutcome {
        /// The account was created and a session started.
        Ok = "ok",
        /// The password policy refuses the password.
        WeakPassword = "weak_password",
        /// Another account has the email address.
        EmailTaken = "email_taken",
        /// The setup link is invalid.
        LinkRefused = "link_refused",
        /// Too many attempts from this network.
        Throttled = "throttled",
        /// Too many passwords are being hashed.
        Busy = "busy",
        /// The account was created, but no session started.
        NotStarted = "not_started",
        /// A store failed.
        Unavailable = "unavailable",
    }
}

labels! {
    /// The outcome of a cache lookup.
    CacheOutcome {
        /// Answered from the cache under a lease.
        Hit = "hit",
        /// Answered by the stores.
        Miss = "miss",
    }
}

labels! {
    /// The outcome of an attempt to send a message.
    MailOutcome {
        /// The mail server accepted it.
        Sent = "sent",
        /// The mail server did not accept it, or could not be reached.
        Failed = "failed",
        /// The last attempt failed; also counted as failed.
        GivenUp = "given_up",
    }
}

labels! {
    /// The outcome of a webhook delivery.
    WebhookOutcome {
        /// The receiver accepted it.
        Ok = "ok",
        /// The receiver answered with another status than 2xx.
        Refused = "refused",
        /// There was no answer.
        Failed = "failed",
        /// The last attempt failed; also counted as one of the two above.
        GivenUp = "given_up",
    }
}

/// The outcome of a store call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// Success or an expected refusal.
    Ok,
    /// The store is full.
    Full,
    /// The store failed.
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
