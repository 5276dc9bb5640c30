//! Many runs on all cores.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::closed_loop::{Contender, RunError, simulate};
use super::scaler::World;
use super::scores::Scores;

/// One run that is to be done.
#[derive(Debug, Clone)]
pub struct Task {
    /// Job and load.
    pub world: World,
    /// Who decides.
    pub contender: Contender,
    /// The seed of its noise.
    pub seed: u64,
}

impl Task {
    /// Seconds that it simulates.
    pub fn seconds(&self) -> u32 {
        self.world.seconds()
    }
}

/// Cores of this machine.
pub fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Runs all tasks on that many threads; the scores come in the order of the tasks. `done` is told of each task that ended.
///
/// # Errors
/// The first task that failed, or that all was stopped.
pub fn run_all(
    tasks: &[Task],
    threads: NonZeroUsize,
    stop: &AtomicBool,
    done: impl Fn(&Task) + Sync,
) -> Result<Vec<Scores>, RunError> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<RunError>> = Mutex::new(None);
    let results: Vec<Mutex<Option<Scores>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..threads.get().min(tasks.len()) {
            scope.spawn(|| {
                while let Some(place) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|place| *place < tasks.len())
                {
                    let task = &tasks[place];
                    match simulate(&task.world, &task.contender, task.seed, false, stop) {
                        Ok(run) => *lock(&results[place]) = Some(run.scores),
                        Err(error) => {
                            lock(&failed).get_or_insert(error);
                            next.store(tasks.len(), Ordering::Relaxed);
                        }
                    }
                    done(task);
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    results
        .into_iter()
        .map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner).ok_or(RunError::Interrupted))
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
