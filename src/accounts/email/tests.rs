use proptest::prelude::*;

use super::{Email, InvalidEmail};

fn parsed(typed: &str) -> Result<String, InvalidEmail> {
    Email::parse(typed).map(|email| email.as_str().to_owned())
}

#[test]
fn in_10_spellings_of_one_address_are_one_address() {
    let spellings = [
        "kim@example.org",
        "  Kim@Example.ORG\t",
        "ｋｉｍ＠ｅｘａｍｐｌｅ．ｏｒｇ",
        "\u{212A}im@example.org", // the Kelvin sign
        "kim﹫example。org",
        "kim@example.org\r\n",
    ];
    for spelling in spellings {
        assert_eq!(parsed(spelling).as_deref(), Ok("kim@example.org"), "{spelling:?}");
    }
    assert_eq!(parsed("Jose\u{301}@example.org"), parsed("JOSÉ@example.org"));
    assert_eq!(parsed("ΝΙΚΟΣ@example.gr"), parsed("νικος@example.gr"));
}

#[test]
fn what_comes_along_with_a_pasted_address_is_left_out_and_refused_inside() {
    for unseen in ["\u{A0}", "\u{200B}", "\u{3000}", "\u{FEFF}", "\u{2060}", "\u{200E}", "\u{2028}"]
    {
        for typed in [format!("{unseen}kim@example.org"), format!("kim@example.org{unseen} ")] {
            assert_eq!(parsed(&typed).as_deref(), Ok("kim@example.org"), "{typed:?}");
        }
        for typed in [format!("k{unseen}im@example.org"), format!("kim@exa{unseen}mple.org")] {
            assert!(parsed(&typed).is_err(), "{typed:?}");
        }
    }
}

#[test]
fn people_see_an_international_domain_in_its_own_letters() {
    let cases = [
        ("info@MÜLLER.example", "info@müller.example"),
        ("иван@пример.рф", "иван@пример.рф"),
        ("info@xn--mller-kva.example", "info@müller.example"),
        ("kim@example.org", "kim@example.org"),
    ];
    for (typed, shown) in cases {
        let email = Email::parse(typed).unwrap();
        assert_eq!(email.display(), shown);
        assert_eq!(Email::parse(&email.display()).as_ref(), Ok(&email));
    }
    // An address that no longer reads as the same one is shown as it is stored.
    for stored in ["a@xn--80ak6aa92e.com", "a@xn--.example"] {
        assert_eq!(Email::from_stored(stored.to_owned()).display(), stored);
    }
}

