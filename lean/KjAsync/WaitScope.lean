import KjAsync.Timer

/-! Wait scopes: a loop without a thread, for embedding and for tests. -/

namespace KjAsync

/--
A loop that turns only inside the calls of the thread that made it, as KJ's own does. All of it, and whatever is
made from it, is used on that thread; elsewhere calls throw `wrongThread`. (LOOP-05, PROM-38)
-/
structure WaitScope where
  /-- The runtime to start operations on; its mode is `waitScope`. -/
  runtime : Runtime

namespace WaitScope

/-- Makes a wait scope that belongs to the calling thread. The mode in `options` is not looked at. Errors:
`overloaded`. -/
def init (options : Runtime.Options := {}) : IO WaitScope :=
  return ⟨← Runtime.init { options with mode := .waitScope }⟩

/-- Turns the loop until the promise settles, and returns its value or throws its error. Errors: `invalidArgument` for a promise of
another loop, which turning this one would not settle: see `PromiseRef.await`. (PROM-12, PROM-38) -/
def wait (scope : WaitScope) (promise : PromiseRef α) : IO α := do
  unless (← promise.native.belongsTo scope.runtime.native) || (← promise.isSettled) do
    throw (Error.ofKind .invalidArgument "the promise is of another loop than this wait scope's")
  promise.await

/-- Turns the loop while something is ready, looking at sockets and timers, but no more than `most` turns if that is
not 0; returns the number of turns. Never blocks. (LOOP-08, LOOP-12, PROM-13) -/
def poll (scope : WaitScope) (most : UInt64 := 0) : IO UInt64 := scope.runtime.native.poll most

/-- Runs what is queued, but no more than `most` turns if that is not 0, without a look at sockets or timers; returns the
number of turns. Never blocks. (LOOP-03) -/
def turn (scope : WaitScope) (most : UInt64 := 0) : IO UInt64 := scope.runtime.native.turn most

/-- Turns the loop for `nanos` nanoseconds, or until `wake`; returns the number of turns. With virtual time it moves the
clock on by `nanos`, as `Runtime.advance` does. (LOOP-11) -/
def pumpNanos (scope : WaitScope) (nanos : UInt64) : IO UInt64 := scope.runtime.native.run nanos

/-- Has the `pumpNanos` that is under way, or else the next one, return early. Any thread, never blocks. (LOOP-14) -/
def wake (scope : WaitScope) : IO Unit := scope.runtime.native.wake

/-- The number of a descriptor that is readable when there is something to do, for the loop of a host: something is queued, by whatever
thread, a timer is due, or a socket has something to tell. Then the host calls `poll`, after which it is not readable until there is
something again. It is the scope's: not to be read, written or closed, and gone after `shutdown`. Never blocks. Errors: `unimplemented` on systems
without epoll. (UNIX-15, UNIX-16) -/
def pollableFd (scope : WaitScope) : IO UInt32 := scope.runtime.native.pollableFd

/-- Ends the scope, as `Runtime.shutdown` does. -/
def shutdown (scope : WaitScope) : IO Unit := scope.runtime.shutdown

end WaitScope
end KjAsync
