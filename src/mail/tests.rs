use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::cleaned::cleaned;
use super::service::delay;
use super::smtp::{Smtp, SmtpError};
use super::worker::{CLAIM, renewed};
use super::{MailServer, Security, SenderAddress, Transport};
use crate::clock::SKEW;

fn server(text: &str) -> MailServer {
    match Transport::parse(text) {
        Ok(Some(Transport::Smtp(server))) => server,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn mail_9_a_mail_server_is_spoken_to_within_tls_or_is_here() {
    for (text, host, port, security) in [
        ("smtp://mail.example.org", "mail.example.org", 587, Security::StartTls),
        ("smtp://mail.example.org:2525", "mail.example.org", 2525, Security::StartTls),
        ("smtps://mail.example.org", "mail.example.org", 465, Security::Tls),
        ("smtp://127.0.0.1:1025?tls=off", "127.0.0.1", 1025, Security::None),
        ("smtp://[::1]:1025?tls=off", "::1", 1025, Security::None),
        ("smtp://localhost?tls=off", "localhost", 25, Security::None),
    ] {
        let read = server(text);
        let found = (&*read.host, read.port, read.security);
        assert_eq!(found, (host, port, security), "{text}");
    }
    assert!(matches!(Transport::parse("off"), Ok(None)));
    assert!(matches!(Transport::parse("log"), Ok(Some(Transport::Log))));
    for refused in [
        "",
        "on",
        "smtp:mail.example.org",
        "smtp://",
        "http://mail.example.org",
        "smtp://hunter2@mail.example.org",
        "smtp://mail.example.org/hunter2",
        "smtp://mail.example.org:0",
        "smtps://mail.example.org:0",
        "smtp://127.0.0.1:0?tls=off",
        "smtp://mail.example.org?tls=off",
        "smtp://10.0.0.1?tls=off",
        "smtp://127.0.0.1.example.org?tls=off",
        "smtps://127.0.0.1?tls=off",
        "smtp://127.0.0.1?tls=hunter2",
        "smtp://127.0.0.1?tls=off#hunter2",
        "smtp://ann:hunter2%0d%0aRSET@mail.example.org",
        "smtp://mail.example.org\r\n",
    ] {
        let what = Transport::parse(refused).unwrap_err();
        assert!(!what.contains("hunter2"), "{what}");
    }
    let read = server("smtp://ann%40example.org:p%3Ass@mail.example.org:587");
    let (user, password) = read.credentials.as_ref().unwrap();
    assert_eq!((&**user, password.expose_secret()), ("ann@example.org", "p:ss"));
    assert_eq!(format!("{read:?}"), "MailServer(mail.example.org:587)");
}

#[test]
fn a_sender_is_one_address() {
    for text in ["no-reply@example.org", "Example <no-reply@example.org>", "예 <a@example.org>"] {
        SenderAddress::parse(text).unwrap();
    }
    for text in [
        "",
        "Example",
        "a@example.org, b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "Example <a@example.org> <b@example.org>",
    ] {
        SenderAddress::parse(text).unwrap_err();
    }
}

#[test]
fn what_a_server_says_is_shown_without_secrets_and_control_characters() {
    let server = server("smtp://ann:hunter2@mail.example.org");
    let token = "A".repeat(43);
    let said = format!(
        "535 5.7.8 no\r\n\u{1b}[31mann:hunter2 AGFubgBodW50ZXIy aHVudGVyMg== \
         https://example.org/recover/confirm?token={token} \u{202e}txt"
    );
    let shown = cleaned(&said, Some(&server), None);
    for secret in ["hunter2", "AGFubgBodW50ZXIy", "aHVudGVyMg", &token, "\u{1b}", "\u{202e}", "\n"]
    {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.starts_with("535 5.7.8 no"), "{shown}");
    assert!(shown.contains("/recover/confirm?token=***"), "{shown}");
    assert_eq!(cleaned(&"x y ".repeat(1000), None, None).chars().count(), 300);
}

/// As the text part has it where it is not ASCII alone, joined from the lines of the answer.
#[test]
fn a_server_that_quotes_the_message_as_it_was_sent_shows_no_token() {
    let token = "Ab3-_".repeat(8) + "xyz";
    let (first, last) = token.split_at(25);
    for said in [
        format!("550 http://localhost:8080/recover/confirm?token=3D{first}= {last} spam"),
        format!("550 http://localhost:8080/recover/confirm?toke=\r\nn=3D{first}=\r\n{last}"),
        format!("550 spam: {last} has no good reputation"),
        format!("550 /recover/confirm?token=3D{first}= 550 > {last}"),
        format!("550 {}", STANDARD.encode(format!("confirm?token={token}"))),
    ] {
        let shown = cleaned(&said, None, Some(&token));
        for part in [first, last] {
            assert!(!shown.contains(part), "{shown}");
        }
        assert!(shown.starts_with("550 ") && shown.contains("***"), "{shown}");
    }
    let other = "552 5.3.4 size=20480 = too much, limit=3D";
    assert_eq!(cleaned(other, None, Some(&token)), other);
}

/// A server that says this after each line that it gets, the first before any.
async fn speaking(lines: &'static [&'static str]) -> (MailServer, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = String::new();
        for line in lines {
            stream.write_all(line.as_bytes()).await.unwrap();
            if line == lines.last().unwrap() {
                stream.shutdown().await.unwrap();
            }
            heard += &read(&mut stream).await;
        }
        heard
    });
    let server = MailServer {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::StartTls,
        credentials: Some(("ann".to_owned(), "hunter2".into())),
    };
    (server, said)
}

