//! HTTP/2, frame by frame, as no library would send it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The status, with which the headers of an answer begin.
    pub fn status(&self) -> u16 {
        // First may come the size of the table, where a test has changed it.
        let block = self.payload.strip_prefix(&[0x20]).unwrap_or(&self.payload);
        match block[..] {
            [0x88, ..] => 200,
            [0x89, ..] => 204,
            [0x8c, ..] => 400,
            [0x8d, ..] => 404,
            [0x08 | 0x48, 3, a, b, c, ..] => {
                [a, b, c].iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'))
            }
            [0x08 | 0x48, 0x82, a, b, ..] => three_digits(u32::from_be_bytes([a, b, 0, 0])),
            [0x08 | 0x48, 0x83, a, b, c, ..] => three_digits(u32::from_be_bytes([a, b, c, 0])),
            _ => panic!("no status in {:?}", self.payload),
        }
    }
}

/// Digits in the code of Huffman: `0` to `2` in five bits, the others in six.
fn three_digits(mut bits: u32) -> u16 {
    let mut status = 0;
    for _ in 0..3 {
        let (digit, length) = match bits >> 27 {
            digit @ 0..=2 => (digit, 5),
            _ => ((bits >> 26) - 0x19 + 3, 6),
        };
        bits <<= length;
        status = status * 10 + u16::try_from(digit).unwrap();
    }
    status
}

/// One frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &[u8]) {
    assert!(text.len() < 127);
    bytes.push(u8::try_from(text.len()).unwrap());
    bytes.extend_from_slice(text);
}

/// The headers of a request, with no compression.
pub fn request(method: &str, path: &str, host: &str, more: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (index, value) in [(0x02, method), (0x04, path), (0x01, host)] {
        block.push(index);
        text(&mut block, value.as_bytes());
    }
    block.push(0x86);
    for (name, value) in more {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

/// A connection on which both sides have said what they allow.
pub struct Frames {
    pub stream: TcpStream,
}

impl Frames {
    pub async fn open(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend_from_slice(&name.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &payload)).await.unwrap();
        stream.write_all(&frame(SETTINGS, 1, 0, &[])).await.unwrap();
        Self { stream }
    }

    /// `false` once the server has closed the connection.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        // A server that has said its last word and waits is not written to for ever.
        let sent = timeout(Duration::from_secs(10), self.stream.write_all(bytes)).await;
        matches!(sent, Ok(Ok(())))
    }

    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of this kind.
    pub async fn wait_for(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = timeout(Duration::from_secs(10), self.next()).await.ok()??;
            if frame.kind == kind && (kind != SETTINGS || frame.flags == 0) {
                return Some(frame);
            }
        }
    }

    /// Everything until the server closes.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = timeout(Duration::from_secs(20), self.next()).await.unwrap() {
            frames.push(frame);
        }
        frames
    }
}
