import Test.Check

/-!
The cancellation matrix: whatever is pending, whatever stands above it, and whatever ends it.

A cell starts a source, puts a combinator above it, ends it in one way, and then looks whether anything is left: a closure
that ran after the end, a `finally` that did not run once, an attachment that was not freed once, promises, timers or
handles that live on, a source that is not as usable as it should be. Each cell is run without and with an attachment and a
`finally` between source and combinator, on a loop with a thread and, but for what other threads do, in a wait scope.
-/

namespace Test.Matrix
open KjAsync

/-- Something that is pending, and what is known about it. -/
structure Pending where
  /-- The promise; nothing else holds it. -/
  promise : PromiseRef Unit
  /-- The other side ends it, if there is one. -/
  close : Option (IO Unit) := none
  /-- Fails unless what the promise was made from works on, after a cancel. -/
  usable : IO Unit := return

/-- The promise without its value, and with nothing between. -/
def erased (promise : PromiseRef α) : PromiseRef Unit := ⟨promise.native, promise.runtime, .unit⟩

/-- What is pending in a row. -/
structure Source where
  /-- Its name. -/
  name : String
  /-- Starts it. -/
  start : Runtime → IO Pending

/-- What a cell watches. -/
structure Probe where
  /-- Closures that ran. -/
  closures : IO.Ref Nat
  /-- `finally` closures that ran. -/
  finallies : IO.Ref Nat
  /-- Attachments that are gone. -/
  attachments : IO.Ref Nat

/-- What stands above the source. -/
structure Combinator where
  /-- Its name. -/
  name : String
  /-- Puts it there. -/
  build : Runtime → Probe → PromiseRef Unit → IO (PromiseRef Unit)
  /-- How many `finally` closures and attachments that adds. -/
  adds : Nat × Nat := (0, 0)
  /-- Does a task set hold it in the end? -/
  isTask : Bool := false

/-- An attachment that notes when it is gone. -/
private def attachTo (runtime : Runtime) (probe : Probe) (promise : PromiseRef Unit) : IO (PromiseRef Unit) := do
  promise.attach (← pendingUntilGone runtime probe.attachments)

private def finallyOn (probe : Probe) (promise : PromiseRef Unit) : IO (PromiseRef Unit) :=
  promise.finally (probe.finallies.modify (· + 1))

