### What the pages say in English. `ko.ftl` has the same keys with the same arguments.

## On every page
product = Anteroom
skip = Skip to content
home = Anteroom, start page
navigation = Your account
preferences = Preferences
nav-account = Account
nav-sessions = Sessions
nav-activity = Activity
nav-remembered = Remembered
sign-in = Sign in
sign-up = Create an account
sign-out = Sign out
theme = Appearance
theme-system = System
theme-light = Light
theme-dark = Dark
language = Language

## Start page
landing-title = Welcome
landing-heading = Sign in once, leave whenever you like
landing-lead = Anteroom signs you in and keeps the session on its own server. See where you are signed in, and end any session at once.
landing-signed-in-heading = You are signed in
landing-signed-in-as = Signed in as
landing-go-account = Go to your account
landing-go-sessions = See where you are signed in

## Fields
email = Email address
name = Name
optional = optional
password = Password
current-password = Current password
new-password = New password
problems-mark = Error:
problems-heading = Please check what you entered
password-hint = At least { $minimum } characters. A phrase of several words is strong and easy to remember.
advice-strength = Strength of the password
advice-short = # more characters to go.
advice-personal = This contains your name, your address or the name of this service. Leave them out.
advice-dull = This repeats itself or counts up. Add words that have nothing to do with each other.
advice-good = Long enough. One more word makes it stronger still.
advice-strong = Long and varied: this will do well.

## What is wrong with a field
email-missing = Enter your email address.
email-invalid = Enter an email address such as name@example.com.
email-not_one_at = An email address has one @, such as name@example.com.
email-too_long = This email address is too long. Use one of at most 254 characters.
email-taken = There is an account with this email address already. Sign in instead, or use another address.
name-too_long = Use at most 100 characters for the name.
name-invisible = Leave control, direction and invisible characters out of the name.
groups-invalid_name = Name each group with 1 to 64 of these characters: a to z, 0 to 9, _ and -.
groups-reserved_name = “user” and “admin” are roles. Give the group another name.
groups-too_many = Use at most 64 groups for one account.
client-invalid_name = Use 1 to 64 characters for the name, and no control characters.
client-name_taken = Another client has this name. Use another one.
client-too_many_clients = There are as many clients as allowed. Remove one first.
client-invalid_audience = Write each audience with 1 to 200 visible ASCII characters, without quotation marks and backslashes.
client-invalid_scope = Write each scope with 1 to 200 visible ASCII characters, without quotation marks and backslashes.
client-too_many = Use at most 50 entries.
client-invalid_redirect_uri = Write each redirect URI as an absolute https address without a fragment, exactly as browsers send it. http is for loopback addresses only.
client-redirect_uri_missing = A public client needs a redirect URI.
client-public_client = HS256 signs with the secret of the client, and a public client has none.
client-redirect_uri_unsafe = A trusted public client needs https addresses: any program of a device can take the others.
client-shared_secret = HS256 needs an audience that is not the public URL, because the secret of the client can sign tokens for it.
client-audience_taken = Another client has one of these audiences. With HS256 an audience belongs to one client only.
client-unknown_algorithm = Choose one of the algorithms.
password-missing = Enter your password.
password-wrong = This is not your current password. Try again.
new-password-missing = Choose a password.
weak-password-too_short = This password is too short. Use at least { $minimum } characters; a phrase of several words works well.
weak-password-too_long = This password is too long. Use at most 1,024 bytes, which is about 1,000 letters.
weak-password-guessable = This password is too easy to guess. Use a phrase of several unrelated words.
weak-password-personal = This password contains your email address or name, or the name of this service. Choose one that does not.
weak-password-control_characters = This password contains control characters. Leave out tabs and line breaks.
sign-in-refused = The email address or the password is not right. Check both and try again.
too-many-attempts-seconds = Too many attempts. Try again in { $count } { $count ->
        [one] second
       *[other] seconds
    }.
too-many-attempts-minutes = Too many attempts. Try again in { $count } { $count ->
        [one] minute
       *[other] minutes
    }.
too-many-attempts-hours = Too many attempts. Try again in { $count } { $count ->
        [one] hour
       *[other] hours
    }.

## Signing up
sign-up-title = Create an account
sign-up-lead = An email address and a password are all it takes.
sign-up-submit = Create account
sign-up-have-account = Already have an account?
sign-up-closed-title = Sign-up is closed
sign-up-closed-detail = New accounts are added by the administrators of this service. Ask one of them if you need an account.

