//! A real browser, told by the `DevTools` protocol what a person would do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chromiumoxide::cdp::browser_protocol::dom::ScrollIntoViewIfNeededParams;
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetScriptExecutionDisabledParams,
};
use chromiumoxide::cdp::browser_protocol::log::EventEntryAdded;
use chromiumoxide::cdp::browser_protocol::network::{
    EventRequestWillBeSent, Headers, SetExtraHttpHeadersParams,
};
use chromiumoxide::cdp::browser_protocol::page::CaptureScreenshotFormat;
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown};
use chromiumoxide::page::ScreenshotParams;
use chromiumoxide::{Browser, BrowserConfig, Page};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::chance::is_nightly;
use super::left_out::{find, program};
use super::server::PATIENCE;

const PAUSE: Duration = Duration::from_millis(20);

/// The library has commands that wait for ever.
async fn in_time<T>(operation: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, operation)
        .await
        .unwrap_or_else(|_| panic!("the browser does not answer"))
}

/// One browser with a profile of its own.
pub struct Chromium {
    browser: Browser,
    events: JoinHandle<()>,
    _profile: TempDir,
}

impl Chromium {
    /// `None` where there is no Chromium, which has been said then.
    pub async fn start(what_needs_it: &str) -> Option<Self> {
        Self::start_with(what_needs_it, &[]).await
    }

    /// With further flags.
    pub async fn start_with(what_needs_it: &str, further: &[&str]) -> Option<Self> {
        // Chromium without the parts around its engine takes a third of the processor time.
        let engine = find("chromium-headless-shell").filter(|_| !is_nightly());
        let program = engine.or_else(|| program("chromium", what_needs_it))?;
        let profile = TempDir::new().unwrap();
        let flags = [
            "disable-gpu",
            "disable-quic",
            "no-first-run",
            "disable-background-networking",
            "disable-component-update",
            "disable-sync",
            "disable-dev-shm-usage",
            "no-proxy-server",
        ];
        let config = BrowserConfig::builder()
            .chrome_executable(program)
            .user_data_dir(profile.path())
            .new_headless_mode()
            // As root, as in most containers, its own sandbox does not start.
            .no_sandbox()
            .launch_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .enable_cache()
            .viewport(None)
            .window_size(1280, 800)
            .args(flags)
            .args(further.iter().copied())
            .build()
            .unwrap();
        let (browser, mut handler) = Browser::launch(config).await.unwrap();
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        Some(Self { browser, events, _profile: profile })
    }

    /// A new tab, in which nothing is open yet.
    pub async fn tab(&self) -> Tab {
        let page = in_time(self.browser.new_page("about:blank")).await.unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        watch(&page, &seen).await;
        Tab { page, documents: AtomicU32::new(0), seen }
    }

    pub async fn close(mut self) {
        in_time(self.browser.close()).await.unwrap();
        in_time(self.browser.wait()).await.unwrap();
        self.events.abort();
    }
}

/// What went on in a tab beside what it showed.
#[derive(Default)]
struct Seen {
    complaints: Vec<String>,
    requests: Vec<String>,
}

async fn watch(page: &Page, seen: &Arc<Mutex<Seen>>) {
    page.enable_log().await.unwrap();
    page.enable_runtime().await.unwrap();
    // Log entries hold violations of the content security policy, and answers that are errors.
    let mut entries = page.event_listener::<EventEntryAdded>().await.unwrap();
    let mut calls = page.event_listener::<EventConsoleApiCalled>().await.unwrap();
    let mut exceptions = page.event_listener::<EventExceptionThrown>().await.unwrap();
    let mut requests = page.event_listener::<EventRequestWillBeSent>().await.unwrap();
    let seen = seen.clone();
    tokio::spawn(async move {
        loop {
            let (complaint, request) = tokio::select! {
                Some(event) = entries.next() => (Some(format!("{:?}", event.entry)), None),
                Some(event) = calls.next() => (Some(format!("{:?}", event.args)), None),
                Some(event) = exceptions.next() => (Some(format!("{:?}", event.exception_details)), None),
                Some(event) = requests.next() => (None, Some(event.request.url.clone())),
                else => break,
            };
            let mut seen = seen.lock().unwrap();
            seen.complaints.extend(complaint);
            seen.requests.extend(request);
        }
    });
}

/// A tab of a browser.
pub struct Tab {
    pub page: Page,
    documents: AtomicU32,
    seen: Arc<Mutex<Seen>>,
}

impl Tab {
    /// Opens an address as if it were typed.
    pub async fn open(&self, url: &str) {
        in_time(self.page.goto(url)).await.unwrap();
        self.settled().await;
    }

    pub async fn type_into(&self, selector: &str, text: &str) {
        let field = in_time(self.page.find_element(selector)).await.unwrap();
        in_time(field.focus()).await.unwrap();
        in_time(field.type_str(text)).await.unwrap();
    }

