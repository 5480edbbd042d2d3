//! One request to the receiver, over a new connection. Nothing of the answer is trusted but
//! its status: no redirect is followed, and of its body some kilobytes are read and thrown away.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::signature::sign;
use super::{ClaimedDelivery, DeliveryFailure, WebhookOptions};

/// Finding the host, connecting to it, and its proof that it is the one.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// All of it, up to the status.
const WHOLE_LIMIT: Duration = Duration::from_secs(15);
/// Reading what the receiver has to say besides.
const REST_LIMIT: Duration = Duration::from_secs(1);
const LONGEST_ANSWER: usize = 4 * 1024;
/// For the head of an answer.
const BUFFER: usize = 32 * 1024;
const AGENT: &str = concat!("anteroom/", env!("CARGO_PKG_VERSION"));

/// Sends requests to the receiver.
pub(super) struct Post {
    options: WebhookOptions,
    tls: Option<TlsConnector>,
}

impl Post {
    /// # Errors
    /// The error, where the system has no certificates to know the receiver by.
    pub(super) fn to(options: WebhookOptions) -> Result<Self, String> {
        let tls = options.target.is_https().then(trusting_the_system).transpose()?;
        Ok(Self { options, tls })
    }

    pub(super) fn options(&self) -> &WebhookOptions {
        &self.options
    }

    /// Sends it; done when the receiver says so.
    pub(super) async fn send(
        &self,
        claimed: &ClaimedDelivery,
        unix_time: i64,
    ) -> Result<(), DeliveryFailure> {
        let request = self.request(claimed, unix_time).ok_or(DeliveryFailure::Broken)?;
        let sent = timeout(WHOLE_LIMIT, self.exchange(request)).await;
        let status = sent.map_err(|_| DeliveryFailure::Timeout)??;
        if (200..300).contains(&status) { Ok(()) } else { Err(DeliveryFailure::Status(status)) }
    }

    fn request(&self, claimed: &ClaimedDelivery, unix_time: i64) -> Option<Request<Full<Bytes>>> {
        let WebhookOptions { target, secrets, .. } = &self.options;
        let id = claimed.id.to_string();
        let signature = sign(secrets, &id, unix_time, &claimed.body);
        let mut request = Request::post(target.path_and_query())
            .header(HOST, target.authority())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close")
            .header("Webhook-Id", id)
            .header("Webhook-Timestamp", unix_time)
            .header("Webhook-Signature", signature);
        if let Some(authorization) = target.authorization() {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Full::from(claimed.body.clone())).ok()
    }

    /// The status of the answer.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<u16, DeliveryFailure> {
        let connected = timeout(CONNECT_LIMIT, self.connect()).await;
        match connected.map_err(|_| DeliveryFailure::Timeout)?? {
            Stream::Plain(stream) => answered(stream, request).await,
            Stream::Tls(stream) => answered(*stream, request).await,
        }
    }

    async fn connect(&self) -> Result<Stream, DeliveryFailure> {
        let target = &self.options.target;
        let stream = TcpStream::connect((target.host(), target.port())).await;
        let stream = stream.map_err(|_| DeliveryFailure::Unreachable)?;
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let name =
            ServerName::try_from(target.host().to_owned()).map_err(|_| DeliveryFailure::Tls)?;
        let stream = tls.connect(name, stream).await.map_err(|_| DeliveryFailure::Tls)?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

async fn answered<S>(stream: S, request: Request<Full<Bytes>>) -> Result<u16, DeliveryFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|_| DeliveryFailure::Broken)?;
    // It ends with this set, however that ends.
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|_| DeliveryFailure::Broken)?;
    let status = answer.status().as_u16();
    // The status is all that counts; a receiver that is cut off in its words might log an error.
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

/// Certificates that the system trusts, or those of `SSL_CERT_FILE`.
fn trusting_the_system() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    let (usable, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if usable == 0 {
        return Err("the system has no certificates to know an https receiver by: install \
                    ca-certificates, or set SSL_CERT_FILE"
            .to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
