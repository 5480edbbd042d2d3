//! The stored form of a kept session: session id, old digest, new digest, what was proven.

use uuid::Uuid;

use crate::accounts::{KeptSession, Proof};

pub(super) fn to_bytes(survivor: &KeptSession) -> Vec<u8> {
    let proven = [survivor.proof.number()];
    [&survivor.session.as_bytes()[..], &survivor.from, &survivor.to, &proven].concat()
}

pub(super) fn from_bytes(bytes: &[u8]) -> Option<KeptSession> {
    let (session, rest) = bytes.split_first_chunk::<16>()?;
    let (from, rest) = rest.split_first_chunk::<32>()?;
    let (to, rest) = rest.split_first_chunk::<32>()?;
    let (proof, rest) = rest.split_first()?;
    let proof = Proof::from_number(*proof)?;
    rest.is_empty().then_some(KeptSession {
        session: Uuid::from_bytes(*session),
        from: *from,
        to: *to,
        proof,
    })
}
