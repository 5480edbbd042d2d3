//! The kinds of events, in the words of the API.

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An account was made.
    Signup,
    /// Somebody signed in.
    Login,
    /// Somebody tried to, and was refused.
    LoginFailed,
    /// Somebody signed out.
    Logout,
    /// Somebody proved once more who they are, or failed to.
    Reauthenticated,
    /// A session ended, or several of one user at once; whatever the reason.
    SessionEnded,
    /// A password was changed, or the proof for it was wrong.
    PasswordChanged,
    /// The address of an account was changed, or became verified.
    EmailChanged,
    /// The role of an account was changed.
    RoleChanged,
    /// An account was disabled.
    AccountDisabled,
    /// An account was enabled.
    AccountEnabled,
    /// An account was deleted.
    AccountDeleted,
    /// A network did something too often.
    Throttled,
    /// A request came from another site.
    CrossOriginRefused,
    /// Somebody was given a link by which to set the password of an account.
    InvitationCreated,
    /// The setup link made the first administrator.
    SetupUsed,
    /// The server was started with other settings than the time before.
    SettingsChanged,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 17] = [
        Self::Signup,
        Self::Login,
        Self::LoginFailed,
        Self::Logout,
        Self::Reauthenticated,
        Self::SessionEnded,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::RoleChanged,
        Self::AccountDisabled,
        Self::AccountEnabled,
        Self::AccountDeleted,
        Self::Throttled,
        Self::CrossOriginRefused,
        Self::InvitationCreated,
        Self::SetupUsed,
        Self::SettingsChanged,
    ];

    /// The word of the API, for example `login_failed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::Logout => "logout",
            Self::Reauthenticated => "reauthenticated",
            Self::SessionEnded => "session_ended",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::RoleChanged => "role_changed",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
            Self::AccountDeleted => "account_deleted",
            Self::Throttled => "throttled",
            Self::CrossOriginRefused => "cross_origin_refused",
            Self::InvitationCreated => "invitation_created",
            Self::SetupUsed => "setup_used",
            Self::SettingsChanged => "settings_changed",
        }
    }

    /// Reads what [`Kind::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
