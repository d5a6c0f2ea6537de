//! Messages that go from one socket to another as they are on the wire. (WS-08)

use super::decoder::wire_limit;
use super::deflate::Inflater;
use super::frame::{Header, Kind};
use super::{Decoder, Event, Violation};
use bytes::BytesMut;

/// What the front of the input is for whoever passes messages on.
pub(super) enum Passing {
    Event(Event),
    /// The rest of a frame has to come first.
    Incomplete,
    /// Something that has to be looked into: a control frame, a fragment, a compressed message that depends on others.
    No,
}

impl Decoder {
    /// As many messages of one frame each as have come whole. Nothing but their headers is looked at.
    pub(super) fn frames(&mut self, input: &mut BytesMut, limit: usize) -> Result<Passing, Violation> {
        // Without a window that goes from message to message a compressed one stands for itself.
        let compressed = self.inflater.as_ref().is_some_and(Inflater::is_fresh);
        let mut size = 0;
        while let Some((header, head)) = Header::parse(&input[size..], self.from, self.inflater.is_some())? {
            let most = if header.compressed { wire_limit(limit) } else { limit as u64 };
            let passes = matches!(header.kind, Kind::Message(_))
                && header.last
                && header.length <= most
                && (compressed || !header.compressed);
            if !passes {
                break;
            }
            let missing = header.length.saturating_sub((input.len() - size - head) as u64);
            if missing > 0 {
                if size == 0 {
                    self.missing = missing;
                    return Ok(Passing::Incomplete);
                }
                break;
            }
            size += head + header.length as usize;
        }
        if size == 0 {
            return Ok(Passing::No);
        }
        Ok(Passing::Event(Event::Frames(input.split_to(size).freeze())))
    }
}
