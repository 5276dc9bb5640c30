//! The count beyond which more workers are of no use: when it is believed, and when no longer.

use super::JobMemory;
use crate::engine::job::Workers;
use crate::engine::learned::Useful;
use crate::engine::time::Timestamp;

impl JobMemory {
    /// What more than `from` workers can do was of no use: it is forgotten, and increases end at `useful`. That many are taken
    /// to do what all of them did: where they do not, the limit was wrong.
    pub fn condemn(&mut self, from: Workers, useful: Useful, at: Timestamp) {
        self.tried = self.last_width();
        for operator in &mut self.operators {
            operator.capacity.forget_above(from);
            if let Some(reached) = operator.recent_throughput(at).filter(|_| useful.workers > from) {
                operator.capacity.learn(useful.workers, reached, true);
            }
        }
        self.useful = Some(useful);
    }

    /// What was learned turned out to be wrong, and so may be a limit that was drawn from it: increases may go as far as
    /// was tried before, and no decrease leans on it again. Without a limit that knows this they are free.
    pub(super) fn doubt_limit(&mut self) {
        let tried = self.tried.take();
        self.useful = self.useful.and_then(|useful| Some(Useful { workers: tried?, ..useful }));
    }
}
