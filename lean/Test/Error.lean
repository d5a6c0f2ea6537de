import Test.Check

open Test KjAsync

/-- The error after a trip through a promise. -/
private def throughPromise (runtime : Runtime) (error : IO.Error) : IO IO.Error := do
  match ← (do (← PromiseRef.fail (α := Unit) runtime error).await : IO Unit).toBaseIO with
  | .ok () => throw (IO.userError "a failed promise succeeded")
  | .error error => return error

-- parity: EXC-01, PROM-03
test "an error keeps its kind and its text on its way through a promise" := inBoth fun runtime => do
  for kind in ErrorKind.all do
    let error ← throughPromise runtime (Error.ofKind kind "why: because")
    checkEq (Error.kind? error) (some kind)
    checkEq (toString error) (toString (Error.ofKind kind "why: because")) s!"text of {kind}"
    checkEq (Error.osCode? error) none s!"number of {kind}"

-- parity: EXC-01
test "an error of the system keeps its number and gets its constructor" := withRuntime fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  listener.close
  let error ← fails .disconnected (address.connect : IO Connection)
  check (Error.osCode? error).isSome s!"no number in {error}"
  let again ← throughPromise runtime error
  checkEq (Error.osCode? again) (Error.osCode? error)
  checkEq (Error.kind? again) (some .disconnected)

-- parity: EXC-08
test "an error of Lean's becomes FAILED, with its text" := withRuntime fun runtime => do
  let error ← throughPromise runtime (.permissionDenied (some "a file") 13 "no entry")
  checkEq (Error.kind? error) (some .failed)
  checkEq (Error.osCode? error) (some 13)
  check ((toString error).splitOn "no entry" |>.length |> (· > 1)) s!"text lost: {error}"
  checkEq (toString (← throughPromise runtime (IO.userError "plain"))) "plain"
  checkEq (toString (← throughPromise runtime (IO.userError "TIMED_OUT: not really"))) "TIMED_OUT: not really"
  checkEq (Error.kind? (← throughPromise runtime (IO.userError "TIMED_OUT: not really"))) (some .failed)
  checkEq (toString (← throughPromise runtime (IO.userError ""))) ""
  checkEq (toString (← throughPromise runtime (IO.userError "größer ☃"))) "größer ☃"

test "the kind of an error that is not ours is not known" := do
  checkEq (Error.kind? (.permissionDenied none 13 "no entry")) none
  checkEq (Error.kind? .unexpectedEof) none
  checkEq (Error.kind? (.otherError 0 "FAILEDX: no kind")) none
  checkEq (Error.kind? (.otherError 0 "CANCELED: ours")) (some .canceled)
