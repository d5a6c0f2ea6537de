//! Texts of addresses and blocks, and what the system tells beside a message.

use kjasync::net::{Cidr, number_of};
use kjasync::stream::control_messages;
use std::net::SocketAddr;

/// What the standard library reads as an address with a port is that address.
pub fn address(data: &[u8]) {
    let found = number_of(data);
    let text = std::str::from_utf8(data).unwrap_or_default();
    if let Ok(address) = text.parse::<SocketAddr>()
        && !text.contains('%')
    {
        assert_eq!(found.as_ref().ok(), Some(&Some(address)), "{text}");
    }
    if let Ok(Some(address)) = found {
        assert_eq!(number_of(address.to_string().as_bytes()).ok(), Some(Some(address)));
    }
}

pub fn cidr(data: &[u8]) {
    let Ok(block) = Cidr::parse(data) else { return };
    let text = block.to_string();
    assert_eq!(Cidr::parse(text.as_bytes()).ok(), Some(block));
    let (first, prefix) = text.split_once('/').expect("it has a prefix");
    assert!(block.matches(first.parse().expect("its first address")), "{text}");
    assert_eq!(prefix.parse().ok(), Some(block.specificity()));
}

pub fn control(data: &[u8]) {
    // Numbers that are taken for descriptors would be closed.
    let mut rights = 1i32.to_ne_bytes().to_vec();
    rights.extend(1i32.to_ne_bytes());
    if data.windows(8).any(|bytes| bytes == rights) {
        return;
    }
    let messages = control_messages(data);
    assert!(messages.iter().map(|message| message.data().len()).sum::<usize>() <= data.len());
}
