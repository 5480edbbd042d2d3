//! Traces of operations: replayed on a store, answered by the model, compared step by step.

use std::cmp::Reverse;

use super::fixture::{Fixture, cutoffs};
use super::invariants::InvariantChecker;
use super::operation::{NAMES, Operation, Question, Request, USERS, session_of, token_of, user_of};
use super::{CaseResult, Model, Violation, case_group, same};
use crate::failure::StoreError;
use crate::sessions::{
    Child, ChildStarted, ChildrenOf, CodeKept, Compartment, Ended, HandoverCode, Keeping, Kept,
    LiveChild, Loaded, Session, SessionStore, Started,
};

case_group![a_random_trace_is_answered_as_by_the_model,];

/// The outcome of an [`Operation`], with ties and evictions in the order of their ids so that two
/// stores can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of a start.
    Started(Started),
    /// Of a start of a child.
    ChildStarted(ChildStarted),
    /// Of keeping a code.
    CodeKept(CodeKept),
    /// Of taking a code.
    CodeTaken(Option<HandoverCode>),
    /// Of a load.
    Loaded(Loaded),
    /// Of a find.
    Found(Option<Session>),
    /// Of a search for a child.
    FoundChild(Option<LiveChild>),
    /// Of a list of children.
    Children(Vec<Child>),
    /// Of a search among the ended.
    FoundEnded(Option<Ended>),
    /// Of reading data.
    Data(Option<Kept>),
    /// Of keeping data.
    Keeping(Keeping),
    /// Of a rotation or an end.
    Yes(bool),
    /// How many sessions a raise or an end of all ended.
    Count(u64),
    /// Of a list.
    Sessions(Vec<Session>),
    /// Of a touch or a sweep.
    Done,
    /// The store failed, or answered with a list out of order.
    Failed(String),
}

/// Newest activity first, ties by id.
pub(super) fn in_order(mut sessions: Vec<Session>) -> Vec<Session> {
    sessions.sort_by_key(|session| (Reverse(session.last_seen_at), session.id));
    sessions
}

/// The answers of the store to each operation in turn. Two stores that keep the promises answer a
/// trace of [`random_trace`] alike.
pub async fn replay(store: &dyn SessionStore, operations: &[Operation]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for operation in operations {
        answers.push(answer(store, *operation).await);
    }
    answers
}

async fn answer(store: &dyn SessionStore, operation: Operation) -> Answer {
    let outcome = call(store, operation).await;
    outcome.unwrap_or_else(|error| Answer::Failed(format!("{error:?}")))
}

async fn call(store: &dyn SessionStore, operation: Operation) -> Result<Answer, StoreError> {
    Ok(match operation.request() {
        Request::Start(start) => {
            let mut started = store.start(&start).await?;
            if let Started::Started { evicted, .. } = &mut started {
                evicted.sort();
            }
            Answer::Started(started)
        }
        Request::Touch(touches) => {
            store.touch(&touches).await?;
            Answer::Done
        }
        Request::Rotate(rotation) => Answer::Yes(store.rotate(&rotation).await?),
        Request::Keep(keep) => Answer::Keeping(store.keep(&keep).await?),
        Request::StartChild(start) => Answer::ChildStarted(store.start_child(&start).await?),
        Request::KeepCode(code, now) => Answer::CodeKept(store.keep_code(&code, now).await?),
        Request::TakeCode(digest) => Answer::CodeTaken(store.take_code(&digest).await?),
        Request::End(ending) => Answer::Yes(store.end(&ending).await?),
        Request::RaiseEpoch(epoch_move) => Answer::Count(store.raise_epoch(&epoch_move).await?),
        Request::EndAll(ended) => Answer::Count(store.end_all(ended).await?),
        Request::Sweep(at, most) => {
            for _ in 0..1_000 {
                if store.sweep(&cutoffs(at), most).await?.done {
                    return Ok(Answer::Done);
                }
            }
            Answer::Failed("the sweep never says that it is done".to_owned())
        }
        Request::Ask(question) => ask(store, question).await?,
    })
}

