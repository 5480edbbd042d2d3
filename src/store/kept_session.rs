//! The stored form of a kept session: session id, old digest, new digest, authenticated flag.

use uuid::Uuid;

use crate::accounts::KeptSession;

pub(super) fn to_bytes(survivor: &KeptSession) -> Vec<u8> {
    let proven = [u8::from(survivor.authenticated)];
    [&survivor.session.as_bytes()[..], &survivor.from, &survivor.to, &proven].concat()
}

pub(super) fn from_bytes(bytes: &[u8]) -> Option<KeptSession> {
    let (session, rest) = bytes.split_first_chunk::<16>()?;
    let (from, rest) = rest.split_first_chunk::<32>()?;
    let (to, rest) = rest.split_first_chunk::<32>()?;
    let (proven, rest) = rest.split_first()?;
    rest.is_empty().then_some(KeptSession {
        session: Uuid::from_bytes(*session),
        from: *from,
        to: *to,
        authenticated: *proven == 1,
    })
}
