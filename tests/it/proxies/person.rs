//! A person in a real browser, whose node goes away.

use super::Stage;
use crate::harness::balancer::Proxy;
use crate::harness::chromium::Chromium;
use crate::harness::client::PASSWORD;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_browser_returns_to_its_node_and_sees_a_notice_when_that_is_gone() {
    for proxy in Proxy::Nginx.tried() {
        let Some(mut stage) = Stage::sticky(proxy).await else { return };
        let there =
            format!("host-resolver-rules=MAP auth.example.org:443 {}", stage.balancer.https);
        let flags = ["ignore-certificate-errors", &there];
        let what = "a browser that finds back to its node";
        let Some(chromium) = Chromium::start_with(what, &flags).await else { return };
        let tab = chromium.tab().await;
        tab.open("https://auth.example.org/signup").await;
        tab.type_into("#email", "ada@example.org").await;
        tab.type_into("#password", PASSWORD).await;
        tab.follow("main form button").await;
        for path in ["/account/sessions", "/account", "/account/sessions", "/account"] {
            tab.follow(&format!("nav a[href='{path}']")).await;
            assert_eq!(tab.path().await, path, "{proxy:?}");
        }

        // All but one of them may go: whoever stays is the browser's.
        for number in 0..3 {
            stage.nodes.node(number).kill();
            tab.open("https://auth.example.org/account").await;
            if tab.path().await != "/account" {
                break;
            }
            stage.nodes.node(number).start();
        }
        assert_eq!(tab.path().await, "/login", "{proxy:?}");
        let text = tab.text().await;
        assert!(text.contains("The session that this browser had is no longer known"), "{text}");
        tab.type_into("#email", "ada@example.org").await;
        tab.type_into("#password", PASSWORD).await;
        tab.follow("main form button").await;
        assert_eq!(tab.path().await, "/account", "{proxy:?}");
        chromium.close().await;
    }
}
