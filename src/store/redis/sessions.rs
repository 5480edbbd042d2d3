//! The session store on Redis: runs a script for each call and parses its answer.

use std::cmp::Reverse;
use std::iter;
use std::sync::Arc;

use async_trait::async_trait;
use redis::{FromRedisValue, Value};
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use super::address::Address;
use super::arguments::{
    bytes_of, due, flag, idle_timeouts, milliseconds, name_of, named, unexpected,
};
use super::link::Link;
use super::record::{self, FoundToken};
use super::script::{self, Operation};
use super::trouble::RedisOpenError;
use crate::accounts::{EpochReason, UserId};
use crate::failure::StoreError;
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, CodeDigest, CodeKept, Compartment, Counted,
    Cursor, Cutoffs, Ended, Ending, EpochMove, HandoverCode, Keep, Keeping, Kept, LimitPolicy,
    LiveChild, Loaded, NewestSessions, Revocations, Rotation, Session, SessionId, SessionStore,
    Start, Started, Swept, TokenDigest, Touch,
};
use crate::store::feed_identity::FeedIdentity;
use crate::store::kept_session;

/// The maximum number of rows per script run: other clients wait while a script runs.
const SWEEP_BATCH: u32 = 50;
const TOUCH_BATCH: usize = 100;
const LIST_BATCH: u32 = 250;
/// Sorts after every id.
const AFTER_ALL: [u8; 17] = [0xFF; 17];

/// Sessions in a Redis or Valkey server. Open it once and share it.
pub struct RedisSessions {
    pub(super) link: Arc<Link>,
}

impl RedisSessions {
    /// Checks that the server of this URL can keep sessions: `redis://`, `rediss://` for
    /// TLS, or `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE`.
    ///
    /// # Errors
    /// [`RedisOpenError`] says what to do, without the password.
    pub async fn open(url: &SecretString) -> Result<Self, RedisOpenError> {
        let address = Address::parse(url.expose_secret()).map_err(RedisOpenError::Address)?;
        let link = Link::to(address);
        link.try_out().await?;
        Ok(Self { link: Arc::new(link) })
    }

    /// The display address of the server, without user and password.
    #[must_use]
    pub fn place(&self) -> &str {
        self.link.place()
    }

    /// Warnings for the operator: how the server may lose acknowledged changes.
    ///
    /// # Errors
    /// [`RedisOpenError`] when the server does not answer.
    pub async fn warnings(&self) -> Result<Vec<String>, RedisOpenError> {
        self.link.warnings().await
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        operation: &Operation,
        arguments: &[&[u8]],
    ) -> Result<T, StoreError> {
        let answer = self.link.run(operation, arguments).await?;
        redis::from_redis_value(answer).map_err(StoreError::backend)
    }

    pub(super) async fn find_token(
        &self,
        operation: &Operation,
        name: &[u8],
    ) -> Result<Option<FoundToken>, StoreError> {
        let found: Option<Vec<u8>> = self.run(operation, &[name]).await?;
        Ok(found.and_then(|bytes| record::parse(&bytes)))
    }

