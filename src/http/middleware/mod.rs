//! What every request passes on its way in, and every answer on its way out.

mod checks;
mod finish;
mod guard;
mod headers;
mod measure;
mod session_layer;
mod whole_body;

pub(super) use checks::{Ending, check, is_check};
pub(super) use finish::{REQUEST_ID, RequestIds, finish_response, no_such_method, no_such_path};
pub(super) use guard::{GuardSettings, RequestGuard, guard, one_host};
pub(super) use headers::secure;
pub(super) use measure::measure;
pub(super) use session_layer::SessionLayerParts;
pub(super) use session_layer::forbid_sharing;
pub use session_layer::{SessionLayer, SessionService};
pub(super) use whole_body::whole_body;
