use std::fs;

use time::macros::datetime;

use super::file::{FileError, UserFile};
use super::seen::Addresses;
use crate::accounts::{Email, ImportedUser, Role, Status};
use crate::clock::{Clock, ManualClock};

type Lines = Vec<(u64, Result<ImportedUser, String>)>;

fn open(folder: &tempfile::TempDir, bytes: &[u8]) -> Result<UserFile, FileError> {
    let path = folder.path().join("users");
    fs::write(&path, bytes).unwrap();
    UserFile::open(&path, &Clock::from(&ManualClock::at(datetime!(2026-11-21 09:00 UTC))))
}

fn read(bytes: &[u8]) -> Result<Lines, String> {
    let folder = tempfile::TempDir::new().unwrap();
    let mut file = open(&folder, bytes).map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    while let Some(line) = file.next_line().map_err(|error| error.to_string())? {
        lines.push((line.number, line.user));
    }
    Ok(lines)
}

/// Of a file in which every line is right.
#[track_caller]
fn users(text: &str) -> Vec<ImportedUser> {
    read(text.as_bytes()).unwrap().into_iter().map(|(_, user)| user.unwrap()).collect()
}

/// The numbers of the wrong lines, and what is wrong.
#[track_caller]
fn faults(text: &str) -> Vec<(u64, String)> {
    let lines = read(text.as_bytes()).unwrap().into_iter();
    lines.filter_map(|(number, user)| Some((number, user.err()?))).collect()
}

/// The fault of the file.
#[track_caller]
fn refused(bytes: &[u8]) -> String {
    read(bytes).unwrap_err()
}

#[track_caller]
fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "{text}");
}

const HASH: &str = "$2b$04$u5mnjCvOcsUzK4knNokc0Osf21pJWdMuPKs69uMeGdMKoYfqeCVmq";

#[test]
fn both_forms_have_the_same_fields() {
    let csv = format!(
        "email,name,role,groups,status,email_verified,password_hash,created_at\n\
         Ada@Example.org,\"Ada, of \"\"A\"\"\",admin,on-call  dev,disabled,true,{HASH},2020-02-03T04:05:06.789Z\n"
    );
    let json = format!(
        r#"{{"created_at":"2020-02-03T05:05:06.789+01:00","password_hash":"{HASH}","email_verified":true,"status":"disabled","role":"admin","groups":["on-call","dev"],"name":"Ada, of \"A\"","email":"Ada@Example.org"}}"#
    );
    for text in [csv, json] {
        let [user] = users(&text).try_into().unwrap();
        assert_eq!(user.email.as_str(), "ada@example.org");
        assert_eq!(user.name.as_str(), "Ada, of \"A\"");
        assert_eq!((user.role, user.status), (Role::Admin, Status::Disabled));
        assert_eq!(user.groups.as_str(), "dev,on-call");
        assert!(user.email_verified);
        assert_eq!(user.hash.as_str(), HASH);
        assert_eq!(user.created_at, Some(datetime!(2020-02-03 04:05:06.789 UTC)));
    }
}

#[test]
fn only_the_address_is_needed() {
    for text in ["email\nada@example.org\n", "{\"email\":\"ada@example.org\"}"] {
        let [user] = users(text).try_into().unwrap();
        assert_eq!((user.role, user.status), (Role::User, Status::Active));
        assert_eq!((user.name.as_str(), user.email_verified), ("", false));
        assert!(!user.hash.is_set() && user.created_at.is_none());
    }
    let nulls =
        r#"{"email":"ada@example.org","name":null,"password_hash":null,"role":null,"groups":null}"#;
    assert_eq!(users(nulls).len(), 1);
}

#[test]
fn marks_of_other_systems_for_no_password_are_understood() {
    for mark in ["", "*", "!", "!GsDQsgt8eJQ2dnJErOhXwNuaNeRhCGtMgMXU2Ufn", "!!"] {
        let [user] =
            users(&format!("email,password_hash\nada@example.org,{mark}\n")).try_into().unwrap();
        assert!(!user.hash.is_set(), "{mark}");
    }
}

