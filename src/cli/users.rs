//! `anteroom user …`: manages accounts.

use secrecy::ExposeSecret as _;

use super::administration::{Administration, parse_email};
use super::arguments::UserCommand;
use super::tables::{print, print_json, table};
use super::{Failure, terminal};
use crate::accounts::{
    Account, ChangeError, Changed, CreateError, EpochReason, GroupsChange, Name, NewPasswordError,
    NewUser, Password, PasswordPolicy, Role, Status, User, WeakPassword,
};
use crate::config::Config;
use crate::http::{UserBody, timestamp};
use crate::use_cases::AccountChange;

pub(super) async fn run(command: UserCommand, config: &Config) -> Result<(), Failure> {
    match command {
        UserCommand::Add { email, admin, name, password_stdin } => {
            // Before a database is created.
            let new = new_user(&email, &name, admin, password_stdin)?;
            let personal = [new.email.as_str(), new.name.as_str()];
            let policy = PasswordPolicy { min_length: config.accounts.password_min_length };
            policy.check(&new.password, &personal).map_err(|weak| weakness(&weak))?;
            let administration = Administration::open(config).await?;
            administration.finish(async |opened| add(opened, new).await).await
        }
        UserCommand::List { json } => {
            let administration = Administration::open_existing(config).await?;
            administration.finish(async |opened| list(opened, json).await).await
        }
        UserCommand::Disable { email } => {
            let change = AccountChange { status: Some(Status::Disabled), ..Default::default() };
            change_account(config, &email, change, "disabled").await
        }
        UserCommand::Enable { email } => {
            let change = AccountChange { status: Some(Status::Active), ..Default::default() };
            change_account(config, &email, change, "enabled").await
        }
        UserCommand::SetRole { email, role } => {
            let change = AccountChange { role: Some(role), ..Default::default() };
            change_account(config, &email, change, role.as_str()).await
        }
        UserCommand::AddGroup { email, group } => {
            let done = format!("in group {}", group.as_str());
            let groups = Some(GroupsChange::Add(group));
            let change = AccountChange { groups, ..Default::default() };
            change_account(config, &email, change, &done).await
        }
        UserCommand::RemoveGroup { email, group } => {
            let done = format!("not in group {}", group.as_str());
            let groups = Some(GroupsChange::Remove(group));
            let change = AccountChange { groups, ..Default::default() };
            change_account(config, &email, change, &done).await
        }
        UserCommand::Delete { email, yes } => {
            let administration = Administration::open_existing(config).await?;
            administration.finish(async |opened| delete(opened, &email, yes).await).await
        }
        UserCommand::ResetFactors { email } => {
            let change = AccountChange { reset_factors: true, ..Default::default() };
            change_account(config, &email, change, "no second factor").await
        }
        UserCommand::SetPassword { email, password_stdin } => {
            let administration = Administration::open_existing(config).await?;
            administration
                .finish(async |opened| set_password(opened, &email, password_stdin).await)
                .await
        }
    }
}

fn new_user(
    email: &str,
    name: &str,
    admin: bool,
    password_stdin: bool,
) -> Result<NewUser, Failure> {
    let email = parse_email(email)?;
    let name = Name::parse(name).map_err(|error| format!("the name cannot be used: {error}"))?;
    let password = terminal::new_password(password_stdin)?;
    Ok(NewUser {
        email,
        email_verified: true,
        name,
        role: if admin { Role::Admin } else { Role::User },
        password: Password::from_typed(password.expose_secret()),
    })
}

async fn add(administration: &Administration, new: NewUser) -> Result<(), Failure> {
    let user = administration.handle.create(new).await.map_err(|error| match error {
        CreateError::Weak(weak) => weakness(&weak),
        CreateError::EmailTaken => "an account has this address already".into(),
        error => Failure::from(error),
    })?;
    let User { email, role, .. } = &user;
    Ok(print(&format!("added {} ({})", email.display(), role.as_str()))?)
}

/// Why a password is refused, with the setting that an operator may change.
fn weakness(weak: &WeakPassword) -> Failure {
    match weak {
        WeakPassword::TooShort { .. } => {
            format!("{weak} (the minimum is the setting ANTEROOM_PASSWORD_MIN_LENGTH)").into()
        }
        weak => weak.to_string().into(),
    }
}

async fn list(administration: &Administration, json: bool) -> Result<(), Failure> {
    let accounts = administration.all_accounts().await?;
    if json {
        let users: Vec<UserBody> = accounts.iter().map(|account| (&account.user).into()).collect();
        return print_json(&users);
    }
    let row = |account: &Account| {
        let user = &account.user;
        [
            user.id.to_string(),
            user.email.display(),
            user.role.as_str().to_owned(),
            user.status.as_str().to_owned(),
            timestamp(user.created_at),
            user.groups.to_string(),
            user.name.as_str().to_owned(),
        ]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    Ok(print(&table(["ID", "EMAIL", "ROLE", "STATUS", "CREATED", "GROUPS", "NAME"], &rows))?)
}

async fn delete(administration: &Administration, email: &str, yes: bool) -> Result<(), Failure> {
    let question = format!("Delete the account {email} in {}?", administration.location);
    if !terminal::confirm(&question, yes)? {
        return Err("nothing was deleted".into());
    }
    let change = AccountChange { delete: true, ..Default::default() };
    apply(administration, email, change, "deleted").await
}

async fn change_account(
    config: &Config,
    email: &str,
    change: AccountChange,
    done: &str,
) -> Result<(), Failure> {
    let administration = Administration::open_existing(config).await?;
    administration.finish(async |opened| apply(opened, email, change, done).await).await
}

async fn apply(
    administration: &Administration,
    email: &str,
    change: AccountChange,
    done: &str,
) -> Result<(), Failure> {
    let account = administration.account(email).await?;
    let changed = administration.handle.change(account.user.id, change).await;
    let changed = changed.map_err(explain)?;
    if administration.sessions_in_memory && changed.epoch > account.epoch {
        let after = changed.account.as_ref();
        let reason = after.map_or(Some(EpochReason::AccountDeleted), |after| after.epoch_reason);
        let reason = reason.unwrap_or(EpochReason::RevokedByAdmin).into();
        administration.record_ordered_ends(account.user.id, reason).await;
    }
    report(administration, &account, &changed, done)
}

fn explain(error: ChangeError) -> Failure {
    match error {
        ChangeError::LastAdministrator => {
            "this is the last active administrator: make another one first with \
             `anteroom user set-role EMAIL admin`"
                .into()
        }
        error => error.into(),
    }
}

fn report(
    administration: &Administration,
    account: &Account,
    changed: &Changed,
    done: &str,
) -> Result<(), Failure> {
    let email = account.user.email.display();
    administration.report(&match changed.ended {
        // Only the server knows how many there are.
        Some(ended) if ended > 0 && !administration.sessions_in_memory => {
            format!("{email}: {done}, sessions ended: {ended}")
        }
        _ => format!("{email}: {done}"),
    })
}

async fn set_password(
    administration: &Administration,
    email: &str,
    password_stdin: bool,
) -> Result<(), Failure> {
    let account = administration.account(email).await?;
    let password = terminal::new_password(password_stdin)?;
    let password = Password::from_typed(password.expose_secret());
    let personal = (&account.user.email, &account.user.name);
    let hashed = administration.accounts.hash_new_password(&password, personal).await;
    let hash = hashed.map_err(|error| match error {
        NewPasswordError::Weak(weak) => weakness(&weak),
        error => error.into(),
    })?;
    let change = AccountChange { password: Some(hash), ..Default::default() };
    apply(administration, email, change, "password set").await
}
