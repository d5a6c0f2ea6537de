import KjAsync.Promise.Await
import KjAsync.Native.Coordination

/-! Events: something that happens once, and everybody learns of it. -/

namespace KjAsync

/-- Something that happens once. Any thread. It holds its runtime. Dropping the last reference before it has happened
rejects who waits with kind `failed`. After a shutdown calls throw `badHandle`. -/
structure Event where
  /-- Not for users: made by `Event.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Event
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Event

/-- An event that has not happened. Never blocks. Errors: `shutdown`. -/
protected def new (runtime : Runtime) : IO Event := return ⟨← Native.Event.new runtime.native, runtime⟩

/-- Lets it happen. A second call does nothing. Never blocks. -/
def set (event : Event) : IO Unit := event.native.set

/-- Has it happened? Never blocks. -/
def isSet (event : Event) : BaseIO Bool := event.native.isSet

/-- A promise that is fulfilled once it has happened, at once if it has. Never blocks. Cancellation: this waiter leaves,
the others stay. -/
def waitStart (event : Event) : IO (PromiseRef Unit) := return ⟨← event.native.waitStart, event.runtime, .unit⟩

/-- Waits until it has happened. -/
@[inline] def wait [MonadAwait m] (event : Event) : m Unit := MonadAwait.awaitStarted event.waitStart

end Event
end KjAsync
