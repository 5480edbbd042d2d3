use super::{load, mistakes};
use crate::config::mask;

#[test]
fn what_may_be_a_secret_in_a_url_is_masked_and_nothing_else() {
    let masked = [
        ("sqlite:anteroom.db", "sqlite:anteroom.db"),
        ("database", "database"),
        ("postgres://db.example/anteroom", "postgres://db.example/anteroom"),
        ("postgres://ann@db.example/anteroom", "postgres://ann@db.example/anteroom"),
        ("postgres://ann:hunter2@db/a?sslmode=require", "postgres://ann:***@db/a?sslmode=require"),
        ("postgres://ann:hun@ter2/x?y@db/a", "postgres://ann:***@db/a"),
        ("postgres://db/a?user=x&password=hunter2", "postgres://db/a?user=x&password=***"),
        ("postgres://db/a?p%61ssword=hunter2", "postgres://db/a?p%61ssword=***"),
        ("postgres://db/a?sslpassword=hunter2", "postgres://db/a?sslpassword=***"),
        ("postgres://db/a?sslmode=require;hunter2", "postgres://db/a?sslmode=***"),
        ("postgres://db?x=hunter2:y&z=a@b", "postgres://***@b"),
        ("redis://:hunter2@h:6379/0", "redis://:***@h:6379/0"),
        ("redis://hunter2@h:6379/0", "redis://***@h:6379/0"),
        ("redis://@h", "redis://@h"),
        ("redis://h/0?hunter2", "redis://h/0?***"),
        ("redis://h/0#hunter2", "redis://h/0#***"),
        (
            "redis+sentinel://u:hunter2@a:1,b:2/main?sentinel_password=hunter2",
            "redis+sentinel://u:***@a:1,b:2/main?sentinel_password=***",
        ),
        ("https://a.example/hooks/v1?code=hunter2", "https://a.example/hooks/v1?code=***"),
        ("https://a.example/x?hunter2", "https://a.example/x?***"),
        ("https://a.example/x?hunter2=&b", "https://a.example/x?***&***"),
        ("HTTPS://a.example:8443/x#hunter2", "https://a.example:8443/x#***"),
        ("https://ann:hunter2@a.example/", "https://ann:***@a.example/"),
        ("https://hunter2@a.example/", "https://***@a.example/"),
        ("https://hunter2:x@a.example/", "https://***@a.example/"),
        ("https://a.example/services/T0/B0/hunter2", "https://a.example/services/***"),
        ("https://a.example/hook/a-long-token-of-words-hunter", "https://a.example/hook/***"),
        ("https://:hunter2", "https://***"),
        ("\u{2018}https://a.example/hunter2", "\u{2018}https://***"),
    ];
    for (text, shown) in masked {
        assert_eq!(mask(text), shown);
    }
}

#[test]
fn no_setting_tells_what_a_url_hides() {
    let secret = "0123456789abcdefghijklmnopqrstuv";
    let config = load(&[
        ("ANTEROOM_DATABASE", "postgres://u:hunter2@h/d?sslpassword=hunter2"),
        ("ANTEROOM_SESSIONS", "rediss://hunter2@h/0?x=hunter2#hunter2"),
        ("ANTEROOM_WEBHOOK_URL", "https://hunter2:hunter2@h/hunter2?code=hunter2"),
        ("ANTEROOM_WEBHOOK_SECRET", secret),
    ])
    .unwrap();

    let shown = format!("{} {:?} {config:?}", config.render(), config.warnings());
    assert!(!shown.contains("hunter2") && !shown.contains(secret), "{shown}");
}

#[test]
fn no_mistake_tells_what_a_url_hides() {
    const URL: &str = "https://hunter2:hunter2@h/hunter2?hunter2#hunter2";
    let variables = crate::config::SETTINGS.iter().map(|one| (one.variable(), URL));
    let lines = mistakes(&variables.collect::<Vec<_>>());
    assert!(!lines.concat().contains("hunter2"), "{lines:#?}");

    let lines = mistakes(&[
        ("ANTEROOM_TRUSTED_ORIGINS", "https://a.example,https://h/?hunter2"),
        ("ANTEROOM_WEBHOOK_URL", "https:a.example/hunter2"),
    ]);
    assert_eq!(lines.len(), 2);
    assert!(!lines.concat().contains("hunter2"), "{lines:#?}");
}
