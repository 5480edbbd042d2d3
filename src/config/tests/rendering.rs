use super::{environment, load, setting};
use crate::config::load::Effective;
use crate::config::settings::ValueKind;
use crate::config::{Config, Dotenv, Provenance, SETTINGS, SettingForm, env_example};

#[test]
fn the_example_lists_every_setting_as_it_is() {
    let file = include_str!("../../../.env.example");

    assert!(file == env_example(), ".env.example should be:\n{}", env_example());
}

#[test]
fn the_example_is_itself_a_configuration_once_uncommented() {
    let text = env_example().replace("\n#ANTEROOM_", "\nANTEROOM_");
    let dotenv = Dotenv::parse(text.as_bytes());

    let config = Config::load(Vec::new(), Vec::new(), dotenv).unwrap();

    // An empty value there counts as unset.
    let written = SETTINGS.iter().filter(|setting| !setting.default.is_empty()).count();
    assert_eq!(config.render().matches("# .env line ").count(), written);
    assert!(
        SETTINGS
            .iter()
            .filter(|one| one.is_secret())
            .all(|one| { text.contains(&format!("\n{}=\n", one.file_variable())) })
    );
}

#[test]
fn names_follow_from_the_table() {
    assert_eq!(setting("IDLE_TIMEOUT").variable(), "ANTEROOM_IDLE_TIMEOUT");
    assert_eq!(setting("IDLE_TIMEOUT").flag(), "idle-timeout");
    assert!(SETTINGS.is_sorted_by_key(|setting| setting.group), "a heading would come twice");
}

#[test]
fn the_effective_settings_stand_in_line_with_where_each_came_from() {
    let dotenv = Dotenv::parse(b"ANTEROOM_LOG=warn\n");
    let variables = environment(&[("ANTEROOM_SIGNUP", "closed")]);
    let flags = vec![(setting("LISTEN"), SettingForm::Value, "127.0.0.1:9".into())];

    let text = Config::load(flags, variables, dotenv).unwrap().render();

    assert!(
        text.contains(
            "ANTEROOM_LISTEN                      = 127.0.0.1:9                      # flag\n"
        ),
        "{text}"
    );
    assert!(text.contains("= closed                           # environment\n"), "{text}");
    assert!(text.contains("= warn                             # .env line 1\n"), "{text}");
    assert!(text.contains("= http://localhost:9               # default\n"), "{text}");
    assert!(text.ends_with("# cookie: anteroom\n# origin: http://localhost:9\n"), "{text}");
    let equals: Vec<_> = text.lines().take(SETTINGS.len()).map(|line| line.find('=')).collect();
    assert!(equals.windows(2).all(|two| two[0] == two[1]), "{text}");
}

#[test]
fn the_effective_settings_show_no_password() {
    let mut config = load(&[]).unwrap();
    for one in &mut config.effective {
        *one = Effective::new(one.setting, "redis://ann:hunter2@h", Provenance::Default);
    }
    let text = config.render();

    let is_masked = |name: &str| {
        let masked = |line: &str| line.starts_with(name) && line.contains("= redis://ann:***@h ");
        text.lines().any(masked)
    };
    assert!(is_masked("ANTEROOM_DATABASE ") && is_masked("ANTEROOM_SESSIONS "), "{text}");
    let secrets = config.effective.iter().filter(|one| one.setting.kind == ValueKind::Secret);
    assert!(!format!("{:?}", secrets.collect::<Vec<_>>()).contains("hunter2"));
}

#[test]
fn what_is_a_secret_as_a_whole_is_shown_as_there_or_not() {
    const SECRET: &str = "velvet-otter-hums-at-nine-0123456789";
    let with = load(&[("ANTEROOM_WEBHOOK_SECRET", SECRET)]).unwrap();

    assert!(with.render().contains("ANTEROOM_WEBHOOK_SECRET              = ***  "));
    assert!(!with.render().contains("velvet") && !format!("{with:?}").contains("velvet"));
    assert!(load(&[]).unwrap().render().contains("ANTEROOM_WEBHOOK_SECRET              =    "));
}

#[test]
fn a_derived_name_of_the_cookie_is_shown() {
    let text = load(&[("ANTEROOM_PUBLIC_URL", "https://a.example")]).unwrap().render();

    assert!(text.contains("# cookie: __Host-anteroom\n"), "{text}");
    assert!(text.contains("# warning: ANTEROOM_PUBLIC_URL is https"), "{text}");
}

#[test]
fn a_value_takes_one_line() {
    let text = load(&[("ANTEROOM_TRUSTED_PROXIES", "10.0.0.1,\n::1")]).unwrap().render();

    assert!(text.contains("= 10.0.0.1,\\n::1 "), "{text}");
}
