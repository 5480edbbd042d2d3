use std::time::Duration;

use super::{load, mistakes};
use crate::config::{Config, Dotenv, SETTINGS, SessionStorage, Setting, SettingForm, Signup};
use crate::http::PublicUrl;
use crate::sessions::{LimitPolicy, SessionPolicy};
use crate::store::DatabaseAt;
use crate::telemetry::LogFormat;
use crate::throttle::Rate;

#[test]
fn with_nothing_set_everything_has_the_default_of_the_table() {
    let config = load(&[]).unwrap();

    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.public_url.origin(), "http://localhost:8080");
    assert!(matches!(&config.storage.database,
        DatabaseAt::Sqlite(path) if path.as_os_str() == "anteroom.db"));
    assert!(matches!(config.storage.sessions, SessionStorage::Database));
    assert!(config.storage.cache);
    assert_eq!(config.storage.database_connections, 16);
    assert_eq!(config.storage.store_wait, Some(Duration::from_mins(1)));
    assert_eq!(config.policy, SessionPolicy::default());
    assert_eq!(config.accounts.signup, Signup::Open);
    assert_eq!(config.accounts.password_min_length, 15);
    let throttle = |count, minutes| Some(Rate { count, per: Duration::from_mins(minutes) });
    assert_eq!(config.throttles.account, throttle(10, 10));
    assert_eq!(config.throttles.network, throttle(30, 10));
    assert_eq!(config.throttles.signup, throttle(20, 60));
    assert_eq!(config.http.max_connections, 4096);
    assert_eq!(config.http.max_connections_per_network, 256);
    assert!(config.http.trusted_proxies.is_empty() && config.http.trusted_origins.is_empty());
    assert_eq!(config.metrics_listen, None);
    assert_eq!(config.logging.log, "info");
    assert_eq!(config.logging.format, LogFormat::Text);
    assert_eq!(config.cookie_name(), "anteroom");
    assert!(!config.has_public_url());
    assert!(config.warnings().is_empty());
}

#[test]
fn every_setting_is_typed_from_what_is_written() {
    let config = load(&[
        ("ANTEROOM_LISTEN", "[::]:80"),
        ("ANTEROOM_PUBLIC_URL", "https://auth.example.org"),
        ("ANTEROOM_DATABASE", "sqlite:/tmp/a.db"),
        ("ANTEROOM_SESSIONS", "memory:"),
        ("ANTEROOM_CACHE", "off"),
        ("ANTEROOM_MEMORY_LIMIT", "5"),
        ("ANTEROOM_DATABASE_CONNECTIONS", "6"),
        ("ANTEROOM_STORE_WAIT", "off"),
        ("ANTEROOM_IDLE_TIMEOUT", "1s"),
        ("ANTEROOM_ABSOLUTE_TIMEOUT", "2s"),
        ("ANTEROOM_REMEMBER_IDLE_TIMEOUT", "3s"),
        ("ANTEROOM_REMEMBER_ABSOLUTE_TIMEOUT", "4s"),
        ("ANTEROOM_ADMIN_IDLE_TIMEOUT", "5s"),
        ("ANTEROOM_ADMIN_ABSOLUTE_TIMEOUT", "6s"),
        ("ANTEROOM_SESSION_LIMIT", "1"),
        ("ANTEROOM_SESSION_LIMIT_POLICY", "refuse"),
        ("ANTEROOM_SIGNUP", "closed"),
        ("ANTEROOM_PASSWORD_MIN_LENGTH", "8"),
        ("ANTEROOM_THROTTLE_ACCOUNT", "1/1s"),
        ("ANTEROOM_THROTTLE_NETWORK", "2/1s"),
        ("ANTEROOM_THROTTLE_SIGNUP", "off"),
        ("ANTEROOM_MAX_CONNECTIONS", "10"),
        ("ANTEROOM_MAX_CONNECTIONS_PER_NETWORK", "9"),
        ("ANTEROOM_TRUSTED_PROXIES", "10.0.0.0/8"),
        ("ANTEROOM_TRUSTED_ORIGINS", "https://app.example.org"),
        ("ANTEROOM_APPLICATIONS", "https://wiki.example.org, https://files.example.com"),
        ("ANTEROOM_METRICS_LISTEN", "127.0.0.1:9090"),
        ("ANTEROOM_LOG", "debug"),
        ("ANTEROOM_LOG_FORMAT", "json"),
    ])
    .unwrap();

    assert_eq!(config.cookie_name(), "__Host-anteroom");
    assert!(config.has_public_url());
    assert!(matches!(config.storage.sessions, SessionStorage::Memory { limit: 5 }));
    assert!(!config.storage.cache);
    assert_eq!((config.storage.database_connections, config.storage.store_wait), (6, None));
    let timeouts = [config.policy.standard, config.policy.remembered, config.policy.administrator];
    let seconds = timeouts.map(|one| (one.idle.as_secs(), one.absolute.as_secs()));
    assert_eq!(seconds, [(1, 2), (3, 4), (5, 6)]);
    assert_eq!(config.policy.limit.most, 1);
    assert_eq!(config.policy.limit.policy, LimitPolicy::Refuse);
    assert_eq!(config.accounts.signup, Signup::Closed);
    assert_eq!(config.accounts.password_min_length, 8);
    assert_eq!(config.throttles.account.map(|throttle| throttle.count), Some(1));
    assert_eq!(config.throttles.network.map(|throttle| throttle.count), Some(2));
    assert_eq!(config.throttles.signup, None);
    let http = &config.http;
    assert_eq!((http.max_connections, http.max_connections_per_network), (10, 9));
    assert_eq!(http.trusted_proxies.len(), 1);
    assert_eq!(http.trusted_origins, ["https://app.example.org"]);
    let applications: Vec<_> =
        http.forward_auth.applications.urls().map(PublicUrl::origin).collect();
    assert_eq!(applications, ["https://wiki.example.org", "https://files.example.com"]);
    assert_eq!(config.metrics_listen.map(|address| address.port()), Some(9090));
    assert_eq!((config.logging.log.as_str(), config.logging.format), ("debug", LogFormat::Json));
}

