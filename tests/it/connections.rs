//! Connections that are slow, silent, idle or too many.

use std::time::{Duration, Instant};

use anteroom::network::TrustedProxies;
use anteroom::server::{ConnectionTimeouts, ServeOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::harness::served::{SHORT, Served, closed_after, connect_from, read_answer};
use crate::harness::server::Server;

/// A slow machine notices later.
const LATE: Duration = Duration::from_secs(4);

/// Its clock and ours do not begin at once.
const EARLY: Duration = Duration::from_millis(50);

/// Sends these bytes one by one until the server has had enough, and says how long it took.
async fn drip(mut stream: TcpStream, bytes: &[u8], pause: Duration) -> (Duration, String) {
    let begun = Instant::now();
    for byte in bytes {
        if stream.write_all(&[*byte]).await.is_err() || begun.elapsed() > LATE * 2 {
            break;
        }
        let mut said = [0; 1024];
        if let Ok(read) = timeout(pause, stream.read(&mut said)).await {
            let said = String::from_utf8_lossy(&said[..read.unwrap_or(0)]).into_owned();
            return (begun.elapsed(), said);
        }
    }
    (begun.elapsed(), String::new())
}

/// So that it cannot be idling for which a connection is ended.
fn patient_with_the_idle(options: &mut ServeOptions) {
    options.timeouts.idle = ConnectionTimeouts::default().idle;
}

#[tokio::test]
async fn in_8_a_connection_that_says_nothing_is_closed() {
    let served = Served::start_with(patient_with_the_idle).await;
    let (time, said) = closed_after(&mut served.connect().await).await;
    assert!(time + EARLY >= SHORT.headers && time < LATE, "{time:?}");
    assert_eq!(said, "");
}

#[tokio::test]
async fn in_8_a_client_that_sends_a_byte_now_and_then_is_cut() {
    let served = Served::start_with(patient_with_the_idle).await;
    let endless = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(1000));
    let preface = format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", "\0".repeat(1000));
    for bytes in [&endless, &preface, &"\r\n".repeat(500)] {
        for pause in [Duration::from_millis(20), Duration::from_millis(300)] {
            let (time, _) = drip(served.connect().await, bytes.as_bytes(), pause).await;
            assert!(time < LATE, "{time:?} {:?}", &bytes[..10]);
        }
    }
    assert!(served.answers_others().await);
}

#[tokio::test]
async fn in_8_the_headers_of_a_later_request_may_take_no_longer() {
    let served = Served::start_with(patient_with_the_idle).await;
    let mut stream = served.connect().await;
    assert!(served.ask(&mut stream, "/healthz").await.is_some());
    let (time, _) = drip(stream, "GET /x".repeat(500).as_bytes(), Duration::from_millis(20)).await;
    assert!(time < LATE, "{time:?}");
}

#[tokio::test]
async fn in_8_a_slow_body_gets_408_and_is_cut() {
    let served = Served::start().await;
    for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let mut stream = served.connect().await;
        let head = format!(
            "POST /api/session HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             {framing}\r\n\r\n",
            served.app.host()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let body = "1\r\n{\r\n".repeat(300);
        let (time, said) = drip(stream, body.as_bytes(), Duration::from_millis(20)).await;
        assert!(time < LATE, "{time:?}");
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        assert!(said.contains("connection: close\r\n"), "{said}");
        assert!(said.contains("application/problem+json"), "{said}");
    }
}

#[tokio::test]
async fn in_8_a_large_body_that_keeps_coming_has_its_time() {
    let served = Served::start().await;
    let mut stream = served.connect().await;
    let length = 8 * 16 * 1024;
    let head = format!(
        "POST /embedder/upload HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n",
        served.app.host()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..8 {
        sleep(SHORT.body / 3).await;
        stream.write_all(&[b'x'; 16 * 1024]).await.unwrap();
    }
    let answer = read_answer(&mut stream).await.unwrap();
    assert!(answer.ends_with(&length.to_string()), "{answer}");
}

#[tokio::test]
async fn in_8_a_connection_is_kept_while_it_is_used_and_closed_when_idle() {
    let served = Served::start().await;
    let mut stream = served.connect().await;
    for _ in 0..6 {
        assert!(served.ask(&mut stream, "/healthz").await.is_some());
        sleep(SHORT.idle / 2).await;
    }
    assert!(served.ask(&mut stream, "/healthz").await.is_some());
    let (time, said) = closed_after(&mut stream).await;
    assert!(time + EARLY >= SHORT.idle && time < LATE, "{time:?}");
    assert_eq!(said, "");
}

#[tokio::test]
async fn in_8_a_trusted_proxy_may_keep_its_connections_for_longer() {
    let served = Served::start_with(|options| {
        options.trusted_proxies = TrustedProxies::new(vec!["127.0.0.1/32".parse().unwrap()]);
    })
    .await;
    let mut stream = served.connect().await;
    for pause in [SHORT.idle * 2, Duration::ZERO] {
        assert!(served.ask(&mut stream, "/healthz").await.is_some());
        sleep(pause).await;
    }
    let (time, _) = closed_after(&mut stream).await;
    assert!(time + EARLY >= SHORT.proxy_idle, "{time:?}");
}

#[tokio::test]
async fn in_8_a_client_that_never_reads_its_answer_is_cut() {
    let served = Served::start().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(served.address).await.unwrap();
    stream.write_all(served.get("/embedder/large").as_bytes()).await.unwrap();

    sleep(SHORT.stalled + LATE / 2).await;

    let mut read = 0;
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        read += count;
    }
    assert!(read < crate::harness::served::LARGE, "it was waited for: {read}");
}

