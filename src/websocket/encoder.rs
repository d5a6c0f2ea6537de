//! Messages in, bytes out: what one end of a socket sends. (WS-01, WS-14)

use super::deflate::Deflater;
use super::frame::{Header, Kind, MAX_CONTROL, Role, apply_mask};
use super::utf8::Utf8Check;
use super::{CloseReason, MessageKind, Window};
use crate::error::Error;
use bytes::Bytes;

/// Up to this size a payload is copied behind its header; a larger one that needs no change is sent from where it is.
const SMALL: usize = 4096;

/// The bytes of a frame, in one or two parts.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// The header, perhaps with the payload.
    pub head: Bytes,
    /// The payload, unless it is in `head`.
    pub data: Bytes,
}

impl Wire {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.head.len() + self.data.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The message that is being sent in fragments.
struct Begun {
    kind: MessageKind,
    compressed: bool,
    utf8: Utf8Check,
}

/// How messages are compressed that this end sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflating {
    /// What has been agreed.
    pub window: Window,
    /// From 0 to 9, as zlib has it.
    pub level: u32,
    /// Messages of fewer bytes are sent as they are.
    pub from_size: usize,
}

/// Writes frames.
pub struct Encoder {
    role: Role,
    deflater: Option<(Deflater, usize)>,
    begun: Option<Begun>,
}

impl Encoder {
    /// For an end with this role.
    pub fn new(role: Role, deflating: Option<Deflating>) -> Self {
        // A window of 8 bits can be inflated but not made: what is sent is never compressed then, as the standard allows.
        let deflating = deflating.filter(|deflating| deflating.window.can_deflate());
        let deflater = deflating.map(|with| (Deflater::new(with.window, with.level), with.from_size));
        Self { role, deflater, begun: None }
    }

    /// Whether a message that has begun is not finished.
    pub fn is_in_message(&self) -> bool {
        self.begun.is_some()
    }

    /// A whole message. A text has been found to be UTF-8.
    pub fn message(&mut self, kind: MessageKind, data: &Bytes) -> Wire {
        match &mut self.deflater {
            Some((deflater, from_size)) if data.len() >= *from_size => {
                let mut compressed = Vec::new();
                deflater.deflate(data, true, &mut compressed);
                self.frame(Kind::Message(kind), true, true, &compressed.into())
            }
            _ => self.frame(Kind::Message(kind), true, false, data),
        }
    }

    /// A message of which a borrowed form is at hand, if nothing has to be kept to send it; appended to `out`.
    pub(super) fn message_into(&mut self, kind: MessageKind, data: &[u8], out: &mut Vec<u8>) {
        let mut compressed = Vec::new();
        let (data, is_compressed) = match &mut self.deflater {
            Some((deflater, from_size)) if data.len() >= *from_size => {
                deflater.deflate(data, true, &mut compressed);
                (compressed.as_slice(), true)
            }
            _ => (data, false),
        };
        self.append(Kind::Message(kind), true, is_compressed, data, out);
    }

    /// Whether sending a message changes what later ones depend on.
    pub(super) fn is_changed_by(&self, size: usize) -> bool {
        self.deflater.as_ref().is_some_and(|(_, from_size)| size >= *from_size)
    }

    /// The next part of a message, of the kind with which that began.
    ///
    /// # Errors
    /// `InvalidArgument` for a text that is not UTF-8; nothing is sent then.
    pub fn fragment(&mut self, kind: MessageKind, data: &Bytes, last: bool) -> Result<Wire, Error> {
        let first = self.begun.is_none();
        let begun = self.begun.get_or_insert_with(|| Begun {
            kind,
            // How long it will be is not known.
            compressed: self.deflater.is_some(),
            utf8: Utf8Check::default(),
        });
        if begun.kind == MessageKind::Text {
            let checked = begun.utf8.push(data).and_then(|()| if last { begun.utf8.finish() } else { Ok(()) });
            checked.map_err(|_| Error::invalid("a text to be sent is not UTF-8"))?;
        }
        let compressed = begun.compressed;
        let kind = if first { Kind::Message(begun.kind) } else { Kind::Continuation };
        if last {
            self.begun = None;
        }
        Ok(match &mut self.deflater {
            Some((deflater, _)) if compressed => {
                let mut deflated = Vec::new();
                deflater.deflate(data, last, &mut deflated);
                self.frame(kind, last, first, &deflated.into())
            }
            _ => self.frame(kind, last, false, data),
        })
    }

    /// A ping, of at most 125 bytes.
    pub fn ping(&self, payload: &Bytes) -> Wire {
        self.control(Kind::Ping, payload)
    }

    /// A pong, of at most 125 bytes.
    pub fn pong(&self, payload: &Bytes) -> Wire {
        self.control(Kind::Pong, payload)
    }

    /// The end of what this end sends.
    pub fn close(&self, reason: &CloseReason) -> Wire {
        self.control(Kind::Close, &reason.payload().into())
    }

    fn control(&self, kind: Kind, payload: &Bytes) -> Wire {
        debug_assert!(payload.len() <= MAX_CONTROL, "the caller has checked that");
        self.frame(kind, true, false, payload)
    }

    fn header(&self, kind: Kind, last: bool, compressed: bool, size: usize) -> Header {
        let mask = (self.role == Role::Client).then(rand::random);
        Header { kind, last, compressed, mask, length: size as u64 }
    }

    fn append(&self, kind: Kind, last: bool, compressed: bool, data: &[u8], out: &mut Vec<u8>) {
        let header = self.header(kind, last, compressed, data.len());
        out.reserve(header.size() + data.len());
        header.write(out);
        let start = out.len();
        out.extend_from_slice(data);
        if let Some(mask) = header.mask {
            apply_mask(&mut out[start..], mask, 0);
        }
    }

    fn frame(&self, kind: Kind, last: bool, compressed: bool, data: &Bytes) -> Wire {
        let mut head = Vec::new();
        if self.role == Role::Client || data.len() <= SMALL {
            self.append(kind, last, compressed, data, &mut head);
            return Wire { head: head.into(), data: Bytes::new() };
        }
        self.header(kind, last, compressed, data.len()).write(&mut head);
        Wire { head: head.into(), data: data.clone() }
    }
}
