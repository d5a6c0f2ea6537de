//! Child processes.
//!
//! A child is watched by a descriptor of the system's, not by SIGCHLD, so that other parts of the program may have children of
//! their own; who takes the exit of any child (`wait`, `waitpid(-1)`, SIGCHLD that is ignored) takes those of the library too.
//! Linux 5.3 or later, or macOS. Any thread may use a process, unless its runtime is a wait scope. A status is what `waitpid` gives, for
//! WIFEXITED and its kin.
//!
//! A child has the standard streams and descriptors that it is given, and no others: also what the program itself has not set
//! to close on exec is closed in the child, where the C library can (glibc 2.34, macOS); descriptors of the library never get there.
//! It begins without blocked signals, and with SIGPIPE as the system has it.

use super::memory::{bytes_in, slice_in};
use super::pipe::fd_in;
use super::structure::{growing, structure_in};
use super::{
    boundary, created, get, kja_bytes_t, kja_connection_t, kja_process_output_t, kja_process_t, kja_promise_t,
    kja_runtime_t, kja_status_t, put, release,
};
use crate::error::{Error, ErrorKind};
use crate::process::{Command, Process, ProcessOutput, Standard, Stdio};
use crate::runtime::Runtime;
use std::ffi::{CStr, OsStr, OsString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;

/// What this process has there itself.
pub const KJA_STDIO_INHERIT: u32 = 0;
/// Nothing: no input, and output goes nowhere.
pub const KJA_STDIO_NULL: u32 = 1;
/// A pipe, whose other end is a connection: see `kja_process_stream`.
pub const KJA_STDIO_PIPE: u32 = 2;
/// The descriptor that is named beside it, of which the child gets a copy.
pub const KJA_STDIO_FD: u32 = 3;

/// The child leads a process group of its own, and what ends it ends the group.
pub const KJA_PROCESS_NEW_GROUP: u32 = 1;
/// The child goes on when its process is released or its `run` cancelled.
pub const KJA_PROCESS_KEEP: u32 = 2;

/// A further descriptor of a child.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_process_fd_t {
    /// A descriptor of this process, of which the child gets a copy.
    pub fd: i32,
    /// The number that it has in the child, from 3 to 1023.
    pub number: i32,
}

/// A program and how to start it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_process_options_t {
    /// `sizeof(kja_process_options_t)`, set by the caller.
    pub size: usize,
    /// Its path, or its name, which is looked for in the PATH of this process.
    pub program: *const c_char,
    /// Its arguments without its name, and a null; may be null for none.
    pub arguments: *const *const c_char,
    /// All of its environment, each as `NAME=value`, and a null; null for that of this process.
    pub environment: *const *const c_char,
    /// Where it works; null for where this process does. A relative path of the program is looked for from there.
    pub folder: *const c_char,
    /// `KJA_PROCESS_NEW_GROUP`, `KJA_PROCESS_KEEP`.
    pub flags: u32,
    /// What its standard input, output and error are: `KJA_STDIO_*`.
    pub stdio: [u32; 3],
    /// The descriptors of those that are `KJA_STDIO_FD`.
    pub stdio_fds: [i32; 3],
    /// Further descriptors.
    pub fds: *const kja_process_fd_t,
    /// How many.
    pub fd_count: usize,
}

growing!(kja_process_options_t, since fd_count: usize);

fn text_in<'a>(text: *const c_char) -> Option<&'a OsStr> {
    // SAFETY: not null, and the header requires a text that ends with a NUL.
    (!text.is_null()).then(|| OsStr::from_bytes(unsafe { CStr::from_ptr(text) }.to_bytes()))
}

/// Texts up to a null.
fn texts_in<'a>(texts: *const *const c_char) -> Vec<&'a OsStr> {
    let mut all = Vec::new();
    if texts.is_null() {
        return all;
    }
    // SAFETY: not null, and the header requires an array that ends with a null, which is not passed.
    while let Some(text) = text_in(unsafe { *texts.add(all.len()) }) {
        all.push(text);
    }
    all
}

