//! Mail: recovery, confirmed addresses, notices, and what strangers learn from it.

mod address;
mod crashes;
mod decided;
mod delivery;
mod queue;
mod recovery;
mod reserved;
mod servers;
mod strangers;
mod verification;

use anteroom::Options;

use crate::harness::app::{Kind, TestApp};
use crate::harness::browser::Browser;
use crate::harness::mailbox::Mailbox;

/// A server that sends mail to a separate mailbox.
async fn app(kind: Kind) -> (TestApp, Mailbox) {
    app_with(kind, |_| ()).await
}

async fn app_with(kind: Kind, set: impl FnOnce(&mut Options)) -> (TestApp, Mailbox) {
    let mailbox = Mailbox::open().await;
    let mail = mailbox.options();
    let app = TestApp::start_with(kind, |options| {
        options.mail = Some(mail);
        set(options);
    });
    let app = app.await;
    mailbox.hurry(&app);
    (app, mailbox)
}

/// The kinds of events, the newest first.
async fn events(admin: &Browser) -> Vec<String> {
    let listed = admin.get("/api/admin/audit").await.json();
    let kinds = listed["events"].as_array().unwrap().iter();
    kinds.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}
