//! Rows of either engine, read the same way.

use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, FromRow, Row as _, Sqlite, Type, ValueRef as _};

use super::failed;
use crate::failure::StoreError;

/// A row of an answer.
pub(in crate::store::sql) enum Row {
    Sqlite(SqliteRow),
}

/// What a column may hold.
pub(in crate::store::sql) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite>
{
}
impl<T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>> Column for T {}

/// The name of a column, or its place.
pub(in crate::store::sql) trait Named: ColumnIndex<SqliteRow> {}
impl<T: ColumnIndex<SqliteRow>> Named for T {}

/// A record that is read from the columns of its names.
pub(in crate::store::sql) trait Record:
    for<'r> FromRow<'r, SqliteRow>
{
}
impl<T: for<'r> FromRow<'r, SqliteRow>> Record for T {}

impl Row {
    /// What a column holds.
    pub(in crate::store::sql) fn get<T: Column>(
        &self,
        column: impl Named,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column).map_err(failed),
        }
    }

    /// Whether a column holds nothing.
    pub(in crate::store::sql) fn is_null(&self, column: &str) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get_raw(column).map(|value| value.is_null()),
        }
        .map_err(failed)
    }

    /// What the columns of a record hold.
    pub(in crate::store::sql) fn read<T: Record>(&self) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => T::from_row(row).map_err(failed),
        }
    }
}
