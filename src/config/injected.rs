//! The names that Kubernetes and Docker put into the environment for services beside this one.
//!
//! A service called `anteroom-redis` becomes `ANTEROOM_REDIS_SERVICE_HOST` and the like.

use std::ffi::OsStr;

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
/// Endings that may follow the protocol. Docker adds the last four for a range of ports.
const ENDINGS: [&str; 8] =
    ["", "_ADDR", "_PORT", "_PROTO", "_START", "_END", "_PORT_START", "_PORT_END"];

/// Whether a name, without `ANTEROOM_`, is of a form that an orchestrator injects.
pub(super) fn is_injected(rest: &str, value: &OsStr) -> bool {
    if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return false;
    }
    // After `_ENV_` comes the name of any variable of another container.
    if let Some((service, variable)) = rest.split_once("_ENV_") {
        return is_service(service) && !variable.is_empty();
    }
    if rest.strip_prefix("ENV_").is_some_and(|variable| !variable.is_empty()) {
        return true;
    }
    forms(rest).any(|form| is_of_kubernetes(form) || is_port(form))
        || (forms(rest).any(|form| form == "NAME") && is_link(value))
}

/// Whether the value is none that an orchestrator gives to this name, so that a person may have
/// meant a setting.
pub(super) fn is_odd(rest: &str, value: &OsStr) -> bool {
    forms(rest).any(|form| form == "PORT")
        && !forms(rest).any(|form| form != "PORT" && (is_of_kubernetes(form) || is_port(form)))
        && !value.to_string_lossy().contains("://")
}

/// The name, and what is left of it after each name that a service could have.
fn forms(rest: &str) -> impl Iterator<Item = &str> {
    let cuts = rest.match_indices('_').filter(|(at, _)| is_service(&rest[..*at]));
    std::iter::once(rest).chain(cuts.map(|(at, _)| &rest[at + 1..]))
}

fn is_service(name: &str) -> bool {
    !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// `SERVICE_HOST`, `SERVICE_PORT`, `SERVICE_PORT_NAME`.
fn is_of_kubernetes(form: &str) -> bool {
    let named = form.strip_prefix("SERVICE_PORT_");
    form == "SERVICE_HOST" || form == "SERVICE_PORT" || named.is_some_and(is_service)
}

/// `PORT`, `PORT_6379_TCP`, `PORT_6379_TCP_ADDR`.
fn is_port(form: &str) -> bool {
    let Some(rest) = form.strip_prefix("PORT") else { return false };
    if rest.is_empty() {
        return true;
    }
    let Some((number, rest)) = rest.strip_prefix('_').and_then(|rest| rest.split_once('_')) else {
        return false;
    };
    let ends = |protocol| rest.strip_prefix(protocol).is_some_and(|end| ENDINGS.contains(&end));
    number.bytes().all(|byte| byte.is_ascii_digit())
        && number.parse::<u16>().is_ok()
        && PROTOCOLS.into_iter().any(ends)
}

/// `/name-of-the-container/alias`.
fn is_link(value: &OsStr) -> bool {
    let value = value.to_string_lossy();
    value
        .strip_prefix('/')
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(own, alias)| !own.is_empty() && !alias.is_empty() && !alias.contains('/'))
}