fn stdio_in(kind: u32, fd: i32) -> Result<Stdio, Error> {
    match kind {
        KJA_STDIO_INHERIT => Ok(Stdio::Inherit),
        KJA_STDIO_NULL => Ok(Stdio::Null),
        KJA_STDIO_PIPE => Ok(Stdio::Pipe),
        KJA_STDIO_FD => Ok(Stdio::Fd(fd_in(fd, 0)?)),
        other => Err(Error::invalid(format!("{other} is no kind of a standard stream"))),
    }
}

fn assignment(text: &OsStr) -> Result<(OsString, OsString), Error> {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=');
    let at = at.ok_or_else(|| Error::invalid("an environment is made of texts like NAME=value"))?;
    Ok((OsStr::from_bytes(&bytes[..at]).to_owned(), OsStr::from_bytes(&bytes[at + 1..]).to_owned()))
}

fn command(options: *const kja_process_options_t) -> Result<Command, Error> {
    let options = structure_in(options)?.ok_or_else(Error::null)?;
    let mut command = Command::new(text_in(options.program).ok_or_else(Error::null)?);
    if options.flags & !(KJA_PROCESS_NEW_GROUP | KJA_PROCESS_KEEP) != 0 {
        return Err(Error::invalid(format!("{:#x} are no flags of a process", options.flags)));
    }
    command.arguments = texts_in(options.arguments).into_iter().map(OsStr::to_owned).collect();
    if !options.environment.is_null() {
        command.environment =
            Some(texts_in(options.environment).into_iter().map(assignment).collect::<Result<_, _>>()?);
    }
    command.folder = text_in(options.folder).map(Into::into);
    let [stdin, stdout, stderr] = [0, 1, 2].map(|n| stdio_in(options.stdio[n], options.stdio_fds[n]));
    (command.stdin, command.stdout, command.stderr) = (stdin?, stdout?, stderr?);
    for further in slice_in(options.fds, options.fd_count)? {
        command.descriptors.push((further.number, fd_in(further.fd, 0)?));
    }
    command.new_group = options.flags & KJA_PROCESS_NEW_GROUP != 0;
    command.keep = options.flags & KJA_PROCESS_KEEP != 0;
    Ok(command)
}

/// Starts a program. All texts and descriptors are copied in the call, which takes as long as the system needs to start a program.
///
/// Errors: what the system says, with its number, such as ENOENT without such a program or folder and EACCES for what is no program;
/// `INVALID_ARGUMENT` for options that make no sense; `UNIMPLEMENTED` for a folder where the C library cannot (before glibc 2.29).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_spawn(
    runtime: kja_runtime_t,
    options: *const kja_process_options_t,
    out: *mut kja_process_t,
) -> kja_status_t {
    created(out, || {
        let runtime = get::<Runtime>(runtime)?;
        command(options)?.spawn(&runtime)
    })
}

/// Watches a child that was started elsewhere, with `fork` for instance; any number of children, on any number of runtimes. Its
/// exit is taken as soon as there is one: nobody else may wait for this one meanwhile. A process that is released before, or
/// whose runtime shuts down, leaves the child alone: it is the caller's again, to be waited for.
///
/// Errors: `INVALID_ARGUMENT` with ECHILD for what is no child of this process or has been waited for.
/// (UNIX-05, UNIX-06, UNIX-07, UNIX-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_watch(runtime: kja_runtime_t, pid: i32, out: *mut kja_process_t) -> kja_status_t {
    created(out, || Process::watch(&*get::<Runtime>(runtime)?, pid))
}

/// Writes the child's number, or 0 once its exit has been taken, when another process may have it. (UNIX-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_pid(process: kja_process_t, out: *mut i32) -> kja_status_t {
    boundary(|| {
        put(out, 0)?;
        put(out, get::<Process>(process)?.pid().unwrap_or(0))
    })
}

/// Our end of the child's standard input (`number` 0), output (1) or error (2): a new handle of a connection. What is written to a
/// child that has closed its input fails with `DISCONNECTED`.
///
/// Errors: `UNIMPLEMENTED` if that is no pipe; `INVALID_ARGUMENT` for another number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_stream(
    process: kja_process_t,
    number: u32,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || {
        let standard = match number {
            0 => Standard::Input,
            1 => Standard::Output,
            2 => Standard::Error,
            other => return Err(Error::invalid(format!("{other} is no standard stream"))),
        };
        let process = get::<Process>(process)?;
        let none = || Error::new(ErrorKind::Unimplemented, "this stream of the process is no pipe");
        process.stream(standard).cloned().ok_or_else(none)
    })
}

