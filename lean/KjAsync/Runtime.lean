import KjAsync.Error
import KjAsync.Native.Runtime

/-! Runtimes: event loops with their own thread, or driven by the thread that made them. -/

namespace KjAsync

/--
An event loop. It owns all that is started on it, and every object made from it keeps it alive.

Handles and functions of a runtime may be used from any thread, unless its mode is `waitScope`. When the last
reference to a runtime and to everything made from it is dropped, it is shut down, on a thread of its own; call
`shutdown` to have that happen at a known point. Closures that wait on the loop hold the runtime as well.
-/
structure Runtime where
  /-- Not for users: made by `Runtime.init`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Runtime
  /-- How code gets onto the loop. -/
  private loop : Native.Executor

namespace Runtime

/-- Who turns the loop. -/
inductive Mode where
  /-- A thread of the runtime's own: timers fire and servers serve while nobody is in a call. -/
  | thread
  /-- The thread that made the runtime, inside its blocking calls only. See `KjAsync.WaitScope`. -/
  | waitScope
  deriving BEq, Repr, Inhabited

/-- How a runtime is made. -/
structure Options where
  /-- Who turns the loop. -/
  mode : Mode := .thread
  /-- The longest that `shutdown` may take, in nanoseconds. -/
  shutdownNanos : UInt64 := 5_000_000_000
  /-- How long callers and loop look for work before they sleep, in nanoseconds. Looking saves a wake-up of
  the kernel where answers come quickly, at the price of processor time. 0: sleep at once. -/
  lookNanos : UInt64 := 50_000
  /-- Do timers go by a clock of the runtime's own, which starts at 0 and moves only when `Runtime.advance` or
  `WaitScope.pumpNanos` says so? For tests of what happens in time. Waits for the system (the backlog of a unix socket,
  descriptors, the next attempt of a connect) go by real time all the same. (TIME-06) -/
  virtualTime : Bool := false
  /-- How many turns of the loop in a row before timers and sockets get a look; 0 for 256. (LOOP-09) -/
  turnsPerLook : UInt64 := 0
  /-- Turns that take this long, in nanoseconds, are reported to `onSlowTurn`; 0 for none. -/
  slowTurnNanos : UInt64 := 0
  /-- Hears how many nanoseconds a slow turn took, on the loop's thread and after the turn. What it throws is lost. -/
  onSlowTurn : Option (UInt64 → IO Unit) := none
  /-- Runs when a sleeping loop gets something to do, so that a host's own loop can call `WaitScope.poll`. On any
  thread: it must neither block nor call this library. What it throws is lost. (LOOP-13) -/
  onRunnable : Option (IO Unit) := none

/--
Starts a runtime.

Errors: `overloaded` if no thread or descriptor is to be had. Never blocks for long. To be ended with `shutdown`.
-/
def init (options : Options := {}) : IO Runtime := do
  let mode := match options.mode with
    | .thread => 0
    | .waitScope => 1
  -- The C structure takes zero for its own default.
  let look := if options.lookNanos == 0 then 0xFFFF_FFFF_FFFF_FFFF else options.lookNanos
  let native ← Native.Runtime.new mode (if options.virtualTime then 1 else 0) (max 1 options.shutdownNanos) look
    options.turnsPerLook options.slowTurnNanos (options.onSlowTurn.map fun run nanos => discard (run nanos).toBaseIO)
    (options.onRunnable.map fun run => discard run.toBaseIO)
  return ⟨native, ← native.executor⟩

/-- The same runtime, without keeping it alive. Not for users. -/
def unowned (runtime : Runtime) : BaseIO Runtime := return { runtime with native := ← runtime.native.unowned }

/-- Runs a callback on the loop. Not for users, who have `Executor` and `Async`. -/
def execute (runtime : Runtime) (run : Native.Callback) : IO Native.Promise := runtime.loop.executeStart run

/--
Ends a runtime: rejects what is pending with kind `shutdown`, closes every socket, runs the `finally` blocks of
what was running, joins the thread. Afterwards every call on what was made from the runtime is an error.

Blocks, for at most `Options.shutdownNanos`; then `timedOut`, if a closure still runs on the loop, and the runtime ends
when that returns. Any thread but a loop's (`wouldDeadlock`); for a wait scope its owner's (`wrongThread`). A second call
does nothing. (LOOP-06)
-/
def shutdown (runtime : Runtime) : IO Unit := runtime.native.shutdown

/-- Is the runtime usable? `true` is only a hint, `false` is for ever. Any thread, never blocks. -/
def isAlive (runtime : Runtime) : BaseIO Bool := runtime.native.isAlive

/-- Is this code running on the runtime's loop, where nothing may block? Any thread, never blocks. -/
def onLoop (runtime : Runtime) : BaseIO Bool := runtime.native.onLoop

/-- Is something queued on the loop? Any thread, never blocks. (LOOP-04) -/
def isRunnable (runtime : Runtime) : BaseIO Bool := runtime.native.isRunnable

/-- Cancels every promise that was detached and is pending; they are gone when this returns. Waits for one whose
closure is running on the loop, for nothing else. Errors: `shutdown`; `wrongThread` off the owner's thread of a wait
scope. (LOOP-07) -/
def cancelDetached (runtime : Runtime) : IO Unit := runtime.native.cancelDetached

/-- Figures of the runtime, also after a shutdown. Any thread, never blocks. -/
def stats (runtime : Runtime) : IO Stats := runtime.native.stats

/--
Runs `action` with a new runtime and shuts the runtime down afterwards, also if `action` throws. What
`action` returns must not be used to reach the runtime. Blocks as `action` and `shutdown` do.
-/
def withRuntime (action : Runtime → IO α) (options : Options := {}) : IO α := do
  let runtime ← init options
  try action runtime finally runtime.shutdown

end Runtime
end KjAsync