    pub async fn click(&self, selector: &str) {
        let found = in_time(self.page.find_element(selector)).await;
        let found = found.unwrap_or_else(|error| panic!("{selector}: {error}"));
        // Not `Element::click`, which waits for a script of its own where scripts do not run.
        let into_view = ScrollIntoViewIfNeededParams::builder().node_id(found.node_id).build();
        in_time(self.page.execute(into_view)).await.unwrap();
        let point = in_time(found.clickable_point()).await.unwrap();
        in_time(self.page.click(point)).await.unwrap();
    }

    /// Presses a key wherever the focus is.
    pub async fn press(&self, key: &str) {
        let all = in_time(self.page.find_element("html")).await.unwrap();
        in_time(all.press_key(key)).await.unwrap();
    }

    /// Does what leads to another document, and waits until that is there.
    pub async fn until_next_document(&self, operation: impl Future<Output = ()>) {
        // A number of its own, for one that was left before may be shown again as it was.
        let mark = self.documents.fetch_add(1, Ordering::Relaxed);
        self.run(&format!("window.leaving = {mark}")).await;
        operation.await;
        self.wait_until(&format!("window.leaving !== {mark}")).await;
        self.settled().await;
    }

    /// Clicks what leads to another document, and waits until that is there.
    pub async fn follow(&self, selector: &str) {
        self.until_next_document(self.click(selector)).await;
    }

    async fn settled(&self) {
        self.wait_until("document.readyState === 'complete'").await;
    }

    /// Looks until an expression is true; between two documents there is nothing to ask.
    pub async fn wait_until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let looked = in_time(self.page.evaluate_expression(expression)).await;
            if looked.ok().and_then(|seen| seen.into_value().ok()) == Some(true) {
                return;
            }
            assert!(Instant::now() < deadline, "never true: {expression}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What an expression gives in the page that is shown.
    pub async fn value<T: DeserializeOwned>(&self, expression: &str) -> T {
        let seen = in_time(self.page.evaluate_expression(expression)).await.unwrap();
        seen.into_value().unwrap()
    }

    /// Does something in the page that is shown.
    pub async fn run(&self, statement: &str) {
        let _: bool = self.value(&format!("{statement}; true")).await;
    }

    pub async fn path(&self) -> String {
        self.value("location.pathname").await
    }

    /// The words that can be read.
    pub async fn text(&self) -> String {
        self.value("document.body.innerText").await
    }

    /// The identifier of what has the focus, or what it says.
    pub async fn focus(&self) -> String {
        self.value("document.activeElement.id || document.activeElement.innerText.trim()").await
    }

    pub async fn without_scripts(&self) {
        self.page.execute(SetScriptExecutionDisabledParams::new(true)).await.unwrap();
    }

    /// Shows pages as a screen of this size does, in points, with so many pixels to a point.
    pub async fn screen(&self, (width, height): (i64, i64), density: f64, is_phone: bool) {
        let metrics = SetDeviceMetricsOverrideParams::new(width, height, density, is_phone);
        self.page.execute(metrics).await.unwrap();
    }

    /// Sends every request with this header.
    pub async fn with_header(&self, name: &str, value: &str) {
        let headers = Headers::new(serde_json::json!({ name: value }));
        in_time(self.page.execute(SetExtraHttpHeadersParams::new(headers))).await.unwrap();
    }

    /// Prefers `light` or `dark`, as the system would say.
    pub async fn prefer_scheme(&self, scheme: &str) {
        let feature = MediaFeature::new("prefers-color-scheme", scheme);
        in_time(self.page.emulate_media_features(vec![feature])).await.unwrap();
    }

    /// What is on the screen, as WebP.
    pub async fn picture(&self) -> Vec<u8> {
        let form = ScreenshotParams::builder().format(CaptureScreenshotFormat::Webp).quality(85);
        in_time(self.page.screenshot(form.build())).await.unwrap()
    }

    /// Everything that the console said, and every address that was asked for. Asking the page
    /// comes after all that the page has caused, so nothing is under way any more.
    pub async fn seen(&self) -> (Vec<String>, Vec<String>) {
        self.run("0").await;
        tokio::task::yield_now().await;
        let seen = self.seen.lock().unwrap();
        (seen.complaints.clone(), seen.requests.clone())
    }

    /// That the console is empty, and that only this server was asked for anything.
    pub async fn was_quiet(&self, url: &str) {
        let (complaints, requests) = self.seen().await;
        assert!(complaints.is_empty(), "{complaints:#?}");
        assert!(!requests.is_empty());
        let own = format!("{url}/");
        let foreign: Vec<_> = requests.iter().filter(|asked| !asked.starts_with(&own)).collect();
        assert!(foreign.is_empty(), "{foreign:#?}");
    }
}
