//! Bytes in, events out: what one end of a socket receives. (WS-02, WS-13, WS-20)

use super::deflate::Inflater;
use super::frame::{Header, Kind, Role, apply_mask};
use super::passing::Passing;
use super::utf8::Utf8Check;
use super::{CloseCode, CloseReason, Event, MessageKind, Piece, Violation, Window};
use bytes::{Buf, Bytes, BytesMut};

/// The most that a piece of a compressed message holds.
const PIECE: usize = 64 * 1024;

/// How messages are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Each as a whole, of at most so many bytes.
    Whole(usize),
    /// In pieces, as they come.
    Pieces,
    /// As [`Event::Frames`] where that can be, and otherwise as a whole.
    Frames(usize),
}

/// The frame that is being read; its header is no longer in the input.
struct Frame {
    header: Header,
    /// How many bytes of its payload have been unmasked.
    unmasked: u64,
    /// How many of them are still at the front of the input.
    front: usize,
}

/// The message that is being read.
struct Message {
    kind: MessageKind,
    compressed: bool,
    /// How many bytes its frames have, as far as they have begun.
    wire: u64,
    utf8: Utf8Check,
    gathered: Vec<u8>,
}

enum State {
    Open,
    Closed,
    Failed(Violation),
}

/// Reads what the other end sends: strictly, and holding no more than the message that it is at.
pub struct Decoder {
    /// The role of the end that sends it.
    pub(super) from: Role,
    pub(super) inflater: Option<Inflater>,
    frame: Option<Frame>,
    message: Option<Message>,
    state: State,
    /// How many bytes are missing of a frame that is to be passed on.
    pub(super) missing: u64,
}

fn wrong(text: &'static str) -> Violation {
    Violation::new(CloseCode::PROTOCOL, text)
}

fn too_big() -> Violation {
    Violation::new(CloseCode::TOO_BIG, "a message is longer than the limit")
}

/// How many bytes a compressed message of at most `limit` bytes may take: no deflater needs as many, unless it cuts a message
/// to crumbs.
pub(super) fn wire_limit(limit: usize) -> u64 {
    (limit as u64).saturating_mul(2).saturating_add(1024)
}

/// Bytes from the front, copied if they are a small part of a block that would be kept with them.
fn take(input: &mut BytesMut, count: usize) -> Bytes {
    if count.saturating_mul(4) <= input.capacity() {
        let bytes = Bytes::copy_from_slice(&input[..count]);
        input.advance(count);
        bytes
    } else {
        input.split_to(count).freeze()
    }
}

impl Decoder {
    /// For what an end with this role sends; `window` if it may be compressed.
    pub fn new(from: Role, window: Option<Window>) -> Self {
        Self { from, inflater: window.map(Inflater::new), frame: None, message: None, state: State::Open, missing: 0 }
    }

    /// The next event, from the front of what has come; `None` if more has to come first. What it has used is taken out of
    /// the input, which must not be changed but by appending to it. After a close there are no more events.
    ///
    /// # Errors
    /// What breaks the protocol, the same again on every later call.
    pub fn decode(&mut self, input: &mut BytesMut, how: Take) -> Result<Option<Event>, Violation> {
        match self.state {
            State::Failed(violation) => return Err(violation),
            State::Closed => {
                input.clear();
                return Ok(None);
            }
            State::Open => {}
        }
        let decoded = self.next(input, how);
        match &decoded {
            Err(violation) => self.state = State::Failed(*violation),
            Ok(Some(Event::Close(_))) => self.state = State::Closed,
            _ => {}
        }
        decoded
    }

    /// How many more bytes the frame needs that is being read, as far as that is known.
    pub fn wanted(&self) -> u64 {
        self.frame.as_ref().map_or(self.missing, |frame| frame.header.length - frame.unmasked)
    }

    /// The least that has to come behind this input before it is of use: the rest of a header or of a frame.
    pub(super) fn needed(&self, input: &[u8]) -> usize {
        match &self.frame {
            Some(frame) => {
                let left = frame.header.length - frame.unmasked;
                let here = if frame.header.kind.is_control() { input.len() as u64 } else { 0 };
                usize::try_from(left.saturating_sub(here)).unwrap_or(usize::MAX)
            }
            None => Header::size_of(input).saturating_sub(input.len()),
        }
    }

    /// Whether nothing of a message has come that has not been given.
    pub fn is_between_messages(&self) -> bool {
        self.frame.is_none() && self.message.is_none()
    }

    fn next(&mut self, input: &mut BytesMut, how: Take) -> Result<Option<Event>, Violation> {
        self.missing = 0;
        loop {
            if let Take::Frames(limit) = how
                && self.is_between_messages()
            {
                match self.frames(input, limit)? {
                    Passing::Event(event) => return Ok(Some(event)),
                    Passing::Incomplete => return Ok(None),
                    Passing::No => {}
                }
            }
            let Some(frame) = &self.frame else {
                if !self.begin(input)? {
                    return Ok(None);
                }
                continue;
            };
            if frame.header.kind.is_control() {
                return self.control(input);
            }
            let event = self.data(input, how)?;
            if event.is_some() || self.frame.is_some() {
                return Ok(event);
            }
        }
    }

