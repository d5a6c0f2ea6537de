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

/-- Turns the loop until the promise settles, and returns its value or throws its error. (PROM-12) -/
def wait (_scope : WaitScope) (promise : PromiseRef α) : IO α := promise.await

/-- Turns the loop while something is ready, without blocking; returns the number of turns. (LOOP-08, PROM-13) -/
def poll (scope : WaitScope) : IO UInt64 := scope.runtime.native.poll

/-- Turns the loop for `nanos` nanoseconds; returns the number of turns. -/
def pumpNanos (scope : WaitScope) (nanos : UInt64) : IO UInt64 := scope.runtime.native.run nanos

/-- Ends the scope, as `Runtime.shutdown` does. -/
def shutdown (scope : WaitScope) : IO Unit := scope.runtime.shutdown

end WaitScope
end KjAsync
