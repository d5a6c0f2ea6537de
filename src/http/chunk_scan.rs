//! Where a chunked body ends, found without copying it. (HTTP-21)

use super::ProtocolError;

/// The most bytes of one chunk's line, extensions included, and of all trailers.
const MOST_LINE: u32 = 4096;
const MOST_TRAILERS: u32 = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size, or after some.
    Size {
        digits: u8,
    },
    /// In the rest of a chunk's line.
    Extension,
    /// The LF of a chunk's line is due.
    LineEnd,
    /// In data, with so many bytes left.
    Data,
    /// The CRLF behind data is due.
    DataCr,
    DataLf,
    /// At the begin of a trailer, or of the blank line.
    Trailer,
    /// In a trailer.
    TrailerLine,
    /// The LF of a trailer is due.
    TrailerLf,
    /// The LF of the blank line is due.
    EndLf,
    Done,
}

/// Reads a chunked body as it comes, in any pieces. Extensions are passed over; lines end with CRLF and nothing else.
#[derive(Clone, Debug)]
pub struct ChunkScan {
    state: State,
    size: u64,
    line: u32,
    trailers: u32,
}

/// What a piece of a body was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// All of it belongs to the body, which goes on.
    All,
    /// The body ends after so many bytes of it.
    Ends(usize),
}

impl Default for ChunkScan {
    fn default() -> Self {
        Self { state: State::Size { digits: 0 }, size: 0, line: 0, trailers: 0 }
    }
}

impl ChunkScan {
    /// At the begin of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next piece.
    ///
    /// # Errors
    /// A body that is malformed, or a size that does not fit into 64 bits. The connection cannot be used on.
    pub fn scan(&mut self, piece: &[u8]) -> Result<Scanned, ProtocolError> {
        let mut at = 0;
        while at < piece.len() && !self.has_ended() {
            let (framing, data) = self.frame(&piece[at..])?;
            at += framing + data;
        }
        Ok(if self.has_ended() { Scanned::Ends(at) } else { Scanned::All })
    }

    /// Reads the framing at the front of a piece: how long it is, and how much data follows it there. What is behind that is
    /// for the next call, and so are trailers.
    ///
    /// # Errors
    /// As `scan`.
    pub fn frame(&mut self, piece: &[u8]) -> Result<(usize, usize), ProtocolError> {
        let mut at = 0;
        while at < piece.len() && !matches!(self.state, State::Data | State::Done) {
            let was_in_trailers = self.is_in_trailers();
            self.state = self.step(piece[at])?;
            at += 1;
            if self.is_in_trailers() && !was_in_trailers {
                return Ok((at, 0));
            }
        }
        if self.state != State::Data {
            return Ok((at, 0));
        }
        let data = self.size.min((piece.len() - at) as u64);
        self.size -= data;
        if self.size == 0 {
            self.state = State::DataCr;
        }
        Ok((at, data as usize))
    }

    /// Whether the body has ended.
    pub fn has_ended(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the last chunk has come, so that trailers and the blank line follow.
    pub fn is_in_trailers(&self) -> bool {
        matches!(self.state, State::Trailer | State::TrailerLine | State::TrailerLf | State::EndLf)
    }

    fn step(&mut self, byte: u8) -> Result<State, ProtocolError> {
        let malformed = Err(ProtocolError::bad_request("a chunk is malformed"));
        match self.state {
            State::Size { digits } => match (byte, char::from(byte).to_digit(16)) {
                // Sixteen digits fill 64 bits; leading zeros beyond that are as suspicious as a number beyond it.
                (_, Some(_)) if digits == 16 => Err(ProtocolError::bad_request("the size of a chunk is too large")),
                (_, Some(digit)) => {
                    self.size = self.size << 4 | u64::from(digit);
                    Ok(State::Size { digits: digits + 1 })
                }
                _ if digits == 0 => malformed,
                (b'\r', _) => Ok(State::LineEnd),
                (b';' | b' ' | b'\t', _) => Ok(State::Extension),
                _ => malformed,
            },
            State::Extension => match byte {
                b'\r' => Ok(State::LineEnd),
                b'\n' | 0 => malformed,
                _ => {
                    self.line += 1;
                    if self.line > MOST_LINE {
                        return Err(ProtocolError::bad_request("the extensions of a chunk are too long"));
                    }
                    Ok(State::Extension)
                }
            },
            State::LineEnd => {
                self.line = 0;
                match (byte, self.size) {
                    (b'\n', 0) => Ok(State::Trailer),
                    (b'\n', _) => Ok(State::Data),
                    _ => malformed,
                }
            }
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataLf if byte == b'\n' => Ok(State::Size { digits: 0 }),
            State::Trailer if byte == b'\r' => Ok(State::EndLf),
            State::Trailer | State::TrailerLine => {
                self.trailers += 1;
                match byte {
                    _ if self.trailers > MOST_TRAILERS => Err(ProtocolError::head_too_large()),
                    b'\n' | 0 => malformed,
                    b'\r' => Ok(State::TrailerLf),
                    _ => Ok(State::TrailerLine),
                }
            }
            State::TrailerLf if byte == b'\n' => Ok(State::Trailer),
            State::EndLf if byte == b'\n' => Ok(State::Done),
            _ => malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &[u8]) -> Result<Scanned, u16> {
        ChunkScan::new().scan(text).map_err(|error| error.status)
    }

    // parity: HTTP-21
    #[test]
    fn the_end_is_found_in_whatever_pieces_it_comes() {
        let body = b"5;ext=\"a;b\"\r\nhel\rl\r\n00A \r\n0123456789\r\n0\r\nA-Trailer: x\r\nAnother: y\r\n\r\n";
        let whole = [body.as_slice(), b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(scan(&whole), Ok(Scanned::Ends(body.len())));
        for split in 0..body.len() {
            let mut scan = ChunkScan::new();
            assert_eq!(scan.scan(&whole[..split]), Ok(Scanned::All), "{split}");
            assert_eq!(scan.scan(&whole[split..]), Ok(Scanned::Ends(body.len() - split)), "{split}");
        }
        assert_eq!(scan(b"0\r\n\r\n"), Ok(Scanned::Ends(5)));
        assert_eq!(scan(b"FFFFFFFFFFFFFFFF\r\nx"), Ok(Scanned::All));
    }

    // parity: HTTP-21
    #[test]
    fn what_is_malformed_is_refused() {
        for text in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            "1\n",
            "1\r\r",
            "1;a\nb",
            "1\r\nab",
            "1\r\na\n",
            "0\r\n\n",
            "0\r\nA: b\n",
            "0\r\n\r\r",
            "10000000000000000\r\n",
            "00000000000000001\r\n",
            " 1\r\n",
            "1_\r\n",
        ] {
            assert_eq!(scan(text.as_bytes()), Err(400), "{text:?}");
        }
        assert_eq!(scan(format!("1;{}", "x".repeat(5000)).as_bytes()), Err(400));
        assert_eq!(scan(format!("0\r\nA: {}", "x".repeat(70_000)).as_bytes()), Err(431));
    }
}