#[test]
fn ordinary_addresses_are_accepted() {
    let cases = [
        ("a@localhost", "a@localhost"),
        ("first.last+tag@sub.example.co.uk", "first.last+tag@sub.example.co.uk"),
        ("o'hara_1-2@example.org", "o'hara_1-2@example.org"),
        ("!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~@example.org"),
        ("김철수@example.kr", "김철수@example.kr"),
        ("иван.петров@пример.рф", "иван.петров@xn--e1afmkfd.xn--p1ai"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@삼성tv.kr", "info@xn--tv-gs4j8o.kr"),
        ("山田たろう@example.jp", "山田たろう@example.jp"),
        ("user@1.example", "user@1.example"),
    ];
    for (typed, canonical) in cases {
        assert_eq!(parsed(typed).as_deref(), Ok(canonical), "{typed:?}");
    }
}

#[test]
fn an_address_has_exactly_one_at_whatever_it_is_written_with() {
    let cases =
        ["", "@", "kim", "v＠x.com@evil.com", "v@x.com﹫evil.com", "a@x.com,b@evil.com", "a@@b"];
    for typed in cases {
        assert!(parsed(typed).is_err(), "{typed:?}");
    }
    assert_eq!(parsed("v＠x.com@evil.com"), Err(InvalidEmail::NotOneAt));
    assert_eq!(parsed("a@x.com,b@evil.com"), Err(InvalidEmail::NotOneAt));
}

#[test]
fn in_10_what_cannot_stand_before_the_at_is_refused() {
    let cases = [
        "\"quoted\"@x.com",
        "a b@x.com",
        "a\u{A0}b@x.com",
        "a\nb@x.com",
        "a\0@x.com",
        "a\u{7F}@x.com",
        "a,b@x.com",
        "a:b@x.com",
        "<a@x.com",
        "(c)a@x.com",
        ".a@x.com",
        "a.@x.com",
        "a..b@x.com",
        "a․․b@x.com", // one-dot leaders
        "@x.com",
        "a\u{200B}b@x.com",
        "a\u{200D}b@x.com",
        "a\u{202E}b@x.com",
        "a\u{FEFF}b@x.com",
        "a\u{AD}b@x.com",
        "a\u{34F}b@x.com",
        "a\u{FE0F}b@x.com",
        "a\u{3164}b@x.com",
        "\u{301}a@x.com",
        "a.\u{301}@x.com",
        "😀@x.com",
        "a\u{E000}@x.com",
    ];
    for typed in cases {
        assert_eq!(parsed(typed), Err(InvalidEmail::LocalPart), "{typed:?}");
    }
}

#[test]
fn what_is_no_domain_is_refused() {
    let cases = [
        "a@",
        "a@.",
        "a@x.com.",
        "a@.x.com",
        "a@x..com",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@1",
        "a@x.0x7f",
        "a@[::1]",
        "a@x_y.com",
        "a@-x.com",
        "a@x-.com",
        "a@x y.com",
        "a@x\ny.com",
        "a@x.com\0",
        "a@x.com:25",
        "a@x.com/y",
        "a@x℀y.com",
        "a@x\u{200B}y.com",
        "a@x\u{AD}y.com",
        "a@x\u{202E}y.com",
        "a@x\u{34F}y.com",
        "a@xn--a.com",
        "a@xn--.com",
        "a@ex*mple.com",
        "a@😀.com",
    ];
    for typed in cases {
        assert_eq!(parsed(typed), Err(InvalidEmail::Domain), "{typed:?}");
    }
}

#[test]
fn in_10_an_address_that_looks_like_another_is_refused() {
    let cases = [
        "p\u{430}ul@example.org",            // a Cyrillic letter inside Latin
        "\u{440}\u{430}\u{443}@example.org", // Cyrillic that reads as Latin
        "m\u{131}ke@example.org",            // dotless i
        "\u{130}an@example.org",             // dotted capital I
        "a@ex\u{430}mple.org",               // Cyrillic in the domain
        "a@xn--exmple-4nf.org",              // the same, encoded
        "a@\u{430}\u{440}\u{440}\u{4CF}\u{435}.com", // a whole label that reads as Latin
        "a@xn--80ak6aa92e.com",              // the same, encoded
        "αlpha@example.org",
        "a٣@example.org",
    ];
    for typed in cases {
        assert_eq!(parsed(typed), Err(InvalidEmail::Confusable), "{typed:?}");
    }
}

#[test]
fn lengths_are_bounded_before_and_after_the_address_takes_its_form() {
    let local = |length: usize| format!("{}@example.org", "a".repeat(length));
    assert!(Email::parse(&local(64)).is_ok());
    assert_eq!(parsed(&local(65)), Err(InvalidEmail::TooLong));

    let whole = |length: usize| {
        let rest = length - "a@".len() - 3 * 61;
        let domain = format!("{0}.{0}.{0}.{1}", "b".repeat(60), "c".repeat(rest));
        format!("a@{domain}")
    };
    assert!(whole(230).len() == 230 && Email::parse(&whole(230)).is_ok());
    let longest =
        format!("{}@{}.{}.{}", "a".repeat(64), "b".repeat(63), "c".repeat(63), "d".repeat(61));
    assert_eq!(longest.len(), 254);
    assert!(Email::parse(&longest).is_ok());
    assert_eq!(parsed(&format!("{longest}d")), Err(InvalidEmail::TooLong));

    // One ligature of three bytes becomes eighteen letters of thirty-three.
    assert_eq!(parsed(&format!("{}@example.org", "ﷺ".repeat(60))), Err(InvalidEmail::LocalPart));
    assert_eq!(parsed(&" ".repeat(1025)), Err(InvalidEmail::TooLong));
    assert!(Email::parse(&format!("a@b{}", " ".repeat(1021))).is_ok());
    assert_eq!(parsed(&format!("a@b{}", " ".repeat(1022))), Err(InvalidEmail::TooLong));
}

#[test]
fn every_refusal_has_a_distinct_code() {
    let refusals = [
        (InvalidEmail::TooLong, "too_long"),
        (InvalidEmail::NotOneAt, "not_one_at"),
        (InvalidEmail::LocalPart, "local_part"),
        (InvalidEmail::Domain, "domain"),
        (InvalidEmail::Confusable, "confusable"),
    ];
    for (refusal, code) in refusals {
        assert_eq!(refusal.code(), code);
    }
}

#[test]
fn an_address_does_not_show_in_logs() {
    assert_eq!(format!("{:?}", Email::parse("kim@example.org").unwrap()), "Email(…)");
}

#[test]
fn the_part_before_the_at_can_be_had() {
    assert_eq!(Email::parse("kim@example.org").unwrap().local_part(), "kim");
}

/// Text that gets far into the parser: letters of many scripts, marks, and what breaks addresses.
fn likely_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9._+-]",
        2 => Just("@".to_owned()),
        1 => "[＠﹫。．ａ-ｚＡ-Ｚ]",
        1 => "[À-ſΑ-ωА-я가-힣ぁ-ん一-龥ا-ي]",
        1 => "[\u{300}-\u{36F}\u{200B}-\u{200F}\u{0}-\u{20}İıſßẞςΣ]",
        1 => any::<char>().prop_map(String::from),
        1 => Just("xn--".to_owned()),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_parser_and_the_canonical_form_is_final(
        text in prop_oneof![
            likely_text(),
            ".{0,40}",
            ("[\\p{L}\\p{M}\\p{N}.]{1,12}", "[\\p{L}\\p{M}\\p{N}.-]{1,12}")
                .prop_map(|(local, domain)| format!("{local}@{domain}")),
            ("[a-zß-öø-ÿ]{1,8}", "[A-Za-zÀ-ÿ]{1,8}")
                .prop_map(|(local, domain)| format!("{local}@{domain}.example")),
        ],
    ) {
        if let Ok(email) = Email::parse(&text) {
            let canonical = email.as_str();
            prop_assert_eq!(canonical.matches('@').count(), 1);
            prop_assert!(canonical.len() <= Email::LONGEST);
            prop_assert!(!canonical.chars().any(|c| c.is_control() || c.is_whitespace()));
            prop_assert!(canonical.split_once('@').unwrap().1.is_ascii());
            prop_assert_eq!(Email::parse(canonical), Ok(email.clone()));
            if canonical.is_ascii() {
                prop_assert_eq!(Email::parse(&canonical.to_uppercase()), Ok(email));
            }
        }
    }
}
