//! Statements and their values, in the one form that both engines take.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Database, Encode, Postgres, Sqlite, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::{Epoch, UserId};
use crate::audit::EventId;
use crate::clock::unix_milliseconds;
use crate::sessions::{SessionId, TokenDigest};

/// The text of a statement, with `$1`, `$2` … where its values go.
#[derive(Clone, Copy)]
pub(in crate::store::sql) enum Text {
    /// The same for every engine.
    Same(&'static str),
    /// For each its own.
    Each {
        /// One after the other, with the same values, in one transaction.
        sqlite: &'static [&'static str],
        postgres: &'static str,
    },
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Same(text)
    }
}

/// A text that locks the rows it finds, where the engine has more than one writer.
macro_rules! locking {
    ($select:expr) => {
        $crate::store::sql::engine::Text::Each {
            sqlite: &[$select],
            postgres: concat!($select, " FOR UPDATE"),
        }
    };
}
pub(in crate::store::sql) use locking;

/// As [`locking`], and passes over rows that somebody else has locked. The select may stand in the
/// middle of a text.
macro_rules! locking_free {
    ($select:expr) => {
        $crate::store::sql::engine::locking_free!($select, "")
    };
    ($select:expr, $rest:literal) => {
        $crate::store::sql::engine::Text::Each {
            sqlite: &[concat!($select, $rest)],
            postgres: concat!($select, " FOR UPDATE SKIP LOCKED", $rest),
        }
    };
}
pub(in crate::store::sql) use locking_free;

/// A statement with its values, in the order of `$1`, `$2` … in its text.
#[derive(Clone)]
pub(in crate::store::sql) struct Statement {
    text: Text,
    values: Vec<Value>,
}

/// A value. What is absent has a type too, which a database asks for before it takes a NULL.
#[derive(Clone)]
pub(in crate::store::sql) enum Value {
    Bytes(Option<Vec<u8>>),
    Text(Option<String>),
    Number(Option<i64>),
    Truth(bool),
}

/// A statement without values yet.
pub(in crate::store::sql) fn statement(text: impl Into<Text>) -> Statement {
    Statement { text: text.into(), values: Vec::new() }
}

impl Statement {
    /// With one more value.
    pub(in crate::store::sql) fn bind(mut self, value: impl Bind) -> Self {
        self.values.push(value.into_value());
        self
    }

    /// What `SQLite` carries out before it.
    pub(in crate::store::sql) fn before(&self) -> Vec<Query<'static, Sqlite, SqliteArguments>> {
        match self.text {
            Text::Each { sqlite: [before @ .., _], .. } => {
                before.iter().map(|text| query(text, self.values.clone())).collect()
            }
            Text::Same(_) | Text::Each { .. } => Vec::new(),
        }
    }

    /// As the driver of `SQLite` takes it.
    pub(in crate::store::sql) fn sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        let text = match self.text {
            Text::Same(text) => text,
            Text::Each { sqlite, .. } => sqlite.last().copied().unwrap_or_default(),
        };
        query(text, self.values)
    }

    /// As the driver of `PostgreSQL` takes it.
    pub(in crate::store::sql) fn postgres(self) -> Query<'static, Postgres, PgArguments> {
        let text = match self.text {
            Text::Same(text) => text,
            Text::Each { postgres, .. } => postgres,
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

/// What a statement takes as a value.
pub(in crate::store::sql) trait Bind {
    fn into_value(self) -> Value;
}

/// What may be absent, too.
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

/// How each type is written down.
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
    EventId: Bytes, |id: Self| id.as_uuid().as_bytes().to_vec();
    String: Text, |text| text;
    &str: Text, str::to_owned;
    i64: Number, |number| number;
    u32: Number, i64::from;
    u8: Number, i64::from;
    Epoch: Number, Self::number;
    OffsetDateTime: Number, unix_milliseconds;
}
