//! The kinds of events, in the words of the API.

/// The kind of an event. `docs/reference/audit-events.md` is rendered from these comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An account was created: by its owner, an administrator, a command or code.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `role`; `status` if an administrator created it.
    Signup,
    /// A user signed in.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `methods`: how the user proved who they are, as in the session; `by`: `invitation`
    /// if the sign-in followed an accepted invitation; `count_went_back`, if the count of a
    /// backed-up passkey did.
    Login,
    /// A sign-in was refused. The typed address is not recorded.
    ///
    /// Outcomes: `unknown_account`, `wrong_password`, `wrong_code`, `account_disabled`,
    /// `session_limit_reached`, `email_unverified`; of a passkey also `unknown_passkey`,
    /// `wrong_passkey`, `passkey_of_another_account`, `count_went_back`, `unknown_challenge`,
    /// `expired_challenge`, `other_challenge`, `passkeys_off`.
    LoginFailed,
    /// A user signed out.
    ///
    /// Outcomes: `ok`.
    Logout,
    /// A signed-in user confirmed their password or a second factor, or failed to.
    ///
    /// Outcomes: `ok`, `wrong_password`, `wrong_code`, and those of a passkey as for `login_failed`.
    ///
    /// Details: `factor`, if it was one: `totp`, `recovery_code` or
    /// `passkey`; `count_went_back`, if the count of a backed-up passkey did.
    Reauthenticated,
    /// A session ended, or several sessions of one user at once.
    ///
    /// Outcomes: `ok`; `ordered`: a server that keeps its sessions in memory was ordered to end
    /// them.
    ///
    /// Details: `reason`; `by_session`: the other session from which it was ended; `count`; `of`:
    /// `everybody` if it is about the sessions of all users; `origin` and `parent`: the application
    /// of the session, and the session that it belonged to.
    SessionEnded,
    /// A password was changed or set, or the current password was wrong.
    ///
    /// Outcomes: `ok`, `wrong_password`.
    ///
    /// Details: `by`: `invitation` or `recovery` if it was set by such a link.
    PasswordChanged,
    /// The email address of an account was changed, or became verified.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `verified`.
    EmailChanged,
    /// The role of an account was changed.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `from`, `to`.
    RoleChanged,
    /// The groups of an account were changed.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `added`, `removed`: lists of names.
    GroupsChanged,
    /// An account was disabled.
    ///
    /// Outcomes: `ok`.
    AccountDisabled,
    /// An account was enabled.
    ///
    /// Outcomes: `ok`.
    AccountEnabled,
    /// An account was deleted.
    ///
    /// Outcomes: `ok`.
    AccountDeleted,
    /// An account, a network or a session did something too often.
    ///
    /// Outcomes: `refused`.
    ///
    /// Details: `limit`: `passwords`, `sign_ups`, `anonymous_sessions` or `own_changes`.
    Throttled,
    /// A request from another origin was refused.
    ///
    /// Outcomes: `refused`.
    ///
    /// Details: `origin`, if the request had one.
    CrossOriginRefused,
    /// A second factor was added to an account.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `factor`: `totp` or `passkey`.
    FactorAdded,
    /// Second factors were removed from an account, by its owner, an administrator or a command.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `factor`: `totp`, `passkey`, or `all`.
    FactorRemoved,
    /// New recovery codes replaced the earlier ones.
    ///
    /// Outcomes: `ok`.
    RecoveryCodesCreated,
    /// The password of a sign-in was right, and its second step began. Without a `login` after it,
    /// somebody else may know the password.
    ///
    /// Outcomes: `ok`.
    SecondFactorAsked,
    /// An administrator created a link that sets the password of an account.
    ///
    /// Outcomes: `ok`.
    InvitationCreated,
    /// Somebody asked for a link that sets a new password. Without a subject where no account can
    /// have one.
    ///
    /// Outcomes: `ok`; `no_account`.
    RecoveryRequested,
    /// The owner of an account confirmed its email address by a mailed link.
    ///
    /// Outcomes: `ok`.
    EmailVerified,
    /// A new email address was asked for, which its owner has still to confirm.
    ///
    /// Outcomes: `ok`.
    EmailChangeRequested,
    /// A change of the email address was undone or prevented by a link to the earlier address, or
    /// withdrawn by the user before it was confirmed.
    ///
    /// Outcomes: `ok`.
    EmailChangeCancelled,
    /// A message was given up after a day of attempts.
    ///
    /// Outcomes: `given_up`.
    ///
    /// Details: `mail`: what the message was about.
    MailFailed,
    /// The setup link created the first administrator.
    ///
    /// Outcomes: `ok`.
    SetupUsed,
    /// A command added the accounts of a file. There is no `signup` for each.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `count`.
    UsersImported,
    /// A command began to write out all accounts.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `with_hashes`: whether with the hashes of passwords.
    UsersExported,
    /// An access token was signed. At most sixty a minute are recorded for each network.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `client`: the id of the client that it is for; `audience`; `token`: the id of the
    /// token.
    TokenIssued,
    /// A user allowed a client to know who they are.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `client`: its id; `scope`: all that is allowed now, separated by spaces.
    ConsentGiven,
    /// A user withdrew the consent to a client.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `client`: its id.
    ConsentWithdrawn,
    /// A client was registered: an application or a back end that tokens are for.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `client`: its id; `name`.
    ClientCreated,
    /// The secret of a client was replaced.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `client`: its id; `name`; `earlier_secret`: `kept` or `removed`.
    ClientChanged,
    /// A client was removed. Its tokens are refused.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `client`: its id; `name`.
    ClientRemoved,
    /// Other keys sign tokens, by a command or because the earlier ones did for 90 days.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `algorithms`.
    KeysRotated,
    /// The server was started with other settings than the time before, apart from
    /// `ANTEROOM_LISTEN`.
    ///
    /// Outcomes: `ok`.
    ///
    /// Details: `settings`: the names of the changed settings.
    SettingsChanged,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 36] = [
        Self::Signup,
        Self::Login,
        Self::LoginFailed,
        Self::Logout,
        Self::Reauthenticated,
        Self::SessionEnded,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::RoleChanged,
        Self::GroupsChanged,
        Self::AccountDisabled,
        Self::AccountEnabled,
        Self::AccountDeleted,
        Self::Throttled,
        Self::CrossOriginRefused,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::RecoveryCodesCreated,
        Self::SecondFactorAsked,
        Self::InvitationCreated,
        Self::RecoveryRequested,
        Self::EmailVerified,
        Self::EmailChangeRequested,
        Self::EmailChangeCancelled,
        Self::MailFailed,
        Self::SetupUsed,
        Self::UsersImported,
        Self::UsersExported,
        Self::TokenIssued,
        Self::ConsentGiven,
        Self::ConsentWithdrawn,
        Self::ClientCreated,
        Self::ClientChanged,
        Self::ClientRemoved,
        Self::KeysRotated,
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
            Self::GroupsChanged => "groups_changed",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
            Self::AccountDeleted => "account_deleted",
            Self::Throttled => "throttled",
            Self::CrossOriginRefused => "cross_origin_refused",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::RecoveryCodesCreated => "recovery_codes_created",
            Self::SecondFactorAsked => "second_factor_asked",
            Self::InvitationCreated => "invitation_created",
            Self::RecoveryRequested => "recovery_requested",
            Self::EmailVerified => "email_verified",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChangeCancelled => "email_change_cancelled",
            Self::MailFailed => "mail_failed",
            Self::SetupUsed => "setup_used",
            Self::UsersImported => "users_imported",
            Self::UsersExported => "users_exported",
            Self::TokenIssued => "token_issued",
            Self::ConsentGiven => "consent_given",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::ClientCreated => "client_created",
            Self::ClientChanged => "client_changed",
            Self::ClientRemoved => "client_removed",
            Self::KeysRotated => "keys_rotated",
            Self::SettingsChanged => "settings_changed",
        }
    }

    /// Reads what [`Kind::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
