use std::time::{Duration, Instant};

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::guessing::{refuse_guessable, refuse_personal, without_repeated_words};
use super::{Password, PasswordPolicy, Typed, WeakPassword};

fn checked(typed: &str) -> Result<(), WeakPassword> {
    let personal = ["alice.wonderland@example.org", "Alice Wonderland"];
    PasswordPolicy::default().check(&Password::from_typed(typed), &personal)
}

fn code(typed: &str) -> &'static str {
    checked(typed).map_or_else(|weak| weak.code(), |()| "accepted")
}

#[test]
fn pw_4_spellings_of_one_password_are_one_password() {
    let reveal = |typed: &str| Password::from_typed(typed).reveal().map(str::to_owned);
    assert_eq!(reveal("cafe\u{301} noir"), reveal("caf\u{e9}\u{a0}noir"));
    assert_eq!(reveal("\u{1112}\u{1161}\u{11ab}\u{3000}글"), reveal("한 글"));
    assert_eq!(reveal("\u{212B}"), reveal("\u{C5}"));
}

#[test]
fn pw_5_nothing_else_of_a_password_is_changed() {
    for typed in [
        "  spaces at the ends  ",
        "ＦＵＬＬ ｗｉｄｔｈ",
        "MiXeD cAsE",
        "tab\tand\nline\0nul",
        "ﬁ",
        "👩‍🚀",
        "",
    ] {
        assert_eq!(Password::from_typed(typed).reveal(), Some(typed));
    }
}

#[test]
fn pw_2_a_password_over_1024_bytes_is_never_cut_off() {
    let reveals = |typed: &str| Password::from_typed(typed).reveal().map(str::len);
    assert_eq!(reveals(&"a".repeat(1024)), Some(1024));
    assert_eq!(reveals(&"a".repeat(1025)), None);
    assert_eq!(reveals(&"한".repeat(341)), Some(1023));
    assert_eq!(reveals(&"한".repeat(342)), None);
    // Three bytes typed, six in NFC.
    assert_eq!(reveals(&"\u{FB2C}".repeat(341)), None);
    // Nine bytes typed, three in NFC: the text is bounded before anything is done with it.
    assert_eq!(reveals(&"\u{1112}\u{1161}\u{11AB}".repeat(114)), None);
    assert_eq!(code(&"velvet tundra piston oatmeal ".repeat(36)), "too_long");
}

#[test]
fn ops_8_a_password_never_shows() {
    assert_eq!(format!("{:?}", Password::from_typed("velvet tundra")), "Password(secret)");
    assert_eq!(format!("{:?}", Password::from_typed(&"a".repeat(2000))), "Password(secret)");
}

// Nothing wipes the copy that a text leaves behind when it is reallocated.
#[test]
fn a_password_never_outgrows_the_room_that_was_made_for_it() {
    for typed in ["plain", "\u{1D160}\u{1D160}\u{1D160}\u{1D160}\u{1D160}"] {
        let Typed::Text { ours: text, .. } = Password::from_typed(typed).0 else {
            panic!("{typed}")
        };
        let text = text.expose_secret();
        assert_eq!(text.capacity(), 3 * typed.len());
        assert!(text.len() <= text.capacity());
    }
    assert_eq!(Password::from_typed("\u{1D160}").reveal().unwrap().len(), 12, "three times");
}

#[test]
fn pw_1_length_is_counted_in_code_points_after_normalisation() {
    let of = |length: usize| "q7vKz2mXw9LpR4tYb8Nc".chars().take(length).collect::<String>();
    assert_eq!(checked(&of(14)), Err(WeakPassword::TooShort { min: 15 }));
    assert_eq!(checked(&of(15)), Ok(()));
    // Fifteen code points typed, fourteen in NFC.
    assert_eq!(code("q7vKz2mXw9Lpe\u{301}t"), "too_short");
    assert_eq!(code("🦀🐘🦉🐙🦊🐝🦔🐳🦒🐢🦜🐌🦚🐿"), "too_short");
    assert_eq!(code("🦀🐘🦉🐙🦊🐝🦔🐳🦒🐢🦜🐌🦚🐿🦥"), "accepted");
}

#[test]
fn pw_1_no_policy_asks_for_fewer_than_eight_code_points() {
    let policy = PasswordPolicy { min_length: 3 };
    let check = |typed: &str| policy.check(&Password::from_typed(typed), &[]);
    assert_eq!(check("k7$Tq2x"), Err(WeakPassword::TooShort { min: 8 }));
    assert_eq!(check("k7$Tq2!x"), Ok(()));
    assert_eq!(check("password").unwrap_err().code(), "guessable");
}

#[test]
fn pw_6_passwords_that_are_guessed_first_are_refused() {
    let cases = [
        "aaaaaaaaaaaaaaaa",
        "               ",
        "passwordpassword",
        "123456789012345",
        "qwertyuiopasdfg",
        "!@#$%^&*()_+{}|",
        "password1234567",
        "p@$$w0rdp@$$w0rd",
        "P@ssw0rd!(1){2}",
        "iloveyouiloveyou",
        "login login login",
        "kimchi, Kimchi, KIMCHI!",
        "김치 김치 김치 김치 김치 김치",
        "abcabcabcabcabc",
        "thisismypassword",
        "welcometotheteam",
        "summer2026summer2026",
        "1q2w3e4r5t6y7u8i",
        "가나가나가나가나가나가나가나가나",
    ];
    for typed in cases {
        assert_eq!(code(typed), "guessable", "{typed:?}");
    }
    // A long tail does not make up for a beginning that everybody guesses.
    assert_eq!(code(&format!("{}velvet tundra piston oatmeal", "a".repeat(64))), "guessable");
    assert_eq!(code(&"a".repeat(1024)), "guessable");
}

