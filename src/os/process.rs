//! Children as the system has them: how one is started, watched, told something and reaped.
#![allow(unsafe_code)]

use super::sys;
pub(crate) use super::sys::exit_descriptor;
use crate::error::Error;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr::null_mut;
use std::time::Duration;

/// What the child has under one number.
pub(crate) enum Given {
    /// What this process has there.
    Inherited,
    Null,
    Fd(OwnedFd),
}

/// A program that is to be started. Texts have no NUL.
pub(crate) struct Start {
    pub(crate) program: CString,
    /// The program's name among them, as the first.
    pub(crate) arguments: Vec<CString>,
    pub(crate) environment: Vec<CString>,
    pub(crate) folder: Option<CString>,
    /// By their numbers in the child. All others are closed there.
    pub(crate) descriptors: Vec<(i32, Given)>,
    pub(crate) new_group: bool,
}

/// What a call of the `posix_spawn` family says: it is no errno.
fn result(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// A function that not every version of the system has.
fn symbol(name: &CStr) -> Option<*mut libc::c_void> {
    // SAFETY: a text that ends with a NUL.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

type Raw = libc::posix_spawn_file_actions_t;
type AddFolder = unsafe extern "C" fn(*mut Raw, *const libc::c_char) -> i32;
type AddCloseFrom = unsafe extern "C" fn(*mut Raw, i32) -> i32;

struct Actions(Box<Raw>);

impl Actions {
    fn new() -> io::Result<Self> {
        let mut actions = Box::new(MaybeUninit::uninit());
        // SAFETY: room for the structure, which the call fills.
        result(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: filled, as it has succeeded.
        Ok(Self(unsafe { actions.assume_init() }))
    }

    fn copy(&mut self, from: i32, to: i32) -> io::Result<()> {
        // SAFETY: initialised; numbers only.
        result(unsafe { libc::posix_spawn_file_actions_adddup2(&mut *self.0, from, to) })
    }

    fn null(&mut self, to: i32) -> io::Result<()> {
        // SAFETY: initialised; the path is copied.
        result(unsafe {
            libc::posix_spawn_file_actions_addopen(&mut *self.0, to, c"/dev/null".as_ptr(), libc::O_RDWR, 0)
        })
    }

    fn close(&mut self, fd: i32) -> io::Result<()> {
        // SAFETY: initialised; numbers only.
        result(unsafe { libc::posix_spawn_file_actions_addclose(&mut *self.0, fd) })
    }

    fn folder(&mut self, folder: &CStr) -> io::Result<()> {
        let names = [c"posix_spawn_file_actions_addchdir_np", c"posix_spawn_file_actions_addchdir"];
        let found = names.into_iter().find_map(symbol).ok_or(io::ErrorKind::Unsupported)?;
        // SAFETY: the function of this name has this type on every system that has it.
        let add = unsafe { std::mem::transmute::<*mut libc::c_void, AddFolder>(found) };
        // SAFETY: initialised; the path is copied.
        result(unsafe { add(&mut *self.0, folder.as_ptr()) })
    }

    /// Closes whatever is left of the numbers from this one on, if the system knows how; else only what closes itself.
    fn close_from(&mut self, first: i32) -> io::Result<()> {
        let Some(found) = symbol(c"posix_spawn_file_actions_addclosefrom_np") else { return Ok(()) };
        // SAFETY: as above.
        let add = unsafe { std::mem::transmute::<*mut libc::c_void, AddCloseFrom>(found) };
        // SAFETY: initialised; numbers only.
        result(unsafe { add(&mut *self.0, first) })
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: initialised, and used for the last time.
        unsafe { libc::posix_spawn_file_actions_destroy(&mut *self.0) };
    }
}

struct Attributes(Box<libc::posix_spawnattr_t>);

impl Attributes {
    /// No signal is blocked, and a broken pipe ends the child, whatever this process has chosen for itself.
    fn new(new_group: bool) -> io::Result<Self> {
        let mut attributes = Box::new(MaybeUninit::uninit());
        // SAFETY: room for the structure, which the call fills.
        result(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: filled, as it has succeeded.
        let mut this = Self(unsafe { attributes.assume_init() });
        let mut signals = MaybeUninit::uninit();
        let group = if new_group { libc::POSIX_SPAWN_SETPGROUP } else { 0 };
        let flags = group | sys::SPAWN_FLAGS | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        // SAFETY: both are initialised before they are used, the set by its first call.
        unsafe {
            libc::sigemptyset(signals.as_mut_ptr());
            result(libc::posix_spawnattr_setsigmask(&mut *this.0, signals.as_ptr()))?;
            libc::sigaddset(signals.as_mut_ptr(), libc::SIGPIPE);
            result(libc::posix_spawnattr_setsigdefault(&mut *this.0, signals.as_ptr()))?;
            result(libc::posix_spawnattr_setpgroup(&mut *this.0, 0))?;
            result(libc::posix_spawnattr_setflags(&mut *this.0, flags as libc::c_short))?;
        }
        Ok(this)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised, and used for the last time.
        unsafe { libc::posix_spawnattr_destroy(&mut *self.0) };
    }
}

/// The texts as the system takes them, which live as long as the texts.
fn pointers(texts: &[CString]) -> Vec<*mut libc::c_char> {
    texts.iter().map(|text| text.as_ptr().cast_mut()).chain([null_mut()]).collect()
}

/// Starts a program and gives its number.
pub(crate) fn spawn(start: &Start) -> io::Result<i32> {
    let mut actions = Actions::new()?;
    let past = start.descriptors.iter().map(|(number, _)| number + 1).max().unwrap_or(0).max(3);
    // Above all that the child has, so that none is overwritten before it is copied.
    let mut sources = Vec::new();
    for (number, given) in &start.descriptors {
        match given {
            Given::Inherited if sys::INHERITS_BY_COPY => actions.copy(*number, *number)?,
            Given::Inherited => {}
            Given::Null => actions.null(*number)?,
            Given::Fd(fd) => {
                let source = rustix::io::fcntl_dupfd_cloexec(fd, past)?;
                actions.copy(source.as_raw_fd(), *number)?;
                sources.push(source);
            }
        }
    }
    let given = |number| start.descriptors.iter().any(|(other, _)| *other == number);
    for number in (0..past).filter(|number| !given(*number)) {
        actions.close(number)?;
    }
    actions.close_from(past)?;
    if let Some(folder) = &start.folder {
        actions.folder(folder)?;
    }
    let attributes = Attributes::new(start.new_group)?;
    let (arguments, environment) = (pointers(&start.arguments), pointers(&start.environment));
    let mut pid = 0;
    // SAFETY: all is initialised, the arrays end with a null, and all of it outlives the call.
    result(unsafe {
        libc::posix_spawnp(
            &mut pid,
            start.program.as_ptr(),
            &*actions.0,
            &*attributes.0,
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    })?;
    drop(sources);
    Ok(pid)
}

/// A text for the system.
pub(crate) fn text(text: &OsStr) -> Result<CString, Error> {
    CString::new(text.as_bytes()).map_err(|_| Error::invalid("a text with a NUL in it"))
}

/// Waits on this thread, no longer than that, until a child that nobody has reaped ends.
pub(crate) fn await_exit(pid: i32, longest: Duration) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    if let Ok(Some(exit)) = exit_descriptor(pid)
        && let Ok(longest) = Timespec::try_from(longest)
    {
        // Whatever it says, the child is looked at next.
        let _ = poll(&mut [PollFd::new(&exit.as_fd(), PollFlags::IN)], Some(&longest));
    }
}

/// Takes the exit of a child, once there is one: its status, as `waitpid` has it.
pub(crate) fn reap(pid: i32) -> io::Result<Option<i32>> {
    let mut status = 0;
    loop {
        // SAFETY: writes to the number only.
        match unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } {
            0 => return Ok(None),
            -1 if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            -1 => return Err(io::Error::last_os_error()),
            _ => return Ok(Some(status)),
        }
    }
}

/// Whether that is a child of this process which nobody has reaped.
pub(crate) fn is_child(pid: i32) -> bool {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    // SAFETY: room for what the call may write, and nobody reads it.
    pid > 0 && unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), options) } == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(program: &CStr, arguments: &[&CStr]) -> Start {
        let arguments = [program].iter().chain(arguments).map(|text| (*text).to_owned()).collect();
        let descriptors = (0..3).map(|number| (number, Given::Null)).collect();
        Start {
            program: program.to_owned(),
            arguments,
            environment: Vec::new(),
            folder: None,
            descriptors,
            new_group: false,
        }
    }

    #[test]
    fn a_child_is_started_watched_and_reaped_once() {
        let pid = spawn(&start(c"sh", &[c"-c", c"exit 7"])).expect("it starts");
        assert!(is_child(pid));
        await_exit(pid, Duration::from_secs(60));
        let status = reap(pid).expect("a child").expect("it has ended");
        assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 7));
        assert!(!is_child(pid) && reap(pid).is_err());
        assert!(!is_child(0) && !is_child(-1) && !is_child(1));
    }

    #[test]
    fn what_cannot_be_started_says_why() {
        let missing = spawn(&start(c"/nowhere/at/all", &[])).expect_err("no such program");
        assert_eq!(missing.raw_os_error(), Some(libc::ENOENT));
        let folder = Start { folder: Some(c"/nowhere".to_owned()), ..start(c"true", &[]) };
        assert_eq!(spawn(&folder).expect_err("no such folder").raw_os_error(), Some(libc::ENOENT));
    }
}
