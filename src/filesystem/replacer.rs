//! Something new on its way to its place.

use super::node::Staged;
use crate::error::{Error, ErrorKind};
use crate::sync::Lock;

/// A file or directory that nobody else sees until it is committed; dropped before that, it goes away. What was there is replaced in one
/// step: nothing sees it half done. That it is on the disk is sure only when the file and the directory in which it stands are
/// synced. (FS-14)
pub struct Replacer<T> {
    content: T,
    staged: Lock<Option<Box<dyn Staged>>>,
}

impl<T: Clone> Replacer<T> {
    pub(super) fn new(content: T, staged: Box<dyn Staged>) -> Self {
        Self { content, staged: Lock::new(Some(staged)) }
    }

    /// The file or directory to be filled.
    pub fn get(&self) -> &T {
        &self.content
    }

    /// Puts it in its place. `false` if the mode does not fit what is there; then it can be tried again. (FS-14)
    ///
    /// # Errors
    /// `Failed` once it is in its place.
    pub fn try_commit(&self) -> Result<bool, Error> {
        let taken = self.staged.lock().take();
        let mut staged = taken.ok_or_else(|| Error::new(ErrorKind::Failed, "it has been committed"))?;
        let done = staged.commit();
        if !matches!(done, Ok(true)) {
            *self.staged.lock() = Some(staged);
        }
        done
    }
}
