use super::{escaped, escaped_json, escaped_lines};

#[test]
fn what_a_terminal_obeys_or_hides_is_shown_by_its_number() {
    for (text, shown) in [
        ("\u{1b}]0;owned\u{7}\u{1b}[2Jx@y", "\\u{1b}]0;owned\\u{7}\\u{1b}[2Jx@y"),
        ("a\nb\rc\td\u{8}e\u{7f}", "a\\nb\\rc\\td\\u{8}e\\u{7f}"),
        ("\u{9b}31m", "\\u{9b}31m"),
        ("nimda\u{202e}\u{2066}\u{200f}\u{61c}", "nimda\\u{202e}\\u{2066}\\u{200f}\\u{61c}"),
        ("a\u{200b}b\u{ad}c\u{feff}\u{e0041}", "a\\u{200b}b\\u{ad}c\\u{feff}\\u{e0041}"),
        ("a\u{2028}b\u{2029}c\u{85}", "a\\u{2028}b\\u{2029}c\\u{85}"),
    ] {
        assert_eq!(escaped(text), shown);
        assert_eq!(escaped_lines(text).lines().count(), text.split('\n').count());
    }
}

#[test]
fn what_people_write_stays_as_it_is() {
    for text in ["Zoë Müller", "홍길동", "محمد", "e\u{301}", "😀 👍🏽", "a\u{3000}b", "`'\"\\{}"]
    {
        assert_eq!(escaped(text), text);
        assert_eq!(escaped_json(text), text);
    }
}

#[test]
fn json_means_the_same_as_before() {
    let text = "\u{1b}[2J \u{9b} \u{202e} \u{e0041} \u{7f} é";
    let json = serde_json::to_string(text).unwrap();

    let shown = escaped_json(&json);

    assert!(
        shown.chars().all(|c| !c.is_control() && c != '\u{202e}' && c != '\u{e0041}'),
        "{shown}"
    );
    assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
}
