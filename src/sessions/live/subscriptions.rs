//! Subscriptions to a session, and to the list of its user's sessions.
//!
//! A notification says that something may have changed. The subscriber reads the store to find out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::accounts::UserId;
use crate::sessions::{Session, SessionId, Sessions, TokenDigest};

/// All subscriptions on this server.
#[derive(Debug, Default)]
pub(in crate::sessions) struct Subscribers {
    index: Mutex<Index>,
    /// For requests that wait for the end of any session.
    any_end: Notify,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Index {
    /// By token: after a rotation one session may be subscribed to under both tokens.
    tokens: HashMap<TokenDigest, Subscribed>,
    by_session: HashMap<SessionId, Vec<TokenDigest>>,
    by_user: HashMap<UserId, Vec<TokenDigest>>,
    lists: HashMap<UserId, SubscribedList>,
}

#[derive(Debug)]
struct Subscribed {
    session: SessionId,
    user: Option<UserId>,
    notify: Arc<Notify>,
    /// The number of subscriptions, for example one for each tab.
    count: usize,
}

#[derive(Debug, Default)]
struct SubscribedList {
    notify: Arc<Notify>,
    count: usize,
}

impl Subscribers {
    /// Subscribes to the session, and with `with_list` to the list of its user's sessions.
    fn subscribe(
        self: &Arc<Self>,
        session: &Session,
        digest: TokenDigest,
        with_list: bool,
    ) -> SessionSubscription {
        let user = session.owner.user();
        let mut index = self.lock();
        let own = index.add(session.id, user, digest);
        let list = user.filter(|_| with_list).map(|user| {
            let list = index.lists.entry(user).or_default();
            list.count += 1;
            ListSubscription { user, notify: Arc::clone(&list.notify) }
        });
        drop(index);
        SessionSubscription { digest, own, list, subscribers: Arc::clone(self) }
    }

    /// This session may have changed or ended.
    pub(in crate::sessions) fn notify_session(&self, id: SessionId) {
        let index = self.lock();
        if let Some(user) = index.notify_tokens(index.by_session.get(&id)) {
            index.notify_list(user);
        }
        drop(index);
        self.notify_any_end();
    }

    /// The session of this token may have changed or ended.
    pub(in crate::sessions) fn notify_token(&self, digest: &TokenDigest) {
        if let Some(subscribed) = self.lock().tokens.get(digest) {
            subscribed.notify.notify_waiters();
        }
        self.notify_any_end();
    }

    /// This user, and so each of the user's sessions, may have changed or ended.
    pub(in crate::sessions) fn notify_user(&self, user: UserId) {
        let index = self.lock();
        index.notify_tokens(index.by_user.get(&user));
        index.notify_list(user);
        drop(index);
        self.notify_any_end();
    }

    /// A session of this user has started or ended.
    pub(in crate::sessions) fn notify_list(&self, user: UserId) {
        self.lock().notify_list(user);
    }

    /// Notifies the subscribers of every list.
    pub(super) fn notify_lists(&self) {
        self.lock().lists.values().for_each(|list| list.notify.notify_waiters());
    }

    pub(super) fn has_lists(&self) -> bool {
        !self.lock().lists.is_empty()
    }

    /// Notifies the subscribers of every token for which `is_confirmed` is false.
    pub(in crate::sessions) fn notify_unless(&self, is_confirmed: impl Fn(&TokenDigest) -> bool) {
        for (digest, subscribed) in &self.lock().tokens {
            if !is_confirmed(digest) {
                subscribed.notify.notify_waiters();
            }
        }
    }

    pub(in crate::sessions) fn notify_all(&self) {
        self.notify_unless(|_| false);
        self.notify_lists();
        self.notify_any_end();
    }

    /// Notifies only the requests that wait for the end of any session.
    pub(super) fn notify_any_end(&self) {
        self.any_end.notify_waiters();
    }

    /// Waits for the end of any session, from this call on.
    pub(super) fn any_end(&self) -> impl Future<Output = ()> + Send + use<'_> {
        self.any_end.notified()
    }

