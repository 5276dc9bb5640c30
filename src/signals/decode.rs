//! Reads the answer to an instant query while it streams in: the body is never held whole.
//!
//! The outer objects are walked member by member, in whatever order they come; each element of `result` is parsed
//! where it lies, borrowed, once all of it has arrived. Where an element ends is left to the JSON parser: a label
//! value may hold any text, so searching for brackets would not do. Rows are handed out as they are parsed, before
//! it is known how the answer ends: a caller that gets an error throws the rows away.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, pin_mut};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny};

use super::error::Error;
use super::row::{Pair, RowSeed, Sample, SampleSeed, Text, recycle};

pub use super::row::Labels;

/// The largest single element (a series with its labels) that is waited for. Prometheus' own limits on labels are
/// far below; without a bound a hostile answer could fill the memory.
const MAX_PENDING: usize = 16 << 20;

/// How much of a chunk is copied behind the beginning of an element, at least: a few series.
const STITCH: usize = 1 << 10;

/// What an answer says besides its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// Rows that were handed out.
    pub rows: usize,
    /// Elements that hold a native histogram instead of a number; they were left out.
    pub histograms: usize,
    /// The answer may lack rows.
    pub warnings: Vec<String>,
    /// Hints on the query; nothing is lacking.
    pub infos: Vec<String>,
}

