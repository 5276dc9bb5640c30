//! Room in queues of which there are as many as operators.

use std::collections::VecDeque;

/// Room is made for so many at once at most: ticks that come together for once say nothing.
const MOST_AT_ONCE: usize = 20;

/// Room for one more, and at once for the others of the `kept` that there will be. Not twice what there is, as any queue takes:
/// half of it would be for nothing. Nor one by one, which leaves holes behind.
pub(super) fn make<T>(queue: &mut VecDeque<T>, kept: impl FnOnce() -> usize) {
    if queue.len() == queue.capacity() {
        queue.reserve_exact(kept().saturating_sub(queue.len()).clamp(1, MOST_AT_ONCE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_for_what_is_kept_and_for_one_more_at_least() {
        for (there, kept, more) in [(0, 1, 1), (1, 12, 11), (3, 2, 1), (1, 1000, MOST_AT_ONCE)] {
            let mut queue = VecDeque::with_capacity(there);
            queue.extend(0..there);
            make(&mut queue, || kept);
            assert_eq!(queue.capacity(), there + more, "{there} {kept}");
            make(&mut queue, || unreachable!("there is room"));
        }
    }
}
