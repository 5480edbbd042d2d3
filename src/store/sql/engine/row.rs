//! Rows of either engine behind one type.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, Postgres, Row as _, Sqlite, Type, ValueRef as _};

use super::failed;
use crate::failure::StoreError;

/// A row of a query.
pub(in crate::store::sql) enum SqlRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A type that a column can be read as.
pub(in crate::store::sql) trait ColumnValue:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}
impl<T> ColumnValue for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

/// The name of a column, or its index.
pub(in crate::store::sql) trait ColumnKey:
    ColumnIndex<SqliteRow> + ColumnIndex<PgRow>
{
}
impl<T: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>> ColumnKey for T {}

/// A record read from the columns with the names of its fields.
pub(in crate::store::sql) trait FromColumns: Sized {
    fn from_columns(row: &SqlRow) -> Result<Self, StoreError>;
}

/// Implements [`FromColumns`]. The derive macro of sqlx would compile `SQLite` a second time.
macro_rules! from_columns {
    ($record:ident { $($column:ident),+ $(,)? }) => {
        impl $crate::store::sql::engine::FromColumns for $record {
            fn from_columns(
                row: &$crate::store::sql::engine::SqlRow,
            ) -> Result<Self, $crate::failure::StoreError> {
                Ok(Self { $($column: row.get(stringify!($column))?),+ })
            }
        }
    };
}
pub(in crate::store::sql) use from_columns;

impl SqlRow {
    /// Reads a column.
    pub(in crate::store::sql) fn get<T: ColumnValue>(
        &self,
        column: impl ColumnKey,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(failed)
    }

    /// Whether a column is NULL.
    pub(in crate::store::sql) fn is_null(&self, column: &str) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get_raw(column).map(|value| value.is_null()),
            Self::Postgres(row) => row.try_get_raw(column).map(|value| value.is_null()),
        }
        .map_err(failed)
    }

    /// Reads a record.
    pub(in crate::store::sql) fn read<T: FromColumns>(&self) -> Result<T, StoreError> {
        T::from_columns(self)
    }
}