/// Waits for the end; the promise carries the status, a u64, at once if it has ended. Any number may wait. It holds the process.
/// For a deadline see `kja_promise_timeout`. Output that nobody reads may keep the child from ending.
///
/// Errors: `FAILED` with ECHILD if somebody else has taken the exit. Cancellation: the child goes on, and its exit is taken all
/// the same. (UNIX-06, UNIX-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_wait_start(process: kja_process_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Process>(process)?.wait())
}

/// Sends a signal to the child, and never to another process. Never blocks.
///
/// Errors: `FAILED` with ESRCH once its exit has been taken; `INVALID_ARGUMENT` for what is no signal. (UNIX-06)
#[unsafe(no_mangle)]
pub extern "C" fn kja_process_kill(process: kja_process_t, signal: i32) -> kja_status_t {
    boundary(|| get::<Process>(process)?.kill(signal))
}

/// Sends a signal to the child's process group. Errors: as `kja_process_kill`; also `INVALID_ARGUMENT` unless it was started with
/// `KJA_PROCESS_NEW_GROUP`.
#[unsafe(no_mangle)]
pub extern "C" fn kja_process_kill_group(process: kja_process_t, signal: i32) -> kja_status_t {
    boundary(|| get::<Process>(process)?.kill_group(signal))
}

/// Asks the child to end (SIGTERM) and kills it (SIGKILL) if it has not ended `grace_nanos` later; the whole group with
/// `KJA_PROCESS_NEW_GROUP`. The promise carries the status, as `kja_process_wait_start`. Cancellation: what was sent has been sent,
/// and it is not killed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_stop_start(
    process: kja_process_t,
    grace_nanos: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Process>(process)?.stop(grace_nanos))
}

/// Releases the handle. With the last holder (waits are holders, connections are not) the child is killed, with its group if it
/// has one of its own, unless it was started with `KJA_PROCESS_KEEP` or elsewhere; its exit is taken as soon as there is one. So it is
/// by a shutdown.
#[unsafe(no_mangle)]
pub extern "C" fn kja_process_release(process: kja_process_t) -> kja_status_t {
    release::<Process>(process)
}

/// Starts a program, writes `input` to it, and collects what it says until it has ended; the promise carries a
/// `kja_process_output_t`. Its output and error are collected, at most `limit` bytes each, unless the options have them go elsewhere
/// than `KJA_STDIO_INHERIT` or a pipe; so is its input `input`, which it need not read. Who holds its output open keeps it waiting.
///
/// Errors: those of `kja_process_spawn`; `OVERLOADED` for more than `limit`, and the program is killed. Cancellation: it is killed, unless
/// started with `KJA_PROCESS_KEEP`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_run_start(
    runtime: kja_runtime_t,
    options: *const kja_process_options_t,
    input: *const c_void,
    input_size: usize,
    limit: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let runtime = get::<Runtime>(runtime)?;
        command(options)?.run(&runtime, bytes_in(input, input_size)?, limit)
    })
}

/// The status of a program that has been run to its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_output_status(output: kja_process_output_t, status: *mut i32) -> kja_status_t {
    boundary(|| put(status, get::<ProcessOutput>(output)?.status()))
}

/// What a program has said on its standard output; a new handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_output_stdout(
    output: kja_process_output_t,
    out: *mut kja_bytes_t,
) -> kja_status_t {
    created(out, || Ok(get::<ProcessOutput>(output)?.stdout().clone()))
}

/// What a program has said on its standard error; a new handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_process_output_stderr(
    output: kja_process_output_t,
    out: *mut kja_bytes_t,
) -> kja_status_t {
    created(out, || Ok(get::<ProcessOutput>(output)?.stderr().clone()))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_process_output_release(output: kja_process_output_t) -> kja_status_t {
    release::<ProcessOutput>(output)
}
