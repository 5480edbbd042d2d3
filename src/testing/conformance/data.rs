//! The data of a session: two compartments apart, each written only on top of what was read.

use super::stage::{Held, Stage, minute};
use super::{Verdict, chapter, same};
use crate::sessions::{Compartment, Keeping, Kept, Owner};

chapter![
    versions_move_by_one,
    a_write_over_any_other_version_has_moved,
    compartments_are_apart,
    data_is_kept_byte_for_byte,
    data_of_an_unknown_session_is_gone,
    data_of_one_session_is_not_that_of_another,
    writing_data_is_no_activity,
];

const BOTH: [Compartment; 2] = [Compartment::Visitor, Compartment::Application];

async fn versions_move_by_one(stage: Stage) -> Verdict {
    let held = stage.anonymous(minute(0)).await?;
    for compartment in BOTH {
        for over in 0..5_u8 {
            let written = (i64::from(over), &[over][..]);
            let keeping = stage.keep(&held, compartment, written).await?;
            same!(keeping, Keeping::Kept, "write {over} to {compartment:?}");
            let kept = stage.store.data(held.id(), compartment).await?;
            let expected = Kept { version: i64::from(over) + 1, data: vec![over] };
            same!(kept, Some(expected), "{compartment:?} after write {over}");
        }
    }
    Ok(())
}

async fn a_write_over_any_other_version_has_moved(stage: Stage) -> Verdict {
    let held = stage.anonymous(minute(0)).await?;
    let ahead = stage.keep(&held, Compartment::Visitor, (1, b"ahead")).await?;
    same!(ahead, Keeping::Moved, "a write over a version that never was");
    for over in 0..2 {
        stage.keep(&held, Compartment::Visitor, (over, b"right")).await?;
    }

    for over in [-1, 0, 1, 3] {
        let keeping = stage.keep(&held, Compartment::Visitor, (over, b"wrong")).await?;
        same!(keeping, Keeping::Moved, "a write over version {over}");
    }

    let kept = stage.store.data(held.id(), Compartment::Visitor).await?;
    same!(kept, Some(Kept { version: 2, data: b"right".to_vec() }), "the data");
    Ok(())
}

async fn compartments_are_apart(stage: Stage) -> Verdict {
    for (one, other) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let held = stage.anonymous(minute(0)).await?;
        stage.keep(&held, one, (0, b"one")).await?;

        let kept = stage.store.data(held.id(), other).await?;
        same!(kept, Some(Kept::default()), "{other:?} after a write to {one:?}");
        same!(stage.keep(&held, other, (1, b"x")).await?, Keeping::Moved, "a write to {other:?}");
        same!(stage.keep(&held, other, (0, b"two")).await?, Keeping::Kept, "a write to {other:?}");
        let kept = stage.store.data(held.id(), one).await?;
        same!(kept, Some(Kept { version: 1, data: b"one".to_vec() }), "{one:?}");
    }
    Ok(())
}

async fn data_is_kept_byte_for_byte(stage: Stage) -> Verdict {
    let held = stage.anonymous(minute(0)).await?;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let large = every_byte.repeat(256);
    for (data, over) in [every_byte, large, Vec::new(), b"'; --".to_vec()].into_iter().zip(0..) {
        for compartment in BOTH {
            stage.keep(&held, compartment, (over, &data)).await?;
            let kept = stage.store.data(held.id(), compartment).await?;
            let expected = Kept { version: over + 1, data: data.clone() };
            same!(kept == Some(expected), true, "whether {} bytes came back", data.len());
        }
    }
    Ok(())
}

async fn data_of_an_unknown_session_is_gone(stage: Stage) -> Verdict {
    let nobody = stage.draft(Owner::Anonymous, minute(0));
    let nobody = Held { session: nobody.session, digest: nobody.digest };
    for compartment in BOTH {
        let keeping = stage.keep(&nobody, compartment, (0, b"{}")).await?;
        same!(keeping, Keeping::Gone, "writing to {compartment:?}");
        let kept = stage.store.data(nobody.id(), compartment).await?;
        same!(kept, None, "{compartment:?}");
    }
    same!(stage.store.find(nobody.id()).await?, None, "the session");
    Ok(())
}

async fn data_of_one_session_is_not_that_of_another(stage: Stage) -> Verdict {
    let user = stage.fresh_user();
    let one = stage.signed_in(user, minute(0)).await?;
    let other = stage.signed_in(user, minute(0)).await?;
    stage.keep(&one, Compartment::Visitor, (0, b"one")).await?;

    let kept = stage.store.data(other.id(), Compartment::Visitor).await?;
    same!(kept, Some(Kept::default()), "the data of the other session");
    Ok(())
}

async fn writing_data_is_no_activity(stage: Stage) -> Verdict {
    let held = stage.anonymous(minute(0)).await?;
    stage.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
    same!(stage.now(&held).await?, held.session, "the session");
    Ok(())
}
