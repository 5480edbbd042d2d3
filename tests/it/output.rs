//! What commands write: all of it or a failure, and nothing that a terminal would obey.

use std::process::Command;

use crate::command_line::{done, refused};
use crate::harness::client::PASSWORD;
use crate::harness::server::{Outcome, Place};

fn with_ada() -> Place {
    let place = Place::new();
    let line = ["user", "add", "--password-stdin", "ada@example.org"];
    done(&place.run_with_input(&line, &format!("{PASSWORD}\n")));
    place
}

/// Runs a command whose output goes somewhere else.
fn run_into(place: &Place, arguments: &[&str], output: &str) -> Outcome {
    let mut shell = Command::new("/bin/sh");
    let script = format!("\"$0\" \"$@\" {output}");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_anteroom")]).args(arguments);
    place.run_by(shell)
}

#[test]
fn output_that_was_not_written_is_a_failure() {
    let place = with_ada();
    for command in [
        &["--help"][..],
        &["--version"],
        &["config"],
        &["migrate"],
        &["user", "list"],
        &["user", "list", "--json"],
        &["user", "disable", "ada@example.org"],
        &["session", "list"],
        &["session", "list", "--json"],
        &["session", "revoke", "--user", "ada@example.org"],
        &["session", "revoke", "--all", "--yes"],
        &["restore-check", "--yes"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let outcome = run_into(&place, command, "> /dev/full");

        let last = outcome.stderr.lines().last().unwrap_or_default();
        assert_eq!(outcome.code, Some(1), "{command:?}: {outcome:?}");
        assert!(last.starts_with("anteroom: "), "{command:?}: {outcome:?}");
        assert!(last.contains("could not write its output"), "{command:?}: {outcome:?}");
    }
    // They did their work.
    assert!(done(&place.run(&["user", "list"])).contains("disabled"));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let place = with_ada();
    for command in [&["--help"][..], &["config"], &["user", "list"], &["session", "list", "--json"]]
    {
        // The reader is gone before anything is written.
        let outcome = run_into(&place, command, "| :");
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{command:?}");
        let outcome = run_into(&place, &[], &format!("{} > pipe; cat pipe", command.join(" ")));
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{command:?}");
    }
}

#[test]
fn what_was_typed_gives_the_terminal_no_orders() {
    const TYPED: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{200b}\r\nx@y";
    let place = with_ada();
    for (code, command) in [
        (1, &["user", "delete", TYPED, "--yes"][..]),
        (1, &["user", "delete", TYPED]),
        (1, &["user", "disable", TYPED]),
        (1, &["user", "set-role", TYPED, "admin"]),
        (1, &["user", "add-group", TYPED, "dev"]),
        (1, &["user", "add", "--password-stdin", TYPED]),
        (1, &["session", "list", "--user", TYPED]),
        (1, &["session", "revoke", "--user", TYPED]),
        (2, &["session", "revoke", TYPED]),
        (2, &["user", "set-role", "ada@example.org", TYPED]),
        (2, &["user", "add-group", "ada@example.org", TYPED]),
        (2, &[TYPED]),
        (2, &["config", "--log-format", TYPED]),
        (2, &["config", "--public-url", TYPED]),
        (2, &["config", "--database", TYPED]),
    ] {
        let outcome = place.run_without_terminal(command);

        let line = refused(&outcome, code);
        let orders = ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}', '\r'];
        assert!(!line.contains(orders), "{command:?}: {line:?}");
        let is_named = line.contains("x@y");
        assert!(!is_named || line.contains("\\u{1b}]0;owned\\u{7}"), "{command:?}: {line}");
    }
    let shown = place.run(&["config", "--database", "sqlite:\u{202e}x.db"]);
    assert!(done(&shown).contains("sqlite:\\u{202e}x.db"), "{shown:?}");
}
