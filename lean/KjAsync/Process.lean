import KjAsync.Connection
import KjAsync.Fd
import KjAsync.Native.Process
import KjAsync.Signal

/-! Child processes. -/

namespace KjAsync

/-- How a process has ended. (UNIX-06) -/
inductive ExitStatus where
  /-- By itself, with this code; 0 is success. -/
  | exited (code : UInt32)
  /-- By a signal, maybe with a core dump. -/
  | signaled (signal : SignalName) (coreDumped : Bool)
  deriving BEq, Repr, Inhabited

namespace ExitStatus

/-- What the number means that `waitpid` gives. -/
def ofRaw (status : UInt32) : ExitStatus :=
  let signal := status &&& 0x7F
  if signal == 0 then .exited ((status >>> 8) &&& 0xFF) else .signaled (.ofNumber signal) (status &&& 0x80 != 0)

/-- Did it end by itself, with code 0? -/
def isSuccess (status : ExitStatus) : Bool := status == .exited 0

/-- For promises of the end of a process. -/
def reader : Reader ExitStatus where
  ofPromise _ promise := return .ofRaw (← promise.u64).toUInt32
  ofCall _ call := return .ofRaw (← call.u64).toUInt32

end ExitStatus

/-- What a child has as its standard input, output or error. -/
inductive Stdio where
  /-- What this process has. -/
  | inherit
  /-- Nothing: no input, and output goes nowhere. -/
  | null
  /-- A pipe, whose other end is a connection. -/
  | pipe
  /-- A copy of this descriptor. -/
  | fd (fd : Fd)

/-- Its number for the native side. -/
private def Stdio.kind (stdio : Stdio) : UInt32 := match stdio with
  | .inherit => 0
  | .null => 1
  | .pipe => 2
  | .fd _ => 3

/-- The descriptor, if it is one. -/
private def Stdio.number (stdio : Stdio) : UInt32 := match stdio with
  | .fd number => number
  | _ => 0

/-- How a program is started. -/
structure ProcessOptions where
  /-- All of its environment, as names and values; `none` for that of this process. -/
  environment : Option (Array (String × String)) := none
  /-- Where it works; `none` for where this process does. A relative path of the program is looked for from there. -/
  folder : Option System.FilePath := none
  /-- Its standard input. -/
  stdin : Stdio := .inherit
  /-- Its standard output. -/
  stdout : Stdio := .inherit
  /-- Its standard error. -/
  stderr : Stdio := .inherit
  /-- Further descriptors: each with the number that the copy has in the child, from 3 to 1023. -/
  fds : Array (Fd × UInt32) := #[]
  /-- Does it lead a process group of its own? What ends it ends the group then. -/
  newGroup : Bool := false
  /-- Does it go on when its process is dropped or closed, or its `run` is cancelled? -/
  keep : Bool := false

/--
A child process. Any thread. It holds its runtime. It is watched without SIGCHLD, so others may have children of their own; its
exit is taken as soon as there is one, whether anybody waits or not.

Dropping the last reference kills a child that was started here, unless it is to be kept; promises of its end are references,
connections to its standard streams are not. `close` kills it now. So does a shutdown, after which calls throw `badHandle`.
-/
structure Process where
  /-- Not for users: made by `Process.spawn` and `Process.watch`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Process
  /-- The runtime; kept alive. -/
  runtime : Runtime

/-- How a program has ended, and what it has said. -/
structure ProcessOutput where
  /-- How it has ended. -/
  status : ExitStatus
  /-- What came on its standard output, if that was collected. -/
  stdout : BytesRef
  /-- What came on its standard error, if that was collected. -/
  stderr : BytesRef

/-- What the native object says. -/
private def ProcessOutput.ofNative (output : Native.ProcessOutput) : IO ProcessOutput :=
  return { status := .ofRaw (← output.status), stdout := ⟨← output.stdout⟩, stderr := ⟨← output.stderr⟩ }

/-- For promises of what a program has said. -/
def ProcessOutput.reader : Reader ProcessOutput where
  ofPromise _ promise := do ProcessOutput.ofNative (← promise.processOutput)
  ofCall _ call := do ProcessOutput.ofNative (← call.processOutput)

namespace Process

