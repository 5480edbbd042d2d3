use super::{Rlimit, connections_within, raised};

fn limit(current: u64, maximum: Option<u64>) -> Rlimit {
    Rlimit { current: Some(current), maximum }
}

#[test]
fn the_limit_is_raised_as_far_as_is_needed_and_possible() {
    assert_eq!(raised(limit(5000, Some(9000)), 4160), None);
    assert_eq!(raised(Rlimit { current: None, maximum: None }, 4160), None);
    assert_eq!(raised(limit(1024, Some(9000)), 4160), Some(limit(4160, Some(9000))));
    assert_eq!(raised(limit(1024, None), 4160), Some(limit(4160, None)));
    assert_eq!(raised(limit(1024, Some(2048)), 4160), Some(limit(2048, Some(2048))));
    assert_eq!(raised(limit(1024, Some(1024)), 4160), None);
}

#[test]
fn there_are_never_more_connections_than_files() {
    assert_eq!(connections_within(None, 4160), 4096);
    assert_eq!(connections_within(Some(100_000), 4160), 4096);
    assert_eq!(connections_within(Some(1024), 4160), 960);
    assert_eq!(connections_within(Some(10), 4160), 1);
}