    async fn pages(
        &self,
        user: &[u8],
        after: Option<SessionId>,
        most: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let (mut sessions, mut left) = (Vec::new(), most);
        let mut after = after.map(bytes_of).map(Vec::from).unwrap_or_default();
        while left > 0 {
            let page = left.min(LIST_BATCH);
            let most = page.to_string();
            let (met, last, found): (u32, Vec<u8>, Vec<Vec<u8>>) =
                self.run(&script::LIST, &[user, &after, most.as_bytes()]).await?;
            sessions.extend(found.iter().filter_map(|bytes| live_session(bytes)));
            if met < page {
                break;
            }
            (left, after) = (left - page, last);
        }
        Ok(sessions)
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    #[tracing::instrument(name = "store.session.start", skip_all, err(level = "debug"))]
    async fn start(&self, start: &Start) -> Result<Started, StoreError> {
        let Start { session, digest, previous_token, outdated, limit, unwritten, cutoffs } = start;
        let [idle, remembered, administrator] = idle_timeouts(cutoffs);
        let policy = limit.map_or(LimitPolicy::Refuse, |limit| limit.policy);
        let seen = |(id, at): &(SessionId, OffsetDateTime)| (bytes_of(*id), record::time(*at));
        let unwritten: Vec<_> = unwritten.iter().map(seen).collect();
        let (record, due) = (record::live(session), due(session, cutoffs));
        let most = limit.map_or(0, |limit| limit.most.max(1)).to_string();
        let (now, seen_at) = (milliseconds(cutoffs.now()), record::time(session.last_seen_at));
        let outdated = record::why(Ended { reason: *outdated, at: cutoffs.now() });
        let mut arguments: Vec<&[u8]> = vec![
            &digest.as_bytes()[..],
            &record,
            &seen_at,
            &due,
            previous_token.as_ref().map_or(&[][..], |digest| digest.as_bytes()),
            most.as_bytes(),
            named(policy),
            now.as_bytes(),
            idle.as_bytes(),
            remembered.as_bytes(),
            administrator.as_bytes(),
            &outdated,
        ];
        arguments.extend(unwritten.iter().flat_map(|(id, at)| [&id[..], &at[..]]));
        let answer: Vec<Vec<u8>> = self.run(&script::START, &arguments).await?;
        match answer.split_first().map(|(word, rest)| (&word[..], rest)) {
            Some((b"epoch", [])) => Ok(Started::EpochMoved),
            Some((b"limit", [])) => Ok(Started::LimitReached),
            Some((b"taken", [])) => Ok(Started::Taken),
            Some((b"started", [replaced, evicted @ ..])) => Ok(Started::Started {
                evicted: evicted.iter().map(|id| record::id(id)).collect::<Result<_, _>>()?,
                replaced: (!replaced.is_empty()).then(|| record::id(replaced)).transpose()?,
            }),
            _ => Err(unexpected()),
        }
    }

    #[tracing::instrument(name = "store.session.load", skip_all, err(level = "debug"))]
    async fn load(&self, digest: &TokenDigest) -> Result<Loaded, StoreError> {
        let found = self.find_token(&script::LOAD, digest.as_bytes()).await?;
        Ok(found.map_or(Loaded::Unknown, FoundToken::loaded))
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        match self.find_token(&script::FIND, &bytes_of(id)).await? {
            Some(FoundToken::Live(session)) => Ok(Some(session)),
            _ => Ok(None),
        }
    }

    async fn token_of(&self, id: SessionId) -> Result<Option<TokenDigest>, StoreError> {
        let digest: Option<Vec<u8>> = self.run(&script::TOKEN, &[&bytes_of(id)]).await?;
        let read = |digest: Vec<u8>| digest.try_into().map_err(|_| unexpected());
        Ok(digest.map(read).transpose()?.map(TokenDigest::from_bytes))
    }

    async fn find_ended(&self, id: SessionId) -> Result<Option<Ended>, StoreError> {
        match self.find_token(&script::FIND, &bytes_of(id)).await? {
            Some(FoundToken::Ended { ended, .. } | FoundToken::EndedChild(ended)) => {
                Ok(Some(ended))
            }
            Some(FoundToken::Live(_) | FoundToken::Child(_)) | None => Ok(None),
        }
    }

    async fn find_rotated(&self, digest: &TokenDigest) -> Result<Option<SessionId>, StoreError> {
        match self.find_token(&script::LOAD, digest.as_bytes()).await? {
            Some(FoundToken::Ended { rotated_from, .. }) => Ok(rotated_from),
            _ => Ok(None),
        }
    }

    #[tracing::instrument(name = "store.session.touch", skip_all, err(level = "debug"))]
    async fn touch(&self, touches: &[Touch]) -> Result<(), StoreError> {
        for some in touches.chunks(TOUCH_BATCH) {
            let parts = |touch: &Touch| {
                (bytes_of(touch.id), record::time(touch.at), record::client(&touch.client))
            };
            let parts: Vec<_> = some.iter().map(parts).collect();
            let arguments: Vec<&[u8]> =
                parts.iter().flat_map(|(id, at, from)| [&id[..], &at[..], from]).collect();
            let _: Value = self.link.run(&script::TOUCH, &arguments).await?;
        }
        Ok(())
    }

    #[tracing::instrument(name = "store.session.rotate", skip_all, err(level = "debug"))]
    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        let Rotation { from, to, proof, at } = rotation;
        let (proof, at) = ([proof.number()], record::time(*at));
        self.run(&script::ROTATE, &[from.as_bytes(), to.as_bytes(), &proof, &at]).await
    }

