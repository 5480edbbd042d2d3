//! Hands one message to the mail server.
//!
//! Never in the clear, except within this machine. The connection is made and secured here, because
//! lettre goes on after STARTTLS with bytes that it read before the handshake: somebody on the way
//! could then answer in the name of the server. See `docs/decisions`.

mod starttls;
mod stream;

use std::time::Duration;

use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::ExposeSecret as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{MailServer, Security};
use crate::outbound::Tls;
use stream::Conversation;

/// Resolving the host, connecting to it, and the TLS handshake.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// All of it, up to the leave to send the message.
const OFFER_LIMIT: Duration = Duration::from_mins(1);
/// The message, and its acceptance. A server may check the message before it answers, and a client
/// that gives up earlier sends it again (RFC 5321, 4.5.3.2.6).
const ACCEPTANCE_LIMIT: Duration = Duration::from_mins(10);
/// For the farewell, on which nothing depends.
const QUIT_LIMIT: Duration = Duration::from_secs(2);

/// Why a message was not accepted, in the words of the program or of the server.
#[derive(Debug, thiserror::Error)]
pub(super) enum SmtpError {
    /// There was no answer.
    #[error("no answer from the mail server within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// No connection could be made.
    #[error("no connection to the mail server: {0}")]
    Unreachable(std::io::Error),
    /// The TLS handshake failed.
    #[error("the TLS handshake with the mail server failed: {0}")]
    Tls(std::io::Error),
    /// The server offers no STARTTLS, or refuses it.
    #[error("the mail server offers no STARTTLS, and nothing is sent in the clear: {0}")]
    NoStartTls(String),
    /// Bytes came between the answer to STARTTLS and the handshake.
    #[error("something sent bytes in the clear after STARTTLS: the connection was given up")]
    Injected,
    /// The address needs SMTPUTF8, which the server does not have.
    #[error("the mail server takes no address that is not ASCII")]
    NotAscii,
    /// The conversation failed.
    #[error("{0}")]
    Conversation(#[from] lettre::transport::smtp::Error),
    /// The server will not accept this message, however often it is sent (RFC 5321, 4.2.1).
    #[error("{0}")]
    Refused(lettre::transport::smtp::Error),
}

impl SmtpError {
    /// An error of the message, or of its recipient. One that asks for other credentials is for
    /// the operator to mend, and a full mailbox may have room later.
    fn of_message(error: lettre::transport::smtp::Error) -> Self {
        let code = error.status().map(u16::from);
        match code {
            Some(530 | 534 | 535 | 538 | 552) => Self::Conversation(error),
            Some(500..) => Self::Refused(error),
            _ => Self::Conversation(error),
        }
    }
}

/// A connection to a mail server for each message.
pub(super) struct Smtp {
    server: MailServer,
    hello: String,
    tls: Option<Tls>,
}

impl Smtp {
    /// # Errors
    /// One sentence, where the system has no root certificates.
    pub(super) fn new(server: MailServer, hello: &str) -> Result<Self, String> {
        let tls = (server.security != Security::None).then(Tls::trusting_the_system).transpose()?;
        Ok(Self { server, hello: hello.to_owned(), tls })
    }

    pub(super) fn server(&self) -> &MailServer {
        &self.server
    }

    /// Sends a message; done when the server has accepted it. Returns its words.
    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<String, SmtpError> {
        let offered = timeout(OFFER_LIMIT, self.offer(envelope, message)).await;
        let mut connection = offered.map_err(|_| SmtpError::Timeout(OFFER_LIMIT))??;
        let accepted = timeout(ACCEPTANCE_LIMIT, connection.message(message)).await;
        let accepted = accepted.map_err(|_| SmtpError::Timeout(ACCEPTANCE_LIMIT))?;
        let response = accepted.map_err(SmtpError::of_message)?;
        // The message is accepted, however the farewell goes.
        let _ = timeout(QUIT_LIMIT, connection.quit()).await;
        let words: Vec<&str> = response.message().collect();
        Ok(format!("{} {}", response.code(), words.join(" ")))
    }

    /// A connection to a server that waits for the message.
    async fn offer(
        &self,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<AsyncSmtpConnection, SmtpError> {
        let mut connection = self.greet().await?;
        match ask_leave(&mut connection, envelope, message).await {
            Ok(()) => Ok(connection),
            Err(error) => {
                let _ = timeout(QUIT_LIMIT, connection.abort()).await;
                Err(error)
            }
        }
    }

    async fn greet(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let connected = timeout(CONNECT_LIMIT, self.connect()).await;
        let stream = connected.map_err(|_| SmtpError::Timeout(CONNECT_LIMIT))??;
        let hello = ClientId::Domain(self.hello.clone());
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await?;
        if let Some((user, password)) = &self.server.credentials {
            let password = password.expose_secret().to_owned();
            let credentials = Credentials::new(user.clone(), password);
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, &credentials).await?;
        }
        Ok(connection)
    }

    async fn connect(&self) -> Result<Conversation, SmtpError> {
        let MailServer { host, port, security, .. } = &self.server;
        let stream = TcpStream::connect((host.as_str(), *port)).await;
        let mut stream = stream.map_err(SmtpError::Unreachable)?;
        let Some(tls) = &self.tls else { return Ok(Conversation::plain(stream)) };
        let greeting = match security {
            Security::StartTls => Some(starttls::ask(&mut stream, &self.hello).await?),
            Security::Tls | Security::None => None,
        };
        let secured = tls.connect(host, stream).await.map_err(SmtpError::Tls)?;
        Ok(Conversation::secured(secured, greeting.unwrap_or_default()))
    }
}

/// As lettre does it, which offers no limit between the leave and the acceptance.
async fn ask_leave(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<(), SmtpError> {
    let mut parameters = Vec::new();
    let is_ascii = |address: &Address| address.to_string().is_ascii();
    if !envelope.from().into_iter().chain(envelope.to()).all(is_ascii) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(SmtpError::NotAscii);
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let from = Mail::new(envelope.from().cloned(), parameters);
    connection.command(from).await.map_err(SmtpError::of_message)?;
    for to in envelope.to() {
        let to = Rcpt::new(to.clone(), Vec::new());
        connection.command(to).await.map_err(SmtpError::of_message)?;
    }
    connection.command(Data).await.map_err(SmtpError::of_message)?;
    Ok(())
}