#[test]
fn the_public_url_has_the_port_of_listen_unless_set() {
    let origin = |variables: &[_]| load(variables).unwrap().http.public_url.origin().to_owned();

    assert_eq!(origin(&[("ANTEROOM_LISTEN", "0.0.0.0:9000")]), "http://localhost:9000");
    assert_eq!(origin(&[("ANTEROOM_LISTEN", "127.0.0.1:80")]), "http://localhost");
    assert_eq!(origin(&[("ANTEROOM_LISTEN", "127.0.0.1:0")]), "http://localhost:8080");
    let both = [("ANTEROOM_LISTEN", "[::]:1"), ("ANTEROOM_PUBLIC_URL", "https://a.example")];
    assert_eq!(origin(&both), "https://a.example");
}

#[test]
fn every_mistake_is_reported_at_once() {
    // Every printable text is a path.
    let value = |one: &Setting| if one.name == "KEY_FILE" { "\u{1}" } else { "!" };
    let wrong: Vec<(&str, &str)> =
        SETTINGS.iter().map(|one| (one.variable(), value(one))).collect();

    let lines = mistakes(&wrong);

    assert_eq!(lines.len(), SETTINGS.len(), "{lines:#?}");
    for setting in SETTINGS {
        let named = |line: &&String| line.starts_with(&format!("{} ", setting.variable()));
        assert_eq!(lines.iter().filter(named).count(), 1, "{} in {lines:#?}", setting.name);
    }
}

#[test]
fn mistakes_of_all_sources_and_of_their_sum_come_together() {
    let variables = [("ANTEROOM_IDLE_TIMEOUT", "2d"), ("ANTEROOM_WHAT", "x")];
    let dotenv = Dotenv::parse(b"broken\nANTEROOM_LOG=!\n");
    let error = Config::load(Vec::new(), super::environment(&variables), dotenv).unwrap_err();

    let lines: Vec<String> = error.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert_eq!(
        lines[2],
        "ANTEROOM_IDLE_TIMEOUT = \"2d\" (environment): is longer than ANTEROOM_ABSOLUTE_TIMEOUT = \
         \"24h\" (default); write a shorter one",
    );
    assert_eq!(error.to_string().lines().count(), 4);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let empty: Vec<(&str, &str)> = SETTINGS
        .iter()
        .flat_map(|one| [(one.variable(), ""), (one.file_variable(), "")])
        .filter(|(name, _)| crate::config::Setting::of_variable(name).is_some())
        .collect();
    let dotenv = Dotenv::parse(b"ANTEROOM_SESSION_LIMIT=7\nANTEROOM_SIGNUP=\n");

    let config = Config::load(Vec::new(), super::environment(&empty), dotenv).unwrap();

    assert_eq!(config.policy.limit.most, 7);
    assert_eq!(config.render().matches("# default\n").count(), SETTINGS.len() - 1);
}

