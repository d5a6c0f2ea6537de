//! Text that comes in pieces is checked as it comes: what can no longer become UTF-8 is refused at once.

use super::{CloseCode, Violation};

/// What has come of a character whose end is in the next piece.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    begun: [u8; 4],
    length: usize,
}

fn invalid() -> Violation {
    Violation::new(CloseCode::INVALID, "a text is not UTF-8")
}

impl Utf8Check {
    /// Checks the next piece.
    pub(super) fn push(&mut self, mut piece: &[u8]) -> Result<(), Violation> {
        while self.length > 0 {
            let Some((first, rest)) = piece.split_first() else { return Ok(()) };
            self.begun[self.length] = *first;
            self.length += 1;
            piece = rest;
            match std::str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return Err(invalid()),
                Err(_) => {}
            }
        }
        if let Err(error) = std::str::from_utf8(piece) {
            let begun = &piece[error.valid_up_to()..];
            if error.error_len().is_some() {
                return Err(invalid());
            }
            self.begun[..begun.len()].copy_from_slice(begun);
            self.length = begun.len();
        }
        Ok(())
    }

    /// Checks that no character is left unfinished at the end.
    pub(super) fn finish(&self) -> Result<(), Violation> {
        if self.length == 0 { Ok(()) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which byte it fails, given a byte at a time; none if it is text.
    fn fails_at(bytes: &[u8]) -> Option<usize> {
        let mut check = Utf8Check::default();
        let failed = (0..bytes.len()).find(|at| check.push(&bytes[*at..=*at]).is_err());
        failed.or_else(|| check.finish().is_err().then_some(bytes.len()))
    }

    #[test]
    fn any_cut_gives_the_same_answer() {
        let text = "aé€\u{10348}κόσμε\u{10ffff}\u{d7ff}\u{e000}".as_bytes();
        assert_eq!(fails_at(text), None);
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut check = Utf8Check::default();
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    check.push(piece).expect("text");
                }
                check.finish().expect("the end of a character");
            }
        }
    }

    #[test]
    fn what_cannot_become_text_is_refused_at_its_first_byte() {
        for (bytes, expected) in [
            (&b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited"[..], 6),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xc0\xaf", 0),
            (b"\xe0\x80\xaf", 1),
            (b"a\xff", 1),
            (b"\xf8\x88\x80\x80\x80", 0),
            (b"\xe2\x82", 2),
            (b"\xf0\x9f\x98", 3),
            (b"\x80", 0),
        ] {
            assert_eq!(fails_at(bytes), Some(expected), "{bytes:x?}");
        }
    }
}