## Signing in
sign-in-title = Sign in
sign-in-remember = Keep me signed in on this device
sign-in-remember-hint = Only on a device that is yours.
sign-in-no-account = New here?
sign-in-cookies-needed = Your browser did not keep the cookie that signs you in, so you were signed out again. Allow cookies for this site, then sign in.
sign-in-duplicate-cookies = Your browser sent two session cookies, so neither was used. Delete the cookies of this site, then sign in again.
ended-idle_timeout = You were signed out because this session was not used for a while. Sign in to continue.
ended-absolute_timeout = This session reached its longest duration. Sign in to continue.
ended-signed_out = You are signed out.
ended-revoked_by_user = This session was ended from another of your devices. If that was not you, sign in and change your password.
ended-revoked_by_admin = An administrator ended this session. Sign in to continue.
ended-password_changed = Your password was changed, which ended this session. Sign in with the new password.
ended-factor_changed = How this account is secured was changed, which ended this session. Sign in to continue.
ended-credential_removed = The passkey that started this session was removed. Sign in to continue.
ended-role_changed = Your role was changed, which ended this session. Sign in to continue with the new one.
ended-session_limit = You signed in on another device, and this session was the oldest of too many. Sign in to continue here.
ended-account_disabled = This account is disabled. Ask an administrator of this service.
ended-account_deleted = This account was deleted.
ended-replaced = This session was renewed, and this browser still had the old one. Sign in to continue.
ended-unknown = The session that this browser had is no longer known here. It ended some time ago, or the server that kept it was restarted. Sign in to continue.

## Signing out
sign-out-title = Sign out?
sign-out-lead = This ends the session on this device. Your other sessions stay signed in.
sign-out-stay = Stay signed in

## Account
account-title = Your account
account-profile = Profile
account-verified = Verified
account-unverified = Not verified
account-no-name = Not given
account-role = Role
account-role-user = User
account-role-admin = Administrator
account-groups = Groups
account-no-groups = None
account-member-since = Member since
account-signed-in-since = Signed in since
account-password-heading = Change your password
account-password-lead = This ends all your other sessions. This device stays signed in.
account-password-submit = Change password
account-password-changed = Your password was changed. All your other sessions were ended.
account-profile-link = Change name or address
account-profile-changed = Your profile was changed.
account-data-heading = Your data
account-data-lead = Take along everything that is kept about you, as a file. Or delete your account for good.
account-data-link = Download your data
account-delete-link = Delete your account

## Profile
profile-title = Your name and address
profile-lead = You sign in with this address. A new one counts as not verified, and asks for your password once more.
profile-submit = Save
profile-back = Go back without a change

## Deleting one's account
delete-title = Delete your account?
delete-lead = This cannot be undone. It is about the account
delete-account = Your account, your name and your address are deleted at once.
delete-sessions = Every session of yours ends at once, on every device.
delete-trail = The record of sign-ins and changes keeps its entries without your name or address, until they are old enough to go.
delete-confirm = Yes, delete my account
delete-submit = Delete account
delete-back = Go back and keep it
delete-unconfirmed = Tick the box if you want to delete your account.

## Activity
activity-title = What happened to your account
activity-lead = Sign-ins, failed attempts and changes, the newest first. If one was not you, change your password and end your other sessions.
activity-none = Nothing yet.
activity-older = Older entries
activity-by-administrator = By an administrator
activity-by-service = By the service
activity-signup = Account created
activity-login = Signed in
activity-login_failed = { $why ->
        [wrong_password] Failed sign-in: wrong password
        [wrong_code] Failed sign-in: right password, wrong code
        [account_disabled] Failed sign-in: the account was disabled
        [session_limit_reached] Failed sign-in: too many sessions
        [wrong_passkey] Failed sign-in: the passkey was not accepted
       *[other] Failed sign-in
    }
activity-logout = Signed out
activity-reauthenticated = { $outcome ->
        [ok] Confirmed again
        [wrong_password] Failed to confirm: wrong password
        [wrong_code] Failed to confirm: wrong code
       *[other] Failed to confirm: the passkey was not accepted
    }
activity-session_ended = { $why ->
        [idle_timeout] Session ended: not used for a while
        [absolute_timeout] Session ended: longest duration reached
        [signed_out] Session ended: signed out
        [revoked_by_user] Session ended from another device
        [revoked_by_admin] Session ended by an administrator
        [password_changed] Other sessions ended: password changed
        [factor_changed] Sessions ended: second factor changed
        [credential_removed] Sessions ended: passkey removed
        [role_changed] Sessions ended: role changed
        [session_limit] Oldest session ended: too many
        [account_disabled] Sessions ended: account disabled
        [account_deleted] Sessions ended: account deleted
        [replaced] Session replaced by a new sign-in
       *[other] Session ended
    }
activity-password_changed = { $outcome ->
        [ok] Password changed
       *[other] Failed to change the password
    }
