use std::fmt::Write as _;

use super::*;

/// The `INFO` of a suitable server, except for these lines.
fn facts(other: &[(&str, &str)]) -> ServerInfo {
    let usual = [
        ("redis_version", "7.0.15"),
        ("redis_mode", "standalone"),
        ("cluster_enabled", "0"),
        ("role", "master"),
        ("maxmemory", "0"),
        ("maxmemory_policy", "noeviction"),
        ("aof_enabled", "1"),
    ];
    let mut info = String::from("# Server\r\n");
    for (name, value) in usual {
        let value = other.iter().find(|(changed, _)| *changed == name).map_or(value, |(_, v)| v);
        let _ = write!(info, "{name}:{value}\r\n");
    }
    ServerInfo::read(&info)
}

#[test]
fn a_server_that_could_lose_sessions_is_unfit() {
    let full = ("maxmemory", "1000000");
    for (other, expected) in [
        (vec![], None),
        (vec![("redis_version", "8.2.1")], None),
        (vec![("redis_version", "6.2.14")], Some(Unfit::TooOld("6.2.14".to_owned()))),
        (vec![("redis_version", "")], Some(Unfit::TooOld(String::new()))),
        (vec![("redis_mode", "cluster")], Some(Unfit::Cluster)),
        (vec![("cluster_enabled", "1")], Some(Unfit::Cluster)),
        (vec![("redis_mode", "sentinel")], Some(Unfit::Sentinel)),
        (vec![("role", "slave")], Some(Unfit::Replica)),
        (vec![full], None),
        (vec![("maxmemory_policy", "allkeys-lru")], None),
        (
            vec![full, ("maxmemory_policy", "allkeys-lru")],
            Some(Unfit::Evicts("allkeys-lru".to_owned())),
        ),
        // It only evicts keys with an expiry, which ours do not have.
        (vec![full, ("maxmemory_policy", "volatile-lru")], None),
        (
            vec![full, ("maxmemory_policy", "some-new-one")],
            Some(Unfit::Evicts("some-new-one".to_owned())),
        ),
    ] {
        assert_eq!(facts(&other).unfit(), expected, "{other:?}");
    }
}

#[test]
fn a_server_that_could_undo_a_revocation_is_warned_about() {
    let warnings = |other: &[(&str, &str)], appendfsync| facts(other).warnings(appendfsync).len();
    assert_eq!(warnings(&[], Some("always")), 0);
    assert_eq!(warnings(&[], Some("everysec")), 1);
    assert_eq!(warnings(&[], None), 1);
    assert_eq!(warnings(&[("aof_enabled", "0")], Some("always")), 1);
    assert_eq!(warnings(&[("maxmemory_policy", "allkeys-lru")], Some("always")), 1);
}