    async fn data(
        &self,
        id: SessionId,
        compartment: Compartment,
    ) -> Result<Option<Kept>, StoreError> {
        let name = name_of(compartment);
        let kept: Option<(Option<i64>, Option<Vec<u8>>)> =
            self.run(&script::DATA, &[&bytes_of(id), name]).await?;
        Ok(kept.map(|(version, data)| Kept {
            version: version.unwrap_or_default(),
            data: data.unwrap_or_default(),
        }))
    }

    #[tracing::instrument(name = "store.session.keep", skip_all, err(level = "debug"))]
    async fn keep(&self, keep: &Keep) -> Result<Keeping, StoreError> {
        let Keep { id, compartment, over, data } = keep;
        let (name, over) = (name_of(*compartment), over.to_string());
        let answer: Vec<u8> =
            self.run(&script::KEEP, &[&bytes_of(*id), name, over.as_bytes(), data]).await?;
        match &answer[..] {
            b"kept" => Ok(Keeping::Kept),
            b"moved" => Ok(Keeping::Moved),
            b"gone" => Ok(Keeping::Gone),
            _ => Err(unexpected()),
        }
    }

    #[tracing::instrument(name = "store.session.start_child", skip_all, err(level = "debug"))]
    async fn start_child(&self, start: &ChildStart) -> Result<ChildStarted, StoreError> {
        self.begin_child(start).await
    }

    async fn find_child(&self, id: SessionId) -> Result<Option<LiveChild>, StoreError> {
        self.child_of_id(id).await
    }

    async fn children(&self, of: ChildrenOf) -> Result<Vec<Child>, StoreError> {
        self.list_children(of).await
    }

    #[tracing::instrument(name = "store.session.keep_code", skip_all, err(level = "debug"))]
    async fn keep_code(
        &self,
        code: &HandoverCode,
        now: OffsetDateTime,
    ) -> Result<CodeKept, StoreError> {
        self.put_code(code, now).await
    }

    #[tracing::instrument(name = "store.session.take_code", skip_all, err(level = "debug"))]
    async fn take_code(&self, digest: &CodeDigest) -> Result<Option<HandoverCode>, StoreError> {
        self.delete_code(digest).await
    }

    #[tracing::instrument(name = "store.session.end", skip_all, err(level = "debug"))]
    async fn end(&self, ending: &Ending) -> Result<bool, StoreError> {
        let of = ending.of.map(|user| *user.as_uuid().as_bytes());
        let unseen_since = ending.unseen_since.map(record::time);
        let of = of.as_ref().map_or(&[][..], |user| user);
        let unseen_since = unseen_since.as_ref().map_or(&[][..], |since| since);
        let (id, why) = (bytes_of(ending.id), record::why(ending.ended));
        self.run(&script::END, &[&id, of, unseen_since, &why]).await
    }

