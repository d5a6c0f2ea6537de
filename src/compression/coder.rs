//! Compressing or decompressing piece by piece.

use super::options::{Coding, CompressionFormat};
use super::{brotli, deflate};
use crate::error::{Error, ErrorKind};

/// The least room that an engine is given. A flush that is cut into pieces smaller than what ends it never ends in zlib.
const LEAST_ROOM: usize = 64;

/// How much may come out before the ratio counts: short inputs may well be very regular.
const RATIO_COUNTS: u64 = 64 * 1024;

/// How much is made at once where nobody says.
pub(super) const PIECE: usize = 64 * 1024;

/// How far a step is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The input has been used. A compressor may keep some of it.
    InputUsed,
    /// All that can be made of the input so far has come out, up to the border of a byte. (GZIP-04, BROT-04)
    Flushed,
    /// The end. (GZIP-05, BROT-04)
    Ended,
}

/// What a step has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes of the input it has used.
    pub used: usize,
    /// How many bytes it has written.
    pub written: usize,
    /// Whether it went as far as it was to go; otherwise it stopped for want of room.
    pub done: bool,
}

/// One direction of one format.
pub(super) trait Engine: Send {
    /// Makes as much of the input as there is room for, of which there are at least a few bytes.
    fn step(&mut self, input: &[u8], room: &mut [u8], until: Until) -> Result<Progress, Error>;
}

/// Bytes that are no such format.
pub(super) fn corrupt(format: CompressionFormat) -> Error {
    Error::new(ErrorKind::Failed, format!("these are not {} data", format.name()))
}

/// Bytes that end within a member.
pub(super) fn early_end(format: CompressionFormat) -> Error {
    Error::new(ErrorKind::Disconnected, format!("the {} data end too early", format.name()))
}

/// Bytes behind the end of a format that has one.
pub(super) fn trailing(format: CompressionFormat) -> Error {
    Error::new(ErrorKind::Failed, format!("there are bytes behind the end of the {} data", format.name()))
}

/// Compresses or decompresses piece by piece. (GZIP-07, BROT-06)
pub struct Coder {
    engine: Box<dyn Engine>,
    compresses: bool,
    max_output: u64,
    max_ratio: u64,
    total_in: u64,
    total_out: u64,
    /// What the engine wrote when the caller had less room than it needs.
    spill: Vec<u8>,
    spilled: usize,
    /// A flush that has all its input and is not done.
    flushing: bool,
    /// The end has been asked for, and all input was there.
    sealed: bool,
    failed: Option<Error>,
}

impl Coder {
    /// Errors: `InvalidArgument` for a level or a window that the format does not have.
    pub fn new(coding: &Coding) -> Result<Self, Error> {
        let (engine, max_output, max_ratio): (Box<dyn Engine>, _, _) = match coding {
            Coding::Compress(options) if options.format == CompressionFormat::Brotli => {
                (Box::new(brotli::Encoder::new(options)?), None, None)
            }
            Coding::Compress(options) => (Box::new(deflate::Deflater::new(options)?), None, None),
            Coding::Decompress(options) => {
                let engine: Box<dyn Engine> = match options.format {
                    CompressionFormat::Brotli => Box::new(brotli::Decoder::new(options)?),
                    _ => Box::new(deflate::Inflater::new(options)?),
                };
                (engine, options.max_output, options.max_ratio)
            }
        };
        Ok(Self {
            engine,
            compresses: matches!(coding, Coding::Compress(_)),
            max_output: max_output.unwrap_or(u64::MAX),
            max_ratio: max_ratio.map_or(u64::MAX, u64::from),
            total_in: 0,
            total_out: 0,
            spill: Vec::new(),
            spilled: 0,
            flushing: false,
            sealed: false,
            failed: None,
        })
    }

    pub(super) fn compresses(&self) -> bool {
        self.compresses
    }

