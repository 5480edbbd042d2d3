//! One request over a new connection. Nothing of the response is trusted but its status: no redirect
//! is followed, and of its body some kilobytes are read and thrown away.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, InvalidHeaderValue, USER_AGENT};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Target, Tls, TlsStream};

/// Resolving the host, connecting to it, and the TLS handshake.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// All of it, up to the status.
const WHOLE_LIMIT: Duration = Duration::from_secs(15);
/// Reading the body of the response.
const REST_LIMIT: Duration = Duration::from_secs(1);
const LONGEST_ANSWER: usize = 4 * 1024;
/// For the head of a response.
const BUFFER: usize = 32 * 1024;
const AGENT: &str = concat!("anteroom/", env!("CARGO_PKG_VERSION"));

/// There was no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// Not in time.
    #[error("no response in time")]
    Timeout,
    /// No connection could be made.
    #[error("no connection")]
    Unreachable,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Tls,
    /// The connection broke, or the response was not HTTP.
    #[error("the connection broke, or the response was not HTTP")]
    Broken,
}

/// Sends requests to one target.
pub(crate) struct HttpClient {
    target: Target,
    tls: Option<Tls>,
}

impl HttpClient {
    /// # Errors
    /// One sentence, where the target is https and the system has no root certificates.
    pub(crate) fn new(target: Target) -> Result<Self, String> {
        let tls = target.is_https().then(Tls::trusting_the_system).transpose()?;
        Ok(Self { target, tls })
    }

    /// Posts a body, and returns the status of the response.
    ///
    /// # Errors
    /// [`SendError`] when there is no response within 15 seconds.
    pub(crate) async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<u16, SendError> {
        let request = self.request(headers, body).map_err(|_| SendError::Broken)?;
        timeout(WHOLE_LIMIT, self.exchange(request)).await.map_err(|_| SendError::Timeout)?
    }

    fn request(
        &self,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let target = &self.target;
        let value = |text: &str| -> Result<HeaderValue, InvalidHeaderValue> { text.parse() };
        headers.insert(HOST, value(&target.authority())?);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(authorization) = target.authorization() {
            headers.insert(AUTHORIZATION, value(&authorization)?);
        }
        let mut request = Request::post(target.path_and_query()).body(Full::from(body))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// The status of the response.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<u16, SendError> {
        let connected = timeout(CONNECT_LIMIT, self.connect()).await;
        match connected.map_err(|_| SendError::Timeout)?? {
            Stream::Plain(stream) => answered(stream, request).await,
            Stream::Tls(stream) => answered(*stream, request).await,
        }
    }

    async fn connect(&self) -> Result<Stream, SendError> {
        let target = &self.target;
        let stream = TcpStream::connect((target.host(), target.port())).await;
        let stream = stream.map_err(|_| SendError::Unreachable)?;
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let stream = tls.connect(target.host(), stream).await.map_err(|_| SendError::Tls)?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

async fn answered<S>(stream: S, request: Request<Full<Bytes>>) -> Result<u16, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|_| SendError::Broken)?;
    // It ends with this set, however that ends.
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|_| SendError::Broken)?;
    let status = answer.status().as_u16();
    // The status is all that counts; a server that is cut off in its body might log an error.
    let _ = timeout(REST_LIMIT, read_the_rest(answer)).await;
    Ok(status)
}

async fn read_the_rest(answer: Response<Incoming>) {
    let mut body = answer.into_body();
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > LONGEST_ANSWER {
            return;
        }
    }
}