async fn ask(store: &dyn SessionStore, question: Question) -> Result<Answer, StoreError> {
    Ok(match question {
        Question::Load(token) => Answer::Loaded(store.load(&token_of(token)).await?),
        Question::Find(id) => Answer::Found(store.find(session_of(id)).await?),
        Question::FindEnded(id) => Answer::FoundEnded(store.find_ended(session_of(id)).await?),
        Question::FindChild(id) => Answer::FoundChild(store.find_child(session_of(id)).await?),
        Question::Children(id) => {
            Answer::Children(store.children(ChildrenOf::Session(session_of(id))).await?)
        }
        Question::ChildrenOfUser(user) => {
            Answer::Children(store.children(ChildrenOf::User(user_of(user))).await?)
        }
        Question::Data(id, compartment) => {
            Answer::Data(store.data(session_of(id), compartment).await?)
        }
        Question::List(user) => {
            let list = store.list(user_of(user)).await?;
            if list.is_sorted_by_key(|session| Reverse(session.last_seen_at)) {
                Answer::Sessions(in_order(list))
            } else {
                Answer::Failed(format!("not the newest activity first: {list:?}"))
            }
        }
        Question::ListAll(after, limit) => {
            let after = after.map(session_of);
            Answer::Sessions(store.list_all(after, u32::from(limit)).await?)
        }
    })
}

/// Every read about the names of [`Operation::chosen_by`].
fn every_question() -> impl Iterator<Item = Question> {
    let of_session = |id| {
        [
            Question::Find(id),
            Question::FindEnded(id),
            Question::FindChild(id),
            Question::Data(id, Compartment::Visitor),
            Question::Data(id, Compartment::Application),
        ]
    };
    (0..NAMES)
        .map(Question::Load)
        .chain((0..NAMES).flat_map(of_session))
        .chain((0..USERS).map(Question::List))
        .chain((0..USERS).map(Question::ChildrenOfUser))
        .chain([Question::ListAll(None, NAMES)])
}

/// Replays a trace on an empty store and on the model. Both must give the same answers, to each
/// operation and to everything that can be asked after it; and whatever the model says, no token
/// may come back to life, no child be live without its parent, no session under an earlier epoch or
/// beyond a limit, no last activity move back, and no deadline move at all. Operations that the
/// promises leave open are passed over.
///
/// # Errors
/// [`Violation`] names the first operation after which the store was wrong.
pub async fn check_trace(
    store: &dyn SessionStore,
    operations: &[Operation],
) -> Result<(), Violation> {
    let (mut model, mut witness) = (Model::default(), InvariantChecker::default());
    for (number, operation) in operations.iter().enumerate() {
        if !model.settles(*operation) {
            continue;
        }
        let found = answer(store, *operation).await;
        let expected = model.apply(*operation);
        same!(found, expected, "operation {number}, {operation:?}");
        witness.record(*operation, &found);
        for question in every_question() {
            let found = ask(store, question).await?;
            let expected = model.answer(question);
            same!(found, expected, "{question:?} after operation {number}, {operation:?}");
            witness.observe(question, &found);
        }
        let verdict = witness.check();
        verdict.map_err(|what| {
            Violation::new(format!("after operation {number}, {operation:?}: {what}"))
        })?;
    }
    Ok(())
}

/// This many operations, the same for the same seed, each of which the promises decide.
#[must_use]
pub fn random_trace(seed: u64, length: usize) -> Vec<Operation> {
    let mut state = seed;
    let mut choose = |bound: u32| {
        // SplitMix64, spelled out: a trace is then the same with every version of everything.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((mixed >> 33) % u64::from(bound.max(1))).unwrap_or(0)
    };
    let mut model = Model::default();
    let mut operations = Vec::new();
    while operations.len() < length {
        let operation = Operation::chosen_by(&mut choose);
        if model.settles(operation) {
            model.apply(operation);
            operations.push(operation);
        }
    }
    operations
}

async fn a_random_trace_is_answered_as_by_the_model(fixture: Fixture) -> CaseResult {
    check_trace(&*fixture.store, &random_trace(7, 120)).await
}