activity-email_changed = Address changed
activity-role_changed = Role changed
activity-groups_changed = Groups changed
activity-account_disabled = Account disabled
activity-account_enabled = Account enabled
activity-account_deleted = Account deleted
activity-throttled = Attempts refused: too many in a short time
activity-cross_origin_refused = Request from another site refused
activity-factor_added = Second factor added
activity-factor_removed = Second factor removed
activity-recovery_codes_created = New recovery codes made
activity-second_factor_asked = Password was right, second step began
activity-invitation_created = Link to set a password made
activity-recovery_requested = Link for a new password asked for
activity-email_verified = Email address confirmed
activity-email_change_requested = New email address asked for
activity-email_change_cancelled = Change of the email address cancelled
activity-mail_failed = A message to you could not be sent
activity-setup_used = Made administrator by the setup link
activity-users_imported = Accounts imported by a command
activity-users_exported = All accounts written out by a command
activity-token_issued = Access token made for an application
activity-consent_given = You allowed an application
activity-consent_withdrawn = You no longer allow an application
activity-client_created = Client registered
activity-client_changed = Secret of a client replaced
activity-client_removed = Client removed
activity-keys_rotated = Signing keys replaced
activity-settings_changed = Settings of the service changed

## What the server remembers
remembered-title = What the server remembers
remembered-lead = Signing in left two things behind: a meaningless word in this browser, and a record on the server. Here are both.
remembered-browser = In this browser
remembered-browser-lead = One cookie: a name and 43 random characters. No script on this page can read it, so it is masked here too.
remembered-browser-hint = It says nothing about you. Without the record below it opens nothing.
remembered-masked = 43 random characters, masked
remembered-server = On the server
remembered-server-lead = Everything that is kept about this session. It is looked up at every request.
remembered-left = left:
remembered-buttons = What each button changes
remembered-buttons-lead = These work here as they do anywhere else.
remembered-does-sign-out = Deletes the record above. The cookie goes too, but it would open nothing any more.
remembered-does-others = Raises your epoch by one and moves this session along. Every other record of yours is of an earlier epoch, and no longer counts.
remembered-does-all = Raises your epoch by one. No record of yours counts any more, this one included.
remembered-confirm = Confirm that it is you
remembered-does-confirm = Gives this browser a new random word and keeps the record: token_digest and authenticated_at change, id stays.
remembered-why = Why ending a session works at once
remembered-why-look = Each request shows the random word. The server looks for a record of it, and knows nobody without.
remembered-why-end = Ending a session deletes that record, or raises the epoch that it has to match.
remembered-why-next = So the very next request finds nothing, on every server, whatever the browser still holds.
field-id = The session’s public name, which lists and logs use. It opens nothing.
field-token_digest = A fingerprint (SHA-256) of the random word. The word itself is not kept.
field-user_id = Whose session it is.
field-epoch = It counts only while your account has the same number.
field-created_at = When it began.
field-authenticated_at = When you last proved who you are.
field-methods = How you proved who you are.
field-second_factor_at = When you last proved it with the second factor.
field-passkey_id = The passkey that started this session. When it is removed, the session ends.
field-last_seen_at = The last request, written at most once a minute.
field-idle_expires_at = It ends then if nothing more is heard of it.
field-expires_at = It ends then at the latest. This never moves.
field-timeout_rule = Which rule set the two deadlines.
field-remember_me = Whether you asked to stay signed in.
field-ip_address = Where it was started from.
field-user_agent = What the browser called itself then.
field-device = The same in words.
field-last_ip_address = Where it was last seen.
field-last_user_agent = What the browser called itself then.
field-last_device = The same in words.
field-data = What pages keep for themselves in this session.
account-sessions-heading = Where you are signed in
account-sessions-lead = See every device with a session of yours, and end those that you do not know.
account-sessions-link = See your sessions

## Sessions
sessions-title = Where you are signed in
sessions-lead = These devices are signed in to your account. End a session that you do not recognise, then change your password.
sessions-this-device = This device
sessions-ip-address = IP address
sessions-ip-unknown = Unknown
sessions-moved-to = Last seen at
sessions-started = Started
sessions-idle-ends = Ends if not used by
sessions-ends = Ends at the latest
sessions-device = { $browser } on { $system }
sessions-device-unknown = Unknown device
sessions-applications = Applications
sessions-end-application = End session at
sessions-end = End session
sessions-end-this = Sign out here
sessions-others-heading = End all other sessions
sessions-others-lead = Every device but this one is signed out at once. It has to sign in again with your password.
sessions-others-submit = End all other sessions
sessions-only-this = No other device is signed in to your account.
sessions-does-this = Signs you out on this device only.
sessions-does-end = Signs that device out at its next click, within a second where a page is open.
sessions-news = The list of your sessions has changed.
sessions-all-heading = End every session
sessions-all-lead = Every device is signed out at once, this one too.
sessions-all-submit = End all sessions
sessions-ended-one = The session was ended. That device is signed out.
sessions-ended-none = That session had ended already.
sessions-ended-others =
    { $count ->
        [0] There was no other session to end.
        [one] One other session was ended. Only this device is signed in.
       *[other] { $count } other sessions were ended. Only this device is signed in.
    }

