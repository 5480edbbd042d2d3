//! Rows of either engine, read the same way.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, FromRow, Postgres, Row as _, Sqlite, Type, ValueRef as _};

use super::failed;
use crate::failure::StoreError;

/// A row of an answer.
pub(in crate::store::sql) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column may hold.
pub(in crate::store::sql) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}
impl<T> Column for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

/// The name of a column, or its place.
pub(in crate::store::sql) trait Named:
    ColumnIndex<SqliteRow> + ColumnIndex<PgRow>
{
}
impl<T: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>> Named for T {}

/// A record that is read from the columns of its names.
pub(in crate::store::sql) trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>
{
}
impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>> Record for T {}

impl Row {
    /// What a column holds.
    pub(in crate::store::sql) fn get<T: Column>(
        &self,
        column: impl Named,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(failed)
    }

    /// Whether a column holds nothing.
    pub(in crate::store::sql) fn is_null(&self, column: &str) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get_raw(column).map(|value| value.is_null()),
            Self::Postgres(row) => row.try_get_raw(column).map(|value| value.is_null()),
        }
        .map_err(failed)
    }

    /// What the columns of a record hold.
    pub(in crate::store::sql) fn read<T: Record>(&self) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => T::from_row(row),
            Self::Postgres(row) => T::from_row(row),
        }
        .map_err(failed)
    }
}
