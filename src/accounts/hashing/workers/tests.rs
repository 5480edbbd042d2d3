use super::Memory;

#[test]
fn a_thread_keeps_the_memory_of_its_last_hash_and_no_more() {
    let mut memory = Memory::default();
    for count in [64, 64, 128, 128, 64, 64] {
        assert_eq!(memory.blocks(count).unwrap().len(), count);
        assert_eq!(memory.0.capacity(), count);
    }
    memory.keep(128);
    assert_eq!(memory.0.capacity(), 64);
    memory.keep(16);
    assert_eq!(memory.0.capacity(), 16);
}

#[test]
fn the_estimate_recovers_within_four_hashes_and_rises_slowly() {
    let after_four_fast =
        (0..4).fold(800_000, |estimate, _| super::next_estimate(estimate, 40_000));
    assert!(after_four_fast < 90_000, "{after_four_fast}");
    assert!(super::next_estimate(40_000, 800_000) < 140_000);
    assert_eq!(super::next_estimate(40_000, 40_000), 40_000);
}
