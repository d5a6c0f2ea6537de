import KjAsync.Async.Basic

/-! `finally` for `Async` code. -/

namespace KjAsync.Async

/-- What code amounts to whose clean-up has succeeded. -/
private def cleanedUp (ended : Ended α) (cleaned : β) : Outcome (α × β) :=
  match ended with
  | .ok value => .ok (value, cleaned)
  | .error error => .error error
  | .canceled => .canceled

/-- Runs the clean-up of code that has ended. -/
private def cleanUp (context : Context) (cleanup : Option α → Async β) (ended : Ended α) : BaseIO (Outcome (α × β)) := do
  let value := match ended with
    | .ok value => some value
    | _ => none
  (← cleanup value { context with shielded := true }).whenEnded fun
    | .ok cleaned => return cleanedUp ended cleaned
    | .error error => return if ended matches .canceled then .canceled else .error error
    | .canceled => return .canceled

/--
`finally` blocks run exactly once: after the value, after the error, and when the code is cancelled; each after those inside it
have ended. They may wait themselves. One that has begun runs to its end, also if the code is cancelled meanwhile, and also if
the runtime is shut down: then what it waits for fails with kind `shutdown`, which its own handlers see. An error of
theirs takes the place of the outcome; of code that was cancelled nobody hears any more.
-/
instance : MonadFinally Async where
  tryFinally' action cleanup := fun context => do
    match ← action context with
    | .ok value => cleanUp context cleanup (.ok value)
    | .error error => cleanUp context cleanup (.error error)
    | .canceled => cleanUp context cleanup .canceled
    | waiting => waiting.whenEnded (cleanUp context cleanup)

end KjAsync.Async
