use time::macros::datetime;

use super::letter_writer;
use crate::accounts::{Email, Letter, LetterId, LetterKind};
use crate::http::security::public_url::PublicUrl;
use crate::mail::{Recipient, ToWrite, Written};

const TOKEN: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";

fn written(kind: LetterKind, language: &str, name: &str, detail: &str) -> Written {
    let letter = Letter {
        id: LetterId::parse("01a1fc81-5b3e-7000-9a41-6f0c2d9be310").unwrap(),
        kind,
        user: None,
        to: Email::parse("ada@example.org").unwrap(),
        detail: detail.to_owned(),
        language: String::new(),
        queued_at: datetime!(2026-11-21 10:42 UTC),
        due_at: datetime!(2026-11-21 10:42 UTC),
    };
    let recipient = Recipient { name: name.to_owned(), language: language.to_owned() };
    let token = kind.link().map(|_| TOKEN);
    let writer = letter_writer(&PublicUrl::parse("https://auth.example.org").unwrap());
    writer.write(ToWrite { letter: &letter, recipient: &recipient, token }).unwrap()
}

#[test]
fn every_kind_has_a_text_in_every_language_and_its_link_in_both_parts() {
    for kind in LetterKind::ALL {
        for language in ["en", "ko"] {
            let Written { subject, text, html } = written(kind, language, "Ada", "");
            assert!(!subject.is_empty() && text.contains("Ada") && html.contains("Ada"), "{text}");
            for key in [&*format!("mail-{}-", kind.as_str()), "mail-greeting", "mail-footer"] {
                assert!(!text.contains(key) && !html.contains(key), "{text}");
            }
            let link = format!("?token={TOKEN}");
            assert_eq!(text.matches(&link).count(), usize::from(kind.link().is_some()), "{text}");
            assert_eq!(html.contains(&link), kind.link().is_some(), "{html}");
            assert!(text.contains("https://auth.example.org"), "{text}");
            assert!(!html.contains("<img") && !html.contains("src="), "{html}");
            let hangul = text.chars().any(|c| ('가'..='힣').contains(&c));
            assert_eq!(hangul, language == "ko", "{text}");
        }
    }
}

#[test]
fn an_unknown_language_is_english_and_without_a_name_there_is_none() {
    for language in ["", "tlh", "EN"] {
        let text = written(LetterKind::Recovery, language, "", "").text;
        assert!(text.starts_with("Hello,\n"), "{text}");
    }
}

#[test]
fn what_a_person_typed_is_text_in_the_html_part() {
    let name = "<img src=x onerror=alert(1)>";
    let Written { text, html, .. } = written(LetterKind::NewAddress, "en", name, "<b>@example.org");
    assert!(!html.contains("<img") && !html.contains("<b>"), "{html}");
    assert!(text.contains(name) && text.contains("<b>@example.org"), "{text}");
}

#[test]
fn a_new_device_is_named_in_the_language_of_the_message() {
    let text = written(LetterKind::NewDevice, "en", "", "Firefox on Linux").text;
    assert!(text.contains("Firefox on Linux"), "{text}");
}
