import KjAsync.Async.Basic

/-!
`finally` for `Async` code.

Each `finally` that code is inside of is counted by the next one around it, from when the code begins to wait until
its clean-up has ended, and begins its own clean-up when it counts none. So the order is kept whatever ends the code, and
also where clean-ups wait. What is to be done then is kept as a closure, not as a promise: a shutdown
cancels promises, and a clean-up must not be lost.
-/

namespace KjAsync.Async

/-- Lets a clean-up that waits run to its end, whatever becomes of what waits for it, and then calls `done`. -/
private def toItsEnd (runtime : Runtime) (waiting : Outcome α) (done : BaseIO Unit) : BaseIO (Outcome α) := do
  match ← (waiting.toPromise runtime >>= ended).toBaseIO with
  | .error error =>
    done
    return .error (.ofError error)
  | .ok promise =>
    discard (do (← promise.fork).detach fun _ => return : IO Unit).toBaseIO
    return .pending promise
where
  ended (promise : PromiseRef α) : IO (PromiseRef α) := do
    let native ← promise.native.onDone fun _ => done
    return { promise with native }

/-- Runs a clean-up after those inside it, and `done` after it. -/
private def cleanUp (context : Context) (inside : Cleanups) (cleanup : Async α) (done : BaseIO Unit) :
    BaseIO (Outcome α) := do
  if ← inside.isEmpty then return ← run
  match ← (Fulfiller.new context.runtime).toBaseIO with
  | .error error =>
    inside.whenEmpty (discard run)
    return .error (.ofError error)
  | .ok (fulfiller, promise) =>
    inside.whenEmpty do
      let outcome ← run
      discard (outcome.toPromise context.runtime >>= fulfiller.fulfillWith).toBaseIO
    return .pending promise
where
  run : BaseIO (Outcome α) := do
    match ← cleanup context with
    | .ok value =>
      done
      return .ok value
    | .error error =>
      done
      return .error error
    | waiting => toItsEnd context.runtime waiting done

/-- Has the clean-up run after code that waits, also if it is cancelled. -/
private def afterWaiting (runtime : Runtime) (waiting : Outcome α) (cleanUp : Option α → BaseIO (Outcome β)) :
    BaseIO (Outcome (α × β)) := do
  let result : IO.Ref (Option β) ← IO.mkRef none
  match ← (waiting.toPromise runtime >>= armed result).toBaseIO with
  | .error error => (← cleanUp none).andThen fun _ => return .error (.ofError error)
  | .ok after => (Outcome.pending after).andThen fun value => do
    match ← result.get with
    | some cleaned => return .ok (value, cleaned)
    | none => return .error (.ofKind .failed "the clean-up of a finished action did not run")
where
  armed (result : IO.Ref (Option β)) (promise : PromiseRef α) : IO (PromiseRef α) := do
    let reader := promise.reader
    let native ← promise.native.onDone fun call => do
      let value := (← reader.input runtime call).toOption
      let cleaned ← (← cleanUp value).andThen fun cleaned => do
        result.set (some cleaned)
        return .ok ()
      Outcome.deliver call cleaned
    return { promise with native }

/--
`finally` blocks run exactly once: after the value, after the error, and when the code is cancelled. They may wait
themselves; one that has begun runs to its end, also if the code is cancelled meanwhile, and one begins only after
those inside it have ended. A shutdown of the runtime runs them too, but there everything they wait for fails with
kind `shutdown`. An error of theirs takes the place of the outcome.
-/
instance : MonadFinally Async where
  tryFinally' action cleanup := fun context => do
    let inside ← Cleanups.new
    let outcome ← action { context with cleanups := some inside }
    if let some around := context.cleanups then around.add
    let done : BaseIO Unit := if let some around := context.cleanups then around.remove else return
    let cleanUp value := cleanUp context inside (cleanup value) done
    match outcome with
    | .ok value => (← cleanUp (some value)).andThen fun result => return .ok (value, result)
    | .error error => (← cleanUp none).andThen fun _ => return .error error
    | waiting => afterWaiting context.runtime waiting cleanUp

end KjAsync.Async
