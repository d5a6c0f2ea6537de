//! What to start, and with what.

use super::Process;
use super::child::{Child, reap_orphans};
use crate::error::Error;
use crate::os::pipe;
use crate::os::process::{Given, Start, spawn, text};
use crate::runtime::{Runtime, Shared};
use crate::stream::{Connection, Descriptor, Direction, Socket};
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// What a child has as its standard input, output or error.
#[derive(Default)]
pub enum Stdio {
    /// What this process has.
    #[default]
    Inherit,
    /// Nothing: no input, and output goes nowhere.
    Null,
    /// A pipe, whose other end is a connection here.
    Pipe,
    /// This descriptor.
    Fd(OwnedFd),
}

/// A program and how to start it.
pub struct Command {
    /// Its path, or its name, which is looked for in the PATH of this process.
    pub program: OsString,
    /// Its arguments, without its name.
    pub arguments: Vec<OsString>,
    /// All of its environment, as names and values; `None` for that of this process.
    pub environment: Option<Vec<(OsString, OsString)>>,
    /// Where it works; `None` for where this process does.
    pub folder: Option<PathBuf>,
    /// Its standard input.
    pub stdin: Stdio,
    /// Its standard output.
    pub stdout: Stdio,
    /// Its standard error.
    pub stderr: Stdio,
    /// Further descriptors, by the numbers that they have in the child.
    pub descriptors: Vec<(i32, OwnedFd)>,
    /// It leads a process group of its own, to which everything is sent that is sent by this library itself.
    pub new_group: bool,
    /// It goes on when the last holder of the process releases it.
    pub keep: bool,
}

/// The greatest number that a further descriptor may have in a child.
const MOST_DESCRIPTORS: i32 = 1024;

/// One of the three, and our end of it.
fn standard(runtime: &Arc<Shared>, stdio: Stdio, ours: Direction) -> Result<(Given, Option<Arc<Connection>>), Error> {
    Ok(match stdio {
        Stdio::Inherit => (Given::Inherited, None),
        Stdio::Null => (Given::Null, None),
        Stdio::Fd(fd) => (Given::Fd(fd), None),
        Stdio::Pipe => {
            let (reader, writer) = pipe::blocking().map_err(pipe::explain)?;
            let (end, theirs) = if ours == Direction::Read { (reader, writer) } else { (writer, reader) };
            rustix::io::ioctl_fionbio(&end, true).map_err(pipe::explain)?;
            let transport = Descriptor::pipe(Socket::new(runtime, end)?, ours);
            (Given::Fd(theirs), Some(Connection::new(runtime, transport)))
        }
    })
}

impl Command {
    /// A program with what this process has, and no arguments.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: None,
            folder: None,
            stdin: Stdio::Inherit,
            stdout: Stdio::Inherit,
            stderr: Stdio::Inherit,
            descriptors: Vec::new(),
            new_group: false,
            keep: false,
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.program.is_empty() {
            return Err(Error::invalid("a program without a name"));
        }
        let mut numbers: Vec<i32> = self.descriptors.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        let wrong = numbers.iter().any(|number| !(3..MOST_DESCRIPTORS).contains(number));
        if wrong || numbers.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::invalid("a further descriptor of a child has a number of its own, from 3 to 1023"));
        }
        Ok(())
    }

    fn environment(&self) -> Result<Vec<std::ffi::CString>, Error> {
        let assign = |name: &OsString, value: &OsString| {
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                return Err(Error::invalid("a name in the environment is not empty and has no ="));
            }
            text(&[name.as_os_str(), value.as_os_str()].join("=".as_ref()))
        };
        match &self.environment {
            Some(all) => all.iter().map(|(name, value)| assign(name, value)).collect(),
            None => std::env::vars_os().map(|(name, value)| text(&[name, value].join("=".as_ref()))).collect(),
        }
    }

    /// Starts it; the call takes as long as the system needs to start a program. (LLIO-10)
    ///
    /// # Errors
    /// What the system says, with its number: `ENOENT` without such a program or folder, `EACCES` for what is no program.
    pub fn spawn(self, runtime: &Runtime) -> Result<Arc<Process>, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        self.check()?;
        reap_orphans();
        let program = text(&self.program)?;
        let arguments = self.arguments.iter().map(|argument| text(argument));
        let arguments = std::iter::once(Ok(program.clone())).chain(arguments).collect::<Result<_, _>>()?;
        let environment = self.environment()?;
        let folder = self.folder.as_ref().map(|folder| text(folder.as_os_str())).transpose()?;
        let (stdin, writes) = standard(runtime, self.stdin, Direction::Write)?;
        let (stdout, reads) = standard(runtime, self.stdout, Direction::Read)?;
        let (stderr, errors) = standard(runtime, self.stderr, Direction::Read)?;
        let further = self.descriptors.into_iter().map(|(number, fd)| (number, Given::Fd(fd)));
        let descriptors = [stdin, stdout, stderr].into_iter().enumerate();
        let descriptors = descriptors.map(|(number, given)| (number as i32, given)).chain(further).collect();
        let start = Start { program, arguments, environment, folder, descriptors, new_group: self.new_group };
        let what = || format!("starting {}", self.program.to_string_lossy());
        let pid = spawn(&start).map_err(|error| Error::from_io(what(), &error))?;
        let ends = [writes, reads, errors];
        Process::over(runtime, Child::new(pid, true), ends, self.new_group, !self.keep)
    }
}