#[tokio::test]
async fn in_8_handlers_and_streams_are_waited_for() {
    let served = Served::start().await;
    let mut slow = served.connect().await;
    let mut stream = served.connect().await;
    stream.write_all(served.get("/embedder/stream").as_bytes()).await.unwrap();

    let answer = served.ask(&mut slow, "/embedder/slow").await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    let (_, said) = closed_after(&mut stream).await;
    assert_eq!(said.matches("tick").count(), 4, "{said}");
}

fn capped(all: usize, of_one: usize) -> impl FnOnce(&mut ServeOptions) {
    move |options| {
        options.max_connections = all;
        options.max_connections_per_network = of_one;
        // Nothing but the caps is to be seen.
        options.timeouts = ConnectionTimeouts::default();
    }
}

/// Connections on which a request is under way for a while.
async fn busy(served: &Served, count: usize, last: u8) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = served.connect_from(last).await;
        stream.write_all(served.get("/embedder/slow").as_bytes()).await.unwrap();
        streams.push(stream);
    }
    sleep(Duration::from_millis(300)).await;
    streams
}

#[tokio::test]
async fn in_9_a_busy_network_gets_no_more_than_its_share() {
    let served = Served::start_with(capped(100, 3)).await;
    let streams = busy(&served, 3, 1).await;

    let mut refused = served.connect().await;
    let answer = served.ask(&mut refused, "/healthz").await;

    // The answer comes before the request, so that sending it may fail already.
    if let Some(answer) = answer {
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("Retry-After: 10\r\n") && answer.contains("Connection: close"));
    }
    assert!(served.answers_others().await);
    for mut stream in streams {
        assert!(read_answer(&mut stream).await.unwrap().ends_with("done"), "one was given up");
    }
    assert!(served.ask(&mut served.connect().await, "/healthz").await.unwrap().contains("200"));
}

#[tokio::test]
async fn in_9_the_word_at_the_cap_is_a_whole_answer() {
    let served = Served::start_with(capped(100, 1)).await;
    let _streams = busy(&served, 1, 1).await;
    let (_, said) = closed_after(&mut served.connect().await).await;
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{said}");
}

#[tokio::test]
async fn in_9_idle_connections_block_no_other_client() {
    let served = Served::start_with(capped(20, 10)).await;
    let mut idle = Vec::new();
    for last in [1, 2, 1, 2] {
        for _ in 0..10 {
            idle.push(served.connect_from(last).await);
        }
    }
    let working = busy(&served, 2, 3).await;
    assert!(served.answers_others().await);
    assert!(served.ask(&mut served.connect_from(1).await, "/healthz").await.is_some());
    for mut stream in working {
        assert!(read_answer(&mut stream).await.unwrap().ends_with("done"));
    }
    let (time, said) = closed_after(&mut idle[0]).await;
    assert!(time < LATE && said.is_empty(), "{time:?} {said}");
}

#[tokio::test]
async fn in_9_trusted_proxies_have_no_network_limit() {
    let served = Served::start_with(|options| {
        capped(100, 2)(options);
        options.trusted_proxies = TrustedProxies::new(vec!["127.0.0.2/32".parse().unwrap()]);
    })
    .await;
    for mut stream in busy(&served, 30, 2).await {
        assert!(read_answer(&mut stream).await.unwrap().ends_with("done"));
    }
}

#[tokio::test]
async fn attack_114_five_hundred_slow_sockets_keep_nobody_waiting() {
    let served = Served::start_with(|options| options.max_connections_per_network = 500).await;
    let host = served.app.host();
    let beginnings = [
        String::new(),
        "GET /healthz HT".to_owned(),
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-Slow: "),
        format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 500\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        ),
        "PRI * HTTP/2.0\r\n\r\nSM".to_owned(),
    ];
    let mut slow = Vec::new();
    for number in 0..500 {
        let mut stream = served.connect().await;
        let beginning = &beginnings[number % beginnings.len()];
        stream.write_all(beginning.as_bytes()).await.unwrap();
        slow.push(tokio::spawn(drip(stream, &[b'a'; 200], Duration::from_millis(100))));
        if number % 50 == 0 {
            assert!(served.answers_others().await);
        }
    }
    assert!(served.answers_others().await);
    for ended in slow {
        let (time, _) = ended.await.unwrap();
        assert!(time < LATE * 2, "{time:?}");
    }
}

/// Kilobytes of memory that a process has.
fn memory_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn in_9_thousands_of_connections_cost_little_memory() {
    let server = Server::start();
    let host = server.url.strip_prefix("http://").unwrap().to_owned();
    let before = memory_of(server.pid());
    let request = format!("GET /login HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut streams = Vec::new();
    for number in 0..3000_u32 {
        let last = u8::try_from(number / 250 + 1).unwrap();
        let mut stream = connect_from(server.address(), last).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(read_answer(&mut stream).await.is_some(), "{number}");
        streams.push(stream);
    }
    let open = memory_of(server.pid());
    drop(streams);
    let grown = (open - before) / 1024;
    println!("3000 kept connections: {before} kB before, {open} kB with them");
    assert!(grown < 150, "{grown} MB for 3000 connections");
}
