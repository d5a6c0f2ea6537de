//! What waits for its place in memory, and the lock under which directories come to other places.

use super::super::node::{Staged, WriteMode};
use super::super::path::Part;
use super::directory::{MemoryDirectory, Node};
use super::failed;
use crate::error::{Error, ErrorKind};
use crate::fork;
use crate::sync::{Lock, global};
use rustix::io::Errno;
use std::sync::{Arc, Once};

global!(MOVES: Lock<()> = Lock::new(()));

/// One directory at a time comes to another place, so that none comes to be inside itself. No lock is held by whoever takes it.
pub(super) fn moves() -> &'static Lock<()> {
    static ONCE: Once = Once::new();
    let moves: &'static Lock<()> = &MOVES;
    fork::keep_usable(&ONCE, moves);
    moves
}

pub(super) struct StagedNode {
    parent: Arc<MemoryDirectory>,
    name: Part,
    node: Option<Node>,
    mode: WriteMode,
}

impl StagedNode {
    pub(super) fn new(parent: Arc<MemoryDirectory>, name: Part, node: Node, mode: WriteMode) -> Self {
        Self { parent, name, node: Some(node), mode }
    }
}

impl Staged for StagedNode {
    fn commit(&mut self) -> Result<bool, Error> {
        let node = self.node.take().ok_or_else(|| Error::new(ErrorKind::Failed, "it has been committed"))?;
        let now = self.parent.clock.now();
        let alone = moves().lock();
        if let Node::Directory(directory) = &node
            && directory.contains(&self.parent)
        {
            self.node = Some(node);
            return Err(failed("putting something new in its place", Errno::INVAL));
        }
        let put = self.parent.put(&self.name, node, self.mode, now);
        drop(alone);
        match put {
            Ok(old) => drop(old),
            Err(node) => self.node = Some(node),
        }
        Ok(self.node.is_none())
    }
}
