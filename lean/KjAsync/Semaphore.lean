import KjAsync.Promise.Await
import KjAsync.Native.Coordination

/-! Semaphores and mutexes: so many at a time, or one. Whoever waits for them does not hold up the loop. -/

namespace KjAsync

/-- Permits that are given out in the order in which they are asked for. Any thread. It holds its runtime. Permits and
pending acquires keep the native semaphore. After a shutdown calls throw `badHandle`. -/
structure Semaphore where
  /-- Not for users: made by `Semaphore.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Semaphore
  /-- The runtime; kept alive. -/
  runtime : Runtime

/-- Permits that somebody has. Dropping the last reference gives them back, `release` does so now. -/
structure Permit where
  /-- Not for users: made by `Semaphore.acquire`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Permit

namespace Permit

/-- For promises of a permit. -/
def reader : Reader Permit where
  ofPromise _ promise := return ⟨← promise.permit⟩
  ofCall _ call := return ⟨← call.permit⟩

/-- Gives the permits back, as soon as no promise carries them either. Any thread, never blocks. Errors: `badHandle`
when done twice. -/
def release (permit : Permit) : IO Unit := permit.native.release

end Permit

namespace Semaphore

/-- A semaphore with this many permits, all of them free. Never blocks. Errors: `shutdown`. -/
protected def new (runtime : Runtime) (permits : UInt64) : IO Semaphore :=
  return ⟨← Native.Semaphore.new runtime.native permits, runtime⟩

/-- A promise of `count` permits at once, behind whoever asked before. Never blocks. Errors: `invalidArgument` for none
or more than there are. Cancellation: the place in the line is given up; permits that the promise carries already go
back with its last reference. -/
def acquireStart (semaphore : Semaphore) (count : UInt64 := 1) : IO (PromiseRef Permit) :=
  return ⟨← semaphore.native.acquireStart count, semaphore.runtime, Permit.reader⟩

/-- Waits for permits; see `acquireStart`. -/
@[inline] def acquire [MonadAwait m] (semaphore : Semaphore) (count : UInt64 := 1) : m Permit :=
  MonadAwait.awaitStarted (semaphore.acquireStart count)

/-- Takes permits if they are free and nobody is in line. Never blocks. Errors: as `acquireStart`. -/
def tryAcquire? (semaphore : Semaphore) (count : UInt64 := 1) : IO (Option Permit) :=
  return (← semaphore.native.tryAcquire count).map .ofNative

/-- How many permits are free. Never blocks. -/
def free (semaphore : Semaphore) : IO UInt64 := semaphore.native.free

/-- Waits for permits, runs `body` and gives them back: after a value, after an error, and when code that is `Async` is
cancelled. -/
@[inline] def withPermit [Monad m] [MonadAwait m] [MonadFinally m] [MonadLiftT IO m] (semaphore : Semaphore) (body : m α)
    (count : UInt64 := 1) : m α := do
  let permit ← semaphore.acquire count
  try body finally permit.release

end Semaphore

/-- A state that one at a time has access to, in the order in which they ask. Any thread. It holds its runtime. -/
structure Mutex (σ : Type) where
  /-- Not for users: made by `Mutex.new`. -/
  ofState ::
  /-- Of one permit. -/
  private semaphore : Semaphore
  /-- What is protected. -/
  private state : IO.Ref σ

namespace Mutex

/-- A mutex that is not locked. Never blocks. Errors: `shutdown`. -/
protected def new (runtime : Runtime) (state : σ) : IO (Mutex σ) :=
  return ⟨← Semaphore.new runtime 1, ← IO.mkRef state⟩

/-- Waits for the mutex and runs `body` with access to the state; the mutex is free again after a value, after an error,
and when code that is `Async` is cancelled. `body` may wait; the reference is of no use after it. Locking twice in one
piece of code waits for ever. -/
@[inline] def lock [Monad m] [MonadAwait m] [MonadFinally m] [MonadLiftT IO m] (mutex : Mutex σ) (body : IO.Ref σ → m α) :
    m α :=
  mutex.semaphore.withPermit (body mutex.state)

end Mutex
end KjAsync
