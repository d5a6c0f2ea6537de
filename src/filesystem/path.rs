//! Paths as lists of parts. None leads out of the directory that it is used in.

use crate::error::Error;
use std::fmt;

/// A name in a directory: never empty, `.` or `..`, without `/` and NUL.
pub type Part = Box<[u8]>;

/// A list of names, from a directory on: without any it is the directory itself. Paths are ordered part by part. (FS-01, FS-03)
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Part>);

fn shown(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}

/// # Errors
/// `InvalidArgument` for what is no name.
fn check(part: &[u8]) -> Result<(), Error> {
    match part {
        b"" => Err(Error::invalid("a part of a path is empty")),
        b"." | b".." => Err(Error::invalid(format!("\"{}\" is no part of a path", shown(part)))),
        _ if part.contains(&b'/') => {
            Err(Error::invalid(format!("\"{}\" is no part of a path: it has a slash", shown(part))))
        }
        _ if part.contains(&0) => {
            Err(Error::invalid(format!("\"{}\" is no part of a path: it has a NUL", shown(part))))
        }
        _ => Ok(()),
    }
}

impl Path {
    /// No parts: the directory itself.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// # Errors
    /// `InvalidArgument` if one of the parts is no name. (FS-01)
    pub fn of_parts<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Result<Self, Error> {
        let mut path = Self::empty();
        for part in parts {
            check(part.as_ref())?;
            path.0.push(part.as_ref().into());
        }
        Ok(path)
    }

    /// A relative path in words: parts between slashes. Empty ones and `.` are left out. (FS-02)
    ///
    /// # Errors
    /// `InvalidArgument` for a leading slash and for `..`, which [`eval`](Self::eval) takes.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, Error> {
        let text = text.as_ref();
        if text.first() == Some(&b'/') {
            return Err(Error::invalid(format!("\"{}\" is no relative path", shown(text))));
        }
        let parts = text.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
        Self::of_parts(parts)
    }

    /// What the system would take the text for, seen from this path: a leading slash begins anew, `..` takes a part away. What a link is in
    /// between is not looked at. Not for texts that are not trusted: these may come out anywhere below the root of the directory that
    /// the result is used in. (FS-02)
    ///
    /// # Errors
    /// `InvalidArgument` for `..` where no part is left.
    pub fn eval(&self, text: impl AsRef<[u8]>) -> Result<Self, Error> {
        let text = text.as_ref();
        let mut path = if text.first() == Some(&b'/') { Self::empty() } else { self.clone() };
        for part in text.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." if path.0.pop().is_none() => {
                    return Err(Error::invalid(format!("\"{}\" leads out of the directory", shown(text))));
                }
                b".." => {}
                part => {
                    check(part)?;
                    path.0.push(part.into());
                }
            }
        }
        Ok(path)
    }

    /// The path with another behind it. (FS-02)
    #[must_use]
    pub fn append(&self, more: &Self) -> Self {
        Self(self.0.iter().chain(&more.0).cloned().collect())
    }

    /// The path with one more part, which the system gave us.
    pub(super) fn child(&self, part: &[u8]) -> Self {
        Self(self.0.iter().cloned().chain([part.into()]).collect())
    }

    /// The parts.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The last part. (FS-03)
    pub fn basename(&self) -> Option<&[u8]> {
        self.0.last().map(|part| &**part)
    }

    /// The path without its last part. (FS-03)
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, parent)| Self(parent.to_vec()))
    }

    /// The parts from `start` up to, not including, `end`. (FS-03)
    ///
    /// # Errors
    /// `InvalidArgument` if there are no such parts.
    pub fn slice(&self, start: usize, end: usize) -> Result<Self, Error> {
        let parts = self.0.get(start..end);
        let missing = || Error::invalid(format!("{start}..{end} is no part of a path of {} parts", self.0.len()));
        parts.map(|parts| Self(parts.to_vec())).ok_or_else(missing)
    }

    /// Whether it begins with the parts of another. (FS-03)
    pub fn starts_with(&self, head: &Self) -> bool {
        self.0.starts_with(&head.0)
    }

    /// Whether it ends with the parts of another. (FS-03)
    pub fn ends_with(&self, tail: &Self) -> bool {
        self.0.ends_with(&tail.0)
    }

    /// Its parts with slashes between them; `.` if there are none. [`parse`](Self::parse) gives the path again. (FS-02)
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.0.is_empty() { b".".to_vec() } else { self.0.join(&b'/') }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.to_bytes()))
    }
}
