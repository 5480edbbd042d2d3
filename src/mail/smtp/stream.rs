//! The connection that the client goes on with. It begins with a greeting: after STARTTLS the server
//! sends none, and the client waits for one.

use std::fmt;
use std::io::{self, Cursor, Read as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::outbound::TlsStream;

/// A connection, and the bytes that are read before it. All text that is read is ASCII: an answer
/// counts by its digits, and lettre gives up an answer whose text is not UTF-8.
pub(super) struct Conversation {
    greeting: Cursor<Vec<u8>>,
    connection: Connection,
}

enum Connection {
    Plain(TcpStream),
    Secured(Box<TlsStream>),
}

impl Conversation {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { greeting: Cursor::default(), connection: Connection::Plain(stream) }
    }

    pub(super) fn secured(stream: TlsStream, greeting: Vec<u8>) -> Self {
        let connection = Connection::Secured(Box::new(stream));
        Self { greeting: Cursor::new(greeting), connection }
    }

    fn greeting_is_read(&self) -> bool {
        self.greeting.position() >= self.greeting.get_ref().len() as u64
    }
}

impl AsyncRead for Conversation {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.greeting_is_read() {
            let read = self.greeting.read(buffer.initialize_unfilled())?;
            buffer.advance(read);
            return Poll::Ready(Ok(()));
        }
        let known = buffer.filled().len();
        let read = match &mut self.connection {
            Connection::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Connection::Secured(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        let new = buffer.filled_mut().iter_mut().skip(known);
        new.filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        read
    }
}

impl AsyncWrite for Conversation {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.connection {
            Connection::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Connection::Secured(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.connection {
            Connection::Plain(stream) => Pin::new(stream).poll_flush(context),
            Connection::Secured(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.connection {
            Connection::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Connection::Secured(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conversation")
    }
}

impl AsyncTokioStream for Conversation {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.connection {
            Connection::Plain(stream) => stream.peer_addr(),
            Connection::Secured(stream) => stream.get_ref().0.peer_addr(),
        }
    }
}
