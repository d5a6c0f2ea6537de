import KjAsync.Promise.Await
import KjAsync.Native.Coordination

/-! Queues: values from whoever has them to whoever wants them, in order and not too many at a time. -/

namespace KjAsync

/-- A bounded queue of values, for any number of threads and of pieces of code on the loop. It holds its runtime. Pending
pushes and pops keep the native queue; `close` ends them. (QUEUE-02) After a shutdown calls throw `badHandle`. -/
structure Queue (α : Type) where
  /-- Not for users: made by `Queue.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Queue
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Queue

/-- An empty queue that holds `capacity` values at most. Never blocks. Errors: `shutdown`. -/
protected def new (runtime : Runtime) (capacity : Nat) : IO (Queue α) :=
  return ⟨← Native.Queue.new runtime.native (Native.usize capacity), runtime⟩

/-- Adds a value as soon as there is room; the promise is fulfilled then. Who waits is served in order. Never blocks.
Errors: `disconnected` once the queue is closed. Cancellation: before the promise has settled the value is not added.
(QUEUE-03) -/
def pushStart (queue : Queue α) (value : α) : IO (PromiseRef Unit) :=
  return ⟨← queue.native.pushStart value, queue.runtime, .unit⟩

/-- Adds a value and waits until there is room for it; see `pushStart`. -/
@[inline] def push [MonadAwait m] (queue : Queue α) (value : α) : m Unit :=
  MonadAwait.awaitStarted (queue.pushStart value)

/-- Adds a value if there is room and nobody waits for room; says whether. Never blocks. Errors: `disconnected` once the
queue is closed. -/
def tryPush (queue : Queue α) (value : α) : IO Bool := queue.native.tryPush value

/-- A promise of the oldest value. Who waits is served in order. Never blocks. Errors: `disconnected` once the queue is
closed and empty. Cancellation: nothing is taken; a value that the promise has and that nobody has seen goes back to
the front of the queue. (QUEUE-01, QUEUE-04) -/
def popStart (queue : Queue α) : IO (PromiseRef α) := return ⟨← queue.native.popStart, queue.runtime, .object⟩

/-- Waits for a value and takes it; see `popStart`. -/
@[inline] def pop [MonadAwait m] (queue : Queue α) : m α := MonadAwait.awaitStarted queue.popStart

/-- As `pop`; `none` once the queue is closed and empty, so that a loop ends there: `while let some value ← queue.pop? do`.
(QUEUE-04) -/
def pop? [Monad m] [MonadAwait m] [MonadExceptOf IO.Error m] (queue : Queue α) : m (Option α) := do
  try return some (← queue.pop)
  catch error => if Error.kind? error == some .disconnected then return none else throw error

/-- Rejects everyone who waits for a value now; stored values stay. Never blocks. (QUEUE-05) -/
def rejectAll [ErrorForm ε] (queue : Queue α) (error : ε) : IO Unit :=
  queue.native.rejectAll (ErrorForm.toRef error).native

/-- Rejects whoever has waited longest for a value. Never blocks. Errors: `failed` if nobody waits. (QUEUE-01) -/
def rejectOldest [ErrorForm ε] (queue : Queue α) (error : ε) : IO Unit :=
  queue.native.rejectOldest (ErrorForm.toRef error).native

/-- No more values: later pushes and those that wait for room fail, what is stored can still be taken. Never blocks. -/
def close (queue : Queue α) : IO Unit := queue.native.close

/-- How many values are stored. Never blocks. -/
def size (queue : Queue α) : IO Nat := queue.native.size

end Queue
end KjAsync
