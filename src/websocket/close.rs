//! Why a socket is closed: codes and reasons. (WS-03, WS-21)

use super::frame::MAX_CONTROL;
use crate::error::{Error, ErrorKind};
use bytes::Bytes;

/// A close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// All that was wanted has been done.
    pub const NORMAL: Self = Self(1000);
    /// The server shuts down, or the page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The other end has broken the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// A kind of data that is not accepted.
    pub const UNSUPPORTED: Self = Self(1003);
    /// Stands for a close without a code; never sent as a number.
    pub const NONE: Self = Self(1005);
    /// Stands for an end without a close; never sent.
    pub const ABNORMAL: Self = Self(1006);
    /// Data that is not what its kind says, such as a text that is not UTF-8.
    pub const INVALID: Self = Self(1007);
    /// Against the rules of the application.
    pub const POLICY: Self = Self(1008);
    /// A message that is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// The server has failed.
    pub const INTERNAL: Self = Self(1011);

    /// Whether it may stand in a close frame: the codes that IANA has registered for that, and those from 3000 to 4999.
    pub fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// What a close frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// The code; [`CloseCode::NONE`] if there was none.
    pub code: CloseCode,
    /// The text beside it.
    pub text: String,
}

impl CloseReason {
    /// A reason that can be sent.
    ///
    /// # Errors
    /// `InvalidArgument` for a code that may not be sent, a text of more than 123 bytes, or a text without a code.
    pub fn new(code: CloseCode, text: &str) -> Result<Self, Error> {
        let sendable = code.may_be_sent() || code == CloseCode::NONE && text.is_empty();
        if !sendable {
            return Err(Error::invalid(format!("a socket cannot be closed with {} and this text", code.0)));
        }
        if text.len() > MAX_CONTROL - 2 {
            return Err(Error::invalid("the reason of a close has at most 123 bytes"));
        }
        Ok(Self { code, text: text.to_owned() })
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        if self.code == CloseCode::NONE {
            return Vec::new();
        }
        [&self.code.0.to_be_bytes(), self.text.as_bytes()].concat()
    }

    pub(super) fn parse(payload: &[u8]) -> Result<Self, Violation> {
        match payload {
            [] => Ok(Self { code: CloseCode::NONE, text: String::new() }),
            [_] => Err(Violation::new(CloseCode::PROTOCOL, "a close frame has half a code")),
            [high, low, text @ ..] => {
                let code = CloseCode(u16::from_be_bytes([*high, *low]));
                if !code.may_be_sent() {
                    return Err(Violation::new(CloseCode::PROTOCOL, "a close frame has a code that may not be sent"));
                }
                match std::str::from_utf8(text) {
                    Ok(text) => Ok(Self { code, text: text.to_owned() }),
                    Err(_) => Err(Violation::new(CloseCode::INVALID, "the reason of a close is not UTF-8")),
                }
            }
        }
    }
}

/// How the other end has broken the protocol, and the code to close with. (WS-13)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What it is told.
    pub code: CloseCode,
    /// What was wrong.
    pub text: &'static str,
}

impl Violation {
    pub(super) fn new(code: CloseCode, text: &'static str) -> Self {
        Self { code, text }
    }
}

/// The detail of an error under which the close code stands, as two bytes with the high one first.
pub const CLOSE_CODE_DETAIL: u64 = 0x6b6a_615f_7773_6363;

impl Violation {
    /// The error of a receive: `Overloaded` for what is too big, otherwise `Failed`; the code stands in a detail.
    pub fn to_error(self) -> Error {
        let kind = if self.code == CloseCode::TOO_BIG { ErrorKind::Overloaded } else { ErrorKind::Failed };
        let code = Bytes::copy_from_slice(&self.code.0.to_be_bytes());
        let text = format!("WebSocket protocol error {}: {}", self.code.0, self.text);
        Error::new(kind, text).with_detail(CLOSE_CODE_DETAIL, Some(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity: WS-21
    #[test]
    fn codes_and_reasons_are_those_that_may_be_sent() {
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
            let reason = CloseReason::new(CloseCode(code), "why").expect("a code that may be sent");
            assert_eq!(CloseReason::parse(&reason.payload()), Ok(reason));
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert!(CloseReason::new(CloseCode(code), "why").is_err(), "{code}");
            let received = CloseReason::parse(&u16::to_be_bytes(code)).expect_err("no such code");
            assert_eq!(received.code, CloseCode::PROTOCOL);
        }
        let none = CloseReason::new(CloseCode::NONE, "").expect("no code and no text");
        assert_eq!((none.payload().as_slice(), CloseReason::parse(&[])), (&[][..], Ok(none)));
        assert!(CloseReason::new(CloseCode::NORMAL, &"x".repeat(123)).is_ok());
        assert!(CloseReason::new(CloseCode::NORMAL, &"x".repeat(124)).is_err());
        assert_eq!(CloseReason::parse(&[3]).expect_err("half a code").code, CloseCode::PROTOCOL);
        assert_eq!(CloseReason::parse(b"\x03\xe8\xff").expect_err("no text").code, CloseCode::INVALID);
    }
}
