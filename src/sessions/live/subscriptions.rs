//! Waking whoever waits for something to happen to a session, or to the list of somebody's
//! sessions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::accounts::UserId;
use crate::sessions::{Session, SessionId, TokenDigest};

/// Wakes the watchers whom something concerns. A wake says that it is worth looking, not what is to
/// be seen.
#[derive(Debug, Default)]
pub(in crate::sessions) struct Subscribers {
    watched: Mutex<Watched>,
    /// Of whoever waits for the end of any session.
    any_end: Notify,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Watched {
    /// A session under one of its tokens: after a rotation somebody may watch it under either.
    tokens: HashMap<TokenDigest, Watcher>,
    by_session: HashMap<SessionId, Vec<TokenDigest>>,
    by_user: HashMap<UserId, Vec<TokenDigest>>,
    lists: HashMap<UserId, Listeners>,
}

#[derive(Debug)]
struct Watcher {
    session: SessionId,
    user: Option<UserId>,
    notify: Arc<Notify>,
    /// How many watch it, for example in several tabs.
    count: usize,
}

#[derive(Debug, Default)]
struct Listeners {
    notify: Arc<Notify>,
    count: usize,
}

impl Subscribers {
    /// Watches the session, and the list of its user's sessions if that is wanted.
    pub(in crate::sessions) fn watch(
        self: &Arc<Self>,
        session: &Session,
        digest: TokenDigest,
        with_list: bool,
    ) -> Watch {
        let user = session.owner.user();
        let mut watched = self.lock();
        let own = watched.enter(session.id, user, digest);
        let list = user.filter(|_| with_list).map(|user| {
            let listeners = watched.lists.entry(user).or_default();
            listeners.count += 1;
            ListWatch { user, notify: Arc::clone(&listeners.notify) }
        });
        drop(watched);
        Watch { digest, own, list, watchers: Arc::clone(self) }
    }

    /// Something may have happened to this session.
    pub(in crate::sessions) fn wake(&self, id: SessionId) {
        let watched = self.lock();
        if let Some(user) = watched.wake_tokens(watched.by_session.get(&id)) {
            watched.wake_list(user);
        }
        drop(watched);
        self.tell_of_end();
    }

    /// Something may have happened to the session of this token.
    pub(in crate::sessions) fn wake_token(&self, digest: &TokenDigest) {
        if let Some(watcher) = self.lock().tokens.get(digest) {
            watcher.notify.notify_waiters();
        }
        self.tell_of_end();
    }

    /// Something may have happened to this user, and so to every session of theirs.
    pub(in crate::sessions) fn wake_user(&self, user: UserId) {
        let watched = self.lock();
        watched.wake_tokens(watched.by_user.get(&user));
        watched.wake_list(user);
        drop(watched);
        self.tell_of_end();
    }

    /// A session of this user has started or ended.
    pub(in crate::sessions) fn wake_list(&self, user: UserId) {
        self.lock().wake_list(user);
    }

    /// Whoever watches anybody's list.
    pub(in crate::sessions) fn wake_lists(&self) {
        self.lock().lists.values().for_each(|listeners| listeners.notify.notify_waiters());
    }

    /// Whether anybody watches a list.
    pub(in crate::sessions) fn has_lists(&self) -> bool {
        !self.lock().lists.is_empty()
    }

    /// Whoever watches a token that is not known to be fine.
    pub(in crate::sessions) fn wake_unless(&self, is_fine: impl Fn(&TokenDigest) -> bool) {
        for (digest, watcher) in &self.lock().tokens {
            if !is_fine(digest) {
                watcher.notify.notify_waiters();
            }
        }
    }

    pub(in crate::sessions) fn wake_all(&self) {
        self.wake_unless(|_| false);
        self.wake_lists();
        self.tell_of_end();
    }

    /// Wakes whoever waits for the end of any session, and nobody else.
    pub(in crate::sessions) fn tell_of_end(&self) {
        self.any_end.notify_waiters();
    }

