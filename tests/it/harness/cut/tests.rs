//! That the wire does what a test asks of it, and can be trusted in what it counts.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{Cut, Flow};

const A_MOMENT: Duration = Duration::from_millis(200);

/// Somebody who says everything back, at an address of their own.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn connect(cut: &Cut) -> TcpStream {
    let stream = TcpStream::connect(cut.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn say(stream: &mut TcpStream, word: &[u8]) {
    stream.write_all(word).unwrap();
}

/// What comes back within this time, of the length of `word`.
fn hears(stream: &mut TcpStream, word: &[u8], within: Duration) -> bool {
    stream.set_read_timeout(Some(within)).unwrap();
    let mut heard = vec![0; word.len()];
    match stream.read_exact(&mut heard) {
        Ok(()) => heard == word,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
            false
        }
    }
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn what_is_said_passes_and_every_exchange_is_one_round_trip() {
    let cut = Cut::before(echo());
    let mut stream = connect(&cut);
    for word in [b"one", b"two", b"six"] {
        say(&mut stream, word);
        assert!(hears(&mut stream, word, LONG));
    }
    assert_eq!((cut.trips(), cut.connections(), cut.open()), (3, 1, 1));
    let mut other = connect(&cut);
    say(&mut other, b"four");
    assert!(hears(&mut other, b"four", LONG));
    assert_eq!((cut.trips(), cut.connections()), (4, 2));
    drop((stream, other));
    let begun = Instant::now();
    while cut.open() > 0 {
        assert!(begun.elapsed() < LONG, "ends are not passed on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn late_bytes_arrive_in_order_and_not_before_their_time() {
    let cut = Cut::before(echo());
    let mut stream = connect(&cut);
    for (up, down, least) in [(100, 0, 100), (0, 150, 150), (100, 100, 200)] {
        let late = |milliseconds| Flow::Late(Duration::from_millis(milliseconds));
        cut.flow(late(up), late(down));
        let begun = Instant::now();
        say(&mut stream, b"a");
        say(&mut stream, b"b");
        assert!(hears(&mut stream, b"ab", LONG));
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(least), "{took:?}");
        // Each byte is late once, not once for each before it.
        assert!(took < Duration::from_millis(least) * 2 + A_MOMENT * 5, "{took:?}");
    }
    cut.heal();
    let begun = Instant::now();
    say(&mut stream, b"c");
    assert!(hears(&mut stream, b"c", LONG) && begun.elapsed() < Duration::from_millis(90));
}

#[test]
fn silence_holds_what_is_said_until_it_is_over() {
    let cut = Cut::before(echo());
    let mut before = connect(&cut);
    say(&mut before, b"x");
    assert!(hears(&mut before, b"x", LONG));
    cut.silence();
    let mut stream = connect(&cut);
    for stream in [&mut before, &mut stream] {
        say(stream, b"hello");
        assert!(!hears(stream, b"hello", A_MOMENT), "it is heard");
    }
    cut.heal();
    for stream in [&mut before, &mut stream] {
        assert!(hears(stream, b"hello", LONG));
    }
}

#[test]
fn answers_alone_can_be_held() {
    let cut = Cut::before(echo());
    let mut stream = connect(&cut);
    cut.flow(Flow::Pass, Flow::Held);
    say(&mut stream, b"hello");
    assert!(!hears(&mut stream, b"hello", A_MOMENT));
    assert_eq!(cut.trips(), 1);
    cut.heal();
    assert!(hears(&mut stream, b"hello", LONG));
}

#[test]
fn a_cut_resets_what_is_open_and_nothing_that_comes_later() {
    let cut = Cut::before(echo());
    let mut streams = [connect(&cut), connect(&cut)];
    for stream in &mut streams {
        say(stream, b"x");
        assert!(hears(stream, b"x", LONG));
    }
    cut.cut_all();
    assert_eq!(cut.open(), 0);
    for stream in &mut streams {
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let mut later = connect(&cut);
    say(&mut later, b"y");
    assert!(hears(&mut later, b"y", LONG));
}

#[test]
fn new_connections_are_refused_while_the_open_ones_go_on() {
    let cut = Cut::before(echo());
    let mut open = connect(&cut);
    say(&mut open, b"x");
    assert!(hears(&mut open, b"x", LONG));
    for _ in 0..20 {
        cut.refuse(true);
        let error = TcpStream::connect(cut.address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        say(&mut open, b"y");
        assert!(hears(&mut open, b"y", LONG));
        cut.refuse(false);
        connect(&cut);
    }
}

#[test]
fn without_anybody_at_the_far_end_connections_close() {
    let nobody = super::free_address();
    let cut = Cut::before(nobody);
    let mut stream = connect(&cut);
    let heard = stream.read(&mut [0]);
    assert!(matches!(heard, Ok(0) | Err(_)), "{heard:?}");
}