/// Blank lines, line breaks within a field and both kinds of line ends count as the file has them.
#[test]
fn numbers_are_those_of_the_lines_of_the_file() {
    let text = "\r\nname,email\r\n\r\nAda,ada@example.org\r\n\r\n\r\n\"B\nob\",bob@example.org\r\n\
                Eve,eve\r\n\nZed,zed@example.org";
    let lines = read(text.as_bytes()).unwrap();
    let numbers: Vec<(u64, bool)> =
        lines.iter().map(|(line, user)| (*line, user.is_ok())).collect();
    assert_eq!(numbers, [(4, true), (7, false), (9, false), (11, true)]);
    let text = "{\"email\":\"ada@example.org\"}\n\n \n{\"email\":\"eve\"}\n{}";
    assert_eq!(faults(text).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn what_is_wrong_with_a_line_is_said_in_a_sentence_without_its_values() {
    let header = "email,name,role,status,email_verified,password_hash,created_at";
    for (line, fault) in [
        ("ada.example.org,,,,,,", "email: write one address"),
        (",,,,,,", "email: this field is needed"),
        ("ada@example.org,\u{202e}adA,,,,,", "name: leave out"),
        ("ada@example.org,,emperor,,,,", "role: write user or admin"),
        ("ada@example.org,,Admin,,,,", "role: write user or admin"),
        ("ada@example.org,,,banned,,,", "status: write active or disabled"),
        ("ada@example.org,,,,yes,,", "email_verified: write true or false"),
        ("ada@example.org,,,,,secret,", "password_hash: use bcrypt"),
        ("ada@example.org,,,,,$2b$16$secretsecret,", "password_hash: this is no complete hash"),
        ("ada@example.org,,,,,,yesterday", "created_at: write a time like"),
        ("ada@example.org,,,,,,2026-11-22T09:00:00Z", "created_at: write a time between"),
        ("ada@example.org,,,,,,1969-12-31T23:59:59Z", "created_at: write a time between"),
        ("ada@example.org,,,,,", "there are 6 fields for 7 columns"),
        ("\"ada@example.org\"x,,,,,,", "a comma has to follow"),
    ] {
        let [(number, found)] = faults(&format!("{header}\n{line}\n")).try_into().unwrap();
        assert_eq!(number, 2);
        contains(&found, fault);
        assert!(!found.contains("secret"), "{found}");
    }
    for (line, fault) in [
        ("[1]", "this is no JSON object"),
        ("{\"email\":\"ada@example.org\"", "this is no JSON object"),
        ("{\"email\":\"ada@example.org\"}}", "this is no JSON object"),
        (r#"{"email":"a@example.org","email":"b@example.org"}"#, "duplicate field `email`"),
        (r#"{"email":"a@example.org","pass":"secret"}"#, "unknown field `pass`"),
        (r#"{"email":["secret@example.org"]}"#, "email: write a string"),
        (r#"{"email":"a@example.org","email_verified":"secret"}"#, "email_verified: write true"),
        (r#"{"email":"a@example.org","created_at":5}"#, "created_at: write a string"),
        (r#"{"email":"a@example.org","groups":["Secret"]}"#, "groups: name a group"),
        (r#"{"email":"a@example.org","groups":"dev admin"}"#, "groups: `user` and `admin`"),
        (r#"{"email":"a@example.org","groups":[5]}"#, "groups: write a list"),
        (r#"{"name":"secret"}"#, "email: this field is needed"),
    ] {
        let text = format!("{{\"email\":\"first@example.org\"}}\n{line}\n");
        let [(number, found)] = faults(&text).try_into().unwrap();
        assert_eq!(number, 2, "{line}");
        contains(&found, fault);
        assert!(!found.contains("secret") && !found.contains("at line"), "{found}");
    }
}

#[test]
fn a_file_with_other_columns_is_refused() {
    for (text, fault) in [
        ("mail\nada@example.org", "users:1: there is no column `mail`: begin with"),
        ("email;name\nada@example.org;Ada", "there is no column `email;name`"),
        ("ada@example.org,Ada", "there is no column `ada@example.org`"),
        ("name,role\nAda,user", "there is no column `email`"),
        ("email,name,email\na,b,c", "the column `email` is there twice"),
        ("\n\n email , \n", "users:3: there is no column ``"),
        ("", "is empty"),
        ("\n\n", "is empty"),
    ] {
        contains(&refused(text.as_bytes()), fault);
    }
    assert_eq!(users("\u{feff} name , email \nAda,ada@example.org\n").len(), 1);
    assert_eq!(users("\u{feff}{\"email\":\"ada@example.org\"}").len(), 1);
}

#[test]
fn other_encodings_are_named() {
    contains(&refused(b"\xff\xfee\0m\0a\0i\0l\0"), "this is UTF-16");
    let lines = read(b"email,name\nada@example.org,\xc4da\nbob@example.org,Bob\n").unwrap();
    contains(lines[0].1.as_ref().unwrap_err(), "this is not UTF-8");
    assert!(lines[1].1.is_ok());
}

#[test]
fn no_line_and_no_field_is_read_without_end() {
    let long = "x".repeat(70_000);
    let text = format!("{{\"email\":\"{long}\"}}\n{{\"email\":\"ada@example.org\"}}\n");
    let lines = read(text.as_bytes()).unwrap();
    contains(lines[0].1.as_ref().unwrap_err(), "the line is longer than 65536 bytes");
    assert_eq!((lines[1].0, lines[1].1.is_ok()), (2, true));
    let open = "email,name\nada@example.org,\"Ada\nbob@example.org,Bob\n";
    contains(&refused(open.as_bytes()), "users:2: a quotation mark is not closed");
    let endless = format!("email,name\nada@example.org,\"{}", "line\n".repeat(100_000));
    contains(&refused(endless.as_bytes()), "users:2: a quotation mark is not closed");
}

#[test]
fn a_file_is_read_again_from_its_first_line() {
    let folder = tempfile::TempDir::new().unwrap();
    for text in ["\u{feff}email\na@example.org\nb@example.org", "{\"email\":\"a@example.org\"}"] {
        let mut file = open(&folder, text.as_bytes()).unwrap();
        let first = |file: &mut UserFile| file.next_line().unwrap().unwrap();
        let (number, user) = (first(&mut file).number, "a@example.org");
        file.rewind().unwrap();
        let again = first(&mut file);
        assert_eq!((again.number, again.user.unwrap().email.as_str()), (number, user));
    }
    let at = UserFile::open(folder.path(), &Clock::system());
    contains(&at.err().unwrap().to_string(), "is no file; save what it has in one");
    let at = UserFile::open(&folder.path().join("none"), &Clock::system());
    contains(&at.err().unwrap().to_string(), "cannot read ");
}

#[test]
fn an_address_that_is_there_again_is_found_with_both_lines() {
    let mut addresses = Addresses::default();
    let emails =
        ["a@example.org", "b@example.org", "a@example.org", "c@example.org", "a@example.org"];
    for (line, email) in (2..).zip(emails) {
        addresses.add(&Email::parse(email).unwrap(), line);
    }
    assert_eq!(addresses.repeated().collect::<Vec<_>>(), [(4, 2), (6, 2)]);
}
