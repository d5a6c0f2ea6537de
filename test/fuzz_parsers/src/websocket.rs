//! Frames in any pieces, and the extensions of a handshake.

use crate::split;
use bytes::BytesMut;
use kjasync::websocket::*;

const MOST: usize = 1 << 16;

/// All that comes of the input, fed in pieces of this size.
fn events(input: &[u8], piece: usize, from: Role, window: Option<Window>) -> (Vec<Event>, Option<CloseCode>) {
    let mut decoder = Decoder::new(from, window);
    let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
    for piece in input.chunks(piece.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer, Take::Whole(MOST)) {
                Ok(Some(event)) => found.push(event),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(decoder.decode(&mut buffer, Take::Whole(MOST)).map_err(|again| again.code), Err(violation.code));
                    return (found, Some(violation.code));
                }
            }
        }
    }
    (found, None)
}

/// The same comes of them in whatever pieces they come.
pub fn frames(data: &[u8]) {
    let (choice, input) = split(data);
    let from = if choice & 1 == 0 { Role::Client } else { Role::Server };
    let window = (choice & 2 != 0).then_some(Window { bits: 15, fresh: choice & 4 != 0 });
    let whole = events(input, input.len(), from, window);
    for event in &whole.0 {
        if let Event::Data(piece) = event {
            assert!(piece.last && piece.data.len() <= MOST);
            assert!(piece.kind == MessageKind::Binary || std::str::from_utf8(&piece.data).is_ok());
        }
    }
    for piece in [1, choice >> 3] {
        let (found, code) = events(input, piece, from, window);
        // Of two things that are wrong, the one that is told is the one that comes first.
        assert_eq!((found, code.is_some()), (whole.0.clone(), whole.1.is_some()), "pieces of {piece}");
    }
}

pub fn extension(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let options = Compression::on();
    if let Ok(Some((agreed, answer))) = accept(text, &options) {
        // What was answered is what the one who offered reads.
        assert_eq!(Agreed::from_answer(&answer).map_err(|bad| bad.0), Ok(Some(agreed)), "{text}: {answer}");
    }
    let _ = check_answer(text, None);
    let _ = Agreed::from_answer(text);
}