#[test]
fn an_empty_flag_is_a_mistake_unless_it_means_none() {
    let flags = SETTINGS.iter().map(|one| (*one, SettingForm::Value, "".into())).collect();
    let error = Config::load(flags, Vec::new(), Dotenv::default()).unwrap_err();

    let lines: Vec<String> = error.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), SETTINGS.len() - 4, "{lines:#?}");
    assert!(!lines.concat().contains("TRUSTED") && !lines.concat().contains("SECRET"));
    assert!(lines.iter().all(|line| line.contains("is empty; leave it out for the default ")));
}

#[test]
fn mistakes_know_the_form_of_the_log() {
    let format = |value| {
        let variables = [("ANTEROOM_LOG_FORMAT", value), ("ANTEROOM_SIGNUP", "maybe")];
        load(&variables).unwrap_err().log_format()
    };
    assert_eq!(format("json"), LogFormat::Json);
    assert_eq!(format("text"), LogFormat::Text);
    assert_eq!(format("jsn"), LogFormat::Text);
}

#[test]
fn a_mistake_shows_the_value_but_no_secret() {
    let lines = mistakes(&[
        ("ANTEROOM_SIGNUP", "maybe"),
        ("ANTEROOM_DATABASE", "mysql://u:hunter2@h/d"),
        ("ANTEROOM_SESSIONS", "redis://u:hunter2@"),
    ]);

    assert!(!lines.concat().contains("hunter2"), "{lines:#?}");
    assert_eq!(lines[2], "ANTEROOM_SIGNUP = \"maybe\" (environment): write open or closed",);
}

#[test]
fn a_mistake_is_one_short_line_whatever_the_value() {
    let long = "x".repeat(10_000);
    let lines =
        mistakes(&[("ANTEROOM_LOG_FORMAT", "a\nb\x1b[31m\u{85}"), ("ANTEROOM_SIGNUP", &long)]);

    assert!(lines.iter().all(|line| !line.contains(char::is_control)), "{lines:?}");
    assert!(lines.iter().all(|line| line.len() < 300), "{lines:?}");
    let name = format!("ANTEROOM_{long}\n");
    assert!(mistakes(&[(&name, "")]).iter().all(|line| !line.contains('\n')));
}

#[test]
fn numbers_stay_within_their_bounds() {
    let wrong = [
        ("ANTEROOM_SESSION_LIMIT", ["0", "10001", "+5", "1e3", "99999999999999999999"]),
        ("ANTEROOM_DATABASE_CONNECTIONS", ["0", "1001", "-1", "off", "1.5"]),
        ("ANTEROOM_MEMORY_LIMIT", ["0", "1000000001", "-1", "1_000", " 1"]),
        ("ANTEROOM_PASSWORD_MIN_LENGTH", ["7", "129", "0", "eight", "15.0"]),
        ("ANTEROOM_MAX_CONNECTIONS", ["0", "1000001", "off", "1k", "-0"]),
    ];
    for (variable, values) in wrong {
        for value in values {
            assert!(load(&[(variable, value)]).is_err(), "{variable}={value} was let pass");
        }
    }
}

#[test]
fn what_is_allowed_but_dangerous_is_warned_of() {
    let warnings = |variables: &[_]| load(variables).unwrap().warnings();
    let metrics = |address| warnings(&[("ANTEROOM_METRICS_LISTEN", address)]);
    assert!(metrics("127.0.0.1:9464").is_empty() && metrics("[::1]:9464").is_empty());
    assert!(metrics("0.0.0.0:9464")[0].contains("ANTEROOM_METRICS_LISTEN is 0.0.0.0:9464"));
    let https = ("ANTEROOM_PUBLIC_URL", "https://a.example");

    assert!(warnings(&[https])[0].contains("ANTEROOM_TRUSTED_PROXIES"));
    assert!(warnings(&[https, ("ANTEROOM_TRUSTED_PROXIES", "10.0.0.1")]).is_empty());
    assert!(warnings(&[("ANTEROOM_TRUSTED_PROXIES", "::/0")])[0].contains("everybody (::/0)"));
    let off =
        warnings(&[("ANTEROOM_THROTTLE_ACCOUNT", "off"), ("ANTEROOM_THROTTLE_SIGNUP", "off")]);
    assert_eq!(off.len(), 2);
    assert!(off[0].starts_with("ANTEROOM_THROTTLE_ACCOUNT is off"));
}

