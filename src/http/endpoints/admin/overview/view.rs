//! `GET /admin`.

use askama::Template;

use crate::http::endpoints::admin::overview::plot::Plot;
use crate::http::web::page_context::PageContext;

/// The overview of accounts, sessions and sign-ins.
#[derive(Template)]
#[template(config = "src/http/web/askama.toml", path = "admin/overview/overview.html")]
pub(crate) struct OverviewPage {
    /// The page context.
    pub(crate) context: PageContext,
    /// Live sessions of users and of visitors; `None` where they are not counted yet.
    pub(crate) live_sessions: Option<(u64, u64)>,
    /// Accounts.
    pub(crate) users: u64,
    /// Those that may sign in and are administrators.
    pub(crate) administrators: u64,
    /// Those that may not sign in.
    pub(crate) disabled: u64,
    /// The last hours, and the last days.
    pub(crate) plots: Vec<Plot>,
}

impl OverviewPage {
    fn heading(&self, plot: &Plot) -> String {
        match plot.name {
            "hours" => self.context.text("admin-hours"),
            _ => self.context.text("admin-days"),
        }
    }

    fn description(&self, plot: &Plot) -> String {
        self.context.texts().with_all(
            "admin-plot-description",
            [
                ("succeeded", plot.sign_ins().into()),
                ("failed", plot.failures().into()),
                ("most", plot.most().into()),
            ],
        )
    }
}
