use super::Memory;

#[test]
fn a_thread_keeps_the_memory_of_its_last_hash_and_no_more() {
    let mut memory = Memory::default();
    for count in [64, 64, 128, 128, 64, 64] {
        assert_eq!(memory.blocks(count).unwrap().len(), count);
        assert_eq!(memory.0.capacity(), count);
    }
}
