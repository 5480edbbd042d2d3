//! Statements and their values, in the one form that both engines take.

use sqlx::query::Query;
use sqlx::{Database, Encode, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::{Epoch, UserId};
use crate::audit::EventId;
use crate::clock::unix_milliseconds;
use crate::sessions::{SessionId, TokenDigest};

/// A statement with its values, in the order of `$1`, `$2` … in its text.
pub(in crate::store::sql) struct Statement {
    text: &'static str,
    values: Vec<Value>,
}

/// A value. What is absent has a type too, which a database asks for before it takes a NULL.
pub(in crate::store::sql) enum Value {
    Bytes(Option<Vec<u8>>),
    Text(Option<String>),
    Number(Option<i64>),
    Truth(bool),
}

/// A statement without values yet.
pub(in crate::store::sql) fn statement(text: &'static str) -> Statement {
    Statement { text, values: Vec::new() }
}

impl Statement {
    /// With one more value.
    pub(in crate::store::sql) fn bind(mut self, value: impl Bind) -> Self {
        self.values.push(value.into_value());
        self
    }

    /// As the driver of an engine takes it.
    pub(in crate::store::sql) fn query<E: Database>(self) -> Query<'static, E, E::Arguments>
    where
        Option<Vec<u8>>: for<'v> Encode<'v, E> + Type<E>,
        Option<String>: for<'v> Encode<'v, E> + Type<E>,
        Option<i64>: for<'v> Encode<'v, E> + Type<E>,
        bool: for<'v> Encode<'v, E> + Type<E>,
    {
        self.values.into_iter().fold(sqlx::query(self.text), |query, value| match value {
            Value::Bytes(bytes) => query.bind(bytes),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Truth(truth) => query.bind(truth),
        })
    }
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
