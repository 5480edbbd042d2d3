use crate::http::session::language::Language;
use crate::http::session::language::Language::{English, Korean};

#[test]
fn the_cookie_outweighs_the_header_and_the_header_outweighs_the_default() {
    assert_eq!(Language::of(Some("en"), Some("ko")), English);
    assert_eq!(Language::of(Some("ko"), Some("en")), Korean);
    assert_eq!(Language::of(None, Some("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7")), Korean);
    assert_eq!(Language::of(None, None), English);
}

#[test]
fn nonsense_in_the_cookie_counts_as_absent() {
    for cookie in ["", "KO", "ko ", "ko-KR", "<script>", "한국어"] {
        assert_eq!(Language::of(Some(cookie), Some("ko")), Korean, "{cookie:?}");
        assert_eq!(Language::of(Some(cookie), None), English, "{cookie:?}");
    }
}

#[test]
fn the_greatest_weight_wins_and_the_first_among_equals() {
    assert_eq!(Language::of(None, Some("en;q=0.5, ko;q=0.501")), Korean);
    assert_eq!(Language::of(None, Some("en;q=0.8,ko;q=0.9")), Korean);
    assert_eq!(Language::of(None, Some("ko;q=0.9,en")), English);
    assert_eq!(Language::of(None, Some("ko,en")), Korean);
    assert_eq!(Language::of(None, Some("en,ko")), English);
    assert_eq!(Language::of(None, Some("KO-kr ; Q=1.0")), Korean);
}

#[test]
fn a_language_that_is_not_here_is_passed_over() {
    assert_eq!(Language::of(None, Some("de,fr;q=0.9,ko;q=0.1")), Korean);
    assert_eq!(Language::of(None, Some("kok,korean")), English);
    assert_eq!(Language::of(None, Some("de")), English);
    assert_eq!(Language::of(None, Some("*")), English);
}

#[test]
fn a_weight_of_zero_refuses_a_language() {
    assert_eq!(Language::of(None, Some("ko;q=0")), English);
    assert_eq!(Language::of(None, Some("ko;q=0.000,en;q=0.1")), English);
}

#[test]
fn a_malformed_range_is_passed_over() {
    for range in
        ["ko;q=2", "ko;q=1.5", "ko;q=-1", "ko;q=0.1234", "ko;q=x", "ko;level=1", "ko;q", ";", ",,"]
    {
        assert_eq!(Language::of(None, Some(range)), English, "{range:?}");
    }
    let long = format!("{}ko", "de,".repeat(1000));
    assert_eq!(Language::of(None, Some(&long)), English);
}
