//! What administrators see.

mod audit;
mod overview;
mod plot;
mod session;
mod sessions;
mod user;
mod users;

pub(crate) use audit::{AuditEventRow, AuditFilters, AuditTrailPage};
pub(crate) use overview::OverviewPage;
pub(crate) use plot::{Plot, PlottedSpan};
pub(crate) use session::{ExplainedSession, SessionEnd, SessionPolicyShown, SessionShownPage};
pub(crate) use sessions::{AllSessionsPage, SessionFilters, SessionRow};
pub(crate) use user::{UserNotice, UserPage};
pub(crate) use users::{NewUserTyped, ShownInvitation, UserRow, UsersNotice, UsersPage};

use super::{Frame, Place, Problems};