async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let read = stream.read(&mut bytes).await.unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

async fn refusal(server: MailServer) -> SmtpError {
    send(&Smtp::new(server, "example.org").unwrap()).await.unwrap_err()
}

/// A mail server without TLS in this process, which gives these answers in turn.
async fn answering(answers: &'static [&'static [u8]]) -> Smtp {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for answer in answers {
            stream.write_all(answer).await.unwrap();
            read(&mut stream).await;
        }
    });
    let host = "127.0.0.1".to_owned();
    let server = MailServer { host, port, security: Security::None, credentials: None };
    Smtp::new(server, "example.org").unwrap()
}

async fn send(smtp: &Smtp) -> Result<String, SmtpError> {
    let address = "ada@example.org".parse().unwrap();
    let envelope = lettre::address::Envelope::new(None, vec![address]).unwrap();
    smtp.send(&envelope, b"Subject: velvet\r\n\r\notter").await
}

/// A mail server that answers the message after this time.
async fn slow(wait: Duration) -> Smtp {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for answer in ["220 here\r\n", "250 here\r\n", "250 yes\r\n", "250 yes\r\n", "354 go\r\n"] {
            stream.write_all(answer.as_bytes()).await.unwrap();
            read(&mut stream).await;
        }
        tokio::time::sleep(wait).await;
        stream.write_all(b"250 kept\r\n").await.unwrap();
        while !read(&mut stream).await.is_empty() {}
    });
    let host = "127.0.0.1".to_owned();
    let server = MailServer { host, port, security: Security::None, credentials: None };
    Smtp::new(server, "example.org").unwrap()
}

/// RFC 5321, section 4.5.3.2.6: a client that gives up earlier sends the message twice.
#[tokio::test(start_paused = true)]
async fn a_mail_server_has_ten_minutes_to_accept_a_message() {
    let late = slow(Duration::from_secs(9 * 60 + 50)).await;
    assert_eq!(send(&late).await.unwrap(), "250 kept");
    let too_late = send(&slow(Duration::from_secs(10 * 60 + 10)).await).await.unwrap_err();
    assert!(matches!(too_late, SmtpError::Timeout(_)), "{too_late:?}");
}

