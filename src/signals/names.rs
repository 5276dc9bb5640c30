//! Names that come again at every tick: each is allocated once.

use std::collections::HashMap;
use std::sync::Arc;

/// After so many ticks all names are forgotten and learned anew: a bound on names that never come again, at the price
/// of a few allocations every four hours (at 15 s).
const TICKS: u32 = 1000;

/// Numbers for names, for the length of one tick.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
    ticks: u32,
}

impl Names {
    /// A tick begins: numbers of the tick before may stand for other names from now on.
    pub fn begin(&mut self) {
        self.ticks += 1;
        if self.ticks > TICKS {
            *self = Self::default();
        }
    }

    /// The number of a name.
    pub fn intern(&mut self, name: &str) -> u32 {
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let number = u32::try_from(self.names.len()).expect("fewer than four billion names");
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    /// The name behind a number that this tick has given out.
    pub fn name(&self, number: u32) -> &Arc<str> {
        &self.names[number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_allocated_once_in_a_thousand_ticks() {
        let mut names = Names::default();
        let mut allocations = 0;
        let mut last: Option<Arc<str>> = None;
        for _ in 0..2 * TICKS {
            names.begin();
            let (a, b) = (names.intern("read"), names.intern("write"));
            assert_ne!(a, b);
            let name = Arc::clone(names.name(a));
            assert_eq!(&*name, "read");
            if last.as_ref().is_none_or(|last| !Arc::ptr_eq(last, &name)) {
                allocations += 1;
            }
            last = Some(name);
        }
        assert_eq!(allocations, 2);
    }
}
