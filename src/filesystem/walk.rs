//! From name to name, following links, without leaving the directory where the walk began.
//!
//! The directories on the way are kept, so that `..` in a link leads back to where the walk came from, whatever is moved meanwhile.

use super::path::{Part, Path};
use rustix::io::Errno;

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// What stands behind a name.
pub(super) enum Entered<D> {
    Directory(D),
    Link(Vec<u8>),
}

/// A directory that a walk can go through.
pub(super) trait Step: Clone {
    /// # Errors
    /// `ENOENT` if there is nothing of this name, `ENOTDIR` if it is neither a directory nor a link.
    fn enter(&self, part: &[u8]) -> Result<Entered<Self>, Errno>;

    /// Where the link of this name leads to; `None` if it is none, or if there is nothing.
    fn link(&self, part: &[u8]) -> Result<Option<Vec<u8>>, Errno>;
}

/// Where a path leads.
pub(super) enum Place<D> {
    /// To this name, of which nothing is known. If links were followed it was none.
    In(D, Part),
    /// To a directory that has no name, such as the one where the walk began.
    Itself(D),
}

/// The error of a path that leads out through a link.
pub(super) const ESCAPE: Errno = Errno::XDEV;

pub(super) fn walk<D: Step>(root: D, path: &Path, follow_last: bool) -> Result<Place<D>, Errno> {
    let mut left: Vec<Part> = path.parts().iter().rev().cloned().collect();
    let mut through = vec![root];
    let mut links = 0;
    while let Some(part) = left.pop() {
        // There is always the first.
        let Some(here) = through.last() else { return Err(ESCAPE) };
        let target = match &*part {
            b"" | b"." => continue,
            b".." if through.len() == 1 => return Err(ESCAPE),
            b".." => {
                through.pop();
                continue;
            }
            _ if left.is_empty() => match if follow_last { here.link(&part)? } else { None } {
                Some(target) => target,
                None => return Ok(Place::In(here.clone(), part)),
            },
            _ => match here.enter(&part)? {
                Entered::Directory(entered) => {
                    through.push(entered);
                    continue;
                }
                Entered::Link(target) => target,
            },
        };
        links += 1;
        match target.first() {
            _ if links > MOST_LINKS => return Err(Errno::LOOP),
            None => return Err(Errno::NOENT),
            Some(b'/') => return Err(ESCAPE),
            Some(_) => left.extend(target.split(|byte| *byte == b'/').rev().map(Part::from)),
        }
    }
    through.pop().map(Place::Itself).ok_or(ESCAPE)
}