## Confirming who you are
reauthenticate-title = Confirm that it is you
reauthenticate-lead = What you are about to do matters, so enter your password once more. You will not be asked again for 10 minutes.
reauthenticate-submit = Confirm
reauthenticate-back = Go back without confirming

## First administrator
setup-title = Set up Anteroom
setup-lead = Create the first administrator. The link that brought you here works once.
setup-submit = Create administrator

## Errors
error-status = Error { $status }
error-request-id = Request ID
error-home = Go to the start page
error-try-again = Try again
error-title-invalid_credentials = That did not match
error-detail-invalid_credentials = The email address or the password is not right. Check both and try again.
error-title-too_many_attempts = Too many attempts
error-detail-too_many_attempts = There were too many attempts in a short time. Wait some minutes, then try again.
error-title-busy = Very busy right now
error-detail-busy = Many people are signing in at this moment. Wait a few seconds, then try again.
error-title-no_session = You are not signed in
error-detail-no_session = Sign in, then try again.
error-title-session_ended = Your session has ended
error-detail-session_ended = Sign in again to continue.
error-title-reauthentication_required = Confirm that it is you
error-detail-reauthentication_required = Enter your password once more, then try again.
error-title-cross_origin = This did not come from our page
error-detail-cross_origin = The request was sent from another site, so nothing was changed. Open the page here and try again.
error-title-forbidden = This page is not for you
error-detail-forbidden = You are signed in, but this account may not open this page. Ask an administrator if you need it.
error-title-email_taken = This email address is in use
error-detail-email_taken = There is an account with this email address already. Sign in instead, or use another address.
error-title-email_unverified = Confirm your address first
error-detail-email_unverified = Open the link in the message that was just sent to you again.
error-title-link_expired = This link does not work any more
error-detail-link_expired = It was used, has expired or is no longer valid. Ask for another one.
error-title-already_verified = The address is confirmed already
error-detail-already_verified = There is nothing to do.
error-title-signup_closed = Sign-up is closed
error-detail-signup_closed = New accounts are added by the administrators of this service. Ask one of them if you need an account.
error-title-session_limit_reached = Signed in on too many devices
error-detail-session_limit_reached = You have as many sessions as this service allows. Sign out on another device, then try again.
error-title-too_many_passkeys = No room for another passkey
error-detail-too_many_passkeys = This account has as many passkeys as allowed. Remove one first.
error-title-client_not_found = There is no such client
error-detail-client_not_found = It may have been removed. Look at the list of clients.
error-title-last_administrator = The last administrator has to stay
error-detail-last_administrator = Make somebody else an administrator first, then try again.
error-title-cursor_expired = This place is no longer known
error-detail-cursor_expired = Begin again from the present, and keep nothing from before.
error-title-malformed_body = The request could not be read
error-detail-malformed_body = What your browser sent was not complete. Go back, reload the page and try again.
error-title-invalid_input = Something needs a change
error-detail-invalid_input = One of the values cannot be accepted. Go back, check the form and try again.
error-title-unsupported_media_type = The request could not be read
error-detail-unsupported_media_type = What was sent is in a form that this page does not take. Go back, reload the page and try again.
error-title-body_too_large = That was too much
error-detail-body_too_large = What was sent is larger than this page takes. Shorten it and try again.
error-title-precondition_failed = Somebody was faster
error-detail-precondition_failed = This was changed in the meantime. Reload the page and try again.
error-title-not_found = There is nothing here
error-detail-not_found = The address may be mistyped, or what was here is gone. Check it, or go to the start page.
error-title-method_not_allowed = This page does not take that
error-detail-method_not_allowed = The page was opened in a way that it does not know. Go to the start page and try from there.
error-title-misdirected = This is not the right address
error-detail-misdirected = The service answers under another address. Its operator sets that address as ANTEROOM_PUBLIC_URL.
error-title-unavailable = Not available for a moment
error-detail-unavailable = A part of the service does not answer. You have not been signed out. Wait a little, then try again.
error-title-internal = Something went wrong here
error-detail-internal = This is our fault, not yours. Try again; if it stays, send the request ID below to the operator of this service.
authorize-refused = This sign-in cannot begin
authorize-unknown-client = The application that sent you here is not registered on this server.
authorize-unknown-redirect = The application that sent you here asks for an address that it is not registered with.
authorize-refused-hint = Go back to the application. If it happens again, tell its operator.
consent-title = { $client } wants to sign you in
consent-lead = You are signed in as { $email }. The application will learn:
consent-scope-openid = who you are on this server
consent-scope-profile = your name
consent-scope-email = your email address
consent-scope-groups = your groups
consent-scope-other = and may act for you: { $scope }
consent-destination = You will return to { $destination }
consent-allow = Allow
consent-deny = Cancel
form-post-title = Back to the application
form-post-continue = Continue
own-applications = Applications
own-applications-lead = These applications may learn who you are. If you withdraw that, they have to ask you again.
own-applications-none = You have not allowed any application.
own-applications-since = Allowed on
own-applications-scopes = Scopes
own-applications-withdraw = Withdraw
own-applications-withdrawn = The application was refused. Its tokens no longer count.
handover-failed = This sign-in cannot be continued
handover-failed-lead = It took too long, was used before, or began in another browser. Start over; you need no password if you are still signed in.
handover-start-over = Start over
error-title-setup_unusable = This setup link does not work
error-detail-setup_unusable = It was used, has expired or is no longer needed. Restart the service for a new link while there is no administrator, or run: anteroom user add --admin

