//! Reads a recording tick by tick, and keeps what can be read of a damaged one.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::compare::RecordedDecision;
use super::error::{Error, Kept};
use super::header::Header;
use super::json::JsonFault;
use super::wire::{Text, WireJob};
use crate::engine::{
    ClassIndex, ClassObservation, JobObservation, JobTable, Observations, Signal, SignalSet, Timestamp,
};

/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// One line of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// When.
    pub at: Timestamp,
    /// What was seen.
    pub seen: Observations,
    /// What a live run decided, if one was recorded.
    pub decisions: Option<Vec<RecordedDecision>>,
}

/// Reads a recording: an iterator over its ticks, in order of time.
///
/// After an error there are no more ticks; those before it stand.
pub struct Reader {
    input: Box<dyn BufRead + Send>,
    header: Header,
    classes: HashMap<Arc<str>, ClassIndex>,
    names: Vec<Arc<str>>,
    jobs: JobTable,
    /// By job index: the line that named it last, to find a job that stands twice in one line.
    named: Vec<u64>,
    texts: HashSet<Arc<str>>,
    buffer: Vec<u8>,
    line: u64,
    kept: Kept,
    ended: bool,
}

impl Reader {
    /// Opens a file, compressed or not, whatever its name.
    ///
    /// # Errors
    /// It cannot be opened, is no recording, is a newer one, or its header is damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let open = |source| Error::Open { path: path.into(), source };
        let file = File::open(path).map_err(open)?;
        // Opening a directory succeeds on some systems; reading it never does.
        if file.metadata().map_err(open)?.is_dir() {
            return Err(open(io::ErrorKind::IsADirectory.into()));
        }
        Self::new(file)
    }

    /// Reads from anything that gives bytes, compressed or not.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn new(mut input: impl Read + Send + 'static) -> Result<Self, Error> {
        let mut start = Vec::new();
        let reading = |source| Error::Read { line: 1, kept: Kept::default(), source };
        (&mut input).take(ZSTD_MAGIC.len() as u64).read_to_end(&mut start).map_err(reading)?;
        let compressed = start == ZSTD_MAGIC;
        let whole = Cursor::new(start).chain(input);
        let input: Box<dyn BufRead + Send> = if compressed {
            // Where bytes are damaged, all that was decoded from the same piece is lost: small pieces.
            let decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(1 << 12, whole)).map_err(reading)?;
            Box::new(BufReader::with_capacity(1 << 17, decoder))
        } else {
            Box::new(BufReader::with_capacity(1 << 17, whole))
        };
        Self::with_input(input)
    }

    fn with_input(mut input: Box<dyn BufRead + Send>) -> Result<Self, Error> {
        let nothing = Kept::default();
        let truncated = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
        let failed = |error| match error {
            error if truncated(&error) => Error::Truncated { line: 1, kept: nothing },
            source => Error::Read { line: 1, kept: nothing, source },
        };
        // Nothing but an object can be a header: do not look for the end of the first "line" of something binary.
        if input.fill_buf().map_err(failed)?.first() != Some(&b'{') {
            return Err(Error::NotARecording);
        }
        let mut buffer = Vec::new();
        input.read_until(b'\n', &mut buffer).map_err(failed)?;
        let line = std::str::from_utf8(&buffer).map_err(|_| Error::NotARecording)?;
        let header = Header::parse(line)?;
        let names: Vec<Arc<str>> = header.policies().iter().map(|policy| Arc::from(&*policy.name)).collect();
        let classes = names
            .iter()
            .enumerate()
            .map(|(position, name)| (Arc::clone(name), ClassIndex(u16::try_from(position).unwrap_or(u16::MAX))))
            .collect();
        Ok(Self {
            input,
            header,
            classes,
            names,
            jobs: JobTable::default(),
            named: Vec::new(),
            texts: HashSet::new(),
            buffer,
            line: 1,
            kept: nothing,
            ended: false,
        })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The jobs that were seen so far.
    pub fn jobs(&self) -> &JobTable {
        &self.jobs
    }

    /// How much was read so far.
    pub fn kept(&self) -> Kept {
        self.kept
    }

    fn read(&mut self) -> Result<Option<Tick>, Error> {
        loop {
            self.line += 1;
            self.buffer.clear();
            let (line, kept) = (self.line, self.kept);
            match self.input.read_until(b'\n', &mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(_) if self.buffer.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(Error::Truncated { line, kept });
                }
                // What the operating system says has a number; the rest is zstd's complaint about the bytes.
                Err(source) if source.raw_os_error().is_some() => return Err(Error::Read { line, kept, source }),
                Err(error) => {
                    let source = JsonFault { line, column: None, what: error.to_string() };
                    return Err(Error::Damaged { kept, source });
                }
            }
        }
        // Taken out for as long as the line is borrowed, and put back so that the next one allocates nothing.
        let buffer = std::mem::take(&mut self.buffer);
        let tick = self.parse(&buffer);
        self.buffer = buffer;
        tick.map(Some)
    }

    fn parse(&mut self, bytes: &[u8]) -> Result<Tick, Error> {
        let (line, kept) = (self.line, self.kept);
        let damaged = |what: String| Error::Damaged { kept, source: JsonFault { line, column: None, what } };
        let unfinished = bytes.last() != Some(&b'\n');
        let truncated = || Error::Truncated { line, kept };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) if unfinished => return Err(truncated()),
            Err(error) => return Err(damaged(error.to_string())),
        };
        let TickLine { at, classes, jobs, decisions } = match serde_json::from_str(text) {
            Ok(tick) => tick,
            // A number that is cut off ("1.") is not called an end of file.
            Err(error) if unfinished && (error.is_eof() || error.column() >= text.len()) => return Err(truncated()),
            Err(error) => return Err(Error::Damaged { kept, source: JsonFault::new(&error, line) }),
        };
        if kept.last.is_some_and(|last| at <= last) {
            return Err(Error::OutOfOrder { line, at, kept });
        }
        let mut seen = Observations { classes: Vec::new(), jobs: Vec::with_capacity(jobs.len()) };
        for ClassLine { class, failed, partial, circuit_open_until } in classes {
            let index = self.classes.get(&*class.0).ok_or_else(|| damaged(no_policy(&class)))?.0.into();
            if seen.classes.len() <= index {
                seen.classes.resize(index + 1, ClassObservation::default());
            }
            let (failed, partial) = (set(failed), set(partial));
            seen.classes[index] = ClassObservation { failed, partial, circuit_open_until };
        }
        for wire in &jobs {
            seen.jobs.push(self.job(wire).map_err(damaged)?);
        }
        self.kept = Kept { ticks: kept.ticks + 1, last: Some(at) };
        Ok(Tick { at, seen, decisions })
    }

    fn job(&mut self, wire: &WireJob<'_>) -> Result<JobObservation, String> {
        let name = wire.name.as_ref().ok_or("a job has no `name`")?;
        let namespace = wire.namespace.as_ref().map_or("default", |namespace| &*namespace.0);
        let class = match &wire.class {
            Some(class) => *self.classes.get(&*class.0).ok_or_else(|| no_policy(class))?,
            None if self.names.len() == 1 => ClassIndex(0),
            None => return Err(format!("job `{}` has no `class`, and there are several policies", name.0)),
        };
        let index = self.jobs.intern(&self.names[usize::from(class.0)], namespace, &name.0);
        self.named.resize(self.jobs.capacity(), 0);
        if std::mem::replace(&mut self.named[index.0 as usize], self.line) == self.line {
            return Err(format!("job `{namespace}/{}` stands here twice", name.0));
        }
        let id = self.jobs.id(index).ok_or("the job has no name")?.clone();
        let mut job = JobObservation::unseen(index, id, class);
        let texts = &mut self.texts;
        wire.put_into(&mut job, |text| match texts.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = text.into();
                texts.insert(Arc::clone(&new));
                new
            }
        });
        Ok(job)
    }
}

impl Iterator for Reader {
    type Item = Result<Tick, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

fn no_policy(class: &Text<'_>) -> String {
    format!("the header has no policy `{}`", class.0)
}

fn set(signals: Vec<Signal>) -> SignalSet {
    signals.into_iter().collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TickLine<'a> {
    at: Timestamp,
    #[serde(borrow, default)]
    classes: Vec<ClassLine<'a>>,
    #[serde(borrow)]
    jobs: Vec<WireJob<'a>>,
    decisions: Option<Vec<RecordedDecision>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassLine<'a> {
    #[serde(borrow)]
    class: Text<'a>,
    #[serde(default)]
    failed: Vec<Signal>,
    #[serde(default)]
    partial: Vec<Signal>,
    circuit_open_until: Option<Timestamp>,
}
