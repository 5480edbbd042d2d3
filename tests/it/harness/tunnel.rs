//! The near end of TLS: what comes in as it is goes on encrypted, so that clients of tests that
//! know no TLS reach what is shipped with it.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::loopback::free_address;

/// Encrypts until it is dropped. The far end sees the address of whoever connected here.
pub struct Tunnel {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl Tunnel {
    /// Leads to `far`, which has to be `name` by this certificate.
    pub fn to(far: SocketAddr, name: &'static str, certificate: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        let address = free_address();
        let (stop, stopped) = oneshot::channel();
        let (listening, heard) = std::sync::mpsc::channel();
        let running = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::bind(address).await.unwrap();
                listening.send(()).unwrap();
                tokio::select! {
                    () = serve(listener, far, name, tls) => {}
                    _ = stopped => {}
                }
            });
        });
        heard.recv().unwrap();
        Self { address, stop: Some(stop), running: Some(running) }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

async fn serve(listener: TcpListener, far: SocketAddr, name: &'static str, tls: TlsConnector) {
    while let Ok((mut near, client)) = listener.accept().await {
        let tls = tls.clone();
        tokio::spawn(async move {
            let Ok(stream) = connect_from(client.ip(), far).await else { return };
            let name = ServerName::try_from(name).unwrap();
            match tls.connect(name, stream).await {
                Ok(mut stream) => drop(copy_bidirectional(&mut near, &mut stream).await),
                Err(error) => eprintln!("no TLS with {far}: {error}"),
            }
        });
    }
}

async fn connect_from(client: IpAddr, far: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((client, 0)))?;
    let stream = socket.connect(far).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