## Times
ago-now = just now
ago-minutes = { $count } { $count ->
        [one] minute
       *[other] minutes
    } ago
ago-hours = { $count } { $count ->
        [one] hour
       *[other] hours
    } ago
ago-days = { $count } { $count ->
        [one] day
       *[other] days
    } ago
length-minutes = { $count } { $count ->
        [one] minute
       *[other] minutes
    }
length-hours = { $count } { $count ->
        [one] hour
       *[other] hours
    }
length-days = { $count } { $count ->
        [one] day
       *[other] days
    }
time-day = { $day } { $month ->
        [1] Jan
        [2] Feb
        [3] Mar
        [4] Apr
        [5] May
        [6] Jun
        [7] Jul
        [8] Aug
        [9] Sep
        [10] Oct
        [11] Nov
       *[12] Dec
    } { $year }
time-exact = { $day } { $month ->
        [1] Jan
        [2] Feb
        [3] Mar
        [4] Apr
        [5] May
        [6] Jun
        [7] Jul
        [8] Aug
        [9] Sep
        [10] Oct
        [11] Nov
       *[12] Dec
    } { $year }, { $time } UTC
active-now = Active now
active-minutes-ago = Active { $count } { $count ->
        [one] minute
       *[other] minutes
    } ago
active-hours-ago = Active { $count } { $count ->
        [one] hour
       *[other] hours
    } ago
active-days-ago = Active { $count } { $count ->
        [one] day
       *[other] days
    } ago

## Invitations
invitation-title = Choose your password
invitation-lead = An administrator gave you an account here. Set a password, and you are signed in. The link that brought you here works once.
invitation-submit = Set password and sign in
error-title-invitation_unusable = This invitation does not work
error-detail-invitation_unusable = It was used, has expired or was replaced by a newer one. Ask an administrator of this service for a new invitation.

