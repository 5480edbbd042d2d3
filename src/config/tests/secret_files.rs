use std::fs;
use std::path::Path;

use super::{environment, load, mistakes, setting};
use crate::config::{Config, Dotenv, SETTINGS, SettingForm};
use crate::store::DatabaseAt;

const SECRET: &str = "velvet-otter-hums-at-nine-0123456789";

/// A file with these bytes, in a folder that goes with it.
fn file(bytes: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn every_secret_may_be_in_a_file() {
    for (variable, value) in [
        ("ANTEROOM_DATABASE_FILE", "postgres://u:hunter2@localhost/d"),
        ("ANTEROOM_SESSIONS_FILE", "redis://:hunter2@localhost"),
        ("ANTEROOM_WEBHOOK_URL_FILE", "off"),
        ("ANTEROOM_WEBHOOK_SECRET_FILE", SECRET),
        ("ANTEROOM_OTLP_ENDPOINT_FILE", "http://u:hunter2@localhost"),
        ("ANTEROOM_MAIL_FILE", "log"),
    ] {
        let (_folder, path) = file(format!("{value}\n").as_bytes());

        let config = load(&[(variable, &path)]).unwrap();

        let shown = config.render();
        let from = format!(" # file {path} ({variable}, environment)\n");
        assert!(shown.contains(&from), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains(SECRET), "{shown}");
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2") && !shown.contains(SECRET), "{shown}");
    }
    assert_eq!(SETTINGS.iter().filter(|setting| setting.is_secret()).count(), 6);
}

#[test]
fn the_path_comes_from_a_flag_before_the_environment_before_dotenv() {
    let (_folder, path) = file(b"\xEF\xBB\xBFsqlite:kept here.db\r\n\n");
    let dotenv = || Dotenv::parse(format!("ANTEROOM_DATABASE_FILE='{path}'").as_bytes());
    let flags = || vec![(setting("DATABASE"), SettingForm::File, path.clone().into())];
    let nowhere = || environment(&[("ANTEROOM_DATABASE_FILE", "/nowhere")]);

    for (config, from) in [
        (Config::load(Vec::new(), Vec::new(), dotenv()), ".env line 1)\n"),
        (Config::load(flags(), nowhere(), Dotenv::default()), "flag)\n"),
        (Config::load(Vec::new(), environment(&[("ANTEROOM_DATABASE", "")]), dotenv()), "line 1)"),
    ] {
        let config = config.unwrap();
        assert!(matches!(&config.storage.database,
            DatabaseAt::Sqlite(path) if path == Path::new("kept here.db")));
        assert!(config.render().contains(from));
    }
}

#[test]
fn a_secret_and_its_file_at_once_are_a_mistake() {
    let (_folder, path) = file(SECRET.as_bytes());
    let variables =
        [("ANTEROOM_WEBHOOK_SECRET", SECRET), ("ANTEROOM_WEBHOOK_SECRET_FILE", path.as_str())];
    assert_eq!(
        mistakes(&variables),
        [
            "ANTEROOM_WEBHOOK_SECRET (environment) and ANTEROOM_WEBHOOK_SECRET_FILE (environment) are \
          both set; remove one"
        ],
    );
    let dotenv = Dotenv::parse(format!("{}={}", variables[1].0, variables[1].1).as_bytes());
    let error = Config::load(Vec::new(), environment(&variables[..1]), dotenv).unwrap_err();
    assert!(error.to_string().contains("ANTEROOM_WEBHOOK_SECRET_FILE (.env line 1)"), "{error}");
}

#[test]
fn a_file_of_no_use_is_one_clear_mistake() {
    let (folder, path) = file(b"");
    let wrong = |path: &str| {
        let lines = mistakes(&[
            ("ANTEROOM_WEBHOOK_SECRET_FILE", path),
            ("ANTEROOM_WEBHOOK_URL", "https://a.example"),
        ]);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].starts_with("ANTEROOM_WEBHOOK_SECRET_FILE"), "{lines:#?}");
        lines[0].clone()
    };

    assert!(wrong(&path).contains("the file is empty; write the secret into it"));
    fs::write(&path, " \r\n\n").unwrap();
    assert!(wrong(&path).contains("the file is empty"));
    fs::write(&path, b"\xFF").unwrap();
    assert!(wrong(&path).contains("the file is not UTF-8"));
    fs::write(&path, vec![b'x'; 70_000]).unwrap();
    assert!(wrong(&path).contains("the file is longer than 64 KiB"));
    fs::write(&path, "short").unwrap();
    assert!(
        mistakes(&[("ANTEROOM_WEBHOOK_SECRET_FILE", path.as_str())])[0]
            .starts_with("ANTEROOM_WEBHOOK_SECRET (file ")
    );
    let folder = folder.path().to_str().unwrap();
    assert!(wrong(folder).contains("cannot read the file"));
    assert!(wrong("/nowhere/at/all").contains("= \"/nowhere/at/all\" (environment): cannot read"));
}

#[test]
fn a_secret_in_the_place_of_its_path_is_not_shown() {
    for (variable, value) in [
        ("ANTEROOM_WEBHOOK_SECRET_FILE", SECRET),
        ("ANTEROOM_OTLP_ENDPOINT_FILE", "http://u:hunter2@localhost"),
        ("ANTEROOM_DATABASE_FILE", "postgres://u:velvet@h/d"),
    ] {
        let lines = mistakes(&[(variable, value)]);
        assert!(lines[0].contains("cannot read") && !lines[0].contains("velvet"), "{lines:?}");
    }
}