    #[tracing::instrument(name = "store.session.raise_epoch", skip_all, err(level = "debug"))]
    async fn raise_epoch(&self, epoch_move: &EpochMove) -> Result<u64, StoreError> {
        let EpochMove { user, to, reason, survivor, at } = *epoch_move;
        let (user, to) = (user.as_uuid(), record::epoch(to));
        let why = record::why(Ended { reason: reason.into(), at });
        let is_gone = flag(reason == EpochReason::AccountDeleted);
        let survivor = survivor.as_ref().map(kept_session::to_bytes).unwrap_or_default();
        self.run(&script::RAISE, &[user.as_bytes(), &to, &why, &survivor, is_gone]).await
    }

    #[tracing::instrument(name = "store.session.end_all", skip_all, err(level = "debug"))]
    async fn end_all(&self, ended: Ended) -> Result<u64, StoreError> {
        let identity = FeedIdentity::draw()?;
        let arguments: [&[u8]; 2] = [&record::why(ended), identity.as_str().as_bytes()];
        self.run(&script::END_ALL, &arguments).await
    }

    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let mut sessions = self.pages(user.as_uuid().as_bytes(), None, u32::MAX).await?;
        sessions.sort_by_key(|session| Reverse((session.last_seen_at, session.id)));
        Ok(sessions)
    }

    async fn list_all(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        self.pages(&[], after, limit).await
    }

    async fn list_newest(
        &self,
        before: Option<SessionId>,
        limit: u32,
    ) -> Result<NewestSessions, StoreError> {
        let (mut sessions, mut left, mut next) = (Vec::new(), limit, None);
        let mut before = before.map_or_else(|| AFTER_ALL.to_vec(), |id| bytes_of(id).to_vec());
        while left > 0 {
            let page = left.min(LIST_BATCH);
            let most = page.to_string();
            let (met, last, found): (u32, Vec<u8>, Vec<Vec<u8>>) =
                self.run(&script::NEWEST, &[&before, most.as_bytes()]).await?;
            sessions.extend(found.iter().filter_map(|bytes| live_session(bytes)));
            if met < page {
                return Ok(NewestSessions { sessions, next: None });
            }
            next = Some(record::id(&last)?);
            (left, before) = (left - page, last);
        }
        Ok(NewestSessions { sessions, next })
    }

    async fn count(&self) -> Result<Option<Counted>, StoreError> {
        let (users, anonymous): (Option<u64>, Option<u64>) = self.run(&script::COUNT, &[]).await?;
        let counted = Counted { users: users.unwrap_or(0), anonymous: anonymous.unwrap_or(0) };
        Ok(Some(counted))
    }

    async fn sweep(&self, cutoffs: &Cutoffs, most: u32) -> Result<Swept, StoreError> {
        let now = [cutoffs.now(), cutoffs.forgotten_before()].map(milliseconds);
        let times: Vec<String> = now.into_iter().chain(idle_timeouts(cutoffs)).collect();
        let (mut swept, mut left) = (Swept::default(), most);
        while left > 0 && !swept.done {
            let rows = left.min(SWEEP_BATCH);
            let most = rows.to_string();
            let arguments: Vec<&[u8]> =
                times.iter().chain(iter::once(&most)).map(String::as_bytes).collect();
            let (worked, ended, forgotten, named): (u32, u64, u64, Vec<Vec<u8>>) =
                self.run(&script::SWEEP, &arguments).await?;
            swept.ended += ended;
            swept.forgotten += forgotten;
            for one in &named {
                swept.timed_out.push(record::timed_out(one)?);
            }
            (left, swept.done) = (left - rows, worked < rows);
        }
        Ok(swept)
    }

    async fn revocations_after(
        &self,
        after: Option<&Cursor>,
        most: u32,
    ) -> Result<Revocations, StoreError> {
        self.read_feed(after, most).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let missing: Vec<String> = self.run(&script::READY_TO_START, &[]).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        Err(StoreError::backend(std::io::Error::other(format!("Redis does not allow {missing}"))))
    }
}

fn live_session(bytes: &[u8]) -> Option<Session> {
    match record::parse(bytes)? {
        FoundToken::Live(session) => Some(session),
        _ => None,
    }
}