#[test]
fn pw_3_phrases_and_random_text_are_accepted_in_any_script() {
    let cases = [
        "velvet tundra piston oatmeal",
        "correct horse battery staple",
        "오늘 저녁은 김치찌개를 먹자고 했다",
        "우리집고양이는정말로귀엽다아아",
        "今日はとても良い天気ですね散歩",
        "вчера шёл снег на пальмы",
        "k7$Tq2!xk(+w|%G",
        "  7f9a w2Lq  0xPz",
        "oauth(2)=good{plan}!",
        "alice likes green tea at noon",
        "the otter and the kite under the lamp",
    ];
    for typed in cases {
        assert_eq!(checked(typed), Ok(()), "{typed:?}");
    }
    assert_eq!(code(&"velvet tundra piston oatmeal ".repeat(35)), "accepted");
}

#[test]
fn pw_6_what_is_known_of_a_person_is_no_password() {
    let cases = [
        "alice.wonderland@example.org",
        "Alice.Wonderland",
        "ALICE WONDERLAND",
        "alice wonderland 1",
        "WonderlandAlice!!",
        "ａｌｉｃｅ ｗｏｎｄｅｒｌａｎｄ",
        "anteroomanteroom",
        "anteroom-alice-2026",
    ];
    for typed in cases {
        assert_eq!(code(typed), "personal", "{typed:?}");
    }
    let korean = Password::from_typed("김철수김철수김철수김철수김철수");
    let refused = PasswordPolicy::default().check(&korean, &["k@example.kr", "김철수"]);
    assert_eq!(refused, Err(WeakPassword::Personal));
}

#[test]
fn what_is_known_may_be_part_of_a_password_in_which_enough_else_is_left() {
    let refused = |text: &str| refuse_personal(text, &["alice", "wonderland"]).is_err();
    assert!(refused("wonderland bcdfghj"), "seven of seventeen letters are left");
    assert!(!refused("wonderland bcdfghjk"), "eight are");
    assert!(!refused("alice bcdfghj"), "seven of twelve are");
    assert!(refused("alice bcdfg"), "five of ten are");
    assert!(!refused("bcdfghj"), "all seven are");
    assert!(refuse_personal("xaxbxcxdxexf", &["x"]).is_ok(), "one letter says nothing of anybody");
}

#[test]
fn words_that_are_said_again_count_once_from_two_letters_on() {
    assert_eq!(without_repeated_words("ab ab cd").as_deref(), Some("ab cd"));
    assert_eq!(without_repeated_words("Fog-fog-FOG").as_deref(), Some("Fog"));
    assert_eq!(without_repeated_words("a b a b"), None);
    assert_eq!(without_repeated_words("ab cd"), None);
}

#[test]
fn random_text_of_the_shortest_length_passes() {
    for (text, min) in [("kxqzvbjw", 8), ("kxqzvbjwm", 9), ("kxqzvbjwmh", 10)] {
        refuse_guessable(text, &[], min).unwrap();
    }
    assert!(refuse_guessable("kxqzvbj", &[], 8).is_err());
}

#[test]
fn an_account_without_a_name_may_use_any_phrase() {
    let phrase = Password::from_typed("velvet tundra piston oatmeal");
    assert_eq!(PasswordPolicy::default().check(&phrase, &["a@b.example", ""]), Ok(()));
}

#[test]
fn pw_9_control_characters_are_refused() {
    for typed in [
        "velvet\ttundra piston oatmeal",
        "velvet tundra piston\n",
        "velvet tundra\0piston",
        "velvet tundra \u{85}piston",
    ] {
        assert_eq!(code(typed), "control_characters", "{typed:?}");
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let too_short = checked("short").unwrap_err().to_string();
    assert!(too_short.contains("15") && too_short.contains("phrase of four or more"));
    let repeats = checked("aaaaaaaaaaaaaaaa").unwrap_err().to_string();
    assert!(repeats.contains("Repeats like") && repeats.ends_with("unrelated words"));
    // Where the estimate has no advice to give.
    let common = checked("thisismypassword").unwrap_err().to_string();
    assert!(common.contains("guess. It is made of common words. Try"), "{common}");
}

#[test]
fn no_password_takes_long_to_judge() {
    // Signs that may stand for letters multiply the readings: two seconds, unless they are bounded.
    let hard = [
        "4@8({[<369 1!|70$5+%2".repeat(5),
        "4a8b3c6d9e1f7g0h5i2j@k!l".repeat(4),
        "a4@b8c({[<d3g69h1!i|j7l0o$s5t+x%z2".repeat(30),
        "ab".repeat(512),
    ];
    for typed in hard {
        let took = (0..3).map(|_| {
            let start = Instant::now();
            let _ = checked(&typed);
            start.elapsed()
        });
        assert!(took.min() < Some(Duration::from_millis(500)), "{typed:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_rules(typed in ".{0,60}", email in ".{0,20}", name in ".{0,20}") {
        let password = Password::from_typed(&typed);
        prop_assert!(password.reveal().is_none_or(|text| text.len() <= Password::LONGEST));
        let _ = PasswordPolicy::default().check(&password, &[&email, &name]);
    }

    #[test]
    fn a_normalised_password_stays_as_it_is(typed in "\\PC{0,40}") {
        if let Some(text) = Password::from_typed(&typed).reveal() {
            let again = Password::from_typed(text);
            prop_assert_eq!(again.reveal(), Some(text));
        }
    }
}
