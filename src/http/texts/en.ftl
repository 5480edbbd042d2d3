### What the pages say in English. `ko.ftl` has the same keys with the same arguments.

## On every page
product = Anteroom
skip = Skip to content
home = Anteroom, start page
navigation = Your account
preferences = Preferences
nav-account = Account
nav-sessions = Sessions
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
problems-heading = Please check what you entered
password-hint = At least { $minimum } characters. A phrase of several words is strong and easy to remember.

## What is wrong with a field
email-missing = Enter your email address.
email-invalid = Enter an email address such as name@example.com.
email-too_long = This email address is too long. Use one of at most 254 characters.
email-taken = There is an account with this email address already. Sign in instead, or use another address.
name-too_long = Use at most 100 characters for the name.
name-invisible = Leave control, direction and invisible characters out of the name.
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
sign-in-duplicate-cookies = Your browser sent two session cookies, so neither was used. Delete the cookies of this site, then sign in again.
ended-idle_timeout = You were signed out because this session was not used for a while. Sign in to continue.
ended-absolute_timeout = This session reached its longest duration. Sign in to continue.
ended-signed_out = You are signed out.
ended-revoked_by_user = This session was ended from another of your devices. If that was not you, sign in and change your password.
ended-revoked_by_admin = An administrator ended this session. Sign in to continue.
ended-password_changed = Your password was changed, which ended this session. Sign in with the new password.
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
account-member-since = Member since
account-signed-in-since = Signed in since
account-password-heading = Change your password
account-password-lead = This ends all your other sessions. This device stays signed in.
account-password-submit = Change password
account-password-changed = Your password was changed. All your other sessions were ended.
account-sessions-heading = Where you are signed in
account-sessions-lead = See every device with a session of yours, and end those that you do not know.
account-sessions-link = See your sessions

## Sessions
sessions-title = Where you are signed in
sessions-lead = These devices are signed in to your account. End a session that you do not recognise, then change your password.
sessions-this-device = This device
sessions-ip-address = IP address
sessions-ip-unknown = Unknown
sessions-started = Started
sessions-idle-ends = Ends if not used by
sessions-ends = Ends at the latest
sessions-device = { $browser } on { $system }
sessions-device-unknown = Unknown device
sessions-end = End session
sessions-end-this = Sign out here
sessions-others-heading = End all other sessions
sessions-others-lead = Every device but this one is signed out at once. It has to sign in again with your password.
sessions-others-submit = End all other sessions
sessions-only-this = No other device is signed in to your account.
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
error-title-email_taken = This email address is in use
error-detail-email_taken = There is an account with this email address already. Sign in instead, or use another address.
error-title-signup_closed = Sign-up is closed
error-detail-signup_closed = New accounts are added by the administrators of this service. Ask one of them if you need an account.
error-title-session_limit_reached = Signed in on too many devices
error-detail-session_limit_reached = You have as many sessions as this service allows. Sign out on another device, then try again.
error-title-last_administrator = The last administrator has to stay
error-detail-last_administrator = Make somebody else an administrator first, then try again.
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
error-detail-misdirected = The service answers under another address. Whoever runs it sets that address as ANTEROOM_PUBLIC_URL.
error-title-unavailable = Not available for a moment
error-detail-unavailable = A part of the service does not answer. You have not been signed out. Wait a little, then try again.
error-title-internal = Something went wrong here
error-detail-internal = This is our fault, not yours. Try again; if it stays, tell whoever runs this service the request ID below.
error-title-setup_unusable = This setup link does not work
error-detail-setup_unusable = It was used, has expired or is no longer needed. Restart the service for a new link while there is no administrator, or run: anteroom user add --admin

## Times
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
