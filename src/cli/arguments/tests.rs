use std::ffi::OsString;

use super::{
    Arguments, Command, RevokedSessions, SessionCommand, Stop, UserCommand, grammar, parse,
};
use crate::accounts::{Group, Role};
use crate::config::{SETTINGS, SettingForm};
use crate::sessions::SessionId;

const ID: &str = "0193b1a0-7f00-7000-8000-000000000001";

fn line(text: &str) -> Result<Arguments, Stop> {
    parse(std::iter::once("anteroom").chain(text.split_whitespace()).map(OsString::from))
}

fn command(text: &str) -> Command {
    line(text).unwrap().command
}

fn wrong(text: &str) -> String {
    match line(text) {
        Err(Stop::WrongUsage(reason)) => reason,
        other => panic!("`{text}` gave {other:?}"),
    }
}

fn ann() -> String {
    "ann@example.org".to_owned()
}

fn dev() -> Group {
    Group::parse("dev").unwrap()
}

#[test]
fn the_grammar_is_sound() {
    grammar().debug_assert();
}

#[test]
fn without_a_command_it_serves() {
    assert_eq!(command(""), Command::Serve);
    assert_eq!(command("serve"), Command::Serve);
    assert_eq!(command("--listen 127.0.0.1:1"), Command::Serve);
}

#[test]
fn every_command_is_understood() {
    let add = |admin, name: &str, password_stdin| {
        Command::User(UserCommand::Add { email: ann(), admin, name: name.into(), password_stdin })
    };
    assert_eq!(command("user add ann@example.org"), add(false, "", false));
    assert_eq!(
        command("user add --admin --name Ann ann@example.org --password-stdin"),
        add(true, "Ann", true)
    );
    assert_eq!(command("user list --json"), Command::User(UserCommand::List { json: true }));
    let user = [
        ("disable ann@example.org", UserCommand::Disable { email: ann() }),
        ("enable ann@example.org", UserCommand::Enable { email: ann() }),
        ("delete ann@example.org --yes", UserCommand::Delete { email: ann(), yes: true }),
        (
            "set-role ann@example.org admin",
            UserCommand::SetRole { email: ann(), role: Role::Admin },
        ),
        ("add-group ann@example.org dev", UserCommand::AddGroup { email: ann(), group: dev() }),
        (
            "remove-group ann@example.org dev",
            UserCommand::RemoveGroup { email: ann(), group: dev() },
        ),
        (
            "set-password ann@example.org",
            UserCommand::SetPassword { email: ann(), password_stdin: false },
        ),
    ];
    for (text, expected) in user {
        assert_eq!(command(&format!("user {text}")), Command::User(expected));
    }
    let list = SessionCommand::List { user: Some(ann()), json: false };
    assert_eq!(command("session list --user ann@example.org"), Command::Session(list));
    assert_eq!(command("config"), Command::Config);
    assert_eq!(command("healthcheck"), Command::Healthcheck);
}

#[test]
fn sessions_are_revoked_by_exactly_one_of_id_user_and_all() {
    let revoke = |text: &str| match command(&format!("session revoke {text}")) {
        Command::Session(SessionCommand::Revoke(revocation)) => revocation,
        other => panic!("{other:?}"),
    };
    assert_eq!(revoke(ID), RevokedSessions::One(SessionId::parse(ID).unwrap()));
    assert_eq!(revoke("--user ann@example.org"), RevokedSessions::OfUser(ann()));
    assert_eq!(revoke("--all"), RevokedSessions::All { yes: false });
    assert_eq!(revoke("--all --yes"), RevokedSessions::All { yes: true });

    for text in ["", "--yes", "--all --user a@b", "--user", "no-id", "--user a@b --yes"] {
        wrong(&format!("session revoke {text}"));
    }
    wrong(&format!("session revoke {ID} --all"));
    wrong(&format!("session revoke {ID} --user a@b"));
    wrong(&format!("session revoke {ID} {ID}"));
}

#[test]
fn every_setting_is_a_flag_of_every_command() {
    for setting in SETTINGS {
        for text in ["", "serve", "user list", "session revoke --all", "healthcheck"] {
            let flags = line(&format!("{text} --{} x", setting.flag())).unwrap().flags;
            assert_eq!(flags.len(), 1, "{} after `{text}`", setting.flag());
            let (given, form, value) = &flags[0];
            assert_eq!(
                (given.name, *form, value.as_os_str()),
                (setting.name, SettingForm::Value, "x".as_ref())
            );
            let of_file = line(&format!("{text} --{} x", setting.file_flag()));
            assert_eq!(of_file.is_ok(), setting.is_secret(), "{}", setting.name);
            assert!(of_file.is_err() || of_file.unwrap().flags[0].1 == SettingForm::File);
        }
    }
    let flags = line("--signup=closed user list --log debug").unwrap().flags;
    let given: Vec<_> = flags.iter().map(|(setting, _, _)| setting.name).collect();
    assert_eq!(given, ["SIGNUP", "LOG"]);
}

#[test]
fn a_flag_that_is_not_utf8_is_left_to_the_settings_to_refuse() {
    use std::os::unix::ffi::OsStringExt as _;
    let line = ["anteroom", "--log"].map(OsString::from).into_iter();
    let flags = parse(line.chain([OsString::from_vec(vec![0xFF])])).unwrap().flags;

    assert_eq!(flags.len(), 1);
}

#[test]
fn wrong_usage_tells_no_password() {
    for text in ["serve postgres://u:hunter2@h/d", "--webhook=https://h/hunter2?hunter2"] {
        assert!(!wrong(text).contains("hunter2"), "{}", wrong(text));
    }
}

#[test]
fn wrong_usage_is_one_line_that_says_what_to_do() {
    let lines = [
        "serv",
        "--bogus",
        "--listen",
        "user",
        "user add",
        "user add a@b c@d",
        "user ad",
        "user list --jsn",
        "user set-role a@b",
        "user set-role a@b root",
        "user add-group a@b",
        "user add-group a@b Dev",
        "user remove-group a@b admin",
        "session",
        "config x",
        "serve --listen 1 --listen 2",
        "user --help-me",
        "help",
    ];
    for text in lines {
        let reason = wrong(text);
        assert!(!reason.contains(['\n', '\x1b']), "{reason}");
        assert!(reason.ends_with("see `anteroom --help`"), "{reason}");
        assert!(!reason.contains("error:") && !reason.contains("Usage"), "{reason}");
    }
    assert!(wrong("user set-role a@b root").contains("write user or admin"));
    assert!(wrong("user add-group a@b Dev").contains("a to z, 0 to 9"));
    assert!(wrong("user add").contains("<EMAIL>"));
    assert!(wrong("--lisen 1").contains("--listen"));
}

#[test]
fn help_and_version_are_printed() {
    let told = |text: &str| match line(text) {
        Err(Stop::Print(told)) => told,
        other => panic!("`{text}` gave {other:?}"),
    };
    assert_eq!(told("--version"), format!("anteroom {}\n", env!("CARGO_PKG_VERSION")));
    let help = told("--help");
    for setting in SETTINGS {
        assert!(help.contains(&format!("--{} <VALUE>", setting.flag())), "{help}");
    }
    let short = told("-h");
    assert!(short.contains("healthcheck") && !short.contains("--idle-timeout"), "{short}");
    assert!(told("user add --help").contains("--password-stdin"));
}
