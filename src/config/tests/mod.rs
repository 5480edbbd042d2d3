use std::ffi::OsString;

use super::{Config, Dotenv, Mistakes, SETTINGS, Setting};

mod injected;
mod loading;
mod masking;
mod rendering;
mod secret_files;
mod sources;
mod values;

fn setting(name: &str) -> &'static Setting {
    SETTINGS.iter().find(|setting| setting.name == name).unwrap()
}

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn load(variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
    Config::load(Vec::new(), environment(variables), Dotenv::default())
}

/// The mistakes of a configuration that must be refused, one line each.
fn mistakes(variables: &[(&str, &str)]) -> Vec<String> {
    load(variables).unwrap_err().iter().map(ToString::to_string).collect()
}
