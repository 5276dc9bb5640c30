//! What the benches share: how large they are, and how they measure.

use std::time::{Duration, Instant};

/// Whether this is `cargo bench`. Everything else (`cargo test --benches`, `-- --test`) only shows that it works.
pub fn is_full() -> bool {
    let said = |flag: &str| std::env::args().any(|argument| argument == flag);
    said("--bench") && !said("--test")
}

/// The kernel counts CPU time in scheduler ticks of some milliseconds: what is over sooner is read off the clock.
const COARSE: Duration = Duration::from_millis(20);

/// What the work gives, and the CPU time of this thread that it took: neighbours on the machine do not count. Where
/// the kernel does not tell it, or not finely enough, the time that went by.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (start, before) = (now(), cpu_time());
    let done = work();
    let went_by = now().saturating_duration_since(start);
    let used = before.zip(cpu_time()).map(|(before, after)| after.saturating_sub(before));
    (done, used.filter(|used| *used >= COARSE).unwrap_or(went_by))
}

fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

#[expect(clippy::disallowed_methods, reason = "a bench is about how long something takes")]
fn now() -> Instant {
    Instant::now()
}