## Administration
nav-administration = Administration
admin-title = Administration
admin-places = Administration
admin-overview = Overview
admin-users = Accounts
admin-sessions = Sessions
admin-audit = Audit trail
admin-mail = Mail
admin-mail-off = Mail is off, so nothing is sent.
admin-mail-lead = Messages that are not sent yet, and those that were given up during the last week.
admin-mail-attempts = Attempts
admin-mail-next = Next attempt
admin-clients = Clients
admin-clients-lead = Applications and back ends that access tokens are for.
admin-client-algorithm = Algorithm
admin-client-audiences = Audiences
admin-client-scopes = Scopes
admin-client-secrets = Secrets
admin-client-secret-of = Made on
admin-client-created = Registered
admin-client-public-url = the public URL
admin-client-no-scopes = none
admin-client-removed = The client was removed. Its tokens are refused.
admin-client-new = New client
admin-client-new-lead = You get a secret, with which the client proves who it is. It is shown once.
admin-client-new-submit = Register client
admin-client-audiences-hint = Addresses or names of back ends, with blanks between them. Without any, tokens are for the public URL.
admin-client-scopes-hint = Rights that its tokens may carry, with blanks between them.
admin-client-algorithm-hint = Every verifier knows ES256. With HS256 the secret signs the tokens, so only the client and this server can verify them.
admin-client-sign-in = Sign-in
admin-client-redirect-uris = Redirect URIs
admin-client-redirect-uris-hint = Where browsers may be sent after a sign-in, exactly, with blanks between them. Without any, nobody can sign in to the client.
admin-client-allowed-groups = Groups
admin-client-allowed-groups-hint = The groups that may sign in to it, with blanks between them. Without any: everybody.
admin-client-public = Public client
admin-client-public-hint = An app on a device, which can keep no secret. It gets none.
admin-client-trusted = Trusted client
admin-client-trusted-hint = People are not asked before they sign in to it, and its tokens count in place of their cookie.
admin-client-yes = yes
admin-client-secret-lead = This secret is shown only now. Give it to this client and to nobody else:
admin-client-another = Another secret
admin-client-another-lead = The latest secret stays valid until the next one is made, so that the client can go on meanwhile. Older ones are refused.
admin-client-drop-old = Refuse earlier secrets at once
admin-client-another-submit = Make another secret
admin-client-remove = Remove client
admin-client-remove-lead = This cannot be undone. Its secrets and every token for it are refused at once. Sessions go on.
admin-client-remove-sure = Yes, remove this client
admin-client-remove-unsure = Tick the box to remove the client.
admin-keys = Signing keys
admin-keys-lead = They sign access tokens, and are replaced every 90 days or by the command: anteroom keys rotate
admin-keys-none = There are no keys yet. The first client creates them.
admin-key = Key
admin-key-since = Since
admin-key-next = Next
admin-key-signing = Signing
admin-key-retired = Retired
admin-session-application = Application
admin-session-parent = Belongs to session
admin-applications = Applications
admin-application = Address
admin-proxy = Proxy that asks
admin-identity-headers = Headers that the application gets
admin-rules-file = File of the rules
admin-no-application = No proxy asks this server about requests to an application. The setting ANTEROOM_FORWARD_AUTH names one.
admin-rules = Rules
admin-rules-lead = The first rule that matches decides. They are changed in their file, not here.
admin-rule-line = Line
admin-rule-default = If none matches
admin-rule-host = Host
admin-rule-path = Path
admin-rule-methods = Methods
admin-rule-allow = Lets through
admin-trial = Which rule decides?
admin-trial-lead = Try one request. An account counts as just reauthenticated and with a second factor.
admin-trial-session-lead = Try one request of this session, as it is now.
admin-trial-method = Method
admin-trial-url = Whole address of the request, with scheme and host
admin-trial-email = Address of an account, or nothing for somebody who is not signed in
admin-trial-submit = Show the decision
admin-decision-allowed = The request may pass.
admin-decision-sign-in = Refused: only signed-in users may pass.
admin-decision-forbidden = Refused: the rule does not let this request pass.
admin-decision-reauthenticate = Refused: the user must first reauthenticate.
admin-decision-second-factor = Refused: the session needs a second factor.
admin-decision-disabled = Refused: the account is disabled.
admin-decision-other-origin = Refused: the address is not of a protected application.
admin-decision-ambiguous = Refused: servers may take this path for another one.
admin-decision-unreadable = This address cannot be read. Write it with scheme and host.
admin-decision-no-account = There is no account with this address.
admin-user = Account
admin-session = Session
admin-live-sessions = Live sessions
admin-live-anonymous = and { $count } of visitors who have not signed in
admin-not-counted = Not counted yet
admin-disabled-count = { $count } of them disabled
admin-administrators = Active administrators
admin-hours = Sign-ins in the last 24 hours
admin-days = Sign-ins in the last 30 days
admin-sign-ins = Sign-ins
admin-failures = Failed sign-ins
admin-plot-description = { $succeeded } sign-ins and { $failed } failed ones in all; the highest bar stands for { $most }. The table below has every number.
admin-as-table = Numbers as a table
admin-begins-hour = From
admin-begins = From (UTC)
admin-search-users = Address or part of a name
admin-search = Search
admin-filter = Filter
admin-any = Any
admin-none = There is nothing to show.
admin-none-yet = Nothing was found so far. Go on to look further back.
admin-next-page = Next page
admin-status = Status
admin-active = Active
admin-disabled = Disabled
admin-id = ID
admin-user-id = ID of an account
admin-new-user = New account
admin-new-user-lead = You get a link to hand over. The person who opens it sets the password and is signed in.
admin-new-user-submit = Create account and invitation
admin-user-deleted = The account was deleted, with all its sessions.
admin-user-changed = The account was changed.
admin-sessions-ended =
    { $count ->
        [0] There was no session to end.
        [one] One session was ended.
       *[other] { $count } sessions were ended.
    }
