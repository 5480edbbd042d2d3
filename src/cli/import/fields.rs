//! One user of a file: every field is checked as it is where users type it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::accounts::{Email, Groups, ImportedUser, Name, PasswordHash, Role, Status};
use crate::clock::SKEW;

/// The names of all fields.
pub(super) const COLUMNS: [&str; 8] =
    ["email", "name", "role", "groups", "status", "email_verified", "password_hash", "created_at"];

/// The fields of a user, of any type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    email: Option<Value>,
    name: Option<Value>,
    role: Option<Value>,
    groups: Option<Value>,
    status: Option<Value>,
    email_verified: Option<Value>,
    password_hash: Option<Value>,
    created_at: Option<Value>,
}

impl Fields {
    /// Of a line of JSON.
    pub(super) fn of_json(line: &str) -> Result<Self, String> {
        const NOT_JSON: &str = "this is no JSON object: write one in each line";
        if !line.trim_ascii_start().starts_with('{') {
            return Err(NOT_JSON.to_owned());
        }
        serde_json::from_str(line).map_err(|error| match error.classify() {
            // A field that is unknown or there twice. The line is known.
            Category::Data => {
                let text = error.to_string();
                text.split(" at line ").next().unwrap_or(&text).to_owned()
            }
            Category::Io | Category::Syntax | Category::Eof => NOT_JSON.to_owned(),
        })
    }

    /// Of a record of CSV; what is empty is not there.
    pub(super) fn of_csv(columns: &[String], fields: Vec<String>) -> Result<Self, String> {
        if fields.len() != columns.len() {
            let (fields, columns) = (fields.len(), columns.len());
            return Err(format!("there are {fields} fields for {columns} columns"));
        }
        let filled = columns.iter().cloned().zip(fields).filter(|(_, field)| !field.is_empty());
        let object = filled.map(|(column, field)| (column, Value::String(field)));
        serde_json::from_value(Value::Object(object.collect())).map_err(|error| error.to_string())
    }
}

/// The user of a line, or what is wrong with it. No value is repeated: it may be a hash.
pub(super) fn user(fields: Fields, now: OffsetDateTime) -> Result<ImportedUser, String> {
    let email = text("email", fields.email)?.ok_or("email: this field is needed")?;
    let name = text("name", fields.name)?.unwrap_or_default();
    let role = text("role", fields.role)?;
    let status = text("status", fields.status)?;
    let hash = text("password_hash", fields.password_hash)?;
    let created_at = text("created_at", fields.created_at)?;
    Ok(ImportedUser {
        email: Email::parse(&email).map_err(|error| format!("email: {error}"))?,
        email_verified: truth("email_verified", fields.email_verified)?,
        name: Name::parse(&name).map_err(|error| format!("name: {error}"))?,
        role: match role {
            None => Role::User,
            Some(role) => Role::parse(&role).ok_or("role: write user or admin")?,
        },
        groups: groups(fields.groups)?,
        status: match status {
            None => Status::Active,
            Some(status) => Status::parse(&status).ok_or("status: write active or disabled")?,
        },
        hash: match hash {
            None => PasswordHash::none(),
            Some(hash) => password_hash(&hash)?,
        },
        created_at: created_at.map(|time| past(&time, now)).transpose()?,
    })
}

/// A list of names in JSON, or a text with blanks between them, as CSV has it.
fn groups(value: Option<Value>) -> Result<Groups, String> {
    let names: Vec<String> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(value) => serde_json::from_value(value)
            .map_err(|_| "groups: write a list of names, or a text with blanks between them")?,
    };
    Groups::parse(names.iter().map(String::as_str)).map_err(|error| format!("groups: {error}"))
}

/// Other systems mark an account without a password by a sign that no hash begins with.
fn password_hash(text: &str) -> Result<PasswordHash, String> {
    if text.is_empty() || text.starts_with('!') || text == PasswordHash::NO_PASSWORD {
        return Ok(PasswordHash::none());
    }
    PasswordHash::imported(text).map_err(|error| format!("password_hash: {error}"))
}

fn past(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "created_at: write a time like 2026-11-21T09:00:00Z")?;
    if time < OffsetDateTime::UNIX_EPOCH || time > now + SKEW {
        return Err("created_at: write a time between 1970 and now".into());
    }
    Ok(time)
}

fn text(name: &str, value: Option<Value>) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name}: write a string")),
    }
}

fn truth(name: &str, value: Option<Value>) -> Result<bool, String> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(truth)) => Ok(truth),
        Some(Value::String(text)) if ["true", "t", "1"].contains(&text.as_str()) => Ok(true),
        Some(Value::String(text)) if ["false", "f", "0"].contains(&text.as_str()) => Ok(false),
        Some(_) => Err(format!("{name}: write true or false")),
    }
}
