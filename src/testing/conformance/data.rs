//! The data of a session: two separate compartments, written only over the version that was read.

use super::fixture::{Fixture, LiveSession, minute};
use super::{CaseResult, case_group, same};
use crate::sessions::{Compartment, Keeping, Kept, Owner};

case_group![
    versions_move_by_one,
    a_write_over_any_other_version_has_moved,
    compartments_are_apart,
    data_is_kept_byte_for_byte,
    data_of_an_unknown_session_is_gone,
    data_of_one_session_is_not_that_of_another,
    writing_data_is_no_activity,
];

const BOTH: [Compartment; 2] = [Compartment::Visitor, Compartment::Application];

async fn versions_move_by_one(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;
    for compartment in BOTH {
        for over in 0..5_u8 {
            let written = (i64::from(over), &[over][..]);
            let keeping = fixture.keep(&held, compartment, written).await?;
            same!(keeping, Keeping::Kept, "write {over} to {compartment:?}");
            let kept = fixture.store.data(held.id(), compartment).await?;
            let expected = Kept { version: i64::from(over) + 1, data: vec![over] };
            same!(kept, Some(expected), "{compartment:?} after write {over}");
        }
    }
    Ok(())
}

async fn a_write_over_any_other_version_has_moved(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;
    let ahead = fixture.keep(&held, Compartment::Visitor, (1, b"ahead")).await?;
    same!(ahead, Keeping::Moved, "a write over a version that never was");
    for over in 0..2 {
        fixture.keep(&held, Compartment::Visitor, (over, b"right")).await?;
    }

    for over in [-1, 0, 1, 3] {
        let keeping = fixture.keep(&held, Compartment::Visitor, (over, b"wrong")).await?;
        same!(keeping, Keeping::Moved, "a write over version {over}");
    }

    let kept = fixture.store.data(held.id(), Compartment::Visitor).await?;
    same!(kept, Some(Kept { version: 2, data: b"right".to_vec() }), "the data");
    Ok(())
}

async fn compartments_are_apart(fixture: Fixture) -> CaseResult {
    for (one, other) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let held = fixture.anonymous(minute(0)).await?;
        fixture.keep(&held, one, (0, b"one")).await?;

        let kept = fixture.store.data(held.id(), other).await?;
        same!(kept, Some(Kept::default()), "{other:?} after a write to {one:?}");
        same!(fixture.keep(&held, other, (1, b"x")).await?, Keeping::Moved, "a write to {other:?}");
        same!(
            fixture.keep(&held, other, (0, b"two")).await?,
            Keeping::Kept,
            "a write to {other:?}"
        );
        let kept = fixture.store.data(held.id(), one).await?;
        same!(kept, Some(Kept { version: 1, data: b"one".to_vec() }), "{one:?}");
    }
    Ok(())
}

async fn data_is_kept_byte_for_byte(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let large = every_byte.repeat(256);
    for (data, over) in [every_byte, large, Vec::new(), b"'; --".to_vec()].into_iter().zip(0..) {
        for compartment in BOTH {
            fixture.keep(&held, compartment, (over, &data)).await?;
            let kept = fixture.store.data(held.id(), compartment).await?;
            let expected = Kept { version: over + 1, data: data.clone() };
            same!(kept == Some(expected), true, "whether {} bytes came back", data.len());
        }
    }
    Ok(())
}

async fn data_of_an_unknown_session_is_gone(fixture: Fixture) -> CaseResult {
    let nobody = fixture.draft(Owner::Anonymous, minute(0));
    let nobody = LiveSession { session: nobody.session, digest: nobody.digest };
    for compartment in BOTH {
        let keeping = fixture.keep(&nobody, compartment, (0, b"{}")).await?;
        same!(keeping, Keeping::Gone, "writing to {compartment:?}");
        let kept = fixture.store.data(nobody.id(), compartment).await?;
        same!(kept, None, "{compartment:?}");
    }
    same!(fixture.store.find(nobody.id()).await?, None, "the session");
    Ok(())
}

async fn data_of_one_session_is_not_that_of_another(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let one = fixture.signed_in(user, minute(0)).await?;
    let other = fixture.signed_in(user, minute(0)).await?;
    fixture.keep(&one, Compartment::Visitor, (0, b"one")).await?;

    let kept = fixture.store.data(other.id(), Compartment::Visitor).await?;
    same!(kept, Some(Kept::default()), "the data of the other session");
    Ok(())
}

async fn writing_data_is_no_activity(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;
    fixture.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
    same!(fixture.now(&held).await?, held.session, "the session");
    Ok(())
}