#[test]
fn passkeys_are_off_where_the_public_url_has_an_address_which_is_warned_of() {
    let url = ("ANTEROOM_PUBLIC_URL", "http://127.0.0.1:8080");
    let warnings = |variables: &[_]| load(variables).unwrap().warnings();
    assert!(warnings(&[url])[0].contains("passkeys are off: browsers refuse them for 127.0.0.1"));
    assert!(warnings(&[url, ("ANTEROOM_PASSKEYS", "off")]).is_empty());
    assert!(load(&[]).unwrap().accounts.passkeys);
    assert!(load(&[("ANTEROOM_PASSKEYS", "maybe")]).is_err());
}

#[test]
fn addresses_that_sessions_keep_for_longer_are_warned_of() {
    let warned = |retention: &str| {
        let config = load(&[("ANTEROOM_ADDRESS_RETENTION", retention)]).unwrap();
        config
            .warnings()
            .concat()
            .contains("a session keeps its address as long as it lives, up to 30d")
    };

    assert!(warned("29d"));
    assert!(!warned("30d") && !warned("off"));
}

#[test]
fn a_redis_on_another_machine_without_tls_is_warned_of() {
    let warnings = |url| load(&[("ANTEROOM_SESSIONS", url)]).unwrap().warnings();
    for url in [
        "redis://localhost",
        "redis://u:p@127.0.0.1:6379/3",
        "redis://[::1]:6379",
        "rediss://redis.example.org",
        "redis+sentinel://u:p@localhost:1,[::1]:2/main",
        "rediss+sentinel://a.example,b.example/main",
    ] {
        assert_eq!(warnings(url), [""; 0], "{url}");
    }
    for (url, host) in [
        ("redis://u:pass@word@redis.example.org:6379", "redis.example.org"),
        ("redis://10.0.0.1?x", "10.0.0.1"),
        ("redis://[2001:db8::1]:6379/1", "2001:db8::1"),
        ("redis+sentinel://u:hunter2@localhost,b.example:26379/main", "b.example"),
    ] {
        let [warning] = &warnings(url)[..] else { panic!("{url}: {:?}", warnings(url)) };
        let begins = format!("ANTEROOM_SESSIONS goes to {host} in the clear");
        assert!(warning.starts_with(&begins) && !warning.contains("hunter2"), "{warning}");
    }
}

#[test]
fn a_database_server_elsewhere_that_nobody_checks_is_worth_a_warning() {
    let warned = |url: &str| {
        let warnings = load(&[("ANTEROOM_DATABASE", url)]).unwrap().warnings();
        assert!(!warnings.iter().any(|line| line.contains("hunter2")), "{warnings:?}");
        warnings.iter().any(|line| line.contains("sslmode=verify-full"))
    };

    for url in [
        "postgres://u:hunter2@db.example.org/d",
        "postgres://u:hunter2@db.example.org/d?sslmode=require",
        "postgres://u:hunter2@db.example.org/d?sslmode=prefer",
        "postgresql://u:hunter2@192.0.2.7/d?sslmode=disable",
        "postgres://u:hunter2@localhost/d?host=db.example.org",
    ] {
        assert!(warned(url), "{url}");
    }
    for url in [
        "postgres://u:hunter2@db.example.org/d?sslmode=verify-full",
        "postgres://u:hunter2@db.example.org/d?sslmode=verify-ca&sslrootcert=root.pem",
        "postgres://u:hunter2@localhost/d",
        "postgres://u:hunter2@127.0.0.1:5433/d",
        "postgres://u:hunter2@[::1]/d",
        "postgres://u:hunter2@%2Frun%2Fpostgresql/d",
        "postgres://u:hunter2@db.example.org/d?host=/run/postgresql",
    ] {
        assert!(!warned(url), "{url}");
    }
}

