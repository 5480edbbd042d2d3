//! Pages and counts of accounts.

use crate::accounts::{AccountCount, AccountPage, Email, Listing, Role, Status, UserId};
use crate::failure::StoreError;
use crate::store::sql::SqlDatabase;
use crate::store::sql::engine::{SqlRow, statement};
use crate::store::sql::rows::{listed_account, select_account, uuid};
use crate::text::folded;

/// The number of accounts that one substring search scans. No index helps, and a page must not cost
/// a scan of a million accounts.
const SEARCH_WINDOW: i64 = 100_000;

/// The last account of a search window. It uses the primary key only and reads no row.
pub(in crate::store::sql) const SEARCH_END: &str =
    "SELECT user_id FROM users WHERE user_id > $1 ORDER BY user_id LIMIT 1 OFFSET $2";
pub(in crate::store::sql) const ALL: &str =
    select_account!("WHERE users.user_id > $1 ORDER BY users.user_id LIMIT $2");
pub(in crate::store::sql) const SEARCH: &str = select_account!(
    "WHERE users.user_id > $1 AND users.user_id <= $2 AND search_text LIKE $3 ESCAPE '!' \
     ORDER BY users.user_id LIMIT $4"
);
pub(in crate::store::sql) const BY_EMAIL: &str = select_account!("WHERE email = $1");
/// Answered from the index by role.
pub(in crate::store::sql) const COUNT: &str =
    "SELECT role, status, COUNT(*) FROM users GROUP BY role, status";

/// Sorts after every id.
const AFTER_ALL: [u8; 17] = [0xFF; 17];

pub(in crate::store::sql) async fn list(
    database: &SqlDatabase,
    listing: &Listing,
) -> Result<AccountPage, StoreError> {
    let after = listing.after.map(|id| id.as_uuid().as_bytes().to_vec()).unwrap_or_default();
    let one_more = listing.limit.saturating_add(1);
    let Some(text) = &listing.query else {
        let page = statement(ALL).bind(after).bind(one_more);
        return page_of(&database.engine.rows(page).await?, listing.limit, None);
    };
    // No email address or name contains NUL, and the engines handle it differently.
    if text.contains('\0') {
        return Ok(AccountPage::default());
    }
    // A whole email address finds its account, outside of the search window too.
    if let Ok(email) = Email::parse(text)
        && let Some(row) = database.engine.row(statement(BY_EMAIL).bind(email.as_str())).await?
    {
        let accounts = listed_account(&row).into_iter();
        let is_ahead = |id: UserId| listing.after.is_none_or(|after| id > after);
        let accounts = accounts.filter(|account| is_ahead(account.user.id)).collect();
        return Ok(AccountPage { accounts, next: None });
    }
    let far_enough = statement(SEARCH_END).bind(after.clone()).bind(SEARCH_WINDOW - 1);
    let until = match database.engine.row(far_enough).await? {
        Some(row) => Some(row.get::<Vec<u8>>(0)?),
        None => None,
    };
    let search = statement(SEARCH)
        .bind(after)
        .bind(until.clone().unwrap_or_else(|| AFTER_ALL.to_vec()))
        .bind(containing(text))
        .bind(one_more);
    page_of(&database.engine.rows(search).await?, listing.limit, until)
}

/// `rows` has one row more than the limit if there is another page. A corrupt row is left out but
/// does not end the list. `until` is the end of the search window.
fn page_of(rows: &[SqlRow], limit: u32, until: Option<Vec<u8>>) -> Result<AccountPage, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let shown = &rows[..rows.len().min(limit)];
    let last = match shown.last().filter(|_| rows.len() > limit) {
        Some(last) => Some(last.get::<Vec<u8>>("user_id")?),
        None => until,
    };
    let next = last.map(|id| uuid(&id).map(UserId::from_uuid)).transpose()?;
    Ok(AccountPage { accounts: shown.iter().filter_map(listed_account).collect(), next })
}

pub(in crate::store::sql) async fn count(
    database: &SqlDatabase,
) -> Result<AccountCount, StoreError> {
    let mut count = AccountCount::default();
    for row in database.engine.rows(statement(COUNT)).await? {
        let (role, status): (String, String) = (row.get(0)?, row.get(1)?);
        let number: i64 = row.get(2)?;
        let number = u64::try_from(number).unwrap_or_default();
        count.all += number;
        if status != Status::Active.as_str() {
            count.disabled += number;
        } else if role == Role::Admin.as_str() {
            count.administrators += number;
        }
    }
    Ok(count)
}

/// The LIKE pattern that finds `text` anywhere, ignoring case.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in folded(text).chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
