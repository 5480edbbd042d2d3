//! Asks a server for STARTTLS. Not a byte is read beyond its answer.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::SmtpError;

const LONGEST_LINE: usize = 2 * 1024;
const MOST_LINES: usize = 100;

/// The greeting of the server, to be read again by the client that goes on.
pub(super) async fn ask(stream: &mut TcpStream, hello: &str) -> Result<Vec<u8>, SmtpError> {
    let greeting = reply(stream).await?;
    expect(&greeting, "220")?;
    say(stream, &format!("EHLO {hello}\r\n")).await?;
    let offers = reply(stream).await?;
    expect(&offers, "250")?;
    if !offers.iter().any(|line| line.get(4..).is_some_and(is_starttls)) {
        return Err(SmtpError::NoStartTls("it is not among its extensions".to_owned()));
    }
    say(stream, "STARTTLS\r\n").await?;
    expect(&reply(stream).await?, "220")?;
    // The client speaks first in TLS. Bytes that are already there would be read as TLS and refused
    // as such; here they are called by their name.
    let mut more = [0; 1];
    match stream.try_read(&mut more) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(text_of(&greeting)),
        Ok(0) => Err(SmtpError::Unreachable(std::io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(SmtpError::Unreachable(error)),
        Ok(_) => Err(SmtpError::Injected),
    }
}

fn is_starttls(extension: &str) -> bool {
    extension.trim().eq_ignore_ascii_case("STARTTLS")
}

fn text_of(lines: &[String]) -> Vec<u8> {
    (lines.join("\r\n") + "\r\n").into_bytes()
}

fn expect(lines: &[String], code: &str) -> Result<(), SmtpError> {
    match lines.last() {
        Some(last) if last.starts_with(code) => Ok(()),
        last => Err(SmtpError::NoStartTls(last.cloned().unwrap_or_default())),
    }
}

async fn say(stream: &mut TcpStream, line: &str) -> Result<(), SmtpError> {
    stream.write_all(line.as_bytes()).await.map_err(SmtpError::Unreachable)
}

/// The lines of a reply: all but the last have a hyphen after the code.
async fn reply(stream: &mut TcpStream) -> Result<Vec<String>, SmtpError> {
    let mut lines = Vec::new();
    while lines.len() < MOST_LINES {
        let line = line(stream).await?;
        let goes_on = line.as_bytes().get(3) == Some(&b'-');
        lines.push(line);
        if !goes_on {
            return Ok(lines);
        }
    }
    Err(SmtpError::NoStartTls("its answer has too many lines".to_owned()))
}

/// Byte by byte, so that nothing behind the line is taken from the connection.
async fn line(stream: &mut TcpStream) -> Result<String, SmtpError> {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_LINE {
        match stream.read_u8().await.map_err(SmtpError::Unreachable)? {
            b'\n' => {
                let line = String::from_utf8_lossy(&bytes);
                return Ok(line.trim_end_matches('\r').to_owned());
            }
            byte => bytes.push(byte),
        }
    }
    Err(SmtpError::NoStartTls("a line of its answer is too long".to_owned()))
}