    /// Waits for the end of any session, from this call on.
    pub(in crate::sessions) fn any_end(&self) -> impl Future<Output = ()> + Send + use<'_> {
        self.any_end.notified()
    }

    /// Wakes everybody for the last time.
    pub(in crate::sessions) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake_all();
    }

    /// How many sessions and lists are watched.
    #[cfg(test)]
    pub(in crate::sessions) fn watched(&self) -> (usize, usize) {
        let watched = self.lock();
        assert_eq!(watched.by_session.is_empty(), watched.tokens.is_empty());
        assert!(!watched.tokens.is_empty() || watched.by_user.is_empty());
        (watched.tokens.len(), watched.lists.len())
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn enter(
        &mut self,
        session: SessionId,
        user: Option<UserId>,
        digest: TokenDigest,
    ) -> Arc<Notify> {
        if let Some(watcher) = self.tokens.get_mut(&digest) {
            watcher.count += 1;
            return Arc::clone(&watcher.notify);
        }
        let notify = Arc::<Notify>::default();
        let watcher = Watcher { session, user, notify: Arc::clone(&notify), count: 1 };
        self.tokens.insert(digest, watcher);
        self.by_session.entry(session).or_default().push(digest);
        if let Some(user) = user {
            self.by_user.entry(user).or_default().push(digest);
        }
        notify
    }

    fn leave(&mut self, digest: &TokenDigest) {
        let Some(watcher) = self.tokens.get_mut(digest) else { return };
        watcher.count -= 1;
        if watcher.count > 0 {
            return;
        }
        let (session, user) = (watcher.session, watcher.user);
        self.tokens.remove(digest);
        take_out(&mut self.by_session, &session, digest);
        if let Some(user) = user {
            take_out(&mut self.by_user, &user, digest);
        }
    }

    fn leave_list(&mut self, user: UserId) {
        let Some(listeners) = self.lists.get_mut(&user) else { return };
        listeners.count -= 1;
        if listeners.count == 0 {
            self.lists.remove(&user);
        }
    }

    /// Wakes whoever watches one of these. Whose sessions they are, if anybody does.
    fn wake_tokens(&self, digests: Option<&Vec<TokenDigest>>) -> Option<UserId> {
        let mut user = None;
        for watcher in digests.into_iter().flatten().filter_map(|digest| self.tokens.get(digest)) {
            watcher.notify.notify_waiters();
            user = user.or(watcher.user);
        }
        user
    }

    fn wake_list(&self, user: UserId) {
        if let Some(listeners) = self.lists.get(&user) {
            listeners.notify.notify_waiters();
        }
    }
}

fn take_out<K: Eq + std::hash::Hash>(
    index: &mut HashMap<K, Vec<TokenDigest>>,
    key: &K,
    digest: &TokenDigest,
) {
    let Some(digests) = index.get_mut(key) else { return };
    digests.retain(|other| other != digest);
    if digests.is_empty() {
        index.remove(key);
    }
}

/// One watcher of one session, and perhaps of the list that it is in.
#[derive(Debug)]
pub struct Watch {
    digest: TokenDigest,
    own: Arc<Notify>,
    list: Option<ListWatch>,
    watchers: Arc<Subscribers>,
}

#[derive(Debug)]
struct ListWatch {
    user: UserId,
    notify: Arc<Notify>,
}

impl Watch {
    /// Waits until something may have happened to the session, or to the list if that is watched.
    /// `true`: it is the list. Begin to wait before looking at the session, so that nothing is
    /// missed in between.
    pub fn changed(&self) -> impl Future<Output = bool> + Send + use<'_> {
        let own = self.own.notified();
        let list = self.list.as_ref().map(|list| list.notify.notified());
        async move {
            let Some(list) = list else {
                own.await;
                return false;
            };
            // The list first: whoever looks at that looks at the session anyway.
            tokio::select! { biased; () = list => true, () = own => false }
        }
    }

    /// Whether the server is stopping, so that nothing more will be told.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.watchers.closed.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.watchers.lock();
        watched.leave(&self.digest);
        if let Some(list) = &self.list {
            watched.leave_list(list.user);
        }
    }
}
