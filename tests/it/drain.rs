//! How a server that is told to stop ends: without dropping a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::harness::client::Client;
use crate::harness::frames::{END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, frame, request};
use crate::harness::served::{SHORT, Served, closed_after, read_answer};
use crate::harness::server::Server;

const CLIENTS: usize = 32;

/// What one client met with.
#[derive(Default, Debug)]
struct Met {
    answered: usize,
    /// Requests on a connection that had been used, without an answer.
    lost: usize,
    /// Connections that were gone before anything could be sent on them.
    too_late: usize,
    other: Vec<String>,
}

/// Asks over kept connections, and anew where one was the last, until there is no server.
async fn keep_asking(address: SocketAddr, requests: Vec<String>, over: Arc<AtomicBool>) -> Met {
    let mut met = Met::default();
    let mut requests = requests.iter().cycle();
    while !over.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else { break };
        let mut used = false;
        loop {
            let _ = stream.write_all(requests.next().unwrap().as_bytes()).await;
            let answer = read_answer(&mut stream).await;
            let Some(answer) = answer else {
                if used {
                    met.lost += 1;
                } else {
                    met.too_late += 1;
                }
                break;
            };
            used = true;
            met.answered += 1;
            if !answer.starts_with("HTTP/1.1 200 ") {
                met.other.push(answer.lines().next().unwrap().to_owned());
            }
            if answer.to_lowercase().contains("connection: close") {
                break;
            }
        }
    }
    met
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_160_sigterm_under_load_drops_no_request() {
    let mut server = Server::start();
    Client::of(&server).sign_up("ada@example.org").await;
    let host = server.url.strip_prefix("http://").unwrap().to_owned();
    let body = r#"{"email":"ada@example.org","password":"walnut ferry under a quiet lantern"}"#;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let sign_in = format!(
        "POST /api/session HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut requests = vec![get("/login"), get("/readyz"), get("/openapi.json")];
        if number % 8 == 0 {
            requests.push(sign_in.clone());
        }
        clients.push(tokio::spawn(keep_asking(server.address(), requests, over.clone())));
    }
    sleep(Duration::from_secs(1)).await;

    let begun = Instant::now();
    server.signal("TERM");

    let mut all = Met::default();
    for client in clients {
        let met = client.await.unwrap();
        all.answered += met.answered;
        all.lost += met.lost;
        all.too_late += met.too_late;
        all.other.extend(met.other);
    }
    over.store(true, Ordering::Relaxed);
    let left = Duration::from_secs(10).saturating_sub(begun.elapsed());
    let status = server.ends_within(left);
    println!("{all:?}, over after {:?}", begun.elapsed());
    assert!(status.is_some_and(|status| status.success()), "{status:?} {}", server.stderr());
    assert!(!server.stderr().contains("are cut"), "{}", server.stderr());
    assert!(all.answered > CLIENTS, "{all:?}");
    assert_eq!((all.lost, &all.other), (0, &Vec::new()), "{all:?}");
    // Connections that the system took between our last look and the end of the listener.
    assert!(all.too_late <= 2, "{all:?}");
}

#[tokio::test]
async fn attack_160_a_request_that_is_on_its_way_when_the_server_stops_is_answered() {
    let mut served = Served::start().await;
    let mut kept = served.connect().await;
    assert!(served.ask(&mut kept, "/healthz").await.is_some());
    let mut fresh = served.connect().await;
    let mut begun = served.connect().await;
    begun.write_all(b"GET /healthz HTTP/1.1\r\nHo").await.unwrap();

    served.stop();
    sleep(SHORT.last_request / 4).await;

    begun.write_all(b"st: x\r\n\r\n").await.unwrap();
    let mut answers = vec![read_answer(&mut begun).await];
    answers.push(served.ask(&mut kept, "/healthz").await);
    answers.push(served.ask(&mut fresh, "/healthz").await);
    for answer in answers {
        let answer = answer.unwrap_or_else(|| panic!("it was dropped"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
    let time = Instant::now();
    served.ended().await;
    assert!(time.elapsed() < SHORT.drain, "nothing was under way any more");
}

#[tokio::test]
async fn attack_160_connections_that_wait_to_be_accepted_are_served() {
    let mut served = Served::start().await;
    // This runtime has one thread: while we do not yield, nobody accepts.
    let mut waiting: Vec<std::net::TcpStream> = (0..50)
        .map(|_| {
            let stream = std::net::TcpStream::connect(served.address).unwrap();
            std::io::Write::write_all(&mut &stream, served.get("/healthz").as_bytes()).unwrap();
            stream
        })
        .collect();
    served.stop();
    served.ended().await;
    for stream in &mut waiting {
        let mut answer = String::new();
        std::io::Read::read_to_string(stream, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    }
}

#[tokio::test]
async fn attack_160_idle_connections_are_closed_and_those_that_never_end_are_cut() {
    let mut served = Served::start().await;
    let mut kept = served.connect().await;
    assert!(served.ask(&mut kept, "/healthz").await.is_some());
    let mut endless = served.connect().await;
    endless.write_all(served.get("/embedder/stream").as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;

    let begun = Instant::now();
    served.stop();

    let (time, _) = closed_after(&mut kept).await;
    assert!(time < SHORT.drain, "{time:?}");
    served.ended().await;
    let time = begun.elapsed();
    assert!(time + SHORT.last_request >= SHORT.drain && time < SHORT.drain * 2, "{time:?}");
    let (_, said) = closed_after(&mut endless).await;
    assert!(said.contains("tick") && said.matches("tick").count() < 4, "{said}");
}

#[tokio::test]
async fn attack_160_http2_gets_goaway_and_its_requests_are_answered() {
    let mut served = Served::start().await;
    let mut frames = Frames::open(served.address, &[]).await;
    let block = request("GET", "/embedder/slow", served.app.host(), &[]);
    for stream in [1, 3, 5] {
        frames.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)).await;
    }
    sleep(Duration::from_millis(200)).await;

    served.stop();

    assert!(frames.wait_for(GOAWAY).await.is_some());
    let answered: Vec<_> =
        frames.rest().await.into_iter().filter(|frame| frame.kind == HEADERS).collect();
    assert_eq!(answered.len(), 3);
    assert!(answered.iter().all(|frame| frame.status() == 200));
    served.ended().await;
}
