//! The data that a session carries, in two separate parts.

use super::SessionId;

/// A part of a session's data. The parts are separate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compartment {
    /// The browser's JSON object, `/api/session/data`.
    Visitor,
    /// The data of server code, through `tower_sessions::Session`.
    Application,
}

/// The data of one compartment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The number of writes; 0 before the first.
    pub version: i64,
    /// The data as it was written; empty before the first write.
    pub data: Vec<u8>,
}

/// A conditional write of data.
#[derive(Clone, Debug)]
pub struct Keep {
    /// In which session.
    pub id: SessionId,
    /// In which compartment.
    pub compartment: Compartment,
    /// Only if the compartment still has this version.
    pub over: i64,
    /// The new data.
    pub data: Vec<u8>,
}

/// The outcome of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Written, under the next version.
    Kept,
    /// Another write came first: read again.
    Moved,
    /// The session has ended.
    Gone,
}