    /// Notifies all subscribers for the last time.
    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.notify_all();
    }

    /// The number of tokens and of lists with a subscription.
    #[cfg(test)]
    pub(in crate::sessions) fn counts(&self) -> (usize, usize) {
        let index = self.lock();
        assert_eq!(index.by_session.is_empty(), index.tokens.is_empty());
        assert!(!index.tokens.is_empty() || index.by_user.is_empty());
        (index.tokens.len(), index.lists.len())
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn add(
        &mut self,
        session: SessionId,
        user: Option<UserId>,
        digest: TokenDigest,
    ) -> Arc<Notify> {
        if let Some(subscribed) = self.tokens.get_mut(&digest) {
            subscribed.count += 1;
            return Arc::clone(&subscribed.notify);
        }
        let notify = Arc::<Notify>::default();
        let subscribed = Subscribed { session, user, notify: Arc::clone(&notify), count: 1 };
        self.tokens.insert(digest, subscribed);
        self.by_session.entry(session).or_default().push(digest);
        if let Some(user) = user {
            self.by_user.entry(user).or_default().push(digest);
        }
        notify
    }

    fn remove(&mut self, digest: &TokenDigest) {
        let Some(subscribed) = self.tokens.get_mut(digest) else { return };
        subscribed.count -= 1;
        if subscribed.count > 0 {
            return;
        }
        let (session, user) = (subscribed.session, subscribed.user);
        self.tokens.remove(digest);
        remove_digest(&mut self.by_session, &session, digest);
        if let Some(user) = user {
            remove_digest(&mut self.by_user, &user, digest);
        }
    }

    fn remove_list(&mut self, user: UserId) {
        let Some(list) = self.lists.get_mut(&user) else { return };
        list.count -= 1;
        if list.count == 0 {
            self.lists.remove(&user);
        }
    }

    /// Notifies the subscribers of these tokens. Returns their user, if one of them has any.
    fn notify_tokens(&self, digests: Option<&Vec<TokenDigest>>) -> Option<UserId> {
        let mut user = None;
        for one in digests.into_iter().flatten().filter_map(|digest| self.tokens.get(digest)) {
            one.notify.notify_waiters();
            user = user.or(one.user);
        }
        user
    }

    fn notify_list(&self, user: UserId) {
        if let Some(list) = self.lists.get(&user) {
            list.notify.notify_waiters();
        }
    }
}

fn remove_digest<K: Eq + std::hash::Hash>(
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

/// A subscription to one session, and perhaps to the list of its user's sessions. Dropping it
/// unsubscribes.
#[derive(Debug)]
pub struct SessionSubscription {
    digest: TokenDigest,
    own: Arc<Notify>,
    list: Option<ListSubscription>,
    subscribers: Arc<Subscribers>,
}

#[derive(Debug)]
struct ListSubscription {
    user: UserId,
    notify: Arc<Notify>,
}

impl SessionSubscription {
    /// Waits until the session or the subscribed list may have changed. `true`: the list. Call this
    /// before reading the session, so that no change is missed in between.
    pub fn changed(&self) -> impl Future<Output = bool> + Send + use<'_> {
        let own = self.own.notified();
        let list = self.list.as_ref().map(|list| list.notify.notified());
        async move {
            let Some(list) = list else {
                own.await;
                return false;
            };
            // The list first: a subscriber that reads the list reads the session too.
            tokio::select! { biased; () = list => true, () = own => false }
        }
    }

    /// Whether the server is stopping, so that there are no more notifications.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.subscribers.closed.load(Ordering::Acquire)
    }
}

impl Drop for SessionSubscription {
    fn drop(&mut self) {
        let mut index = self.subscribers.lock();
        index.remove(&self.digest);
        if let Some(list) = &self.list {
            index.remove_list(list.user);
        }
    }
}

impl Sessions {
    /// Subscribes to a session under the token of this digest, and with `with_list` to the list of
    /// its user's sessions.
    #[must_use]
    pub(crate) fn subscribe(
        &self,
        session: &Session,
        digest: TokenDigest,
        with_list: bool,
    ) -> SessionSubscription {
        self.service().subscribers.subscribe(session, digest, with_list)
    }

    /// Notifies the subscribers of sessions that the cache does not confirm as live, so that they
    /// read the store. For ends that send no notification: a timeout, or a command.
    pub(crate) fn notify_unconfirmed(&self) {
        self.service().subscribers.notify_unless(|digest| self.remembered(digest).is_some());
    }

    /// Closes all subscriptions, because the server is stopping.
    pub(crate) fn close_subscriptions(&self) {
        self.service().subscribers.close();
    }
}
