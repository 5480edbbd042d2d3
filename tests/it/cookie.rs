//! How the cookie is read: byte for byte, once, and from nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::harness::app::{Kind, TestApp, on_one_store};
use crate::harness::browser::Answer;
use crate::harness::wire::{raw, raw_get};

on_one_store!(
    sid_8_attack_6_only_the_exact_value_counts,
    attack_3_what_is_no_cookie_signs_nobody_in,
    attack_10_no_name_that_looks_like_ours_counts,
    ck_4_two_cookies_of_the_name_count_as_none,
    ck_5_ck_6_other_cookies_do_not_disturb,
    sid_5_attack_14_a_token_counts_nowhere_but_in_the_cookie,
    attack_21_what_the_server_shows_or_keeps_signs_nobody_in,
    ck_2_under_https_the_plain_name_is_ignored,
);

async fn who(app: &TestApp, cookies: &[u8]) -> Answer {
    raw_get(app, "/api/session", &[b"Cookie: ", cookies, b"\r\n"].concat()).await
}

/// That none of these signs anybody in, and that none is answered with a cookie.
async fn all_are_nobody(app: &TestApp, cookies: &[String]) {
    for cookies in cookies {
        let answer = who(app, cookies.as_bytes()).await;
        assert_eq!((answer.status, answer.code()), (401, "no_session".to_owned()), "{cookies}");
        assert_eq!(answer.set_cookies().len(), 0, "{cookies}");
    }
}

async fn sid_8_attack_6_only_the_exact_value_counts(kind: Kind) {
    let app = TestApp::start(kind).await;
    let v = app.signed_in("ada@example.org").await.token();
    assert_eq!(who(&app, format!("anteroom={v}").as_bytes()).await.status, 200);
    // The server drops spaces at the end of a header, so these are the same bytes.
    assert_eq!(who(&app, format!("anteroom={v} ").as_bytes()).await.status, 200);

    let encoded = |at: usize| format!("{}%{:02X}{}", &v[..at], v.as_bytes()[at], &v[at + 1..]);
    let (upper, lower) = (v.to_uppercase(), v.to_lowercase());
    let standard_alphabet = v.replace('-', "+").replace('_', "/");
    let mut values = vec![
        format!("\"{v}\""),
        format!("'{v}'"),
        format!(" {v}"),
        format!("{v} ; a=b"),
        format!("{v}="),
        format!("{v}x"),
        format!("{v}.{v}"),
        v[1..].to_owned(),
        v[..42].to_owned(),
        encoded(0),
        encoded(42),
        format!("{v}%20"),
        format!("{v}, anteroom={v}"),
        "A".repeat(43),
    ];
    values.extend([upper, lower, standard_alphabet].into_iter().filter(|other| *other != v));
    let cookies: Vec<_> = values.iter().map(|value| format!("anteroom={value}")).collect();
    all_are_nobody(&app, &cookies).await;
    for end in [b"\xff".as_slice(), b"\xc2\xa0", b"\t\x80"] {
        let high = [b"anteroom=", v.as_bytes(), end].concat();
        assert_eq!(who(&app, &high).await.status, 401, "{end:?}");
    }
    // The last of 43 characters carries two bits too many: the other spellings of the same bytes.
    let alphabet: Vec<char> =
        ('A'..='Z').chain('a'..='z').chain('0'..='9').chain("-_".chars()).collect();
    let last = alphabet.iter().position(|letter| v.ends_with(*letter)).unwrap();
    let aliases: Vec<_> = (0..4)
        .map(|low| last / 4 * 4 + low)
        .filter(|other| *other != last)
        .map(|other| format!("anteroom={}{}", &v[..42], alphabet[other]))
        .collect();
    all_are_nobody(&app, &aliases).await;
}

async fn attack_3_what_is_no_cookie_signs_nobody_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let v = app.signed_in("ada@example.org").await.token();

    let cookies = [
        String::new(),
        "anteroom=".to_owned(),
        "anteroom".to_owned(),
        v.clone(),
        format!("={v}"),
        format!("==anteroom={v}"),
        ";;;".to_owned(),
        format!(",anteroom={v}"),
        format!("a=b, anteroom={v}"),
        format!("a=\"; anteroom={v}x\""),
    ];
    all_are_nobody(&app, &cookies).await;
}

async fn attack_10_no_name_that_looks_like_ours_counts(kind: Kind) {
    let app = TestApp::start(kind).await;
    let v = app.signed_in("ada@example.org").await.token();

    let names = [
        "anteroom ",
        "Anteroom",
        "ANTEROOM",
        "__Host-anteroom",
        "__host-anteroom",
        "__Secure-anteroom",
        "xanteroom",
        "anteroom2",
        "anteroom%20",
        "%61nteroom",
        "$anteroom",
    ];
    all_are_nobody(&app, &names.map(|name| format!("{name}={v}"))).await;
}

