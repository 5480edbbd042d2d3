//! HTTP/2 as an attacker speaks it. Each flood is let loose on a server that others use too.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM,
    SETTINGS, frame, request,
};
use crate::harness::served::{LARGE, SHORT, Served};

const WHOLE: u8 = END_HEADERS | END_STREAM;
const HEADER_TABLE_SIZE: u16 = 1;
const INITIAL_WINDOW_SIZE: u16 = 4;
const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];

fn get(served: &Served, path: &str) -> Vec<u8> {
    request("GET", path, served.app.host(), &[])
}

/// What became of a request with these further headers: its status, or 0 where it was reset or
/// the connection closed.
async fn asked(served: &Served, method: &str, more: &[(&[u8], &[u8])]) -> u16 {
    let mut frames = Frames::open(served.address, &[]).await;
    let block = request(method, "/healthz", served.app.host(), more);
    frames.send(&frame(HEADERS, WHOLE, 1, &block)).await;
    loop {
        let next = timeout(Duration::from_secs(10), frames.next()).await.unwrap();
        match next {
            Some(answer) if answer.kind == HEADERS => return answer.status(),
            Some(reset) if matches!(reset.kind, RST_STREAM | GOAWAY) => return 0,
            Some(_) => {}
            None => return 0,
        }
    }
}

#[tokio::test]
async fn smug_2_headers_that_would_be_more_than_one_are_refused() {
    let served = Served::start().await;
    assert_eq!(asked(&served, "GET", &[(b"x-plain", b"a")]).await, 200);
    let bad: &[(&[u8], &[u8])] = &[
        (b"x-a", b"b\r\nx-c: d"),
        (b"x-a", b"b\nx-c: d"),
        (b"x-a", b"b\rc"),
        (b"x-a", b"b\0c"),
        (b"x-a\r\nx-b", b"c"),
        (b"x-a\0", b"c"),
        (b"x-a: b", b"c"),
        (b"X-Upper", b"a"),
        (b"", b"a"),
        (b"connection", b"close"),
        (b"connection", b"x-plain"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"keep-alive"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"te", b"gzip"),
        (b":path", b"/login"),
        (b":method", b"POST"),
        (b":status", b"200"),
        (b":unknown", b"x"),
        (b"content-length", b"5"),
    ];
    for header in bad {
        for method in ["GET", "POST"] {
            let status = asked(&served, method, &[*header]).await;
            let shown = (String::from_utf8_lossy(header.0), String::from_utf8_lossy(header.1));
            assert!([0, 400].contains(&status), "{method} {shown:?}: {status}");
        }
    }
    assert!(served.answers_others().await);
}

#[tokio::test]
async fn host_2_a_host_that_contradicts_the_authority_is_refused() {
    let served = Served::start().await;
    // Without a table, so that every status is written out.
    let mut frames = Frames::open(served.address, &[(HEADER_TABLE_SIZE, 0)]).await;
    let host = served.app.host().to_owned();
    for (stream, authority, more) in [
        (1, &*host, &[][..]),
        (3, "evil.example", &[]),
        (5, &host, &[(&b"host"[..], &b"evil.example"[..])]),
        (7, "evil.example", &[(&b"host"[..], host.as_bytes())]),
    ] {
        let block = request("GET", "/login", authority, more);
        frames.send(&frame(HEADERS, WHOLE, stream, &block)).await;
        let answer = frames.wait_for(HEADERS).await.unwrap();
        let right = if stream == 1 { 200 } else { 421 };
        assert_eq!((answer.stream, answer.status()), (stream, right), "{authority}");
    }
}

#[tokio::test]
async fn in_8_an_idle_http2_connection_gets_goaway_and_is_closed() {
    let served = Served::start_with(|options| options.timeouts.idle = SHORT.headers * 20).await;
    let begun = Instant::now();
    Frames::open(served.address, &[]).await.rest().await;
    assert!(begun.elapsed() < SHORT.headers * 10, "it never asked for anything");

    let served = Served::start().await;
    let mut frames = Frames::open(served.address, &[]).await;
    frames.send(&frame(HEADERS, WHOLE, 1, &get(&served, "/healthz"))).await;
    assert_eq!(frames.wait_for(HEADERS).await.unwrap().status(), 200);
    let begun = Instant::now();
    // Pings are no requests.
    while frames.send(&frame(PING, 0, 0, &[0; 8])).await && begun.elapsed().as_secs() < 6 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(6), "pings keep it open");
    let rest = frames.rest().await;
    assert!(rest.iter().any(|frame| frame.kind == GOAWAY), "it was not told");
}

