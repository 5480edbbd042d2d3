//! TLS to the server: with the right root it is checked, and with another refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use sqlx::{Connection as _, Row as _};
use tempfile::TempDir;

use crate::command_line::{done, refused};
use crate::harness::client::Client;
use crate::harness::left_out;
use crate::harness::postgres::{Cluster, OWNER_PASSWORD};
use crate::harness::server::Place;

/// A root, a certificate of `localhost` under it, and another root.
const CERTIFICATES: &str = r#"
set -e
for root in right other; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj "/CN=$root root" -keyout "$root.key" -out "$root.pem"
done
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
    -keyout server.key -out server.csr
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >server.ext
openssl x509 -req -in server.csr -CA right.pem -CAkey right.key -CAcreateserial -days 2 \
    -extfile server.ext -out server.crt
"#;

fn served(certificates: &Path) -> Option<Cluster> {
    let with_tls = |data: &Path| {
        for file in ["server.key", "server.crt"] {
            fs::copy(certificates.join(file), data.join(file)).unwrap();
        }
        let rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), rules).unwrap();
    };
    Cluster::start_from(with_tls, &["ssl=on"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_3_a_server_is_known_by_its_certificate_and_its_name() {
    if left_out::program("openssl", "TLS to PostgreSQL").is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let mut shell = Command::new("/bin/sh");
    let made = shell.args(["-c", CERTIFICATES]).current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let certificates = folder.path().to_owned();
    let cluster = tokio::task::spawn_blocking(move || served(&certificates)).await.unwrap();
    let Some(cluster) = cluster else { return };
    let at = |host: &str, parameters: &str| {
        let url = cluster.url("postgres").replace("127.0.0.1", host);
        Place::new().with("ANTEROOM_DATABASE", &format!("{url}?{parameters}"))
    };
    let root = |name: &str| format!("&sslrootcert={}", folder.path().join(name).display());

    let right = at("localhost", &format!("sslmode=verify-full{}", root("right.pem")));
    let server = right.serve(&[]);
    let ada = Client::of(&server);
    ada.sign_up("ada@example.org").await;
    assert!(ada.is_signed_in().await);
    every_connection_is_encrypted(&cluster).await;
    done(&right.run(&["user", "list"]));

    for (host, parameters, word) in [
        ("localhost", format!("sslmode=verify-full{}", root("other.pem")), "certificate"),
        ("localhost", "sslmode=verify-full".to_owned(), "certificate"),
        ("127.0.0.1", format!("sslmode=verify-full{}", root("right.pem")), "certificate"),
        ("localhost", format!("sslmode=verify-full{}", root("nowhere.pem")), "No such file"),
        ("localhost", "sslmode=disable".to_owned(), "no encryption"),
    ] {
        let outcome = at(host, &parameters).run(&["user", "list"]);
        let line = refused(&outcome, 1);
        assert!(line.contains(word), "{parameters}: {line}");
        assert!(!line.contains(OWNER_PASSWORD), "{line}");
    }
    done(
        &at("127.0.0.1", &format!("sslmode=verify-ca{}", root("right.pem"))).run(&["user", "list"]),
    );
    done(&at("localhost", "sslmode=require").run(&["user", "list"]));
}

async fn every_connection_is_encrypted(cluster: &Cluster) {
    let url = format!("{}?sslmode=require", cluster.url("postgres"));
    let mut at_its_side = sqlx::PgConnection::connect(&url).await.unwrap();
    let row = sqlx::query(
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE ssl) FROM pg_stat_activity \
         JOIN pg_stat_ssl USING (pid) WHERE application_name = 'anteroom'",
    );
    let row = row.fetch_one(&mut at_its_side).await.unwrap();
    let (all, encrypted): (i64, i64) = (row.get(0), row.get(1));
    assert!(all >= 1 && all == encrypted, "{encrypted} of {all}");
}