async fn ck_4_two_cookies_of_the_name_count_as_none(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let v = browser.token();
    let other = app.signed_in("bob@example.org").await.token();

    for (one, two) in [(&*v, &*other), (&*v, &*v), (&*v, ""), ("x", &*v)] {
        for cookies in [
            format!("anteroom={one}; anteroom={two}"),
            format!("anteroom={two};anteroom={one}"),
            format!("anteroom={one}; a=b\r\nCookie: c=d; anteroom={two}"),
        ] {
            let answer = who(&app, cookies.as_bytes()).await;
            assert_eq!((answer.status, answer.code()), (401, "no_session".to_owned()), "{cookies}");
            assert!(answer.json()["detail"].as_str().unwrap().contains("delete the cookies"));
            assert_eq!(answer.set_cookies().len(), 0);
        }
    }
    let cookies = format!("Cookie: anteroom={v}; anteroom={other}\r\n");
    let page = raw_get(&app, "/login", cookies.as_bytes()).await;
    assert!(page.text.contains("Delete the cookies of this site"), "{}", page.text);
    let out = raw(&app, "DELETE /api/session HTTP/1.1", cookies.as_bytes(), b"").await;
    assert_eq!(out.status, 204);
    assert!(browser.is_signed_in().await, "a session was ended that cannot be told");
}

async fn ck_5_ck_6_other_cookies_do_not_disturb(kind: Kind) {
    let app = TestApp::start(kind).await;
    let v = app.signed_in("ada@example.org").await.token();

    for cookies in [
        format!("a=b; anteroom={v}; theme=dark"),
        format!("a=b;anteroom={v}"),
        format!("a=b;\t anteroom={v}"),
        format!("a=\"b; anteroom={v}; c=d\""),
        format!("; ; =; anteroom={v};"),
        format!("a=b\r\nCookie: anteroom={v}\r\nCookie: c=d"),
        format!("anteroom2=x; anteroom-old=y; __Host-anteroom=z; anteroom={v}"),
    ] {
        assert_eq!(who(&app, cookies.as_bytes()).await.status, 200, "{cookies}");
    }
    let bytes = [b"other=\xff\xfe\xe9; anteroom=", v.as_bytes(), b"; \xf0\x9f=1"].concat();
    assert_eq!(who(&app, &bytes).await.status, 200, "bytes beyond ASCII in another cookie");
}

async fn sid_5_attack_14_a_token_counts_nowhere_but_in_the_cookie(kind: Kind) {
    let app = TestApp::start(kind).await;
    let v = app.signed_in("ada@example.org").await.token();

    for path in [
        format!("/api/session?anteroom={v}"),
        format!("/api/session?token={v}&session={v}&access_token={v}"),
    ] {
        assert_eq!(raw_get(&app, &path, b"").await.status, 401, "{path}");
    }
    let matrix = raw_get(&app, &format!("/api/session;anteroom={v}"), b"").await;
    assert_eq!(matrix.status, 404);
    for header in
        ["Authorization: Bearer ", "Authorization: ", "X-Session-Id: ", "Cookie2: anteroom="]
    {
        let answer = raw_get(&app, "/api/session", format!("{header}{v}\r\n").as_bytes()).await;
        assert_eq!(answer.status, 401, "{header}");
    }
    for (line, body) in [
        ("PUT /api/account/password", format!(r#"{{"token":"{v}","anteroom":"{v}"}}"#)),
        ("PATCH /api/account", format!(r#"{{"name":"x","session":"{v}"}}"#)),
    ] {
        let kind = b"Content-Type: application/json\r\n";
        let answer = raw(&app, &format!("{line} HTTP/1.1"), kind, body.as_bytes()).await;
        assert_eq!(answer.status, 401, "{line}");
    }
    assert_eq!(raw_get(&app, &format!("/api/session/{v}"), b"").await.status, 404);
    let form = format!("anteroom={v}&current_password=x&new_password=y");
    let kind = b"Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = raw(&app, "POST /account/password HTTP/1.1", kind, form.as_bytes()).await;
    assert_eq!((answer.status, answer.location()), (303, "/login?next=/account"));
}

async fn attack_21_what_the_server_shows_or_keeps_signs_nobody_in(kind: Kind) {
    let app = TestApp::start(kind).await;
    let browser = app.signed_in("ada@example.org").await;
    let id = browser.session_id().await;
    let uuid: Vec<u8> = uuid::Uuid::parse_str(&id).unwrap().as_bytes().to_vec();
    let digest = Sha256::digest(browser.token());
    let hex: String = digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .fold(String::new(), |hex, digit| hex + &format!("{digit:x}"));

    let thief = app.browser();
    for value in [
        id.clone(),
        id.replace('-', ""),
        URL_SAFE_NO_PAD.encode(&uuid),
        format!("{id}{}", "A".repeat(43 - 36)),
        URL_SAFE_NO_PAD.encode(digest),
        hex.clone(),
        hex[..43].to_owned(),
        browser.user_id().await,
    ] {
        thief.hold(&value);
        assert_eq!(thief.why_not().await, "no_session", "{value}");
    }
}

async fn ck_2_under_https_the_plain_name_is_ignored(kind: Kind) {
    let app = TestApp::start_with(kind, |options| {
        "https://auth.example".clone_into(&mut options.public_url);
    })
    .await;
    let v = app.signed_in("ada@example.org").await.token();

    assert_eq!(who(&app, format!("__Host-anteroom={v}").as_bytes()).await.status, 200);
    for name in ["anteroom", "__host-anteroom", "__Host-Anteroom", "__Secure-anteroom"] {
        assert_eq!(who(&app, format!("{name}={v}").as_bytes()).await.status, 401, "{name}");
    }
    let both = who(&app, format!("anteroom=x; __Host-anteroom={v}").as_bytes()).await;
    assert_eq!(both.status, 200, "a planted cookie of the other name signs somebody out");
}
