//! Hand-over codes.

use time::OffsetDateTime;

use crate::clock::from_unix_milliseconds;
use crate::failure::StoreError;
use crate::sessions::{CodeDigest, CodeKept, HandoverBinding, HandoverCode, Origin, SessionId};
use crate::store::sql::engine::{
    SqlRow, Transaction, for_update, for_update_skip_locked, is_unique_violation, statement,
};
use crate::store::sql::rows::uuid;

/// Codes of one session wait for each other on its row.
pub(super) async fn keep(
    tx: &mut Transaction,
    code: &HandoverCode,
    now: OffsetDateTime,
) -> Result<CodeKept, StoreError> {
    let session = statement(for_update!("SELECT 1 FROM sessions WHERE session_id = $1"));
    if tx.row(session.bind(code.session)).await?.is_none() {
        return Ok(CodeKept::Gone);
    }
    let outstanding =
        statement("SELECT COUNT(*) FROM handover_codes WHERE session_id = $1 AND expires_at > $2");
    let outstanding = tx.one_row(outstanding.bind(code.session).bind(now)).await?;
    let outstanding: i64 = outstanding.get(0)?;
    if outstanding >= i64::from(HandoverCode::MOST) {
        return Ok(CodeKept::Full);
    }
    let insert = statement(
        "INSERT INTO handover_codes (code_digest, session_id, origin, state_digest, expires_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(*code.digest.as_bytes())
    .bind(code.session)
    .bind(code.origin.as_str())
    .bind(*code.binding.as_bytes())
    .bind(code.expires_at);
    match tx.execute(insert).await {
        Err(error) if is_unique_violation(&error) => Ok(CodeKept::Taken),
        inserted => inserted.map(|_| CodeKept::Kept),
    }
}

/// Deletes the code. `None`: another call took it, or its session has ended.
pub(super) async fn take(
    tx: &mut Transaction,
    digest: &CodeDigest,
) -> Result<Option<HandoverCode>, StoreError> {
    let taken = statement(
        "DELETE FROM handover_codes WHERE code_digest = $1 \
         RETURNING session_id, origin, state_digest, expires_at",
    );
    let Some(row) = tx.row(taken.bind(*digest.as_bytes())).await? else { return Ok(None) };
    let code = code(&row, *digest)?;
    let live = statement("SELECT 1 FROM sessions WHERE session_id = $1").bind(code.session);
    Ok(tx.row(live).await?.map(|_| code))
}

fn code(row: &SqlRow, digest: CodeDigest) -> Result<HandoverCode, StoreError> {
    let session: Vec<u8> = row.get("session_id")?;
    let origin: String = row.get("origin")?;
    let binding: Vec<u8> = row.get("state_digest")?;
    let binding = binding.try_into().map_err(|_| StoreError::Corrupt("the binding of a code"))?;
    Ok(HandoverCode {
        digest,
        session: SessionId::from_uuid(uuid(&session)?),
        origin: Origin::of(origin),
        binding: HandoverBinding::from_bytes(binding),
        expires_at: from_unix_milliseconds(row.get("expires_at")?),
    })
}

/// Deletes expired codes.
pub(super) async fn sweep(
    tx: &mut Transaction,
    now: OffsetDateTime,
    most: u32,
) -> Result<u64, StoreError> {
    let expired = statement(for_update_skip_locked!(
        "DELETE FROM handover_codes WHERE code_digest IN (\
         SELECT code_digest FROM handover_codes WHERE expires_at <= $1 \
         ORDER BY expires_at LIMIT $2",
        ")"
    ));
    tx.execute(expired.bind(now).bind(most)).await
}
