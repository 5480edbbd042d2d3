//! Redis over TLS, with an authority of our own making.

use std::path::Path;
use std::process::Command;

use anteroom::store::RedisSessions;
use tempfile::TempDir;

use super::freshness::checks_from_memory;
use crate::command_line::refused;
use crate::harness::client::Client;
use crate::harness::left_out;
use crate::harness::loopback::free_port;
use crate::harness::redis::RedisServer;
use crate::harness::server::Place;

/// Makes an authority, and a certificate of it for this name.
fn certificates(folder: &Path, name: &str) -> Option<()> {
    let openssl = left_out::program("openssl", "Redis over TLS")?;
    let run = |line: &str| {
        let made = Command::new(&openssl)
            .args(line.split_whitespace())
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{line}: {}", String::from_utf8_lossy(&made.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    run(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority"));
    run(&format!("req {key} -keyout redis.key -out redis.csr -subj /CN=redis"));
    std::fs::write(folder.join("names"), format!("subjectAltName={name}\n")).unwrap();
    run(
        "x509 -req -in redis.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out redis.pem",
    );
    Some(())
}

#[tokio::test]
async fn ops_4_over_tls_the_certificate_has_to_be_for_the_name_by_an_authority_that_is_trusted() {
    let folder = TempDir::new().unwrap();
    let Some(()) = certificates(folder.path(), "DNS:localhost") else { return };
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let port = free_port().to_string();
    let (authority, certificate, key) = (path("ca.pem"), path("redis.pem"), path("redis.key"));
    let options = [
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "walnut",
    ];
    let Some(redis) = RedisServer::start(&options, "Redis over TLS") else { return };
    let url = |host: &str| format!("rediss://:walnut@{host}:{port}");

    let trusting =
        Place::new().with("SSL_CERT_FILE", &authority).with("ANTEROOM_SESSIONS", &url("localhost"));
    let server = trusting.serve(&[]);
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    let in_the_clear = format!("redis://:walnut@127.0.0.1:{}", redis.port);
    checks_from_memory(&in_the_clear, async || ada.is_signed_in().await).await;
    drop(server);

    let strange = Place::new().with("ANTEROOM_SESSIONS", &url("localhost"));
    let other_name =
        Place::new().with("SSL_CERT_FILE", &authority).with("ANTEROOM_SESSIONS", &url("127.0.0.1"));
    for place in [strange, other_name] {
        let told = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        let told = refused(&told, 1);
        assert!(told.contains("certificate"), "{told}");
        assert!(told.trim_end().lines().count() == 1 && !told.contains("walnut"), "{told}");
    }

    let insecure = format!("{}#insecure", url("127.0.0.1"));
    assert!(RedisSessions::open(&insecure.as_str().into()).await.is_err());
}
