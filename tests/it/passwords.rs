//! Which passwords can be set, by every way of setting one, and that they count as they were typed.

use std::collections::BTreeSet;

use anteroom::accounts::{Password, PasswordPolicy};
use serde_json::json;

use crate::harness::app::{Kind, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::server::Place;

/// What stands at the top of every list of passwords that were found out.
const COMMON: [&str; 72] = [
    "password",
    "123456",
    "12345678",
    "123456789",
    "1234567890",
    "qwerty",
    "qwertyuiop",
    "abc123",
    "111111",
    "123123",
    "000000",
    "666666",
    "987654321",
    "iloveyou",
    "admin",
    "welcome",
    "monkey",
    "dragon",
    "letmein",
    "login",
    "princess",
    "football",
    "baseball",
    "basketball",
    "soccer",
    "hockey",
    "master",
    "sunshine",
    "shadow",
    "superman",
    "batman",
    "trustno1",
    "michael",
    "jennifer",
    "jordan",
    "thomas",
    "robert",
    "daniel",
    "jessica",
    "ashley",
    "andrew",
    "charlie",
    "george",
    "summer",
    "winter",
    "flower",
    "cookie",
    "cheese",
    "banana",
    "orange",
    "purple",
    "chocolate",
    "computer",
    "internet",
    "samsung",
    "google",
    "starwars",
    "pokemon",
    "freedom",
    "whatever",
    "nothing",
    "secret",
    "killer",
    "hunter",
    "ranger",
    "access",
    "passw0rd",
    "qazwsx",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r",
    "mustang",
];

/// What people do to a common password that is too short, and what programs that guess do too.
fn lengthened(word: &str) -> Vec<String> {
    let capital = format!("{}{}", word[..1].to_uppercase(), &word[1..]);
    let reversed: String = word.chars().rev().collect();
    let mut all = Vec::new();
    for base in [word, &capital, &word.to_uppercase(), &reversed] {
        all.push(base.repeat(15_usize.div_ceil(base.len())));
        for filling in
            ["1234567890", "0987654321", "111111111", "!!!!!!!!!", ".........", "000000000"]
        {
            all.push(format!("{base}{filling}"));
            all.push(format!("{filling}{base}"));
        }
        for tail in ["1", "123", "!", "2024"] {
            all.push(format!("{base}{base}{base}{tail}"));
        }
        all.push(format!("{base} {base} {base}"));
        all.push(format!("{base}-{base}-{base}"));
    }
    all.retain(|password| password.chars().count() >= 15);
    all
}

#[test]
fn pw_6_three_thousand_common_passwords_of_fifteen_characters_are_refused() {
    let policy = PasswordPolicy::default();
    let (mut tried, mut accepted) = (BTreeSet::new(), Vec::new());
    for password in COMMON.iter().flat_map(|word| lengthened(word)) {
        let judged = policy.check(&Password::from_typed(&password), &["kim@example.org", "Kim"]);
        if judged.is_ok() {
            accepted.push(password.clone());
        }
        tried.insert(password);
    }
    assert!(accepted.is_empty(), "{} are accepted: {accepted:?}", accepted.len());
    assert!(tried.len() >= 3000, "only {} were tried", tried.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pw_6_no_way_of_setting_a_password_takes_a_weak_one() {
    let app = TestApp::start(Kind::Database).await;
    let link = app.anteroom.issue_setup_link().await.unwrap().unwrap();
    let (_, token) = link.split_once("token=").unwrap();
    let ada = app.signed_in("ada.lovelace@example.org").await;
    for (weak, code) in [
        ("aaaaaaaaaaaaaaaa", "guessable"),
        ("passwordpassword", "guessable"),
        ("ada.lovelace@example.org", "personal"),
        ("anteroomanteroom", "personal"),
        ("anteroom12345678", "guessable"),
        ("fourteen chars", "too_short"),
    ] {
        let new = app.browser().sign_up("ada.lovelace@example.org", weak).await;
        assert_eq!(new.status, 422, "{weak}");
        let error = new.json()["errors"]["password"].clone();
        assert_eq!(error["code"], code, "{weak}");
        assert!(error["message"].as_str().unwrap().len() > 30, "no reason: {error}");
        let fields = [("email", "ada.lovelace@example.org"), ("password", weak)];
        assert_eq!(app.browser().post_form("/signup", &fields).await.status, 422, "{weak}");

        let changed = ada.change_password(PASSWORD, weak).await;
        assert_eq!(changed.json()["errors"]["new_password"]["code"], code, "{weak}");
        let fields = [("current_password", PASSWORD), ("new_password", weak)];
        assert_eq!(ada.post_form("/account/password", &fields).await.status, 422, "{weak}");

        let fields = [("token", token), ("email", "ada.lovelace@example.org"), ("password", weak)];
        assert_eq!(app.browser().post_form("/setup", &fields).await.status, 422, "{weak}");
    }
    assert!(ada.is_signed_in().await);
}

#[test]
fn pw_6_the_command_line_takes_no_weak_password_either() {
    let place = Place::new();
    let add = ["user", "add", "--password-stdin", "ada@example.org"];
    let refused = place.run_with_input(&add, "aaaaaaaaaaaaaaaa\n");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("guess"), "{refused:?}");
    let added = place.run_with_input(&add, &format!("{PASSWORD}\n"));
    assert_eq!(added.code, Some(0), "{added:?}");
    let set = ["user", "set-password", "--password-stdin", "ada@example.org"];
    let refused = place.run_with_input(&set, "aaaaaaaaaaaaaaaa\n");
    assert_eq!(refused.code, Some(1), "{refused:?}");
}

#[tokio::test]
async fn pw_1_fifteen_characters_are_enough_and_fourteen_are_not() {
    let app = TestApp::start(Kind::Memory).await;
    let short = "q7vKz2mXw9LpR4";
    let refused = app.browser().sign_up("ada@example.org", short).await;
    assert_eq!(refused.json()["errors"]["password"]["code"], "too_short");
    let page = app.browser().post_form("/signup", &[("email", "a@b.c"), ("password", short)]).await;
    assert!(page.text.contains("15"), "the page does not say how many");
    let enough = format!("{short}t");
    assert_eq!(app.browser().sign_up("ada@example.org", &enough).await.status, 201);
}

#[tokio::test]
async fn pw_2_a_long_password_counts_to_its_last_character() {
    let app = TestApp::start(Kind::Memory).await;
    let phrase = "velvet tundra piston oatmeal ".repeat(36);
    for (n, length) in [64, 72, 73, 128, 1024].into_iter().enumerate() {
        let (email, password) = (format!("ada{n}@example.org"), &phrase[..length]);
        assert_eq!(app.browser().sign_up(&email, password).await.status, 201, "{length}");
        let right = app.browser().try_to_sign_in(&email, password, false).await;
        assert_eq!(right.status, 200, "{length}");
        for cut in [length - 1, 56, 63] {
            let wrong = app.browser().try_to_sign_in(&email, &phrase[..cut], false).await;
            assert_eq!(wrong.status, 401, "{cut} of {length} are enough");
        }
    }
    let refused = app.browser().sign_up("long@example.org", &phrase[..1025]).await;
    assert_eq!(refused.status, 422);
    let error = refused.json()["errors"]["password"].clone();
    assert_eq!(error["code"], "too_long");
    assert!(error["message"].as_str().unwrap().contains("1024"), "{error}");
}

#[tokio::test]
async fn pw_3_whatever_can_be_typed_may_be_in_a_password_and_nothing_has_to() {
    let app = TestApp::start(Kind::Memory).await;
    for (n, password) in [
        "velvet tundra piston oatmeal",
        "오늘 저녁은 김치찌개를 먹자고 했다",
        "🦀🐘🦉🐙🦊🐝🦔🐳🦒🐢🦜🐌🦚🐿🦥",
        "<script>&amp;'\"%00\\;--",
        "вчера шёл снег на пальмы",
        "oauth(2)=good{plan}!",
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("ada{n}@example.org");
        assert_eq!(app.browser().sign_up(&email, password).await.status, 201, "{password}");
        let fields = [("email", &*email), ("password", password)];
        let answer = app.browser().post_form("/login", &fields).await;
        assert_eq!(answer.status, 303, "{password} by form");
    }
    // A year later it is as good as ever.
    app.pass(400 * crate::harness::app::DAY).await;
    let phrase = "velvet tundra piston oatmeal";
    let answer = app.browser().try_to_sign_in("ada0@example.org", phrase, false).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn pw_4_both_spellings_of_a_password_sign_in() {
    let app = TestApp::start(Kind::Memory).await;
    let (composed, decomposed) = (
        "caf\u{e9} noir \u{d55c}\u{ae00} zebra",
        "cafe\u{301} noir \u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af} zebra",
    );
    for (email, set) in [("ada@example.org", composed), ("bob@example.org", decomposed)] {
        assert_eq!(app.browser().sign_up(email, set).await.status, 201);
        for typed in [composed, decomposed] {
            let answer = app.browser().try_to_sign_in(email, typed, false).await;
            assert_eq!(answer.status, 200, "{email}");
            let fields = [("email", email), ("password", typed)];
            assert_eq!(app.browser().post_form("/login", &fields).await.status, 303);
        }
        let plain = app.browser().try_to_sign_in(email, "cafe noir 한글 zebra", false).await;
        assert_eq!(plain.status, 401, "more than the spelling is folded");
    }
}

#[tokio::test]
async fn pw_5_spaces_and_case_count_wherever_they_are() {
    let app = TestApp::start(Kind::Memory).await;
    let browser = app.browser();
    let password = "  velvet  Otter hums at nine ";
    let fields = [("email", "ada@example.org"), ("password", password)];
    assert_eq!(browser.post_form("/signup", &fields).await.status, 303);
    for (typed, status) in [
        (password, 200),
        (password.trim(), 401),
        (password.trim_end(), 401),
        (&password.replace("  ", " "), 401),
        (&password.to_lowercase(), 401),
        (&format!("{password} "), 401),
        ("  velvet\u{a0} Otter hums at nine ", 200),
    ] {
        let answer = app.browser().try_to_sign_in("ada@example.org", typed, false).await;
        assert_eq!(answer.status, status, "{typed:?}");
    }
}

#[tokio::test]
async fn pw_9_what_cannot_be_typed_again_is_refused_and_nothing_ends_a_password_early() {
    let app = TestApp::start(Kind::Memory).await;
    for sign in ["\0", "\t", "\n", "\r\n", "\u{1b}", "\u{7f}", "\u{85}"] {
        let password = format!("velvet otter{sign} hums at nine");
        let refused = app.browser().sign_up("ada@example.org", &password).await;
        assert_eq!(refused.json()["errors"]["password"]["code"], "control_characters", "{sign:?}");
    }
    let ada = app.signed_in("ada@example.org").await;
    let longer = format!("{PASSWORD}\0x");
    assert_eq!(app.browser().try_to_sign_in("ada@example.org", &longer, false).await.status, 401);
    assert_eq!(ada.change_password(PASSWORD, &format!("{OTHER_PASSWORD}\0")).await.status, 422);
}

#[tokio::test]
async fn pw_10_an_administrator_can_neither_set_a_password_nor_see_one() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.add("ada@example.org", anteroom::accounts::Role::User).await;
    let path = format!("/api/admin/users/{}", ada.user.id);
    for field in ["password", "new_password", "password_hash", "hash"] {
        let answer = root.patch(&path, json!({ field: OTHER_PASSWORD })).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{field}");
    }
    for path in ["/api/admin/users", &path, "/api/account", "/account"] {
        let shown = root.get(path).await.text;
        assert!(!shown.contains("argon2") && !shown.contains(PASSWORD), "{path}: {shown}");
    }
    app.signed_in("ada@example.org").await;
}
