use std::io::{self, Write};

use super::{print_to, table};

/// Fails at every write.
struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails when what it has taken is to be written.
struct FailingLate;

impl Write for FailingLate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn output_that_was_not_written_is_a_failure_and_a_closed_pipe_is_not() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::PermissionDenied] {
        let error = print_to(Failing(kind), "ready").unwrap_err().to_string();
        assert!(error.contains("output") && error.contains(&kind.to_string()), "{error}");
    }
    assert!(print_to(FailingLate, "ready").is_err());
    assert!(print_to(Failing(io::ErrorKind::BrokenPipe), "ready").is_ok());
    assert!(
        print_to(Failing(io::ErrorKind::StorageFull), "\n").is_ok(),
        "there is nothing to write"
    );
}

#[test]
fn lines_stay_lines_and_nothing_else_reaches_the_terminal() {
    let mut output = Vec::new();
    print_to(&mut output, "one\n\u{1b}[2Jtwo\r\n\n").unwrap();
    assert_eq!(String::from_utf8(output).unwrap(), "one\n\\u{1b}[2Jtwo\\r\n");
}

#[test]
fn cells_line_up_and_cannot_break_a_line() {
    let rows = [["a\nb".to_owned(), "x".to_owned()], ["\u{202e}c".to_owned(), "y".to_owned()]];
    let lines = ["NAME       X", "a\\nb       x", "\\u{202e}c  y", ""];
    assert_eq!(table(["NAME", "X"], &rows), lines.join("\n"));
}
