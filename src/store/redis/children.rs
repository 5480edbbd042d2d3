//! Child sessions and hand-over codes in Redis.

use time::OffsetDateTime;

use super::RedisSessions;
use super::arguments::{bytes_of, milliseconds, unexpected};
use super::record::{self, FoundToken};
use super::script;
use crate::failure::StoreError;
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, CodeDigest, CodeKept, EndReason, Ended,
    HandoverCode, LiveChild, SessionId,
};

impl RedisSessions {
    pub(super) async fn begin_child(&self, start: &ChildStart) -> Result<ChildStarted, StoreError> {
        let ChildStart { child, digest } = start;
        let replaced = Ended { reason: EndReason::Replaced, at: child.created_at };
        let (record, why) = (record::child(child)?, record::why(replaced));
        let arguments: [&[u8]; 3] = [digest.as_bytes(), &record, &why];
        let answer: Vec<Vec<u8>> = self.run(&script::START_CHILD, &arguments).await?;
        match answer.split_first().map(|(word, rest)| (&word[..], rest)) {
            Some((b"gone", [])) => Ok(ChildStarted::Gone),
            Some((b"taken", [])) => Ok(ChildStarted::Taken),
            Some((b"started", [replaced])) => Ok(ChildStarted::Started {
                replaced: (!replaced.is_empty()).then(|| record::id(replaced)).transpose()?,
            }),
            _ => Err(unexpected()),
        }
    }

    pub(super) async fn child_of_id(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError> {
        match self.find_token(&script::FIND, &bytes_of(id)).await? {
            Some(FoundToken::Child(child)) => Ok(Some(child)),
            _ => Ok(None),
        }
    }

    pub(super) async fn list_children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
        let (sessions, user) = match of {
            ChildrenOf::Session(id) => (bytes_of(id).to_vec(), Vec::new()),
            ChildrenOf::Sessions(ids) if ids.is_empty() => return Ok(Vec::new()),
            ChildrenOf::Sessions(ids) => {
                (ids.into_iter().flat_map(|id| bytes_of(id).to_vec()).collect(), Vec::new())
            }
            ChildrenOf::User(user) => (Vec::new(), user.as_uuid().as_bytes().to_vec()),
        };
        let found: Vec<Vec<u8>> = self.run(&script::CHILDREN, &[&sessions, &user]).await?;
        let mut children: Vec<Child> =
            found.iter().filter_map(|bytes| record::parse_child(bytes)).collect();
        children.sort_by_key(|child| child.id);
        Ok(children)
    }

    pub(super) async fn put_code(
        &self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        let (now, most) = (milliseconds(now), HandoverCode::MOST.to_string());
        let arguments: [&[u8]; 6] = [
            code.digest.as_bytes(),
            &bytes_of(code.session),
            &record::time(code.expires_at),
            now.as_bytes(),
            &record::rest_of_code(code),
            most.as_bytes(),
        ];
        let answer: Vec<u8> = self.run(&script::KEEP_CODE, &arguments).await?;
        match &answer[..] {
            b"kept" => Ok(CodeKept::Kept),
            b"gone" => Ok(CodeKept::Gone),
            b"full" => Ok(CodeKept::Full),
            b"taken" => Ok(CodeKept::Taken),
            _ => Err(unexpected()),
        }
    }

    pub(super) async fn delete_code(
        &self,
        digest: &CodeDigest,
    ) -> Result<Option<HandoverCode>, StoreError> {
        let taken: Option<Vec<u8>> = self.run(&script::TAKE_CODE, &[digest.as_bytes()]).await?;
        taken.map(|bytes| record::code(*digest, &bytes)).transpose()
    }
}
