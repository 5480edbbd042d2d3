//! TLS to other servers, which prove who they are.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A connection within TLS.
pub(crate) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// Makes connections within TLS.
pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// Knows servers by the certificates that the system trusts, or those of `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// One sentence, where the system has no root certificates.
    pub(crate) fn trusting_the_system() -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let (usable, _) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if usable == 0 {
            return Err("the system has no certificates to know another server by: install \
                        ca-certificates, or set SSL_CERT_FILE"
                .to_owned());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The handshake with the server of this host name or address.
    ///
    /// # Errors
    /// The error, where the server is not the one of that name.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}