/-- The numbers that the native side takes. -/
private def numbers (options : ProcessOptions) : Array UInt32 :=
  let streams := #[options.stdin, options.stdout, options.stderr]
  let flags : UInt32 := (if options.newGroup then 1 else 0) ||| (if options.keep then 2 else 0) |||
    (if options.environment.isSome then 0x80000000 else 0)
  options.fds.foldl (fun numbers (fd, number) => (numbers.push fd).push number)
    (#[flags] ++ streams.map Stdio.kind ++ streams.map Stdio.number)

/-- A NUL would end the text too early. -/
private def checkTexts (texts : Array String) : IO Unit := do
  if texts.any fun text => text.any (· == '\x00') then throw (Error.ofKind .invalidArgument "a text with a NUL in it")

/-- Hands on what the native side takes: all texts, checked. -/
private def withTexts (program : String) (arguments : Array String) (options : ProcessOptions)
    (start : Array String → String → IO α) : IO α := do
  let environment := (options.environment.getD #[]).map fun (name, value) => s!"{name}={value}"
  let folder := options.folder.map (·.toString) |>.getD ""
  checkTexts ((#[program, folder] ++ arguments) ++ environment)
  if (options.environment.getD #[]).any fun (name, _) => name.any (· == '=') then
    throw (Error.ofKind .invalidArgument "a name with a = in it")
  start environment folder

/--
Starts a program: its path, or its name, which is looked for in the PATH of this process. The child has the standard streams and
descriptors that the options give it, and no others.

Takes as long as the system needs to start a program. Errors: what the system says, with its number: ENOENT without such a program or
folder, EACCES for what is no program; `invalidArgument` for options that make no sense; `shutdown`.
-/
def spawn (runtime : Runtime) (program : String) (arguments : Array String := #[]) (options : ProcessOptions := {}) :
    IO Process :=
  withTexts program arguments options fun environment folder =>
    return ⟨← Native.Process.spawn runtime.native program arguments environment folder (numbers options), runtime⟩

/-- Watches a child that was started elsewhere; nobody else may wait for it meanwhile. Dropping the last reference leaves it alone.
Never blocks. Errors: `invalidArgument` with ECHILD for what is no child of this process, or has been waited for.
(UNIX-05, UNIX-06, UNIX-07, UNIX-08) -/
def watch (runtime : Runtime) (pid : UInt32) : IO Process := return ⟨← Native.Process.watch runtime.native pid, runtime⟩

/-- Its number; `none` once its exit has been taken, when another process may have it. Never blocks. (UNIX-06) -/
def pid? (process : Process) : IO (Option UInt32) := do
  let pid ← process.native.pid
  return if pid == 0 then none else some pid

private def stream (process : Process) (number : UInt32) : IO Connection :=
  return ⟨← process.native.stream number, process.runtime⟩

/-- Our end of its standard input. Writes fail with `disconnected` once it has closed that. Never blocks. Errors: `unimplemented` if it is
no pipe. -/
def stdin (process : Process) : IO Connection := process.stream 0

/-- Our end of its standard output. Never blocks. Errors: `unimplemented` if it is no pipe. -/
def stdout (process : Process) : IO Connection := process.stream 1

/-- Our end of its standard error. Never blocks. Errors: `unimplemented` if it is no pipe. -/
def stderr (process : Process) : IO Connection := process.stream 2

/-- A promise of its end, settled at once if it has ended. Any number may wait; for a deadline there is `PromiseRef.timeout`. Never
blocks. Errors: `failed` with ECHILD if somebody else has taken the exit. Cancellation: the child goes on. (UNIX-06, UNIX-07) -/
def waitStart (process : Process) : IO (PromiseRef ExitStatus) :=
  return ⟨← process.native.waitStart, process.runtime, ExitStatus.reader⟩

/-- Waits for its end; see `waitStart`. -/
@[inline] def wait [MonadAwait m] (process : Process) : m ExitStatus := MonadAwait.awaitStarted process.waitStart

/-- Sends it a signal, and never another process. Never blocks. Errors: `failed` with ESRCH once its exit has been taken. (UNIX-06) -/
def kill (process : Process) (signal : SignalName := .kill) : IO Unit := process.native.kill signal.number

/-- Sends a signal to its process group. Never blocks. Errors: as `kill`; `invalidArgument` unless it has a group of its own. -/
def killGroup (process : Process) (signal : SignalName := .kill) : IO Unit := process.native.killGroup signal.number

/-- Asks it to end (SIGTERM), and kills it if it has not when `graceNanos` have passed; all of its group, if it has its own. A promise
of its end. Never blocks. Cancellation: what was sent has been sent, and it is not killed. -/
def stopStart (process : Process) (graceNanos : UInt64 := 5_000_000_000) : IO (PromiseRef ExitStatus) :=
  return ⟨← process.native.stopStart graceNanos, process.runtime, ExitStatus.reader⟩

/-- Has it end, and waits for that; see `stopStart`. -/
@[inline] def stop [MonadAwait m] (process : Process) (graceNanos : UInt64 := 5_000_000_000) : m ExitStatus :=
  MonadAwait.awaitStarted (process.stopStart graceNanos)

/-- Releases it now: unless it is to be kept or somebody waits for its end, it is killed. Never blocks. Errors: `badHandle` when done twice. -/
def close (process : Process) : IO Unit := process.native.release

/--
A promise of how a program ends and what it says, at most `limit` bytes each of output and error. These are collected unless the options
have them go to `null` or a descriptor; its input is `input`, which it need not read. Whoever holds its output open
keeps it waiting.

Takes as long as the system needs to start a program. Errors: those of `spawn`; `overloaded` for more than `limit`, and the program is
killed. Cancellation: it is killed, unless it is to be kept.
-/
def runStart (runtime : Runtime) (program : String) (arguments : Array String := #[]) (input : BytesRef := .empty)
    (limit : Nat := 1048576) (options : ProcessOptions := {}) : IO (PromiseRef ProcessOutput) :=
  withTexts program arguments options fun environment folder => return {
    native := ← Native.Process.runStart runtime.native program arguments environment folder (numbers options)
      input.native (Native.usize limit)
    runtime
    reader := ProcessOutput.reader }

/-- Runs a program to its end; see `runStart`. -/
@[inline] def run [MonadAwait m] (runtime : Runtime) (program : String) (arguments : Array String := #[])
    (input : BytesRef := .empty) (limit : Nat := 1048576) (options : ProcessOptions := {}) : m ProcessOutput :=
  MonadAwait.awaitStarted (runStart runtime program arguments input limit options)

end Process
end KjAsync
