use std::io::Cursor;

use secrecy::ExposeSecret as _;

use super::{MAX_BYTES, TerminalError, ask, asked_twice, confirm, first_line};

fn line(bytes: &[u8]) -> Result<String, TerminalError> {
    first_line(Cursor::new(bytes.to_vec())).map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn the_first_line_loses_its_end_and_nothing_else() {
    assert_eq!(line(b"open sesame\n").unwrap(), "open sesame");
    assert_eq!(line(b"open sesame\r\n").unwrap(), "open sesame");
    assert_eq!(line(b"open sesame").unwrap(), "open sesame");
    assert_eq!(line(b" blanks stay \nand the rest does not").unwrap(), " blanks stay ");
    assert_eq!(line(b"a\r\r\n").unwrap(), "a\r");
    assert_eq!(line("Käse\n".as_bytes()).unwrap(), "Käse");
}

#[test]
fn an_empty_or_endless_or_broken_line_is_refused() {
    for empty in [&b""[..], b"\n", b"\r\n", b"\nsecond"] {
        assert!(matches!(line(empty), Err(TerminalError::Empty)));
    }
    assert_eq!(line(&vec![b'x'; MAX_BYTES]).unwrap().len(), MAX_BYTES);
    let longest = [vec![b'x'; MAX_BYTES], b"\r\n".to_vec()].concat();
    assert_eq!(line(&longest).unwrap().len(), MAX_BYTES);
    assert!(matches!(line(&vec![b'x'; MAX_BYTES + 1]), Err(TerminalError::TooLong)));
    assert!(matches!(line(&vec![b'x'; MAX_BYTES + 9]), Err(TerminalError::TooLong)));
    assert!(matches!(line(b"\xFF\n"), Err(TerminalError::NotUtf8)));
}

#[test]
fn a_password_is_typed_twice_alike() {
    let typed = |words: [&'static str; 2]| {
        let mut words = words.into_iter();
        asked_twice(move |_| Ok(words.next().unwrap_or_default().to_owned()))
    };
    assert_eq!(typed(["a b", "a b"]).unwrap().expose_secret(), "a b");
    assert!(matches!(typed(["a", "b"]), Err(TerminalError::Differ)));
    assert!(matches!(typed(["", ""]), Err(TerminalError::Empty)));
}

#[test]
fn only_a_clear_yes_agrees() {
    let answer = |text: &str| ask("Sure?", Cursor::new(text.to_owned()), std::io::sink()).unwrap();

    assert!(answer("y\n") && answer("YES\r\n") && answer(" yes \n"));
    assert!(!answer("") && !answer("\n") && !answer("n\n") && !answer("yess\n") && !answer("j\n"));
}

#[test]
fn the_question_is_shown_and_left_out_with_yes() {
    let mut shown = Vec::new();
    ask("End all sessions?", Cursor::new("n\n"), &mut shown).unwrap();

    assert_eq!(shown, b"End all sessions? [y/N] ");
    assert!(confirm("Sure?", true).unwrap());
}

#[test]
fn a_question_gives_the_terminal_no_orders() {
    let mut shown = Vec::new();
    let question = "Delete the account of \u{1b}]0;owned\u{7}\u{202e}x@y?";
    ask(question, Cursor::new("n\n"), &mut shown).unwrap();

    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(shown, "Delete the account of \\u{1b}]0;owned\\u{7}\\u{202e}x@y? [y/N] ");
}