#[tokio::test]
async fn in_8_an_http2_client_that_gives_no_room_for_its_answer_is_cut() {
    let served = Served::start().await;
    for (window, path) in [(0, "/login"), (0, "/embedder/large"), (65_535, "/embedder/large")] {
        let mut frames = Frames::open(served.address, &[(INITIAL_WINDOW_SIZE, window)]).await;
        frames.send(&frame(HEADERS, WHOLE, 1, &get(&served, path))).await;
        let begun = Instant::now();
        let rest = frames.rest().await;
        let time = begun.elapsed();
        assert!(time >= SHORT.stalled && time < Duration::from_secs(5), "{path} {time:?}");
        let data: usize = rest.iter().filter(|f| f.kind == DATA).map(|f| f.payload.len()).sum();
        assert!(data <= usize::try_from(window).unwrap() && data < LARGE);
    }
}

/// Sends the same frames over and over until the server closes the connection; how often it did
/// take them, at most `most`.
async fn flood(
    served: &Served,
    frames: &mut Frames,
    most: usize,
    mut next: impl FnMut(usize) -> Vec<u8>,
) -> usize {
    for sent in 0..most {
        if sent % 1000 == 0 {
            assert!(served.answers_others().await, "nobody else is answered after {sent}");
        }
        // Whoever does not read would be stopped by that already.
        let mut read = vec![0; 16 * 1024];
        if matches!(frames.stream.try_read(&mut read), Ok(0)) {
            return sent;
        }
        if !frames.send(&next(sent)).await {
            return sent;
        }
    }
    most
}

fn stream_id(number: usize) -> u32 {
    u32::try_from(2 * number + 1).unwrap()
}

#[tokio::test]
async fn attack_116_rapid_reset_closes_the_connection() {
    let served = Served::start().await;
    let block = get(&served, "/embedder/slow");
    let mut frames = Frames::open(served.address, &[]).await;
    let taken = flood(&served, &mut frames, 20_000, |number| {
        let id = stream_id(number);
        [frame(HEADERS, WHOLE, id, &block), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat()
    })
    .await;
    assert!(taken < 20_000, "it goes on and on");
    assert!(served.answers_others().await);
}

#[tokio::test]
async fn attack_116_headers_that_never_end_close_the_connection() {
    let served = Served::start().await;
    let block = get(&served, "/healthz");
    let filler = b"\0\x01x\x03abc".repeat(100);
    for filler in [filler, Vec::new(), vec![0]] {
        let mut frames = Frames::open(served.address, &[]).await;
        frames.send(&frame(HEADERS, END_STREAM, 1, &block)).await;
        let taken = flood(&served, &mut frames, 20_000, |_| frame(CONTINUATION, 0, 1, &filler));
        assert!(taken.await < 20_000, "{} bytes a time go on and on", filler.len());
    }
    assert!(served.answers_others().await);
}

#[tokio::test]
async fn attack_116_empty_frames_close_the_connection() {
    let served = Served::start().await;
    let block = request("POST", "/embedder/upload", served.app.host(), &[]);
    for data in [&[][..], b"x"] {
        let mut frames = Frames::open(served.address, &[]).await;
        frames.send(&frame(HEADERS, END_HEADERS, 1, &block)).await;
        let taken = flood(&served, &mut frames, 60_000, |_| frame(DATA, 0, 1, data)).await;
        assert!(taken < 60_000, "{} bytes a time go on and on", data.len());
    }
    assert!(served.answers_others().await);
}

#[tokio::test]
async fn attack_116_ten_thousand_streams_are_refused_beyond_a_few() {
    let served = Served::start().await;
    let block = get(&served, "/embedder/slow");
    let mut frames = Frames::open(served.address, &[]).await;
    let (mut answered, mut refused) = (0, 0);
    for number in 0..10_000 {
        if !frames.send(&frame(HEADERS, WHOLE, stream_id(number), &block)).await {
            break;
        }
    }
    for frame in frames.rest().await {
        match frame.kind {
            HEADERS => answered += 1,
            RST_STREAM if frame.payload == REFUSED_STREAM => refused += 1,
            _ => {}
        }
    }
    assert!(answered <= 128, "{answered} at once");
    assert!(refused > 0 || answered == 0, "nothing was said of the others");
    assert!(served.answers_others().await);
}

#[tokio::test]
async fn attack_116_pings_and_settings_without_end_hold_up_nobody() {
    let served = Served::start().await;
    for bytes in [frame(PING, 0, 0, &[7; 8]), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255])] {
        // Once reading the answers, once not: then the server stops reading too.
        for reads in [true, false] {
            let mut frames = Frames::open(served.address, &[]).await;
            // With a request under way for some seconds, the connection is not idle.
            let block = get(&served, "/embedder/stream");
            frames.send(&frame(HEADERS, WHOLE, 1, &block)).await;
            let begun = Instant::now();
            let mut sent = 0;
            while begun.elapsed() < Duration::from_secs(10) {
                let burst = bytes.repeat(100);
                let gone = if reads {
                    flood(&served, &mut frames, 100, |_| burst.clone()).await < 100
                } else {
                    !frames.send(&burst).await
                };
                if gone {
                    break;
                }
                sent += 1;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{sent} bursts, reading: {reads}");
            assert!(served.answers_others().await);
        }
    }
}
