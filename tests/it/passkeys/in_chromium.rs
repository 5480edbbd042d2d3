//! Passkeys in a real browser, by the virtual authenticator of its debugging protocol.

use chromiumoxide::cdp::browser_protocol::page::AddScriptToEvaluateOnNewDocumentParams;
use chromiumoxide::cdp::browser_protocol::web_authn::{
    AddVirtualAuthenticatorParams, AuthenticatorId, AuthenticatorProtocol, AuthenticatorTransport,
    EnableParams, SetResponseOverrideBitsParams, VirtualAuthenticatorOptions,
};

use crate::browser::{EMAIL, sign_in};
use crate::harness::chromium::{Chromium, Tab};
use crate::harness::client::Client;
use crate::harness::server::Server;

const BUTTON: &str = "form[data-passkey] button[type=button]";

async fn authenticator(tab: &Tab) -> AuthenticatorId {
    tab.page.execute(EnableParams::default()).await.unwrap();
    let options = VirtualAuthenticatorOptions::builder()
        .protocol(AuthenticatorProtocol::Ctap2)
        .transport(AuthenticatorTransport::Internal)
        .has_resident_key(true)
        .has_user_verification(true)
        .is_user_verified(true)
        .default_backup_eligibility(true)
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
