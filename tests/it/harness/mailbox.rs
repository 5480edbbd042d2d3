//! A mail server in this process that keeps what it is sent, on a separate port.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anteroom::clock::ManualClock;
use anteroom::mail::{Mail, MailOptions, SenderAddress, Transport};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::app::TestApp;

/// For as long a message waits at most that a stranger caused.
pub const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// What it does with the next messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Accepts,
    /// Says that it has no such mailbox, for good.
    Refuses,
    /// Says to come again later.
    Defers,
    /// Takes the message, and is gone before it says so.
    LosesTheReply,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Message {
    pub to: Vec<String>,
    /// The head and the body, as they were sent.
    pub raw: String,
}

impl Message {
    /// A header as it was sent, unfolded; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let head = self.raw.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let line = head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        line.unwrap_or_default()
    }

    /// The text and the HTML part.
    pub fn parts(&self) -> [String; 2] {
        let boundary = self.header("Content-Type");
        let boundary = boundary.split('"').nth(1).unwrap();
        ["text/plain", "text/html"].map(|kind| {
            let part = self.raw.split(&format!("\r\n--{boundary}")).find(|part| {
                part.split("\r\n\r\n").next().unwrap().contains(&format!("Content-Type: {kind}"))
            });
            let (head, body) = part.unwrap().split_once("\r\n\r\n").unwrap();
            decoded(head, body)
        })
    }

    /// The token of its link; empty where it has none.
    pub fn token(&self) -> String {
        let [text, _] = self.parts();
        let after = text.split_once("?token=").map(|(_, after)| after).unwrap_or_default();
        after.chars().take_while(|c| !c.is_whitespace()).collect()
    }
}

fn decoded(head: &str, body: &str) -> String {
    let head = head.to_ascii_lowercase();
    let bytes = if head.contains("encoding: base64") {
        STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap()
    } else if head.contains("encoding: quoted-printable") {
        let body = body.replace("=\r\n", "");
        let (mut bytes, mut rest) = (Vec::new(), body.as_bytes());
        while let [first, after @ ..] = rest {
            if let (b'=', [one, two, after @ ..]) = (first, after) {
                let hex = [*one, *two];
                bytes.push(u8::from_str_radix(str::from_utf8(&hex).unwrap(), 16).unwrap());
                rest = after;
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        bytes
    } else {
        body.as_bytes().to_vec()
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

struct Kept {
    manner: Manner,
    messages: Vec<Message>,
}

/// Mail that strangers caused waits for both: the time, and the worker.
type Delay = (ManualClock, Mail);

pub struct Mailbox {
    pub port: u16,
    delay: Mutex<Option<Delay>>,
    kept: Arc<Mutex<Kept>>,
    listening: JoinHandle<()>,
}

impl Mailbox {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Mutex::new(Kept { manner: Manner::Accepts, messages: Vec::new() }));
        let shared = Arc::clone(&kept);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&shared)));
            }
        });
        Self { port, delay: Mutex::default(), kept, listening }
    }

    /// A test that waits for a message lets the time pass at this server for which a message that a
    /// stranger caused is delayed.
    pub fn hurry(&self, app: &TestApp) {
        let delay = Some((app.clock.clone(), app.anteroom.mail().clone()));
        *self.delay.lock().unwrap() = delay;
    }

    fn let_delay_pass(&self) {
        if let Some((clock, mail)) = &*self.delay.lock().unwrap() {
            clock.advance(LONGEST_DELAY);
            mail.wake();
        }
    }

    /// Settings that send mail here.
    pub fn options(&self) -> MailOptions {
        let url = format!("smtp://127.0.0.1:{}?tls=off", self.port);
        MailOptions {
            transport: Transport::parse(&url).unwrap().unwrap(),
            from: SenderAddress::parse("Example <no-reply@example.org>").unwrap(),
            verification_is_required: false,
        }
    }

    pub fn behave(&self, manner: Manner) {
        self.kept().manner = manner;
    }

    pub fn messages(&self) -> Vec<Message> {
        self.kept().messages.clone()
    }

    /// The messages, once there are this many; then the box is empty again.
    pub async fn take(&self, number: usize) -> Vec<Message> {
        self.let_delay_pass();
        for _ in 0..2000 {
            if self.kept().messages.len() >= number {
                return std::mem::take(&mut self.kept().messages);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{number} messages were expected: {:?}", self.messages());
    }

    /// The first message about this to this address, which is not kept.
    pub async fn find(&self, to: &str, subject: &str) -> Message {
        self.let_delay_pass();
        for _ in 0..2000 {
            let found = {
                let messages = &mut self.kept().messages;
                let is_it =
                    |message: &Message| message.to == [to] && message.header("Subject") == subject;
                let at = messages.iter().position(is_it);
                at.map(|at| messages.remove(at))
            };
            if let Some(message) = found {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing about {subject} came to {to}: {:?}", self.messages());
    }

    /// The one message about this to this address.
    pub async fn one(&self, to: &str, subject: &str) -> Message {
        let mut seen = self.take(1).await;
        assert_eq!(seen.len(), 1, "{seen:?}");
        let message = seen.remove(0);
        assert_eq!(message.to, [to]);
        assert_eq!(message.header("Subject"), subject);
        message
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn converse(stream: TcpStream, kept: Arc<Mutex<Kept>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    let mut to = Vec::new();
    write.write_all(b"220 here\r\n").await.unwrap();
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let manner = kept.lock().unwrap_or_else(PoisonError::into_inner).manner;
        let answer = match line.split_whitespace().next().unwrap_or_default() {
            "EHLO" => "250-here\r\n250 8BITMIME\r\n",
            "RCPT" if manner == Manner::Defers => "451 4.7.1 come again later \u{1b}[31m\r\n",
            "RCPT" if manner == Manner::Refuses => "550 5.1.1 no such mailbox \u{1b}[31m\r\n",
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap();
                to.push(address.to_owned());
                "250 yes\r\n"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.unwrap();
                let mut raw = String::new();
                while !raw.ends_with("\r\n.\r\n") {
                    if lines.read_line(&mut raw).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let raw = raw.trim_end_matches(".\r\n").replace("\r\n..", "\r\n.");
                let message = Message { to: std::mem::take(&mut to), raw };
                kept.lock().unwrap_or_else(PoisonError::into_inner).messages.push(message);
                if manner == Manner::LosesTheReply {
                    return;
                }
                "250 kept\r\n"
            }
            "QUIT" => return,
            _ => "250 yes\r\n",
        };
        write.write_all(answer.as_bytes()).await.unwrap();
    }
}
