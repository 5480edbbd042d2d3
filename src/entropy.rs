//! The only source of randomness: tokens, ids, salts and request ids.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::unix_milliseconds;

/// Defines an id type that wraps a UUID of [`Entropy::id`].
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

            /// The lowest id for this time. Ids may be ahead of their time by
            /// [`crate::entropy::SET_BACK`].
            #[must_use]
            pub fn first_of(at: time::OffsetDateTime) -> Self {
                Self(crate::entropy::first_id_of(at))
            }

            /// Parses the hyphenated lower-case form only.
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

/// How far an id may be ahead of its time. Ids of one process keep their order when its clock is
/// set back.
pub(crate) const SET_BACK: time::Duration = time::Duration::seconds(61);

/// The lowest UUID with this timestamp.
pub(crate) fn first_id_of(at: OffsetDateTime) -> Uuid {
    let milliseconds = u128::try_from(unix_milliseconds(at)).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(milliseconds << 80)
}

/// Generates unpredictable bytes, by default from the operating system. Cheap to clone.
#[derive(Clone)]
pub struct Entropy {
    source: Source,
    /// Milliseconds and counter of the last id, so that ids of one process keep their order.
    last_id: Arc<Mutex<(i64, u16)>>,
}

#[cfg(any(test, feature = "testing"))]
type Script = dyn FnMut(&mut [u8]) + Send;

#[derive(Clone)]
enum Source {
    OperatingSystem,
    #[cfg(any(test, feature = "testing"))]
    Scripted(Arc<Mutex<Script>>),
}

/// The operating system provided no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random generator failed")]
pub struct NoEntropy;

impl Entropy {
    /// The operating system's generator.
    #[must_use]
    pub fn operating_system() -> Self {
        Self::from(Source::OperatingSystem)
    }

    #[cfg(any(test, feature = "testing"))]
    /// Bytes chosen by a test, for example to force two equal tokens.
    pub fn scripted(fill: impl FnMut(&mut [u8]) + Send + 'static) -> Self {
        Self::from(Source::Scripted(Arc::new(Mutex::new(fill))))
    }

    /// Generates `N` bytes.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system refuses.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        match &self.source {
            #[expect(clippy::disallowed_methods, reason = "this is Entropy")]
            Source::OperatingSystem => getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?,
            #[cfg(any(test, feature = "testing"))]
            Source::Scripted(fill) => {
                fill.lock().unwrap_or_else(PoisonError::into_inner)(&mut bytes);
            }
        }
        Ok(bytes)
    }

    /// Generates an id (`UUIDv7`) for the time `now`. Ids of one process sort by creation; 62 bits
    /// of each are random.
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

    /// Twelve bits of an id are a counter within a millisecond; an overflow uses the next
    /// millisecond.
    fn next_id_position(&self, now: i64) -> (i64, u16) {
        let mut last = self.last_id.lock().unwrap_or_else(PoisonError::into_inner);
        *last = match *last {
            (at, _) if at < now => (now, 0),
            (at, 0xFFF) => (at + 1, 0),
            // After a clock is set back by more than a minute, ids follow the clock again.
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
