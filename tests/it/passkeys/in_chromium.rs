//! Passkeys in a real browser, by the virtual authenticator of its debugging protocol.

use chromiumoxide::cdp::browser_protocol::page::AddScriptToEvaluateOnNewDocumentParams;
use chromiumoxide::cdp::browser_protocol::web_authn::{
    AddCredentialParams, AddVirtualAuthenticatorParams, AuthenticatorId, AuthenticatorProtocol,
    AuthenticatorTransport, ClearCredentialsParams, Credential, EnableParams, GetCredentialsParams,
    SetResponseOverrideBitsParams, VirtualAuthenticatorOptions,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::authenticator::{options, refused};
use crate::browser::{EMAIL, sign_in};
use crate::harness::browser::Browser;
use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::Client;
use crate::harness::server::Server;

const BUTTON: &str = "form[data-passkey] button[type=button]";

async fn authenticator(tab: &Tab) -> AuthenticatorId {
    authenticator_that(tab, true).await
}

async fn authenticator_that(tab: &Tab, backs_up: bool) -> AuthenticatorId {
    tab.page.execute(EnableParams::default()).await.unwrap();
    let options = VirtualAuthenticatorOptions::builder()
        .protocol(AuthenticatorProtocol::Ctap2)
        .transport(AuthenticatorTransport::Internal)
        .has_resident_key(true)
        .has_user_verification(true)
        .is_user_verified(true)
        .default_backup_eligibility(backs_up)
        .default_backup_state(backs_up)
        .build()
        .unwrap();
    let added = tab.page.execute(AddVirtualAuthenticatorParams::new(options)).await.unwrap();
    added.result.authenticator_id.clone()
}

/// The button alone, without the list below the field.
async fn without_autofill(tab: &Tab) {
    let source = "PublicKeyCredential.isConditionalMediationAvailable = async () => false";
    let params = AddScriptToEvaluateOnNewDocumentParams::new(source);
    tab.page.execute(params).await.unwrap();
}

async fn answers_with(tab: &Tab, id: &AuthenticatorId, bogus: bool, unverified: bool) {
    let bits = SetResponseOverrideBitsParams::builder()
        .authenticator_id(id.clone())
        .is_bogus_signature(bogus)
        .is_bad_uv(unverified)
        .build()
        .unwrap();
    tab.page.execute(bits).await.unwrap();
}

/// Takes the key out of the authenticator.
async fn takes_out(tab: &Tab, id: &AuthenticatorId) -> Credential {
    let all = tab.page.execute(GetCredentialsParams::new(id.clone())).await.unwrap();
    tab.page.execute(ClearCredentialsParams::new(id.clone())).await.unwrap();
    let [key] = &all.result.credentials[..] else { panic!("{:?}", all.result) };
    key.clone()
}

/// Puts the key back, as if it had made this many signatures.
async fn puts_back(tab: &Tab, id: &AuthenticatorId, key: &Credential, sign_count: i64) {
    let key = Credential { sign_count, ..key.clone() };
    tab.page.execute(AddCredentialParams::new(id.clone(), key)).await.unwrap();
}

async fn adds_a_passkey(tab: &Tab, server: &Server) {
    tab.open(&format!("{}/account/second-factor", server.url)).await;
    tab.wait_until("!document.querySelector('form[data-passkey]').hidden").await;
    tab.until_next_document(tab.click(BUTTON)).await;
    assert!(tab.text().await.contains("Recovery codes"), "{}", tab.text().await);
}

async fn signs_out(tab: &Tab, server: &Server) {
    tab.open(&format!("{}/account", server.url)).await;
    tab.until_next_document(tab.click("form.leave button")).await;
    assert_eq!(tab.path().await, "/login");
}

async fn uses_the_passkey(tab: &Tab) {
    tab.wait_until("!document.querySelector('form[data-passkey]').hidden").await;
    tab.until_next_document(tab.click(BUTTON)).await;
}

#[tokio::test]
async fn a_passkey_signs_in_by_a_button_until_it_is_removed() {
    let Some(chromium) = Chromium::start("passkeys in a browser").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    let id = authenticator(&tab).await;
    without_autofill(&tab).await;
    sign_in(&tab, &server, EMAIL).await;
    adds_a_passkey(&tab, &server).await;
    signs_out(&tab, &server).await;

    for (bogus, unverified) in [(true, false), (false, true)] {
        answers_with(&tab, &id, bogus, unverified).await;
        uses_the_passkey(&tab).await;
        assert_eq!(tab.path().await, "/login");
        assert!(tab.text().await.contains("The passkey was not accepted"));
    }
    answers_with(&tab, &id, false, false).await;
    uses_the_passkey(&tab).await;
    assert_eq!(tab.path().await, "/account");

    tab.open(&format!("{}/account/second-factor", server.url)).await;
    tab.until_next_document(tab.click("form[action$='/remove'] button")).await;
    assert_eq!(tab.path().await, "/login", "its own session ends with it");
    assert!(tab.text().await.contains("The passkey that started this session was removed."));
    chromium.close().await;
}

#[tokio::test]
async fn a_passkey_is_offered_below_the_address() {
    let Some(chromium) = Chromium::start("the autofill of passkeys").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    authenticator(&tab).await;
    without_autofill(&tab).await;
    sign_in(&tab, &server, EMAIL).await;
    adds_a_passkey(&tab, &server).await;
    signs_out(&tab, &server).await;

    // The virtual authenticator picks the passkey by itself.
    let offer = "PublicKeyCredential.isConditionalMediationAvailable = async () => true";
    let params = AddScriptToEvaluateOnNewDocumentParams::new(offer);
    tab.page.execute(params).await.unwrap();
    tab.open(&format!("{}/login", server.url)).await;
    tab.wait_until("location.pathname === '/account'").await;
    chromium.close().await;
}

/// Another program of the machine, whose pages use the passkey of ours.
async fn other_pages() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let page = "<!doctype html><title>Prize</title><p>Click here";
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
        let answer = format!("{head}Content-Length: {}\r\n\r\n{page}", page.len());
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    port
}