/// Decodes a successful answer (status 200) to an instant query, calling `on_row` with the labels and the value of
/// each series. A scalar is one row without labels. Values are given as they are: NaN, infinite, negative.
///
/// # Errors
/// A body that breaks off or is no such answer, an answer with `status: error`, a matrix or a string.
/// Rows may have been handed out before.
pub async fn decode_vector<S>(body: S, on_row: &mut impl FnMut(&Labels<'_>, f64)) -> Result<Envelope, Error>
where
    S: Stream<Item = Result<Bytes, reqwest::Error>>,
{
    pin_mut!(body);
    let mut decoder = Decoder::default();
    while let Some(chunk) = body.next().await {
        decoder.feed(&chunk.map_err(|source| Error::Body { source: source.without_url() })?, on_row)?;
    }
    decoder.finish()
}

#[derive(Debug, Default)]
struct Decoder {
    /// What has arrived and is not parsed yet: the beginning of an element.
    carry: Vec<u8>,
    /// Bytes of the body before `carry`.
    before: u64,
    state: State,
    /// The labels' allocation, reused from row to row.
    labels: Vec<Pair<'static>>,
    status: Option<String>,
    error_type: Option<String>,
    error: Option<String>,
    result_type: Option<String>,
    has_result: bool,
    envelope: Envelope,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// The brace that opens the document.
    #[default]
    Opening,
    /// A key, or the brace that closes the object.
    Key(Object),
    /// The value of that key.
    Value(Object, Field),
    /// A comma, or the brace that closes the object.
    AfterValue(Object),
    /// An element of `result`, or the bracket that closes it.
    Element,
    /// A comma, or the bracket that closes `result`.
    AfterElement,
    /// Nothing but white space.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Answer,
    Data,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Status,
    ErrorType,
    Error,
    Warnings,
    Infos,
    Data,
    ResultType,
    Result,
    Other,
}

impl Field {
    fn of(object: Object, key: &str) -> Self {
        match (object, key) {
            (Object::Answer, "status") => Self::Status,
            (Object::Answer, "errorType") => Self::ErrorType,
            (Object::Answer, "error") => Self::Error,
            (Object::Answer, "warnings") => Self::Warnings,
            (Object::Answer, "infos") => Self::Infos,
            (Object::Answer, "data") => Self::Data,
            (Object::Data, "resultType") => Self::ResultType,
            (Object::Data, "result") => Self::Result,
            _ => Self::Other,
        }
    }
}

/// A value and its length in bytes; `None`: not all of it is there yet.
type Parsed<T> = Result<Option<(T, usize)>, serde_json::Error>;

impl Decoder {
    fn feed(&mut self, mut chunk: &[u8], on_row: &mut impl FnMut(&Labels<'_>, f64)) -> Result<(), Error> {
        let mut carry = std::mem::take(&mut self.carry);
        // Completes the element that the chunk before has begun, then goes on in this chunk itself, uncopied.
        while !carry.is_empty() && !chunk.is_empty() {
            let kept = carry.len();
            let (more, rest) = chunk.split_at(chunk.len().min(kept.max(STITCH)));
            carry.extend_from_slice(more);
            let used = self.parse_all(&carry, on_row)?;
            if used >= kept {
                chunk = &chunk[used - kept..];
                carry.clear();
            } else {
                chunk = rest;
                carry.drain(..used);
            }
        }
        if carry.is_empty() {
            let used = self.parse_all(chunk, on_row)?;
            carry.extend_from_slice(&chunk[used..]);
        }
        self.carry = carry;
        if self.carry.len() > MAX_PENDING {
            return Err(Error::Shape { problem: format!("an element is longer than {MAX_PENDING} bytes") });
        }
        Ok(())
    }

    /// Parses as far as `input` reaches and gives how far that is.
    fn parse_all(&mut self, input: &[u8], on_row: &mut impl FnMut(&Labels<'_>, f64)) -> Result<usize, Error> {
        let mut labels = recycle(std::mem::take(&mut self.labels));
        let mut at = 0;
        loop {
            at += input[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let rest = &input[at..];
            if rest.is_empty() {
                break;
            }
            match self.step(rest, &mut labels, on_row) {
                Ok(Some(used)) => at += used,
                Ok(None) => break,
                Err(Problem::Json(source)) => {
                    return Err(Error::Parse { offset: self.before + at as u64, source });
                }
                Err(Problem::Told(error)) => return Err(error),
            }
        }
        self.labels = recycle(labels);
        self.before += at as u64;
        Ok(at)
    }

    fn finish(self) -> Result<Envelope, Error> {
        let bytes = self.before + self.carry.len() as u64;
        if self.state != State::End {
            return Err(Error::Truncated { bytes });
        }
        match self.status.as_deref() {
            Some("success") => {}
            Some("error") => {
                return Err(Error::Refused {
                    kind: self.error_type.unwrap_or_default(),
                    text: self.error.unwrap_or_default(),
                    status: StatusCode::OK,
                });
            }
            _ => return Err(shape("its `status` is neither `success` nor `error`")),
        }
        if !self.has_result {
            return Err(shape("it has no `data.result`"));
        }
        match self.result_type.as_deref() {
            Some("vector" | "scalar") => Ok(self.envelope),
            Some(other) => Err(Error::ResultType { found: other.to_owned() }),
            None => Err(shape("it has no `data.resultType`")),
        }
    }

    /// Takes one token or one element from the front of `rest`, which is not empty and starts with no white space.
    fn step<'a>(
        &mut self,
        rest: &'a [u8],
        labels: &mut Vec<Pair<'a>>,
        on_row: &mut impl FnMut(&Labels<'_>, f64),
    ) -> Result<Option<usize>, Problem> {
        let next = match (self.state, rest[0]) {
            (State::Opening, b'{') => State::Key(Object::Answer),
            (State::Key(object) | State::AfterValue(object), b'}') => match object {
                Object::Answer => State::End,
                Object::Data => State::AfterValue(Object::Answer),
            },
            (State::AfterValue(object), b',') => State::Key(object),
            (State::Element | State::AfterElement, b']') => State::AfterValue(Object::Data),
            (State::AfterElement, b',') => State::Element,
            (State::Key(object), b'"') => return Ok(self.key(object, rest)?),
            (State::Value(object, field), _) => return self.value(object, field, rest, on_row),
            (State::Element, b'{') => return Ok(self.element(rest, labels, on_row)?),
            (state, byte) => {
                return Err(shape(format!("{:?} stands where it cannot ({state:?})", char::from(byte))).into());
            }
        };
        self.state = next;
        Ok(Some(1))
    }

    fn key(&mut self, object: Object, rest: &[u8]) -> Result<Option<usize>, serde_json::Error> {
        let Some((key, used)) = parse(rest, Text)? else { return Ok(None) };
        let blank = rest[used..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match rest.get(used + blank) {
            None => Ok(None),
            Some(b':') => {
                self.state = State::Value(object, Field::of(object, &key));
                Ok(Some(used + blank + 1))
            }
            Some(_) => Err(serde::de::Error::custom("expected `:` after a key")),
        }
    }

    fn value(
        &mut self,
        object: Object,
        field: Field,
        rest: &[u8],
        on_row: &mut impl FnMut(&Labels<'_>, f64),
    ) -> Result<Option<usize>, Problem> {
        match (field, rest[0]) {
            (Field::Data, b'{') => {
                self.state = State::Key(Object::Data);
                return Ok(Some(1));
            }
            (Field::Result, b'[') => {
                if let Some(found) = self.result_type.as_deref()
                    && !matches!(found, "vector" | "scalar")
                {
                    return Err(Error::ResultType { found: found.to_owned() }.into());
                }
                self.has_result = true;
                let Some(first) = rest[1..].iter().find(|byte| !byte.is_ascii_whitespace()) else { return Ok(None) };
                if matches!(first, b'{' | b']') {
                    self.state = State::Element;
                    return Ok(Some(1));
                }
                let Some((Sample(value), used)) = parse(rest, SampleSeed)? else { return Ok(None) };
                self.envelope.rows += 1;
                on_row(&Labels::default(), value);
                self.state = State::AfterValue(object);
                return Ok(Some(used));
            }
            _ => {}
        }
        let used = match field {
            Field::Status => keep(&mut self.status, rest)?,
            Field::ErrorType => keep(&mut self.error_type, rest)?,
            Field::Error => keep(&mut self.error, rest)?,
            Field::ResultType => keep(&mut self.result_type, rest)?,
            Field::Warnings => keep(&mut self.envelope.warnings, rest)?,
            Field::Infos => keep(&mut self.envelope.infos, rest)?,
            Field::Data | Field::Result | Field::Other => parse_any::<IgnoredAny>(rest)?.map(|(_, used)| used),
        };
        if used.is_some() {
            self.state = State::AfterValue(object);
        }
        Ok(used)
    }

    fn element<'a>(
        &mut self,
        rest: &'a [u8],
        labels: &mut Vec<Pair<'a>>,
        on_row: &mut impl FnMut(&Labels<'_>, f64),
    ) -> Result<Option<usize>, serde_json::Error> {
        labels.clear();
        let Some((value, used)) = parse(rest, RowSeed { labels })? else { return Ok(None) };
        match value {
            Some(Sample(value)) => {
                self.envelope.rows += 1;
                on_row(&Labels::of(labels), value);
            }
            None => self.envelope.histograms += 1,
        }
        self.state = State::AfterElement;
        Ok(Some(used))
    }
}

/// Why a step failed: where it happened is known one level up.
enum Problem {
    Json(serde_json::Error),
    Told(Error),
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

fn shape(problem: impl Into<String>) -> Error {
    Error::Shape { problem: problem.into() }
}

/// Parses the value at the front of `rest`.
///
/// An error at the very end of what has arrived says nothing yet: the parser takes `1.` for a bad number, where the
/// next chunk may bring the digits.
fn parse<'a, T: DeserializeSeed<'a>>(rest: &'a [u8], seed: T) -> Parsed<T::Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(rest);
    let parsed = seed.deserialize(&mut deserializer);
    let used = deserializer.into_iter::<IgnoredAny>().byte_offset();
    match parsed {
        Ok(value) if used < rest.len() || matches!(rest[used - 1], b'}' | b']' | b'"') => Ok(Some((value, used))),
        // A number or a word that touches the end may go on.
        Ok(_) => Ok(None),
        Err(error) if error.is_eof() || used >= rest.len() => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse_any<'a, T: Deserialize<'a>>(rest: &'a [u8]) -> Parsed<T> {
    parse(rest, std::marker::PhantomData::<T>)
}

/// Parses into `place`; `null` is its default.
fn keep<'a, T: Deserialize<'a> + Default>(place: &mut T, rest: &'a [u8]) -> Result<Option<usize>, serde_json::Error> {
    let Some((value, used)) = parse_any::<Option<T>>(rest)? else { return Ok(None) };
    *place = value.unwrap_or_default();
    Ok(Some(used))
}

#[cfg(test)]
mod tests;
