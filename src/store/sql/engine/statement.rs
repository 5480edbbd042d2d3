//! Statements with their values, for both engines.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Database, Encode, Postgres, Sqlite, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::{Epoch, LetterId, UserId};
use crate::audit::EventId;
use crate::clock::unix_milliseconds;
use crate::sessions::{SessionId, TokenDigest};

/// The text of a statement with the placeholders `$1`, `$2` …
#[derive(Clone, Copy)]
pub(in crate::store::sql) enum Sql {
    /// One text for both engines.
    Same(&'static str),
    /// A text for each engine.
    Each {
        /// Run in sequence with the same values, in one transaction.
        sqlite: &'static [&'static str],
        postgres: &'static str,
    },
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::Same(text)
    }
}

/// A SELECT that locks the rows it finds. `SQLite` has one writer and needs no lock.
macro_rules! for_update {
    ($select:expr) => {
        $crate::store::sql::engine::Sql::Each {
            sqlite: &[$select],
            postgres: concat!($select, " FOR UPDATE"),
        }
    };
}
pub(in crate::store::sql) use for_update;

/// As [`for_update`], but skips rows locked by others. The SELECT may be a subquery followed by
/// `$rest`.
macro_rules! for_update_skip_locked {
    ($select:expr) => {
        $crate::store::sql::engine::for_update_skip_locked!($select, "")
    };
    ($select:expr, $rest:literal) => {
        $crate::store::sql::engine::Sql::Each {
            sqlite: &[concat!($select, $rest)],
            postgres: concat!($select, " FOR UPDATE SKIP LOCKED", $rest),
        }
    };
}
pub(in crate::store::sql) use for_update_skip_locked;

/// A statement with the values of `$1`, `$2` … in order.
#[derive(Clone)]
pub(in crate::store::sql) struct Statement {
    text: Sql,
    values: Vec<Value>,
}

/// A value. NULL has a type too, which `PostgreSQL` requires.
#[derive(Clone)]
pub(in crate::store::sql) enum Value {
    Bytes(Option<Vec<u8>>),
    Text(Option<String>),
    Number(Option<i64>),
    Truth(bool),
}

/// A statement without values.
pub(in crate::store::sql) fn statement(text: impl Into<Sql>) -> Statement {
    Statement { text: text.into(), values: Vec::new() }
}

impl Statement {
    /// Adds the next value.
    pub(in crate::store::sql) fn bind(mut self, value: impl Bind) -> Self {
        self.values.push(value.into_value());
        self
    }

    /// The statements that `SQLite` runs before it.
    pub(in crate::store::sql) fn preceding(&self) -> Vec<Query<'static, Sqlite, SqliteArguments>> {
        match self.text {
            Sql::Each { sqlite: [before @ .., _], .. } => {
                before.iter().map(|text| query(text, self.values.clone())).collect()
            }
            Sql::Same(_) | Sql::Each { .. } => Vec::new(),
        }
    }

    /// For the driver of `SQLite`.
    pub(in crate::store::sql) fn sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        let text = match self.text {
            Sql::Same(text) => text,
            Sql::Each { sqlite, .. } => sqlite.last().copied().unwrap_or_default(),
        };
        query(text, self.values)
    }

    /// For the driver of `PostgreSQL`.
    pub(in crate::store::sql) fn postgres(self) -> Query<'static, Postgres, PgArguments> {
        let text = match self.text {
            Sql::Same(text) => text,
            Sql::Each { postgres, .. } => postgres,
        };
        query(text, self.values)
    }
}

fn query<E: Database>(text: &'static str, values: Vec<Value>) -> Query<'static, E, E::Arguments>
where
    Option<Vec<u8>>: for<'v> Encode<'v, E> + Type<E>,
    Option<String>: for<'v> Encode<'v, E> + Type<E>,
    Option<i64>: for<'v> Encode<'v, E> + Type<E>,
    bool: for<'v> Encode<'v, E> + Type<E>,
{
    values.into_iter().fold(sqlx::query(text), |query, value| match value {
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
        Value::Truth(truth) => query.bind(truth),
    })
}

/// A type that can be bound to a statement.
pub(in crate::store::sql) trait Bind {
    fn into_value(self) -> Value;
}

/// A type that can also be bound as NULL.
pub(in crate::store::sql) trait BindNull: Sized {
    fn absent_or(value: Option<Self>) -> Value;
}

impl<T: BindNull> Bind for Option<T> {
    fn into_value(self) -> Value {
        T::absent_or(self)
    }
}

impl Bind for bool {
    fn into_value(self) -> Value {
        Value::Truth(self)
    }
}

/// How each type is stored.
macro_rules! bound_as {
    ($($type:ty: $kind:ident, $write:expr;)*) => {$(
        impl BindNull for $type {
            fn absent_or(value: Option<Self>) -> Value {
                Value::$kind(value.map($write))
            }
        }

        impl Bind for $type {
            fn into_value(self) -> Value {
                Self::absent_or(Some(self))
            }
        }
    )*};
}

bound_as! {
    Vec<u8>: Bytes, |bytes| bytes;
    [u8; 32]: Bytes, |bytes| bytes.to_vec();
    TokenDigest: Bytes, |digest: Self| digest.as_bytes().to_vec();
    Uuid: Bytes, |id: Self| id.as_bytes().to_vec();
    UserId: Bytes, |id: Self| id.as_uuid().as_bytes().to_vec();
    SessionId: Bytes, |id: Self| id.as_uuid().as_bytes().to_vec();
    LetterId: Bytes, |id: Self| id.as_uuid().as_bytes().to_vec();
    EventId: Bytes, |id: Self| id.as_uuid().as_bytes().to_vec();
    String: Text, |text| text;
    &str: Text, str::to_owned;
    i64: Number, |number| number;
    u32: Number, i64::from;
    u8: Number, i64::from;
    Epoch: Number, Self::number;
    OffsetDateTime: Number, unix_milliseconds;
}