/// The answer of the authenticator to these options, or why the browser asked it for none.
async fn proves(tab: &Tab, options: &Value) -> Value {
    let asked = format!("PublicKeyCredential.parseRequestOptionsFromJSON({options})");
    let script = format!(
        "navigator.credentials.get({{ publicKey: {asked} }})\
         .then((key) => key.toJSON(), (error) => error.name)"
    );
    tab.value(&script).await
}

#[tokio::test]
async fn pk_2_a_passkey_that_a_page_of_another_origin_asked_for_signs_nobody_in() {
    let Some(chromium) = Chromium::start("passkeys of other origins").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    authenticator(&tab).await;
    without_autofill(&tab).await;
    sign_in(&tab, &server, EMAIL).await;
    adds_a_passkey(&tab, &server).await;
    let port = other_pages().await;
    let phisher = Browser::of(server.address(), &server.url);

    // The browser keeps it to the host of its pages.
    for host in ["127.0.0.1", "evil.localhost"] {
        tab.open(&format!("http://{host}:{port}/")).await;
        assert_eq!(proves(&tab, &options(&phisher).await).await, "SecurityError", "{host}");
    }
    // Ports do not count for the browser, but for the server.
    tab.open(&format!("http://localhost:{port}/")).await;
    let credential = proves(&tab, &options(&phisher).await).await;
    assert!(credential["response"]["signature"].is_string(), "{credential}");
    let proof = json!({ "credential": credential });
    let answer = phisher.post("/api/session/passkey", proof).await;
    assert_eq!(answer.refusal(), refused());

    // The same from a page of ours.
    tab.open(&format!("{}/account", server.url)).await;
    let proof = json!({ "credential": proves(&tab, &options(&phisher).await).await });
    assert_eq!(phisher.post("/api/session/passkey", proof).await.status, 200);
    chromium.close().await;
}

#[tokio::test]
async fn pk_5_a_count_that_goes_back_is_refused_for_a_key_that_is_not_backed_up() {
    let Some(chromium) = Chromium::start("the count of a passkey").await else { return };
    for backs_up in [false, true] {
        let server = Server::start();
        Client::of(&server).sign_up(EMAIL).await;
        let tab = chromium.tab().await;
        let id = authenticator_that(&tab, backs_up).await;
        without_autofill(&tab).await;
        sign_in(&tab, &server, EMAIL).await;
        adds_a_passkey(&tab, &server).await;
        signs_out(&tab, &server).await;
        let key = takes_out(&tab, &id).await;
        for (count, is_refused) in [(100, false), (50, !backs_up), (200, false)] {
            puts_back(&tab, &id, &key, count).await;
            uses_the_passkey(&tab).await;
            if is_refused {
                assert!(tab.text().await.contains("The passkey was not accepted"), "{count}");
            } else {
                assert_eq!(tab.path().await, "/account", "{count}, backed up: {backs_up}");
                signs_out(&tab, &server).await;
            }
            takes_out(&tab, &id).await;
        }
        tab.page.clone().close().await.unwrap();
    }
    chromium.close().await;
}

/// The dialog of the button takes the place of the list below the field, until it is closed.
#[tokio::test]
async fn a_passkey_is_offered_below_the_address_again_after_the_dialog_is_closed() {
    let Some(chromium) = Chromium::start("the autofill of passkeys again").await else { return };
    let server = Server::start();
    Client::of(&server).sign_up(EMAIL).await;
    let tab = chromium.tab().await;
    let id = authenticator(&tab).await;
    without_autofill(&tab).await;
    sign_in(&tab, &server, EMAIL).await;
    adds_a_passkey(&tab, &server).await;
    signs_out(&tab, &server).await;
    let key = takes_out(&tab, &id).await;
    let closes = "PublicKeyCredential.isConditionalMediationAvailable = async () => true; \
                  { const container = Object.getPrototypeOf(navigator.credentials); \
                  const get = container.get; window.asked = []; \
                  container.get = function (options) { \
                  window.asked.push(options.mediation ?? 'dialog'); \
                  return options.mediation === 'conditional' ? get.call(this, options) \
                  : Promise.reject(new DOMException('closed', 'NotAllowedError')); } }";
    let params = AddScriptToEvaluateOnNewDocumentParams::new(closes);
    tab.page.execute(params).await.unwrap();
    tab.open(&format!("{}/login", server.url)).await;
    tab.wait_until("window.asked.length === 1").await;
    puts_back(&tab, &id, &key, 10).await;
    assert_eq!(tab.path().await, "/login", "the list was made before");

    tab.until_next_document(tab.click(BUTTON)).await;

    assert_eq!(tab.path().await, "/account");
    chromium.close().await;
}