    /// Uses input and fills `out` as far as both go. A flush or an end that is not done goes on with the next call, before that uses
    /// any input; nothing can be added after an end. A call without room does nothing.
    ///
    /// # Errors
    /// They stay. Decompressing: `Failed` for bytes of another format, and for bytes behind the end of one that has an end;
    /// `Disconnected` for an end within a member, or before the first; `Overloaded` beyond a limit. (GZIP-01, BROT-05)
    pub fn run(&mut self, input: &[u8], out: &mut [u8], until: Until) -> Result<Progress, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.try_run(input, out, until).inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn try_run(&mut self, input: &[u8], out: &mut [u8], until: Until) -> Result<Progress, Error> {
        if self.sealed && !input.is_empty() {
            return Err(Error::after_end());
        }
        let until = if self.sealed { Until::Ended } else { until };
        let mut before = 0;
        if self.flushing && (until != Until::Flushed || !input.is_empty()) {
            let flushed = self.run_one(&[], out, Until::Flushed)?;
            if !flushed.done {
                return Ok(flushed);
            }
            before = flushed.written;
        }
        let mut progress = self.run_one(input, &mut out[before..], until)?;
        progress.written += before;
        Ok(progress)
    }

    fn run_one(&mut self, input: &[u8], out: &mut [u8], until: Until) -> Result<Progress, Error> {
        let (mut all, mut engine_done) = (Progress::default(), false);
        loop {
            all.written += self.take_spilled(&mut out[all.written..]);
            let nothing_spilled = self.spilled == self.spill.len();
            all.done = nothing_spilled && engine_done;
            if all.done || !nothing_spilled || all.written == out.len() {
                break;
            }
            match self.step(&input[all.used..], &mut out[all.written..], until) {
                Ok((step, direct)) => {
                    all.used += step.used;
                    all.written += if direct { step.written } else { 0 };
                    engine_done = step.done;
                }
                Err(error) if all.written == 0 => return Err(error),
                Err(error) => {
                    // After what came before it.
                    self.failed = Some(error);
                    all.done = false;
                    return Ok(all);
                }
            }
        }
        if all.used == input.len() {
            self.flushing = until == Until::Flushed && !all.done;
            self.sealed |= until == Until::Ended;
        }
        Ok(all)
    }

    /// One step of the engine, and whether it wrote to `room`: otherwise it did to the spill.
    fn step(&mut self, input: &[u8], room: &mut [u8], until: Until) -> Result<(Progress, bool), Error> {
        let direct = room.len() >= LEAST_ROOM;
        let step = if direct {
            self.engine.step(input, room, until)?
        } else {
            self.spill.resize(LEAST_ROOM, 0);
            self.spilled = LEAST_ROOM;
            let step = self.engine.step(input, &mut self.spill, until)?;
            self.spill.truncate(step.written);
            self.spilled = 0;
            step
        };
        self.count(step).inspect_err(|_| self.spill.clear())?;
        Ok((step, direct))
    }

    fn take_spilled(&mut self, room: &mut [u8]) -> usize {
        let rest = &self.spill[self.spilled..];
        let count = rest.len().min(room.len());
        room[..count].copy_from_slice(&rest[..count]);
        self.spilled += count;
        count
    }

    fn count(&mut self, step: Progress) -> Result<(), Error> {
        self.total_in += step.used as u64;
        self.total_out += step.written as u64;
        let too_long =
            |limit: String| Err(Error::new(ErrorKind::Overloaded, format!("more than {limit} was decompressed")));
        if self.total_out > self.max_output {
            return too_long(format!("the limit of {} bytes", self.max_output));
        }
        if self.total_out > RATIO_COUNTS && self.total_out > self.total_in.saturating_mul(self.max_ratio) {
            return too_long(format!("{} times the compressed data", self.max_ratio));
        }
        Ok(())
    }
}

/// Compresses or decompresses bytes that are all there.
///
/// # Errors
/// As [`Coder::run`], and `Overloaded` for a result of more than `limit` bytes.
pub fn code(coding: &Coding, data: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    let mut coder = Coder::new(coding)?;
    let (mut out, mut used, mut room) = (Vec::new(), 0, data.len().clamp(LEAST_ROOM, PIECE));
    loop {
        let start = out.len();
        // One byte past the limit tells a result that ends there from one that is too long.
        let room_now = room.min(limit.saturating_add(1) - start);
        out.try_reserve(room_now).map_err(|_| Error::no_memory())?;
        out.resize(start + room_now, 0);
        let progress = coder.run(&data[used..], &mut out[start..], Until::Ended)?;
        used += progress.used;
        out.truncate(start + progress.written);
        if out.len() > limit {
            let text = format!("the result is longer than the limit of {limit} bytes");
            return Err(Error::new(ErrorKind::Overloaded, text));
        }
        if progress.done {
            return Ok(out);
        }
        room = PIECE.max(out.len() / 2);
    }
}