admin-save = Save
admin-rights = Role and status
admin-rights-lead = A new role and disabling end every session of the account at once.
admin-make-admin = Make administrator
admin-make-user = Make ordinary user
admin-enable = Enable
admin-disable = Disable
admin-groups-lead = Applications behind a proxy receive the groups after the role, in Remote-Groups. A change counts at the next request and ends no session.
admin-groups-hint = Write blanks between the names.
admin-groups-save = Save groups
admin-invitation = Invitation
admin-invitation-new-lead = A link by which the owner sets a new password. It voids the link before; the present password stays until the link is used.
admin-invitation-new = Create invitation
admin-invitation-lead = This link is shown only now. Hand it to its owner and to nobody else:
admin-invitation-until = It works once, until
admin-delete = Delete account
admin-delete-lead = This cannot be undone. Every session of the account ends.
admin-delete-sure = Yes, delete this account
admin-delete-unsure = Tick the box to delete the account.
admin-all-sessions = All sessions of this account
admin-end-all = End all sessions of this account
admin-what-happened = What happened
admin-device = Device
admin-last-seen = Last seen
admin-do = What to do
admin-anonymous = Visitor, not signed in
admin-signed-in = Signed in
admin-session-kind = Kind
admin-from = From (UTC), such as 2026-11-21 09:00
admin-until = Until (UTC)
admin-known = What is known
admin-ended = This session has ended:
admin-methods = Proven by
admin-proven = Identity last proven
admin-policy = Timeouts
admin-policy-standard = Without “keep me signed in”
admin-policy-remembered = With “keep me signed in”
admin-policy-administrator = Those of administrators
admin-answered = Checks are answered
admin-from-memory = from the memory of this server, under a lease
admin-from-store = by asking the store
admin-time = Time
admin-kind = Kind
admin-actor = Done by
admin-subject = About
admin-outcome = Outcome
admin-export-csv = Download as CSV
admin-export-json = Download as JSON

## A new password by mail
sign-in-forgotten = Forgot your password?
recover-title = Set a new password
recover-lead = Enter your email address. We send a link to it that sets a new password.
recover-submit = Send the link
recover-sent-title = Look at your mail
recover-sent-lead = If there is an account with this address, a message with a link is on its way. The link works for 30 minutes.
set-password-title = Choose a new password
set-password-lead = This ends every session of your account. Sign in with the new password afterwards.
set-password-submit = Set the password
signup-sent-title = Look at your mail
signup-sent-lead = A message is on its way to this address. Open the link in it to go on.
notice-continue = Continue
verify-email-title = Confirm your address
verify-email-lead = Confirm that this address is yours.
verify-email-submit = Confirm
verify-email-done-title = Your address is confirmed
verify-email-done-lead = You can sign in with it now.
cancel-email-title = Keep your address?
cancel-email-lead = This keeps or restores this address for your account, and ends every session.
cancel-email-submit = Keep this address
cancel-email-done-title = Your address stays
cancel-email-done-lead = Every session of your account was ended. Sign in, and set a new password if the change was not yours.
account-email-new = New email address
account-email-new-hint = It counts once you open the link that was sent to it. To withdraw it, save your present address under “Change name or address”.
account-email-pending = A link was sent to the new address. Open it to change your address.
account-verification-lead = Your address is not confirmed yet.
account-verification-submit = Send the link again
account-verification-sent = A link to confirm your address is on its way.

## Mail
mail-greeting = Hello,
mail-greeting-name = Hello { $name },
mail-footer = This message was sent by { $origin }. Nobody reads replies to it.
mail-verification-subject = Confirm your email address
mail-verification-lead = Open this link to confirm that this address is yours. It works for 24 hours.
mail-verification-action = Confirm the address
mail-verification-more = If you did not create an account, ignore this message.
mail-new_address-subject = Confirm your new email address
mail-new_address-lead = Open this link to use this address for your account. It works for 24 hours.
mail-new_address-action = Confirm the address
mail-new_address-more = If you did not ask for this, ignore this message.
mail-address_changing-subject = Your email address is about to change
mail-address_changing-lead = Somebody who is signed in to your account asked for another email address:
mail-address_changing-action = Keep my address
mail-address_changing-more = If that was not you, open this link. It keeps or restores this address for 7 days, and ends every session.
mail-recovery-subject = Set a new password
mail-recovery-lead = Open this link to set a new password. It works for 30 minutes and once.
mail-recovery-action = Set a new password
mail-recovery-more = If you did not ask for it, ignore this message. Your password stays as it is.
mail-sign_up_attempt-subject = You have an account already
mail-sign_up_attempt-lead = Somebody tried to create an account with this address, and there is one already. Sign in with it instead.
mail-sign_up_attempt-action = Sign in
mail-sign_up_attempt-more = If that was not you, there is nothing to do.
mail-password_changed-subject = Your password was changed
mail-password_changed-lead = The password of your account was set, and other sessions were ended.
mail-password_changed-more = If that was not you, set a new password at once, or ask an administrator.
mail-factor_added-subject = A second factor was added
mail-factor_added-lead = An authenticator app or a passkey was added to your account, and other sessions were ended.
mail-factor_added-more = If that was not you, set a new password at once, and ask an administrator to remove it.
mail-factor_removed-subject = A second factor was removed
mail-factor_removed-lead = An authenticator app or a passkey of your account was removed, and sessions were ended.
mail-factor_removed-more = If that was not you, set a new password at once, or ask an administrator.
mail-recovery_code_used-subject = A recovery code was used
mail-recovery_code_used-lead = A recovery code of your account was used in place of your second factor. It does not work any more.
mail-recovery_code_used-more = If that was not you, set a new password and make new recovery codes at once.
mail-recovery_codes_renewed-subject = New recovery codes were made
mail-recovery_codes_renewed-lead = New recovery codes were made for your account. The earlier ones do not work any more.
mail-recovery_codes_renewed-more = If that was not you, set a new password at once, and make new recovery codes again.
mail-new_device-subject = New sign-in to your account
mail-new_device-lead = Your account was used from a device that it was not used from before:
mail-new_device-more = If that was not you, change your password. That ends every other session.
mail-invitation-subject = You are invited
mail-invitation-lead = An administrator created an account for you. Open this link to set your password. It works for 7 days.
mail-invitation-action = Set the password
mail-test-subject = Test of the mail server
mail-test-lead = An operator sent this message to see whether mail arrives.

