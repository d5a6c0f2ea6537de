//! Directories in memory.

use super::super::node::{Access, DirectoryEntry, DirectoryNode, FileNode, Metadata, NodeKind, Staging, WriteMode};
use super::super::path::{Part, Path};
use super::super::walk::{Entered, Place, Step, walk};
use super::clock::FileClock;
use super::file::{FileName, MemoryFile, MemoryHandle};
use super::staged::{StagedNode, moves};
use super::{failed, metadata, new_identity};
use crate::error::Error;
use crate::sync::Lock;
use rustix::io::{Errno, Result};
use std::any::Any;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// How often links may change between a look and an opening.
const ATTEMPTS: usize = 1000;

/// A symbolic link.
pub(super) struct Link {
    target: Vec<u8>,
    modified: u64,
    identity: u64,
}

/// What stands under a name.
pub(super) enum Node {
    File(FileName),
    Directory(Arc<MemoryDirectory>),
    Link(Arc<Link>),
}

impl Node {
    /// It once more, under another name.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::File(name) => Self::File(FileName::new(name.file().clone())),
            Self::Directory(directory) => Self::Directory(directory.clone()),
            Self::Link(link) => Self::Link(link.clone()),
        }
    }

    fn kind(&self) -> NodeKind {
        match self {
            Self::File(_) => NodeKind::File,
            Self::Directory(_) => NodeKind::Directory,
            Self::Link(_) => NodeKind::Symlink,
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => Arc::ptr_eq(one.file(), other.file()),
            (Self::Directory(one), Self::Directory(other)) => Arc::ptr_eq(one, other),
            (Self::Link(one), Self::Link(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

#[derive(Default)]
pub(super) struct Entries {
    pub(super) nodes: BTreeMap<Part, Node>,
    pub(super) modified: u64,
}

pub(in super::super) struct MemoryDirectory {
    pub(super) entries: Lock<Entries>,
    pub(super) clock: FileClock,
    mode: WriteMode,
    identity: u64,
}

/// One after another, not inside one another: there may be a million.
impl Drop for MemoryDirectory {
    fn drop(&mut self) {
        let take = |directory: &Self| std::mem::take(&mut directory.entries.lock().nodes);
        let mut left: Vec<Node> = take(self).into_values().collect();
        while let Some(node) = left.pop() {
            if let Node::Directory(directory) = node
                && let Some(last) = Arc::into_inner(directory)
            {
                left.extend(take(&last).into_values());
            }
        }
    }
}

impl Step for Arc<MemoryDirectory> {
    fn enter(&self, part: &[u8]) -> Result<Entered<Self>> {
        match self.entries.lock().nodes.get(part) {
            Some(Node::Directory(directory)) => Ok(Entered::Directory(directory.clone())),
            Some(Node::Link(link)) => Ok(Entered::Link(link.target.clone())),
            Some(Node::File(_)) => Err(Errno::NOTDIR),
            None => Err(Errno::NOENT),
        }
    }

    fn link(&self, part: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.entries.lock().nodes.get(part) {
            Some(Node::Link(link)) => Ok(Some(link.target.clone())),
            _ => Ok(None),
        }
    }
}

/// A directory as others have it.
pub(super) struct MemoryRoot(pub(super) Arc<MemoryDirectory>);

/// `None` if something is missing on the way.
fn unless_missing<T>(found: Result<Option<T>>) -> Result<Option<T>> {
    match found {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        found => found,
    }
}

impl MemoryDirectory {
    fn new(clock: FileClock, mode: WriteMode) -> Arc<Self> {
        let entries = Lock::new(Entries { nodes: BTreeMap::new(), modified: clock.now() });
        Arc::new(Self { entries, clock, mode: mode | WriteMode::EXECUTABLE, identity: new_identity() })
    }

    pub(in super::super) fn root(clock: FileClock) -> Arc<dyn DirectoryNode> {
        Arc::new(MemoryRoot(Self::new(clock, WriteMode::default())))
    }

    fn stat(&self) -> Metadata {
        let entries = self.entries.lock();
        metadata(NodeKind::Directory, entries.nodes.len(), entries.modified, 1, self.identity, self.mode)
    }

    /// Puts a node in its place, and gives what was there, to be dropped by whoever holds no lock. `Err` with the node if the mode does
    /// not fit.
    pub(super) fn put(
        &self,
        name: &Part,
        node: Node,
        mode: WriteMode,
        now: u64,
    ) -> std::result::Result<Option<Node>, Node> {
        let mut entries = self.entries.lock();
        let wanted = if entries.nodes.contains_key(name) { WriteMode::MODIFY } else { WriteMode::CREATE };
        if !mode.has(wanted) {
            return Err(node);
        }
        entries.modified = now;
        Ok(entries.nodes.insert(name.clone(), node))
    }

    /// Whether a directory is this one or below it.
    pub(super) fn contains(self: &Arc<Self>, wanted: &Arc<Self>) -> bool {
        let mut left = vec![self.clone()];
        while let Some(directory) = left.pop() {
            if Arc::ptr_eq(&directory, wanted) {
                return true;
            }
            let entries = directory.entries.lock();
            left.extend(entries.nodes.values().filter_map(|node| match node {
                Node::Directory(inner) => Some(inner.clone()),
                _ => None,
            }));
        }
        false
    }
}

impl MemoryRoot {
    fn named(&self, path: &Path) -> Result<(Arc<MemoryDirectory>, Part)> {
        match walk(self.0.clone(), path, false)? {
            Place::In(parent, name) => Ok((parent, name)),
            Place::Itself(_) => Err(Errno::INVAL),
        }
    }

    fn named_with_parents(&self, path: &Path, mode: WriteMode) -> Result<(Arc<MemoryDirectory>, Part)> {
        match self.named(path) {
            Err(Errno::NOENT) if mode.has(WriteMode::CREATE_PARENT) => {}
            named => return named,
        }
        for end in 1..path.parts().len() {
            let Ok(parent) = path.slice(0, end) else { break };
            let (above, name) = self.named(&parent)?;
            let new = Node::Directory(MemoryDirectory::new(above.clock.clone(), WriteMode::default()));
            // It may be there.
            drop(above.put(&name, new, WriteMode::CREATE, above.clock.now()));
        }
        self.named(path)
    }

    fn open_file_at(&self, path: &Path, access: Access) -> Result<Option<Arc<MemoryFile>>> {
        let mode = access.mode().unwrap_or(WriteMode::MODIFY);
        let may_be_there = mode.has(WriteMode::MODIFY);
        for _ in 0..ATTEMPTS {
            if mode.has(WriteMode::CREATE_PARENT) {
                self.named_with_parents(path, mode)?;
            }
            let Place::In(parent, name) = walk(self.0.clone(), path, may_be_there)? else { return Err(Errno::ISDIR) };
            let new = Arc::new(MemoryFile::with_mode(parent.clock.clone(), mode));
            let now = parent.clock.now();
            let mut entries = parent.entries.lock();
            match entries.nodes.get(&name) {
                Some(_) if !may_be_there => return Ok(None),
                Some(Node::File(file)) => return Ok(Some(file.file().clone())),
                Some(Node::Directory(_)) => return Err(Errno::ISDIR),
                // It has become one since.
                Some(Node::Link(_)) => {}
                None if mode.has(WriteMode::CREATE) => {
                    entries.nodes.insert(name, Node::File(FileName::new(new.clone())));
                    entries.modified = now;
                    return Ok(Some(new));
                }
                None => return Ok(None),
            }
        }
        Err(Errno::LOOP)
    }

    fn open_directory_at(&self, path: &Path, mode: Option<WriteMode>) -> Result<Option<Arc<MemoryDirectory>>> {
        let creates = mode.is_some_and(|mode| mode.has(WriteMode::CREATE));
        if let Some(mode) = mode.filter(|mode| mode.has(WriteMode::CREATE) && !path.parts().is_empty()) {
            let (parent, name) = self.named_with_parents(path, mode)?;
            let new = MemoryDirectory::new(parent.clock.clone(), mode);
            if parent.put(&name, Node::Directory(new.clone()), WriteMode::CREATE, parent.clock.now()).is_ok() {
                return Ok(Some(new));
            }
        }
        if mode.is_some_and(|mode| !mode.has(WriteMode::MODIFY)) {
            return Ok(None);
        }
        let place = match walk(self.0.clone(), path, true) {
            Err(Errno::NOENT | Errno::NOTDIR) if !creates => return Ok(None),
            place => place?,
        };
        match place {
            Place::Itself(directory) => Ok(Some(directory)),
            Place::In(parent, name) => match parent.enter(&name) {
                Ok(Entered::Directory(directory)) => Ok(Some(directory)),
                Ok(Entered::Link(_)) => Err(Errno::LOOP),
                Err(Errno::NOENT) if !creates => Ok(None),
                Err(errno) => Err(errno),
            },
        }
    }

    fn transfer(&self, path: &Path, mode: WriteMode, from: &Self, from_path: &Path, link: bool) -> Result<bool> {
        let (source, from_name) = from.named(from_path)?;
        let (target, name) = self.named_with_parents(path, mode)?;
        let now = [source.clock.now(), target.clock.now()];
        let alone = moves().lock();
        let node = source.entries.lock().nodes.get(&from_name).map(Node::again).ok_or(Errno::NOENT)?;
        let moving = node.again();
        match &node {
            Node::Directory(_) if link => return Err(Errno::PERM),
            Node::Directory(directory) if directory.contains(&target) => return Err(Errno::INVAL),
            _ => {}
        }
        let is_there = target.entries.lock().nodes.get(&name).map(|there| there.is(&node));
        let wanted = if is_there.is_some() { WriteMode::MODIFY } else { WriteMode::CREATE };
        if !mode.has(wanted) {
            return Ok(false);
        }
        let same_place = Arc::ptr_eq(&source, &target) && from_name == name;
        // Whoever looks in between sees it twice rather than not at all.
        let old = match is_there {
            Some(true) => None,
            _ => {
                let mut entries = target.entries.lock();
                entries.modified = now[1];
                entries.nodes.insert(name, node)
            }
        };
        let moved = if link || same_place {
            None
        } else {
            let mut entries = source.entries.lock();
            entries.modified = now[0];
            // Somebody may have put something else there.
            let is_same = entries.nodes.get(&from_name).is_some_and(|there| there.is(&moving));
            if is_same { entries.nodes.remove(&from_name) } else { None }
        };
        drop(alone);
        drop((old, moved));
        Ok(true)
    }
}

impl DirectoryNode for MemoryRoot {
    fn stat(&self) -> std::result::Result<Metadata, Error> {
        Ok(self.0.stat())
    }

    fn sync(&self) -> std::result::Result<(), Error> {
        Ok(())
    }

    fn list(&self) -> std::result::Result<Vec<DirectoryEntry>, Error> {
        let entries = self.0.entries.lock();
        let listed = entries.nodes.iter().map(|(name, node)| DirectoryEntry { name: name.clone(), kind: node.kind() });
        Ok(listed.collect())
    }

    fn lstat(&self, path: &Path) -> std::result::Result<Option<Metadata>, Error> {
        if path.parts().is_empty() {
            return Ok(Some(self.0.stat()));
        }
        let look = || {
            let (parent, name) = self.named(path)?;
            let node = parent.entries.lock().nodes.get(&name).map(Node::again);
            Ok(match node {
                None => None,
                // The look itself is one more name.
                Some(Node::File(file)) => {
                    let stat = file.file().stat();
                    Some(Metadata { link_count: stat.link_count - 1, ..stat })
                }
                Some(Node::Directory(directory)) => Some(directory.stat()),
                Some(Node::Link(link)) => Some(metadata(
                    NodeKind::Symlink,
                    link.target.len(),
                    link.modified,
                    1,
                    link.identity,
                    WriteMode::EXECUTABLE,
                )),
            })
        };
        unless_missing(look()).map_err(|errno| failed(format_args!("looking at \"{path}\""), errno))
    }

    fn readlink(&self, path: &Path) -> std::result::Result<Option<Vec<u8>>, Error> {
        let read = || {
            let (parent, name) = self.named(path)?;
            match parent.entries.lock().nodes.get(&name) {
                Some(Node::Link(link)) => Ok(Some(link.target.clone())),
                Some(_) => Err(Errno::INVAL),
                None => Ok(None),
            }
        };
        unless_missing(read()).map_err(|errno| failed(format_args!("reading the link \"{path}\""), errno))
    }

    fn open_file(&self, path: &Path, access: Access) -> std::result::Result<Option<Arc<dyn FileNode>>, Error> {
        let opened = match self.open_file_at(path, access) {
            Err(errno) if access.mode().is_some_and(|mode| mode.has(WriteMode::CREATE)) => Err(errno),
            opened => unless_missing(opened),
        };
        let opened = opened.map_err(|errno| failed(format_args!("opening \"{path}\""), errno))?;
        Ok(opened.map(|file| Arc::new(MemoryHandle::new(file, access)) as Arc<dyn FileNode>))
    }

    fn open_directory(
        &self,
        path: &Path,
        mode: Option<WriteMode>,
    ) -> std::result::Result<Option<Arc<dyn DirectoryNode>>, Error> {
        let opened = match self.open_directory_at(path, mode) {
            Ok(opened) => opened,
            Err(errno) => return Err(failed(format_args!("opening \"{path}\""), errno)),
        };
        Ok(opened.map(|directory| Arc::new(Self(directory)) as Arc<dyn DirectoryNode>))
    }

    fn stage_file(&self, path: &Path, mode: WriteMode) -> std::result::Result<Staging<dyn FileNode>, Error> {
        let (parent, name) =
            self.named_with_parents(path, mode).map_err(|errno| failed(format_args!("replacing \"{path}\""), errno))?;
        let file = Arc::new(MemoryFile::with_mode(parent.clock.clone(), mode));
        let staged = StagedNode::new(parent, name, Node::File(FileName::new(file.clone())), mode);
        Ok((Arc::new(MemoryHandle::whole(file)), Box::new(staged)))
    }

    fn stage_directory(&self, path: &Path, mode: WriteMode) -> std::result::Result<Staging<dyn DirectoryNode>, Error> {
        let (parent, name) =
            self.named_with_parents(path, mode).map_err(|errno| failed(format_args!("replacing \"{path}\""), errno))?;
        let directory = MemoryDirectory::new(parent.clock.clone(), mode);
        let staged = StagedNode::new(parent, name, Node::Directory(directory.clone()), mode);
        Ok((Arc::new(Self(directory)), Box::new(staged)))
    }

    fn temporary(&self) -> std::result::Result<Arc<dyn FileNode>, Error> {
        let file = MemoryFile::with_mode(self.0.clock.clone(), WriteMode::PRIVATE);
        Ok(Arc::new(MemoryHandle::whole(Arc::new(file))))
    }

    fn symlink(&self, path: &Path, target: &[u8], mode: WriteMode) -> std::result::Result<bool, Error> {
        let (parent, name) =
            self.named_with_parents(path, mode).map_err(|errno| failed(format_args!("linking \"{path}\""), errno))?;
        let modified = parent.clock.now();
        let link = Link { target: target.into(), modified, identity: new_identity() };
        Ok(parent.put(&name, Node::Link(Arc::new(link)), mode, modified).is_ok())
    }

    fn adopt(
        &self,
        path: &Path,
        mode: WriteMode,
        from: &dyn DirectoryNode,
        from_path: &Path,
        link: bool,
    ) -> std::result::Result<Option<bool>, Error> {
        let from: &dyn Any = from;
        let Some(from) = from.downcast_ref::<Self>() else { return Ok(None) };
        self.transfer(path, mode, from, from_path, link)
            .map(Some)
            .map_err(|errno| failed(format_args!("transferring \"{from_path}\" to \"{path}\""), errno))
    }

    fn remove(&self, path: &Path) -> std::result::Result<bool, Error> {
        let take = || {
            let (parent, name) = self.named(path)?;
            let now = parent.clock.now();
            let mut entries = parent.entries.lock();
            let taken = entries.nodes.remove(&name);
            if taken.is_some() {
                entries.modified = now;
            }
            Ok(taken)
        };
        let taken = unless_missing(take()).map_err(|errno| failed(format_args!("removing \"{path}\""), errno))?;
        Ok(taken.is_some())
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
