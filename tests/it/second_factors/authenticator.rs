//! An authenticator app of the tests.

use std::time::Duration;

use anteroom::accounts::TotpSecret;
use serde_json::json;

use crate::harness::app::TestApp;
use crate::harness::browser::{Answer, Browser};

/// Knows the secret of one account.
pub struct Authenticator(TotpSecret);

impl Authenticator {
    /// Reads a secret in base32.
    pub fn of(base32: &str) -> Self {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let bits = base32.bytes().flat_map(|letter| {
            let value = letters.iter().position(|known| *known == letter).unwrap();
            (0..5).rev().map(move |place| value >> place & 1)
        });
        let bits: Vec<usize> = bits.collect();
        let byte = |bits: &[usize]| {
            bits.iter().fold(0, |byte, bit| byte << 1 | u8::try_from(*bit).unwrap())
        };
        let bytes: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
        Self(TotpSecret::from_bytes(&bytes.into()).unwrap())
    }

    /// The code that it shows at this time.
    pub fn code_at(&self, now: time::OffsetDateTime) -> String {
        self.0.code_for_tests(now)
    }

    /// The code that it shows now.
    pub fn code(&self, app: &TestApp) -> String {
        self.code_at(app.clock.now())
    }

    /// The code that it shows once the one before is over.
    pub async fn next_code(&self, app: &TestApp) -> String {
        app.pass(Duration::from_secs(30)).await;
        self.code(app)
    }

    /// Proves it within a session.
    pub async fn reauthenticate(&self, app: &TestApp, browser: &Browser) {
        let code = self.next_code(app).await;
        let answer = browser.post("/api/session/reauthenticate", json!({ "code": code })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// The second step of a sign-in.
    pub async fn finish(&self, app: &TestApp, browser: &Browser) -> Answer {
        let code = self.next_code(app).await;
        send_code(browser, &code).await
    }

    /// Both steps.
    pub async fn sign_in(&self, app: &TestApp, email: &str, password: &str) -> Browser {
        let browser = app.browser();
        let first = browser.try_to_sign_in(email, password, false).await;
        assert_eq!(first.refusal(), (401, "second_factor_required".to_owned()));
        let answer = self.finish(app, &browser).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        browser
    }
}

pub async fn send_code(browser: &Browser, code: &str) -> Answer {
    browser.post("/api/session/second-factor", json!({ "code": code })).await
}

pub async fn send_recovery_code(browser: &Browser, code: &str) -> Answer {
    browser.post("/api/session/second-factor", json!({ "recovery_code": code })).await
}

/// The texts of a list.
pub fn texts(list: &serde_json::Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Adds an authenticator app in this session, and returns the recovery codes.
pub async fn set_up(app: &TestApp, browser: &Browser) -> (Authenticator, Vec<String>) {
    let begun = browser.post("/api/account/totp", json!({})).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    let authenticator = Authenticator::of(begun.json()["secret"].as_str().unwrap());
    let code = authenticator.code(app);
    let confirmed = browser.post("/api/account/totp/confirm", json!({ "code": code })).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    (authenticator, texts(&confirmed.json()["recovery_codes"]))
}