## Second factors
code = Code
code-hint = The six digits that your authenticator app shows.
code-hint-either = The six digits of an authenticator app, or one of your recovery codes.
code-wrong = This code is wrong, or was used already. Wait for the next one.
second-step-title = One more step
second-step-lead = Your password was right. This account also asks for a code.
second-step-back = Sign in as somebody else
factors-title = Second factor
factors-app = Authenticator app
factors-app-lead = An app on your phone shows a new code every 30 seconds. Signing in then takes your password and a code.
factors-on = On
factors-off = Off
factors-set-up = Set up an app
factors-replace = Set up another app
factors-remove = Remove the app
factors-removed = The app was removed. Your other sessions ended.
factors-added = The second factor was added. Your other sessions ended.
factors-back = Back to the account
set-up-title = Set up an authenticator app
set-up-required = This account needs a second factor before it can be used.
set-up-scan = Scan this picture with your authenticator app.
set-up-qr = QR code for your authenticator app
set-up-open = Open the app on this device instead
set-up-type = Or type this key into the app:
set-up-confirm = Enter the code that the app shows now.
set-up-submit = Add the app
set-up-back = Not now
second-step-lead-passkey = Your password was right. This account also asks for a passkey or a code.
set-up-passkey = Or add a passkey, for which this device asks for your fingerprint, face or PIN.
passkey-use = Use a passkey
passkey-wrong = The passkey was not accepted. Try again, or sign in another way.
passkeys-title = Passkeys
passkeys-lead = A passkey on this device, your phone or a security key signs you in without a password. It asks for your fingerprint, face or PIN.
passkeys-add = Add a passkey
passkeys-failed = The passkey was not added. Try again.
passkeys-here = This device has a passkey for this account already.
passkeys-name = Name of the passkey
passkeys-rename = Save the name
passkeys-remove = Remove the passkey
passkeys-made = Added on
passkeys-used = last used on
passkeys-backed-up = Backed up
passkeys-added = The passkey was added. Your other sessions ended.
passkeys-renamed = The name was saved.
passkeys-removed = The passkey was removed. The sessions that it started ended. Without any second factor, the recovery codes are void, too.
passkeys-name-refused = Enter a name of at most 100 characters.
codes-title = Recovery codes
codes-once = Keep these codes in a safe place: print or download them. They are shown this once.
codes-lead = A recovery code signs you in without the app or the passkey, for example when the phone is lost. Each works once.
codes-left = { $count ->
        [0] No code is left. Make new ones.
        [one] One code is left.
       *[other] { $count } codes are left.
    }
codes-renew = Make new recovery codes
codes-download = Download as a text file
codes-continue = Continue
account-factor-heading = Second factor
account-factor-lead = A code of an app on your phone beside the password, or a passkey.
account-factor-link = Second factor
reauthenticate-lead-code = This account has a second factor. Enter a code to continue.
reauthenticate-lead-passkey = This account has a second factor. Use a passkey, or enter a code to continue.
admin-factors = Second factors
admin-factors-lead = Removes the authenticator app, the passkeys and the recovery codes, for somebody who lost them. All sessions of the account end.
admin-factors-reset = Remove all second factors
admin-factors-none = This account has no second factor.