#[test]
fn applications_are_compared_with_the_public_url() {
    let with = |public_url, applications| {
        let url = ("ANTEROOM_PUBLIC_URL", public_url);
        mistakes(&[url, ("ANTEROOM_APPLICATIONS", applications)])
    };
    for (public_url, applications, expected) in [
        ("https://a.example", "http://wiki.example", "begin it with https://"),
        ("https://a.example", "https://wiki.example/path", "write scheme and host alone"),
        ("https://a.example", "https://*.example", "write scheme and host alone"),
        ("http://localhost:8080", "https://wiki.example", "use https for both"),
        ("https://a.example", "https://a.example:8443", "has the same host"),
        ("https://a.example", "https://b.example https://c.example", "with commas between them"),
    ] {
        let lines = with(public_url, applications);
        assert!(lines.len() == 1 && lines[0].starts_with("ANTEROOM_APPLICATIONS "), "{lines:?}");
        assert!(lines[0].contains(expected), "{lines:?}");
    }
    // A public URL with a mistake is reported alone.
    assert_eq!(with("ftp://a.example", "https://wiki.example").len(), 1);
}

#[test]
fn applications_without_a_proxy_that_tells_the_request_are_warned_of() {
    let variables = [
        ("ANTEROOM_PUBLIC_URL", "https://a.example"),
        ("ANTEROOM_TRUSTED_PROXIES", "10.0.0.1"),
        ("ANTEROOM_APPLICATIONS", "https://wiki.example"),
    ];
    let warnings = load(&variables).unwrap().warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("ANTEROOM_APPLICATIONS is set but ANTEROOM_FORWARD_AUTH is not")
    );
}

#[test]
fn a_proxy_that_is_not_trusted_is_warned_of_with_what_it_leads_to() {
    for (applications, effect) in [
        ("", "nobody is redirected to sign in"),
        ("https://wiki.example", "every check is refused"),
    ] {
        let variables = [
            ("ANTEROOM_PUBLIC_URL", "https://a.example"),
            ("ANTEROOM_FORWARD_AUTH", "nginx"),
            ("ANTEROOM_APPLICATIONS", applications),
        ];
        let warnings = load(&variables).unwrap().warnings();
        let about = |one: &&String| one.starts_with("ANTEROOM_FORWARD_AUTH is set but");
        let warning = warnings.iter().find(about).unwrap();
        assert!(warning.contains(effect), "{warning}");
    }
}

#[test]
fn mail_needs_a_sender_and_required_verification_needs_mail() {
    const SERVER: (&str, &str) = ("ANTEROOM_MAIL", "smtp://ann:hunter2@mail.example.org");
    const FROM: (&str, &str) = ("ANTEROOM_MAIL_FROM", "Example <no-reply@example.org>");
    const REQUIRED: (&str, &str) = ("ANTEROOM_EMAIL_VERIFICATION", "required");

    assert!(load(&[]).unwrap().mail.is_none());
    let mail = load(&[SERVER, FROM, REQUIRED]).unwrap().mail.unwrap();
    assert!(mail.verification_is_required);
    let config = load(&[("ANTEROOM_MAIL", "log")]).unwrap();
    assert!(config.mail.is_some() && config.warnings()[0].contains("ANTEROOM_MAIL is log"));

    for log in ["warn", "off", "info,anteroom::mail=warn", "anteroom::http=debug"] {
        let told = mistakes(&[("ANTEROOM_MAIL", "log"), ("ANTEROOM_LOG", log)]);
        assert!(told.len() == 1 && told[0].contains("anteroom::mail::log=info"), "{log}: {told:?}");
        let shown = format!("{log},anteroom::mail::log=info");
        assert!(load(&[("ANTEROOM_MAIL", "log"), ("ANTEROOM_LOG", &shown)]).is_ok(), "{shown}");
    }

    for (variables, wrong) in [
        (&[SERVER][..], "ANTEROOM_MAIL_FROM"),
        (&[REQUIRED], "ANTEROOM_EMAIL_VERIFICATION"),
        (&[SERVER, ("ANTEROOM_MAIL_FROM", "two@example.org, too@example.org")], "MAIL_FROM"),
        (&[("ANTEROOM_MAIL", "smtp://ann:hunter2@mail.example.org/x"), FROM], "ANTEROOM_MAIL"),
    ] {
        let told = mistakes(variables);
        assert!(told.len() == 1 && told[0].contains(wrong), "{told:?}");
        assert!(!told[0].contains("hunter2"), "{told:?}");
    }
}