/-- Every combinator. -/
def combinators : List Combinator := [
  { name := "none", build := fun _ _ promise => return promise },
  { name := "then", build := fun _ probe promise => promise.then fun () => probe.closures.modify (· + 1) },
  { name := "catch", build := fun _ probe promise => promise.catch fun error => do
      probe.closures.modify (· + 1)
      throw error },
  { name := "finally", build := fun _ probe promise => promise.finally (probe.finallies.modify (· + 1)), adds := (1, 0) },
  { name := "all", build := fun runtime _ promise => do
      (← PromiseRef.all runtime #[promise, ← PromiseRef.pure runtime ()]).ignoreResult },
  { name := "any", build := fun runtime _ promise => do
      PromiseRef.any runtime #[promise, ← PromiseRef.fail runtime (Error.ofKind .busy "busy")] },
  { name := "race", build := fun runtime _ promise => do PromiseRef.race runtime #[promise, ← PromiseRef.never runtime] },
  { name := "timeout", build := fun _ _ promise => promise.timeout (.ofHours 2) },
  { name := "fork", build := fun _ _ promise => promise.fork },
  { name := "task set", build := fun _ _ promise => return promise, isTask := true },
  { name := "canceler", build := fun runtime _ promise => do
      -- The canceler may go before what it wraps, once it has forgotten it.
      let canceler ← Canceler.new runtime
      let wrapped ← canceler.wrap promise
      canceler.forget
      return wrapped },
  { name := "attach", build := fun runtime probe promise => do attachTo runtime probe promise, adds := (0, 1) }]

/-- What ends it. -/
inductive Way where
  | here | otherThread | onLoop | drop | timeout | shutdown | canceler | otherSide
  deriving BEq

namespace Way

/-- Every way. -/
def all : List Way := [here, otherThread, onLoop, drop, timeout, shutdown, canceler, otherSide]

instance : ToString Way where
  toString
    | here => "cancel"
    | otherThread => "cancel on another thread"
    | onLoop => "cancel on the loop"
    | drop => "drop"
    | timeout => "timeout"
    | shutdown => "shutdown"
    | canceler => "canceler"
    | otherSide => "end of the other side"

end Way

/-- Who holds the promise in the end. -/
private inductive Held where
  | promise (promise : PromiseRef Unit)
  | tasks (tasks : TaskSet)

namespace Held

private def cancel : Held → IO Unit
  | .promise p => p.cancel
  | .tasks t => t.clear

private def isPending : Held → IO Bool
  | .promise p => return !(← p.isSettled)
  | .tasks t => return !(← t.isEmpty)

/-- Fails unless it has ended with an error of this kind; a task set has no more than nothing to say. -/
private def endedWith (held : Held) (kind : ErrorKind) : IO Unit :=
  match held with
  | .promise p => discard <| fails kind p.await
  | .tasks t => do check (← t.isEmpty) "a task is left"

end Held

private def elsewhere (action : IO Unit) : IO Unit := do
  EIO.ofExcept (← IO.wait (← IO.asTask (prio := .dedicated) action))

/-- Ends it, and fails unless it has ended as it should. The last reference to it is gone afterwards. -/
private def finish (runtime : Runtime) (way : Way) (held : Held) (close : Option (IO Unit)) (cancel : IO Unit) : IO Unit := do
  match way with
  | .here => do held.cancel; held.endedWith .canceled
  | .otherThread => do elsewhere held.cancel; held.endedWith .canceled
  | .onLoop => do (← runtime.executor).execute held.cancel; held.endedWith .canceled
  | .drop => return
  | .timeout => do letPass runtime anHour; held.endedWith .timedOut
  | .shutdown => runtime.shutdown
  | .canceler => do
    cancel
    -- A set learns of the end of a task on the loop.
    if let .tasks _ := held then letRest runtime
    held.endedWith .canceled
  | .otherSide => do
    close.getD (return)
    eventually "the end" (do letRest runtime; return !(← held.isPending))

/-- The part of a cell after which nothing of it may be left. -/
private def body (runtime : Runtime) (source : Source) (combinator : Combinator) (way : Way) (dressed : Bool) (probe : Probe) :
    IO Unit := do
  let { promise, close, usable } ← source.start runtime
  let promise ← if dressed then attachTo runtime probe promise >>= finallyOn probe else pure promise
  let promise ← combinator.build runtime probe promise
  let canceler ← Canceler.new runtime
  let promise ← match way with
    | .timeout => promise.timeout (.ofHours 1)
    | .canceler => canceler.wrap promise
    | _ => pure promise
  let held ← if combinator.isTask then do
      let tasks ← TaskSet.new runtime fun _ => return
      tasks.add promise
      pure (Held.tasks tasks)
    else pure (Held.promise promise)
  letRest runtime
  check (← held.isPending) "not pending"
  let before ← probe.closures.get
  finish runtime way held close canceler.cancel
  let ended ← probe.closures.get
  if way == .otherSide then check (ended ≤ before + 1) "a closure ran twice"
  else checkEq ended before "closures"
  if way == .shutdown || way == .otherSide then return
  letRest runtime
  usable
  -- What would have set the closures off comes too late.
  discard (close.getD (return)).toBaseIO
  letRest runtime
  checkEq (← probe.closures.get) ended "closures afterwards"

/-- Runs a cell. -/
private def cell (source : Source) (combinator : Combinator) (way : Way) (dressed : Bool) (mode : Runtime.Mode) :
    IO Unit := do
  let handles ← Native.handleCount
  let probe : Probe := ⟨← IO.mkRef 0, ← IO.mkRef 0, ← IO.mkRef 0⟩
  Runtime.withRuntime (options := { virtualTime := true, mode }) fun runtime => do
    body runtime source combinator way dressed probe
    if way != .shutdown then
      letRest runtime
      eventually "promises left" (return (← runtime.stats).promises == 0)
      checkEq (← runtime.stats).timers 0 "timers"
  let extra := if dressed then 1 else 0
  checkEq (← probe.finallies.get) (combinator.adds.1 + extra) "finally"
  checkEq (← probe.attachments.get) (combinator.adds.2 + extra) "attachments"
  eventually "handles left" (return (← Native.handleCount) == handles)

/-- Runs every cell of a row, says how many there are, and fails with those that fail. -/
def row (source : Source) : IO Unit := do
  let mut cells := 0
  let mut failed := #[]
  let hasOtherSide ← Runtime.withRuntime fun runtime => return (← source.start runtime).close.isSome
  for combinator in combinators do
    for way in Way.all do
      if way == .otherSide && !hasOtherSide then continue
      for (dressed, mode) in [(false, .thread), (true, .thread), (false, .waitScope), (true, Runtime.Mode.waitScope)] do
        if way == .otherThread && mode == .waitScope then continue
        cells := cells + 1
        if let .error error ← (cell source combinator way dressed mode).toBaseIO then
          let what := s!"{if dressed then ", dressed" else ""}{if mode == .waitScope then ", in a wait scope" else ""}"
          failed := failed.push s!"{combinator.name}, {way}{what}: {error}"
  IO.println s!"{source.name}: {cells} cells"
  unless failed.isEmpty do throw (IO.userError s!"{failed.size} cells:\n  {"\n  ".intercalate failed.toList}")

end Test.Matrix
