//! The texts of mail: plain, and the same as HTML, without a remote image and without tracking.

use std::error::Error;
use std::sync::Arc;

use askama::Template;

use crate::accounts::{LetterKind, LinkPurpose};
use crate::http::security::public_url::PublicUrl;
use crate::http::session::language::Language;
use crate::http::web::page_context::PageContext;
use crate::http::web::texts::Texts;
use crate::mail::{LetterWriter, ToWrite, Written};

/// One message. The name is the only part that a person typed.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "letter.html")]
struct HtmlLetter<'l> {
    language: &'static str,
    subject: &'l str,
    greeting: &'l str,
    paragraphs: &'l [String],
    link: Option<&'l str>,
    action: &'l str,
    footer: &'l str,
}

/// The same as plain text.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "letter.txt", escape = "none")]
struct TextLetter<'l> {
    greeting: &'l str,
    paragraphs: &'l [String],
    link: Option<&'l str>,
    footer: &'l str,
}

/// Writes mail whose links lead to one origin.
struct Letters {
    origin: String,
}

/// Writes mail with links below the public URL.
pub(crate) fn letter_writer(public_url: &PublicUrl) -> Arc<dyn LetterWriter> {
    Arc::new(Letters { origin: public_url.origin().to_owned() })
}

impl Letters {
    fn link(&self, kind: LetterKind, token: Option<&str>) -> Option<String> {
        let path = match (kind.link(), kind) {
            (Some(LinkPurpose::Recovery), _) => "/recover/confirm",
            (Some(LinkPurpose::Verification | LinkPurpose::NewAddress), _) => "/verify-email",
            (Some(LinkPurpose::CancelChange), _) => "/cancel-email-change",
            (Some(LinkPurpose::Invitation), _) => "/invitation",
            (None, LetterKind::SignUpAttempt) => return Some(format!("{}/login", self.origin)),
            (None, _) => return None,
        };
        Some(format!("{}{path}?token={}", self.origin, token?))
    }
}

impl LetterWriter for Letters {
    fn write(&self, letter: ToWrite<'_>) -> Result<Written, Box<dyn Error + Send + Sync>> {
        let ToWrite { letter, recipient, token } = letter;
        let language = Language::parse(&recipient.language).unwrap_or_default();
        let (kind, texts) = (letter.kind.as_str(), Texts::of(language));
        let of_kind = |part: &str| texts.letter(kind, part);
        let (subject, action) = (of_kind("subject"), of_kind("action").unwrap_or_default());
        let subject = subject.ok_or("the message has no subject")?;
        let mut paragraphs: Vec<String> = of_kind("lead").into_iter().collect();
        if !letter.detail.is_empty() {
            let context = PageContext { language, ..PageContext::default() };
            paragraphs.push(match letter.kind {
                LetterKind::NewDevice => context.device(&letter.detail),
                _ => letter.detail.clone(),
            });
        }
        paragraphs.extend(of_kind("more"));
        let greeting = match &*recipient.name {
            "" => texts.get("mail-greeting"),
            name => texts.with("mail-greeting-name", "name", name),
        };
        let link = self.link(letter.kind, token);
        let footer = texts.with("mail-footer", "origin", self.origin.as_str());
        let html = HtmlLetter {
            language: language.tag(),
            subject: &subject,
            greeting: &greeting,
            paragraphs: &paragraphs,
            link: link.as_deref(),
            action: &action,
            footer: &footer,
        };
        let html = html.render()?;
        let plain = TextLetter {
            greeting: &greeting,
            paragraphs: &paragraphs,
            link: link.as_deref(),
            footer: &footer,
        };
        let text = plain.render()?;
        Ok(Written { subject, text, html })
    }
}

#[cfg(test)]
mod tests;
