//! The right to change accounts, as a value that the use cases require.

use crate::audit::By;
use crate::sessions::FreshProof;

/// Who changes an account, and that they may. A handler cannot make one without a fresh proof of
/// identity (OWASP ASVS 5.0, 7.5.1), so a forgotten check does not compile.
#[derive(Clone, Debug)]
pub struct Authorized(By);

impl Authorized {
    /// A user who proved their identity within the last ten minutes.
    #[must_use]
    pub fn by_user(_: FreshProof, by: By) -> Self {
        Self(by)
    }

    /// The command line or an embedding application: both can open the database themselves.
    #[must_use]
    pub fn by_operator(by: By) -> Self {
        Self(by)
    }

    /// The actor, for the audit trail.
    #[must_use]
    pub fn by(&self) -> &By {
        &self.0
    }
}