    /// Takes the header of the next frame, if it has come.
    fn begin(&mut self, input: &mut BytesMut) -> Result<bool, Violation> {
        let Some((header, size)) = Header::parse(input, self.from, self.inflater.is_some())? else { return Ok(false) };
        match (header.kind, &mut self.message) {
            (Kind::Message(_), Some(_)) => return Err(wrong("a message begins before the last one has ended")),
            (Kind::Continuation, None) => return Err(wrong("a frame continues a message that has not begun")),
            (Kind::Message(kind), None) => {
                let (compressed, wire) = (header.compressed, header.length);
                let utf8 = Utf8Check::default();
                self.message = Some(Message { kind, compressed, wire, utf8, gathered: Vec::new() });
            }
            (Kind::Continuation, Some(message)) => message.wire = message.wire.saturating_add(header.length),
            _ => {}
        }
        input.advance(size);
        self.frame = Some(Frame { header, unmasked: 0, front: 0 });
        Ok(true)
    }

    fn control(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        let Some(Frame { header, .. }) = self.frame.take_if(|frame| input.len() as u64 >= frame.header.length) else {
            return Ok(None);
        };
        let size = header.length as usize;
        if let Some(mask) = header.mask {
            apply_mask(&mut input[..size], mask, 0);
        }
        let payload = take(input, size);
        Ok(Some(match header.kind {
            Kind::Ping => Event::Ping(payload),
            Kind::Pong => Event::Pong(payload),
            _ => Event::Close(CloseReason::parse(&payload)?),
        }))
    }

    /// Goes on with a data frame. It is over if it is gone behind this.
    fn data(&mut self, input: &mut BytesMut, how: Take) -> Result<Option<Event>, Violation> {
        let (Some(frame), Some(message)) = (&mut self.frame, &mut self.message) else { return Ok(None) };
        frame.unmask(input, message)?;
        let left = frame.header.length - frame.unmasked;
        let most = match how {
            Take::Whole(limit) | Take::Frames(limit) => {
                let held = if message.compressed { 0 } else { (message.gathered.len() + frame.front) as u64 };
                let limited = if message.compressed { wire_limit(limit) } else { limit as u64 };
                let announced = if message.compressed { message.wire } else { held.saturating_add(left) };
                if announced > limited {
                    return Err(too_big());
                }
                limit.saturating_add(1)
            }
            Take::Pieces => PIECE,
        };
        let last = frame.header.last;
        let mut over = left == 0;
        match &mut self.inflater {
            Some(inflater) if message.compressed => {
                let before = message.gathered.len();
                let mut inflated = inflater.inflate(&input[..frame.front], &mut message.gathered, most)?;
                input.advance(inflated.used);
                frame.front -= inflated.used;
                if over && last && !inflated.full {
                    inflated = inflater.finish(&mut message.gathered, most)?;
                }
                over &= !inflated.full;
                if message.kind == MessageKind::Text {
                    message.utf8.push(&message.gathered[before..])?;
                }
                if how != Take::Pieces && message.gathered.len() >= most {
                    return Err(too_big());
                }
            }
            // The only frame of a message stays where it is until it is whole.
            _ if last && message.gathered.is_empty() && how != Take::Pieces => {}
            _ if how == Take::Pieces && message.gathered.is_empty() => {}
            _ => {
                message.gathered.extend_from_slice(&input[..frame.front]);
                input.advance(frame.front);
                frame.front = 0;
            }
        }
        let ends = over && last;
        let piece = how == Take::Pieces && (frame.front > 0 || !message.gathered.is_empty());
        let data = if !ends && !piece {
            None
        } else if message.gathered.is_empty() && !message.compressed {
            Some(take(input, std::mem::take(&mut frame.front)))
        } else {
            Some(Bytes::from(std::mem::take(&mut message.gathered)))
        };
        let kind = message.kind;
        if ends {
            message.utf8.finish()?;
            self.message = None;
        }
        if over {
            self.frame = None;
        }
        Ok(data.map(|data| Event::Data(Piece { kind, data, last: ends })))
    }
}

impl Frame {
    /// Takes the mask off what has come of the payload, and checks it if it is plain text.
    fn unmask(&mut self, input: &mut BytesMut, message: &mut Message) -> Result<(), Violation> {
        let left = self.header.length - self.unmasked;
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - self.front);
        let fresh = &mut input[self.front..self.front + count];
        if let Some(mask) = self.header.mask {
            apply_mask(fresh, mask, self.unmasked);
        }
        if message.kind == MessageKind::Text && !message.compressed {
            message.utf8.push(fresh)?;
        }
        self.unmasked += count as u64;
        self.front += count;
        Ok(())
    }
}