/// A claim that expires meanwhile lets another server send the message too.
#[tokio::test(start_paused = true)]
async fn the_claim_of_a_message_that_takes_long_is_renewed_before_it_expires() {
    let begun = Instant::now();
    let renewals = Mutex::new(Vec::new());
    let smtp = slow(Duration::from_mins(9)).await;

    let renew = || {
        renewals.lock().unwrap().push(begun.elapsed());
        std::future::ready(())
    };
    let sent = renewed(send(&smtp), renew).await;

    assert_eq!(sent.unwrap(), "250 kept");
    let renewals = renewals.into_inner().unwrap();
    let times = [Duration::ZERO].into_iter().chain(renewals).chain([begun.elapsed()]);
    let times: Vec<_> = times.collect();
    let claim = CLAIM.unsigned_abs().saturating_sub(SKEW.unsigned_abs());
    assert!(times.windows(2).all(|two| two[1].abs_diff(two[0]) < claim), "{times:?}");
    assert!(times.len() < 20, "{times:?}");
}

#[test]
fn enum_4_a_message_that_a_stranger_causes_waits_between_a_tenth_of_a_second_and_two() {
    assert_eq!(delay([0, 0]), Duration::from_millis(100));
    assert_eq!(delay([0xFF, 0xFF]), Duration::from_secs(2));
    let middle = delay([0x80, 0]);
    assert!((1040..1060).contains(&middle.as_millis()), "{middle:?}");
}

#[tokio::test]
async fn an_answer_counts_by_its_digits_whatever_its_text() {
    let accepts: &[&[u8]] = &[
        b"220 gr\xfc\xdfe\r\n",
        b"250 here\r\n",
        b"250 yes\r\n",
        b"250 yes\r\n",
        b"354 go on\r\n",
        b"250-f\xfcr\r\n250 sp\xe4ter\r\n",
        b"",
    ];
    assert_eq!(send(&answering(accepts).await).await.unwrap(), "250 f?r sp?ter");
    let unknown_recipient: &[&[u8]] = &[
        b"220 here\r\n",
        b"250 here\r\n",
        b"250 yes\r\n",
        b"550 5.1.1 unbekannter Empf\xe4nger\r\n",
        b"221 bye\r\n",
    ];
    let refused = send(&answering(unknown_recipient).await).await.unwrap_err();
    assert!(matches!(refused, SmtpError::Refused(_)), "{refused:?}");
    assert!(refused.to_string().contains("unbekannter Empf?nger"), "{refused}");
}

#[tokio::test]
async fn mail_9_bytes_behind_the_answer_to_starttls_end_the_connection() {
    for injected in [
        &["220 here\r\n", "250-here\r\n250 STARTTLS\r\n", "220 go\r\n250 AUTH PLAIN\r\n"][..],
        &["220 here\r\n", "250-here\r\n250 STARTTLS\r\n", "220 go\r\nx"],
    ] {
        let (server, said) = speaking(injected).await;
        let error = refusal(server).await;
        assert!(matches!(error, SmtpError::Injected | SmtpError::Tls(_)), "{error:?}");
        let heard = said.await.unwrap();
        assert!(!heard.contains("AUTH") && !heard.contains("MAIL"), "{heard}");
    }
}

#[tokio::test]
async fn mail_9_nothing_is_said_in_the_clear_to_a_server_without_starttls() {
    for without in [
        &["220 here\r\n", "250-here\r\n250 AUTH PLAIN LOGIN\r\n"][..],
        &["220 here\r\n", "250-here\r\n250 STARTTLS\r\n", "454 not now\r\n"],
        &["220 here\r\n", "502 what\r\n"],
        &["554 no service\r\n"],
        &["220-here\r\n"],
    ] {
        let (server, said) = speaking(without).await;
        let error = refusal(server).await;
        let is_refused = matches!(error, SmtpError::NoStartTls(_) | SmtpError::Unreachable(_));
        assert!(is_refused, "{error:?}");
        let heard = said.await.unwrap();
        for secret in ["AUTH", "MAIL", "hunter2", "velvet", "ada@"] {
            assert!(!heard.contains(secret), "{heard}");
        }
    }
}
