import KjAsync.Async.Each
import KjAsync.Async.Loop
import KjAsync.Native.Signal

/-! Signals, as promises and as a sequence. -/

namespace KjAsync

/-- A signal, whatever number it has on this system. -/
inductive SignalName where
  /-- SIGHUP: the terminal has gone; to services, read the configuration again. -/
  | hangup
  /-- SIGINT: Ctrl-C. -/
  | interrupt
  /-- SIGQUIT: Ctrl-\. -/
  | quit
  /-- SIGABRT: a program gave itself up. -/
  | abort
  /-- SIGKILL: the end, which cannot be handled. -/
  | kill
  /-- SIGSEGV: an invalid address, which cannot be handled here. -/
  | segmentation
  /-- SIGPIPE: a write to nobody. -/
  | pipe
  /-- SIGALRM: the alarm. -/
  | alarm
  /-- SIGTERM: what asks a process to end. -/
  | terminate
  /-- SIGUSR1: the program's own. -/
  | user1
  /-- SIGUSR2: the program's own. -/
  | user2
  /-- SIGCHLD: how the system tells of children, for which there is something better here. -/
  | child
  /-- SIGCONT: goes on after a stop. -/
  | resume
  /-- SIGSTOP: stops a process, and cannot be handled. -/
  | stop
  /-- SIGTSTP: Ctrl-Z. -/
  | terminalStop
  /-- SIGWINCH: the terminal has another size. -/
  | windowChange
  /-- Another, by its number. -/
  | other (number : UInt32)
  deriving BEq, Repr, Inhabited

namespace SignalName

/-- Its number, on the systems that Lean runs on. -/
def number : SignalName → UInt32
  | hangup => 1
  | interrupt => 2
  | quit => 3
  | abort => 6
  | kill => 9
  | segmentation => 11
  | pipe => 13
  | alarm => 14
  | terminate => 15
  | user1 => if System.Platform.isOSX then 30 else 10
  | user2 => if System.Platform.isOSX then 31 else 12
  | child => if System.Platform.isOSX then 20 else 17
  | resume => if System.Platform.isOSX then 19 else 18
  | stop => if System.Platform.isOSX then 17 else 19
  | terminalStop => if System.Platform.isOSX then 18 else 20
  | windowChange => 28
  | other number => number

/-- Those with a name. -/
private def named : List SignalName :=
  [hangup, interrupt, quit, abort, kill, segmentation, pipe, alarm, terminate, user1, user2, child, resume, stop,
    terminalStop, windowChange]

/-- The signal with this number. -/
def ofNumber (number : UInt32) : SignalName := (named.find? (·.number == number)).getD (.other number)

/-- Sends it to a process, as `kill` does. Never blocks. Errors: what the system says: `failed` with ESRCH if there is no such process, with EPERM if it is somebody else's. -/
def send (signal : SignalName) (pid : UInt32) : IO Unit := Native.Signal.send pid signal.number

end SignalName

/-- Which signal it was. -/
def SignalInfo.name (info : SignalInfo) : SignalName := .ofNumber info.number

/-- For promises of a signal that came. -/
def Reader.signalInfo : Reader SignalInfo where
  ofPromise _ promise := promise.signalInfo
  ofCall _ call := call.signalInfo

/-- A subscription to signals, from when it is made until it is closed or its last reference dropped. What comes between two
waits is kept: at least 32 signals, those beyond which are counted in `SignalInfo.merged`. Signals of one kind that come before
the system has delivered the first are one, except for real-time signals. It holds its runtime. After a shutdown calls throw
`badHandle`. -/
structure Signal where
  /-- Not for users: made by `Signal.subscribe`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Signal
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Signal

/--
Subscribes to these signals. Any number of subscriptions may be for one, and each gets all that come. An earlier handler
goes on. What the system does by default, such as ending the process, does not happen while anybody in the process
subscribes, and happens again afterwards.

Never blocks. Errors: `invalidArgument` for `kill`, `stop`, `child`, `segmentation` and other faults, for numbers that are no signals, and
for none; `busy` if somebody has installed another handler since; `shutdown`. (UNIX-01)
-/
def subscribe (runtime : Runtime) (signals : Array SignalName) : IO Signal :=
  return ⟨← Native.Signal.new runtime.native (signals.map (·.number)), runtime⟩

/-- A promise of the next signal. What came since the last wait is there at once, in the order in which it came. Several waits
are served in order. Never blocks. Errors: `canceled` once it is closed. Cancellation: the signal stays for the next wait, also
if the promise has it and nobody has seen it. (UNIX-02) -/
def nextStart (signal : Signal) : IO (PromiseRef SignalInfo) :=
  return ⟨← signal.native.nextStart, signal.runtime, .signalInfo⟩

/-- Waits for the next signal; see `nextStart`. -/
@[inline] def next [MonadAwait m] (signal : Signal) : m SignalInfo := MonadAwait.awaitStarted signal.nextStart

/--
Runs code on the loop for one signal after another; the next one comes when that is done. `none` goes on, `some` ends it
with that value. Other waits wait until it ends.

Never blocks. Errors: what the code throws; `canceled` once it is closed. Cancellation: what the code has not been given stays for the
next wait, and the code that runs ends at its next wait. (UNIX-02)
-/
def eachStart (signal : Signal) (run : SignalInfo → Async (Option α)) : IO (PromiseRef (Option α)) :=
  PromiseRef.ofSequence signal.runtime .signalInfo run signal.native.eachStart

/-- Runs code for each signal until it gives a value; see `eachStart`. -/
@[inline] def each [MonadAwait m] (signal : Signal) (run : SignalInfo → Async (Option α)) : m (Option α) :=
  MonadAwait.awaitStarted (signal.eachStart run)

/-- `for signal in subscription do …`, until the subscription is closed, which throws `canceled`. -/
@[always_inline]
instance : ForIn Async Signal SignalInfo where
  forIn signal state step := Async.iterate (state := state) fun state => do step (← signal.next) state

/-- Ends the subscription now; waits reject with kind `canceled`. A second call does nothing. Never blocks. -/
def close (signal : Signal) : IO Unit := signal.native.close

/-- A promise of the next Ctrl-C or request to terminate (SIGINT, SIGTERM). Once it has come, another one ends the process, if
that is what it did before. Never blocks. Cancellation: as if it had not been asked for. -/
def interruptStart (runtime : Runtime) : IO (PromiseRef SignalInfo) := do
  (← subscribe runtime #[.interrupt, .terminate]).nextStart

/-- Waits for Ctrl-C or a request to terminate; see `interruptStart`.

```
def main : IO Unit := Runtime.withRuntime fun runtime => do
  let server ← Http.Server.new runtime fun request => return .text s!"You asked for {request.path}\n"
  let serving ← server.listenStart (← runtime.listen "127.0.0.1:8080")
  discard <| Signal.interrupt runtime
  server.drain
```
-/
@[inline] def interrupt [MonadAwait m] (runtime : Runtime) : m SignalInfo := MonadAwait.awaitStarted (interruptStart runtime)

end Signal
end KjAsync
