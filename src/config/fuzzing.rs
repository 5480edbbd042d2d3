//! Properties that hold for every setting that somebody writes. See [`crate::fuzzing`].

use std::time::Duration;

use super::{Config, Dotenv, SETTINGS, WrittenDuration, mask as masked, values};
use crate::duration as durations;

/// A `.env` file: it is read or every mistake is told, one line each; what is read can be shown
/// and is the same when it is read again.
pub(crate) fn settings(input: &[u8]) {
    let dotenv = Dotenv::parse(input);
    let lines = input.split(|byte| *byte == b'\n').count();
    assert!(dotenv.entries.iter().all(|entry| (1..=lines).contains(&entry.line)), "{dotenv:?}");
    match Config::load(Vec::new(), [], dotenv.clone()) {
        Ok(config) => {
            assert!(dotenv.mistakes.is_empty());
            let shown = config.render();
            assert!(shown.lines().count() >= SETTINGS.len() + 2, "{shown}");
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            let again = Config::load(Vec::new(), [], dotenv).map(|config| config.render());
            assert_eq!(again.as_deref(), Ok(shown.as_str()));
            let policy = config.policy;
            for timeouts in [policy.standard, policy.remembered, policy.administrator] {
                assert!(timeouts.idle <= timeouts.absolute && !timeouts.idle.is_zero());
            }
        }
        Err(mistakes) => {
            assert!(mistakes.iter().count() >= dotenv.mistakes.len().max(1));
            for mistake in mistakes.iter().map(ToString::to_string) {
                assert!(!mistake.is_empty() && !mistake.contains(char::is_control), "{mistake:?}");
            }
        }
    }
}

/// A duration: within its bounds, and written as it can be read.
pub(crate) fn duration(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let duration = match durations::parse(text) {
        Ok(duration) => duration,
        Err(what) => return assert!(what.starts_with("write ")),
    };
    assert!((1..=400 * 24 * 60 * 60).contains(&duration.as_secs()) && duration.subsec_nanos() == 0);
    let written = WrittenDuration(duration).to_string();
    assert_eq!(durations::parse(&written), Ok(duration), "{text} is written {written}");
    assert!(written.len() <= text.len() || text.ends_with('w'), "{text} is written {written}");
}

/// A value, for every reader that there is: it is read within its bounds, or the sentence says
/// what to write instead.
pub(crate) fn value(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut refused = Vec::new();
    let mut told = |what: String| refused.push(what);
    match values::networks(text) {
        Ok(networks) => {
            let written: Vec<_> = networks.iter().map(ToString::to_string).collect();
            assert_eq!(values::networks(&written.join(",")), Ok(networks.clone()));
            assert!(networks.iter().all(|network| network.trunc() == *network));
        }
        Err(what) => told(what),
    }
    match values::origins(text) {
        Ok(origins) => assert_eq!(values::origins(&origins.join(",")), Ok(origins.clone())),
        Err(what) => told(what),
    }
    match values::throttle(text) {
        Ok(None) => assert_eq!(text, "off"),
        Ok(Some(throttle)) => {
            assert!(throttle.count > 0 && throttle.per >= Duration::from_secs(1));
            let written = format!("{}/{}", throttle.count, WrittenDuration(throttle.per));
            assert_eq!(values::throttle(&written), Ok(Some(throttle)));
        }
        Err(what) => told(what),
    }
    match values::address_or_off(text) {
        Ok(None) => assert_eq!(text, "off"),
        Ok(Some(address)) => assert_eq!(values::address(&address.to_string()), Ok(address)),
        Err(what) => told(what),
    }
    match values::password_min_length(text) {
        Ok(length) => assert!((8..=128).contains(&length)),
        Err(what) => told(what),
    }
    match values::session_limit(text) {
        Ok(limit) => assert!((1..=10_000).contains(&limit)),
        Err(what) => told(what),
    }
    values::log(text).map_or_else(&mut told, |log| assert_eq!(log, text));
    values::on_or_off(text).map_or_else(&mut told, |on| assert_eq!(on, text == "on"));
    if let Err(what) = values::database(text) {
        told(what);
    }
    if let Err(what) = values::sessions(text) {
        told(what);
    }
    assert!(refused.iter().all(|what| !what.is_empty()));
}

/// The name of a user in front of the first line as its password: that is never shown.
pub(crate) fn mask(input: &[u8]) {
    const SECRET: &str = "Zq9";
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (user, rest) = text.split_once('\n').unwrap_or(("kim", text));
    let user = user.replace(['@', ':', '/'], "");
    if user.contains(SECRET) || rest.contains(SECRET) {
        return;
    }
    for password in [format!("{SECRET}{rest}"), format!("{rest}{SECRET}")] {
        let shown = masked(&format!("redis://{user}:{password}@localhost:6379/0"));
        assert!(!shown.contains(SECRET), "{shown}");
    }
    assert!(!masked(&format!("postgres://db/x?password={SECRET}")).contains(SECRET));
}
