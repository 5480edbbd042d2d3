use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use super::{environment, load, mistakes, setting};
use crate::config::{Config, Dotenv, SettingForm};

fn lines_of(dotenv: &str) -> Vec<String> {
    let error = Config::load(Vec::new(), Vec::new(), Dotenv::parse(dotenv.as_bytes())).unwrap_err();
    error.iter().map(ToString::to_string).collect()
}

#[test]
fn a_flag_comes_before_the_environment_before_dotenv_before_the_default() {
    let dotenv = || Dotenv::parse(b"ANTEROOM_LISTEN=127.0.0.1:1\nANTEROOM_SESSION_LIMIT=7\n");
    let variables = environment(&[("ANTEROOM_LISTEN", "127.0.0.1:2")]);
    let flags = vec![(setting("LISTEN"), SettingForm::Value, OsString::from("127.0.0.1:3"))];
    let port = |config: &Config| config.http.listen.port();

    let all = Config::load(flags, variables.clone(), dotenv()).unwrap();
    assert_eq!(port(&all), 3);
    assert_eq!(all.policy.limit.most, 7);
    assert_eq!(port(&Config::load(Vec::new(), variables, dotenv()).unwrap()), 2);
    assert_eq!(port(&Config::load(Vec::new(), Vec::new(), dotenv()).unwrap()), 1);
    assert_eq!(port(&load(&[]).unwrap()), 8080);
}

#[test]
fn a_value_that_is_overruled_is_not_judged() {
    let dotenv = Dotenv::parse(b"ANTEROOM_LISTEN=nowhere\n");
    let variables = environment(&[("ANTEROOM_LISTEN", "127.0.0.1:2")]);

    assert!(Config::load(Vec::new(), variables, dotenv).is_ok());
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_one() {
    assert_eq!(
        mistakes(&[("ANTEROOM_IDEL_TIMEOUT", "1h")]),
        ["ANTEROOM_IDEL_TIMEOUT (environment): there is no such setting; write \
          ANTEROOM_IDLE_TIMEOUT, or remove it"],
    );
    assert!(mistakes(&[("ANTEROOM_listen", "1")])[0].contains("write ANTEROOM_LISTEN,"));
    assert!(mistakes(&[("ANTEROOM_DB", "1")])[0].contains("`anteroom --help` lists every setting"));
    assert!(mistakes(&[("ANTEROOM_", "1")])[0].contains("no such setting"));
    assert_eq!(
        lines_of("\nANTEROOM_SIGNUPS=open\n"),
        ["ANTEROOM_SIGNUPS (.env line 2): there is no such setting; write ANTEROOM_SIGNUP, or \
          remove it"],
    );
}

#[test]
fn what_is_not_utf8_is_a_mistake() {
    let bytes = || OsString::from_vec(b"127.0.0.1\xFF".to_vec());
    let name = OsString::from_vec(b"ANTEROOM_\xFF".to_vec());
    let variables = vec![("ANTEROOM_LISTEN".into(), bytes()), (name, "x".into())];
    let flags = vec![(setting("LOG"), SettingForm::Value, bytes())];

    let error = Config::load(flags, variables, Dotenv::default()).unwrap_err().to_string();

    assert!(error.contains("ANTEROOM_LISTEN = \"127.0.0.1\u{FFFD}\" (environment): is not UTF-8"));
    assert!(error.contains("ANTEROOM_LOG = \"127.0.0.1\u{FFFD}\" (flag): is not UTF-8"));
    assert!(error.contains("ANTEROOM_\u{FFFD} (environment): there is no such setting"));
}

#[test]
fn dotenv_takes_comments_quotes_and_exports() {
    let text = "\u{FEFF}# ours\r\nexport ANTEROOM_LISTEN='127.0.0.1:9'\r\n\n  \
                ANTEROOM_LOG = \"warn\" # why\nOTHER=x\nANTEROOM_SIGNUP=closed ";
    let config = Config::load(Vec::new(), Vec::new(), Dotenv::parse(text.as_bytes())).unwrap();

    assert_eq!(config.http.listen.port(), 9);
    assert_eq!(config.logging.log, "warn");
    assert!(config.render().contains("closed"));
    assert!(config.render().contains("# .env line 2\n"));
}

#[test]
fn each_malformed_line_of_dotenv_is_named_and_not_shown() {
    let lines = lines_of("OK=1\nhunter2 hunter2\n# fine\nANTEROOM_LOG=a hunter2\nX='\nhunter2\n");

    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with(".env line 2 is malformed; write NAME=value"), "{lines:?}");
    assert!(lines[1].starts_with(".env line 4 is malformed"), "{lines:?}");
    assert!(lines[2].starts_with(".env line 5 is malformed"), "{lines:?}");
    assert!(!lines.concat().contains("hunter2"));
}

#[test]
fn a_name_that_dotenv_sets_twice_is_refused() {
    let lines = lines_of("ANTEROOM_LOG=info\n\nANTEROOM_LOG=warn\n");

    assert_eq!(lines, [".env line 3 sets ANTEROOM_LOG again after line 1; remove one"]);
    let of_others = Dotenv::parse(b"OTHER=1\nOTHER=2\n");
    assert!(Config::load(Vec::new(), Vec::new(), of_others).is_ok());
}

#[test]
fn dotenv_that_is_not_utf8_is_refused_by_its_line() {
    let dotenv = Dotenv::parse(b"A=1\nB=2\nC=\xFF\n");
    let error = Config::load(Vec::new(), Vec::new(), dotenv).unwrap_err();

    assert_eq!(error.to_string(), ".env line 3 is not UTF-8; save the file as UTF-8");
}

#[test]
fn a_missing_dotenv_says_nothing_and_an_unreadable_one_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = |path: &Path| Config::load(Vec::new(), Vec::new(), Dotenv::read(path));

    assert!(loaded(&folder.path().join(".env")).is_ok());
    let error = loaded(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with(".env cannot be read ("), "{error}");
}

#[test]
fn dotenv_longer_than_any_buffer_keeps_its_line_numbers() {
    let text = format!("A={}\nANTEROOM_LISTEN=nowhere\n", "x".repeat(100_000));

    assert!(lines_of(&text)[0].contains("(.env line 2)"));
}
