//! The fuzzer: libFuzzer over one target of `anteroom::fuzzing`, named by `FUZZ_TARGET`.
//! `scripts/fuzz` builds and runs it.

#![no_main]

use std::sync::LazyLock;

use anteroom::fuzzing::{Check, target};

static CHECK: LazyLock<Check> =
    LazyLock::new(|| target(&std::env::var("FUZZ_TARGET").unwrap_or_default()));

libfuzzer_sys::fuzz_target!(|input: &[u8]| CHECK(input));
