import KjAsync.Fd
import KjAsync.Native.FdObserver

/-! Readiness of a descriptor that others read and write. -/

namespace KjAsync

/-- Tells when a descriptor is ready, for what a program or another library has made and works with itself. It neither reads nor
writes, works on a copy of the descriptor and leaves its flags alone. It looks at what is, not at changes: a wait is over at once if the
descriptor is ready, and any number may wait. Any thread. It holds its runtime. After a shutdown calls throw `badHandle`. (UNIX-09) -/
structure FdObserver where
  /-- Not for users: made by `FdObserver.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.FdObserver
  /-- The runtime; kept alive. -/
  runtime : Runtime

/-- Has the end of what can be read come? (UNIX-14) -/
inductive AtEnd where
  /-- The system does not tell. -/
  | unknown
  /-- Not yet. -/
  | no
  /-- It has, though there may be something to read before it. -/
  | yes
  deriving BEq, Repr, Inhabited

namespace FdObserver

/-- Observes a copy of the descriptor, which stays the caller's. Never blocks. Errors: `failed` with EBADF for one that is not open;
`unimplemented` for what cannot be polled, such as a regular file; `shutdown`. (UNIX-09) -/
protected def new (runtime : Runtime) (fd : Fd) : IO FdObserver :=
  return ⟨← Native.FdObserver.new runtime.native fd 0, runtime⟩

private def whenStart (observer : FdObserver) (what : UInt32) : IO (PromiseRef Unit) :=
  return ⟨← observer.native.whenStart what, observer.runtime, .unit⟩

/-- A promise that is fulfilled when there is something to read, or the end has come; at once if that is so. Whoever reads until it would
block, and then waits, misses nothing. Never blocks. Cancellation: this waiter leaves. (UNIX-10) -/
def whenReadableStart (observer : FdObserver) : IO (PromiseRef Unit) := observer.whenStart 0

/-- Waits for something to read; see `whenReadableStart`. -/
@[inline] def whenReadable [MonadAwait m] (observer : FdObserver) : m Unit := MonadAwait.awaitStarted observer.whenReadableStart

/-- A promise that is fulfilled when there is room to write, or a write would fail; at once if that is so. Never blocks. Cancellation:
this waiter leaves. (UNIX-11) -/
def whenWritableStart (observer : FdObserver) : IO (PromiseRef Unit) := observer.whenStart 1

/-- Waits for room to write; see `whenWritableStart`. -/
@[inline] def whenWritable [MonadAwait m] (observer : FdObserver) : m Unit := MonadAwait.awaitStarted observer.whenWritableStart

/-- A promise that is fulfilled when there is urgent data, or what the kind of descriptor takes for that. Never blocks. Errors:
`disconnected` if none can come any more. Cancellation: this waiter leaves. (UNIX-12) -/
def whenUrgentStart (observer : FdObserver) : IO (PromiseRef Unit) := observer.whenStart 2

/-- Waits for urgent data; see `whenUrgentStart`. -/
@[inline] def whenUrgent [MonadAwait m] (observer : FdObserver) : m Unit := MonadAwait.awaitStarted observer.whenUrgentStart

/-- A promise that is fulfilled when nobody is left to read what is written. Never blocks. Cancellation: this waiter leaves. (UNIX-13) -/
def whenWriteDisconnectedStart (observer : FdObserver) : IO (PromiseRef Unit) := observer.whenStart 3

/-- Waits until nobody is left to read what is written; see `whenWriteDisconnectedStart`. -/
@[inline] def whenWriteDisconnected [MonadAwait m] (observer : FdObserver) : m Unit :=
  MonadAwait.awaitStarted observer.whenWriteDisconnectedStart

/-- Has the end of what can be read come? Never blocks. (UNIX-14) -/
def atEnd (observer : FdObserver) : IO AtEnd := do
  return match ← observer.native.atEnd with
    | 1 => .no
    | 2 => .yes
    | _ => .unknown

end FdObserver
end KjAsync
