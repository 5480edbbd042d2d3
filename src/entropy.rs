//! The one source of chance: tokens, ids, salts and request ids are drawn here and nowhere else.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::unix_milliseconds;

/// Makes the type of an id: what a thing is named by, a UUID of [`Entropy::id`].
macro_rules! id {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// The id of this UUID.
            #[must_use]
            pub fn from_uuid(id: uuid::Uuid) -> Self {
                Self(id)
            }

            /// As a UUID.
            #[must_use]
            pub fn as_uuid(&self) -> uuid::Uuid {
                self.0
            }

            /// Not above the id of anything made at this instant or later: see
            /// [`crate::entropy::SET_BACK`].
            #[must_use]
            pub fn first_of(at: time::OffsetDateTime) -> Self {
                Self(crate::entropy::first_id_of(at))
            }

            /// Reads the hyphenated lower-case form and no other.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let id = uuid::Uuid::try_parse(text).ok()?;
                (id.to_string() == text).then_some(Self(id))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
pub(crate) use id;

/// By how much an id may be ahead of the time of what it names: ids of one process keep their order
/// when its clock is set back.
pub(crate) const SET_BACK: time::Duration = time::Duration::seconds(61);

/// Begins with this instant as every id does, and sorts before all that were made then.
pub(crate) fn first_id_of(at: OffsetDateTime) -> Uuid {
    let milliseconds = u128::try_from(unix_milliseconds(at)).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(milliseconds << 80)
}

/// Draws unpredictable bytes, by default from the operating system. Cheap to clone.
#[derive(Clone)]
pub struct Entropy {
    source: Source,
    /// Milliseconds and count of the id made last, so that ids of one process keep their order.
    last_id: Arc<Mutex<(i64, u16)>>,
}

type Script = dyn FnMut(&mut [u8]) + Send;

#[derive(Clone)]
enum Source {
    OperatingSystem,
    Scripted(Arc<Mutex<Script>>),
}

/// The operating system gave no random bytes. Nothing that needs them may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random generator failed")]
pub struct NoEntropy;

impl Entropy {
    /// The operating system's generator.
    #[must_use]
    pub fn operating_system() -> Self {
        Self::from(Source::OperatingSystem)
    }

    /// Bytes that a test chooses, for example to force two equal tokens.
    pub fn scripted(fill: impl FnMut(&mut [u8]) + Send + 'static) -> Self {
        Self::from(Source::Scripted(Arc::new(Mutex::new(fill))))
    }

    /// `N` fresh bytes.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system refuses.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        match &self.source {
            #[expect(clippy::disallowed_methods, reason = "this is Entropy")]
            Source::OperatingSystem => getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?,
            Source::Scripted(fill) => {
                fill.lock().unwrap_or_else(PoisonError::into_inner)(&mut bytes);
            }
        }
        Ok(bytes)
    }

    /// A fresh id (`UUIDv7`) for something made at `now`. Ids of one process sort in the order in
    /// which they were made; 62 bits of each are random.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system refuses.
    pub fn id(&self, now: OffsetDateTime) -> Result<Uuid, NoEntropy> {
        let mut random = self.bytes::<10>()?;
        let (milliseconds, count) = self.next_id_position(unix_milliseconds(now).max(0));
        random[..2].copy_from_slice(&count.to_be_bytes());
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
    }

    /// Twelve bits of an id count within a millisecond; past that it borrows from the next one.
    fn next_id_position(&self, now: i64) -> (i64, u16) {
        let mut last = self.last_id.lock().unwrap_or_else(PoisonError::into_inner);
        *last = match *last {
            (at, _) if at < now => (now, 0),
            (at, 0xFFF) => (at + 1, 0),
            // A clock set back by more than a minute starts again from its own time.
            (at, _) if at - now > 60_000 => (now, 0),
            (at, count) => (at, count + 1),
        };
        *last
    }
}

impl From<Source> for Entropy {
    fn from(source: Source) -> Self {
        Self { source, last_id: Arc::default() }
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
