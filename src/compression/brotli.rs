//! Brotli.

use super::coder::{Engine, Progress, Until, corrupt, early_end, trailing};
use super::options::{Compression, CompressionFormat, Decompression};
use crate::error::{Error, ErrorKind};
use brotli::enc::StandardAlloc;
use brotli::enc::encode::{BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

/// Compresses to one stream.
pub(super) struct Encoder {
    state: BrotliEncoderStateStruct<StandardAlloc>,
}

impl Encoder {
    pub(super) fn new(options: &Compression) -> Result<Self, Error> {
        let mut state = BrotliEncoderStateStruct::new(StandardAlloc::default());
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_QUALITY, options.level()?.into());
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, options.window_bits()?.into());
        Ok(Self { state })
    }
}

impl Engine for Encoder {
    fn step(&mut self, input: &[u8], room: &mut [u8], until: Until) -> Result<Progress, Error> {
        if self.state.is_finished() {
            return if input.is_empty() {
                Ok(Progress { done: true, ..Progress::default() })
            } else {
                Err(Error::after_end())
            };
        }
        let operation = match until {
            Until::InputUsed => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
            Until::Flushed => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
            Until::Ended => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
        };
        let (mut left, mut used, mut free, mut written) = (input.len(), 0, room.len(), 0);
        let went = self.state.compress_stream(
            operation,
            &mut left,
            input,
            &mut used,
            &mut free,
            room,
            &mut written,
            &mut None,
            &mut |_, _, _, _| (),
        );
        if !went {
            return Err(Error::new(ErrorKind::Failed, "brotli could not compress"));
        }
        let done = match until {
            Until::Ended => self.state.is_finished(),
            _ => left == 0 && !self.state.has_more_output(),
        };
        Ok(Progress { used, written, done })
    }
}

/// Decompresses one stream.
pub(super) struct Decoder {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    most_bits: u8,
    begun: bool,
    ended: bool,
}

/// The window that the first byte of a stream asks for; none for a large one, which is not of RFC 7932.
fn window_bits(first: u8) -> Option<u8> {
    match (first & 1, first >> 1 & 7, first >> 4 & 7) {
        (0, ..) => Some(16),
        (_, 0, 0) => Some(17),
        (_, 0, 1) => None,
        (_, 0, bits) => Some(8 + bits),
        (_, bits, _) => Some(17 + bits),
    }
}

impl Decoder {
    pub(super) fn new(options: &Decompression) -> Result<Self, Error> {
        let state =
            BrotliState::new_strict(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
        Ok(Self { state: Box::new(state), most_bits: options.window_bits()?, begun: false, ended: false })
    }

    fn check_window(&self, first: u8) -> Result<(), Error> {
        let refused = match window_bits(first) {
            Some(bits) if bits <= self.most_bits => return Ok(()),
            Some(bits) => format!("a window of {bits} bits"),
            None => "a large window".to_owned(),
        };
        Err(Error::new(ErrorKind::Failed, format!("the brotli data want {refused}; {} are accepted", self.most_bits)))
    }
}

impl Engine for Decoder {
    fn step(&mut self, input: &[u8], room: &mut [u8], until: Until) -> Result<Progress, Error> {
        if self.ended {
            return if input.is_empty() {
                Ok(Progress { done: true, ..Progress::default() })
            } else {
                Err(trailing(CompressionFormat::Brotli))
            };
        }
        if let (false, Some(first)) = (self.begun, input.first()) {
            self.check_window(*first)?;
            self.begun = true;
        }
        let (mut left, mut used, mut free, mut written) = (input.len(), 0, room.len(), 0);
        let state = &mut *self.state;
        let result = BrotliDecompressStream(&mut left, &mut used, input, &mut free, &mut written, room, &mut 0, state);
        let done = match result {
            BrotliResult::ResultSuccess => {
                self.ended = true;
                // What is behind the end is an error of the next step, after what came before it.
                used == input.len()
            }
            BrotliResult::NeedsMoreInput if until == Until::Ended && written == 0 => {
                return Err(early_end(CompressionFormat::Brotli));
            }
            BrotliResult::NeedsMoreInput => until != Until::Ended,
            BrotliResult::NeedsMoreOutput => false,
            BrotliResult::ResultFailure => return Err(corrupt(CompressionFormat::Brotli)),
        };
        Ok(Progress { used, written, done })
    }
}
