import Test.Check

open Test KjAsync

private def loaded : ErrorRef :=
  ((ErrorRef.ofKind .disconnected "the peer is gone").withDetail 7 "seven").withContext "reading" "peer.lean" 5

private def checkLoaded (error : ErrorRef) : IO Unit := do
  check (error.kind == .disconnected) s!"kind {error.kind}"
  checkEq error.text "the peer is gone"
  checkEq error.context "peer.lean:5: reading"
  match error.detail? 7 with
  | some detail => checkEq (← detail.toText) "seven"
  | none => throw (IO.userError "no detail")

/-- The error of a promise that has failed. -/
private def errorOf (promise : PromiseRef α) : IO ErrorRef := do
  discard promise.await.toBaseIO
  match ← promise.error? with
  | some error => return error
  | none => throw (IO.userError "no error")

-- parity: EXC-01, EXC-02
test "an error object tells kind, number and text" := do
  for kind in ErrorKind.all do
    let error := ErrorRef.ofError (Error.ofKind kind "why: because")
    check (error.kind == kind) s!"{error.kind}"
    checkEq error.text "why: because"
    checkEq error.osCode? none
    checkEq error.context ""
    checkEq (toString error.toError) (toString (Error.ofKind kind "why: because"))
  let system := ErrorRef.ofError (.permissionDenied (some "a file") 13 "no entry")
  checkEq system.osCode? (some 13)
  check (system.kind == .failed) "kind"
  checkEq (Error.osCode? system.toError) (some 13)
  checkEq (ErrorRef.ofError (IO.userError "größer ☃")).text "größer ☃"

-- parity: EXC-04
test "the places that an error passed come latest first" := do
  let error := ((ErrorRef.ofError (IO.userError "x")).withContext "storing" "store.lean" 12).withContext "answering"
  checkEq error.context ":0: answering\nstore.lean:12: storing"
  checkEq error.text "x"

-- parity: EXC-07, EXC-06
test "details are set, replaced, listed and removed" := do
  let error := (loaded.withDetail 0xFFFF_FFFF_FFFF_FFFF ByteArray.empty).withDetail 7 "other"
  checkEq error.detailIds #[0xFFFF_FFFF_FFFF_FFFF, 7]
  checkEq ((error.detail? 0xFFFF_FFFF_FFFF_FFFF).map (·.size)) (some 0)
  match error.detail? 7 with
  | some detail => checkEq (← detail.toText) "other"
  | none => throw (IO.userError "no detail")
  check (error.detail? 1).isNone "a detail"
  checkEq (error.withoutDetail 7).detailIds #[0xFFFF_FFFF_FFFF_FFFF]
  checkEq (error.withoutDetail 1).detailIds.size 2
  checkLoaded loaded

-- parity: EXC-03, PROM-03, FORK-04, FULF-02
test "a promise carries all of an error to each branch" := inBoth fun runtime => do
  let promise ← PromiseRef.fail (α := Nat) runtime loaded
  checkLoaded (← errorOf promise)
  checkLoaded (← errorOf (← promise.fork))
  checkLoaded (← errorOf (← promise.then fun n => return n + 1))
  checkLoaded (← errorOf (← PromiseRef.all runtime #[promise]))
  let (fulfiller, rejected) ← Fulfiller.new (α := Nat) runtime
  check (← rejected.error?).isNone "an error"
  fulfiller.reject loaded
  checkLoaded (← errorOf rejected)
  discard <| fails .disconnected rejected.await
  check (← (← PromiseRef.pure runtime 1).error?).isNone "an error of a value"

-- parity: EXC-04, PROM-10
test "an error may be told where it passes" := inBoth fun runtime => do
  let promise ← PromiseRef.fail (α := Nat) runtime loaded
  let passed ← promise.mapError (·.withContext "passing on" "pass.lean" 9)
  let error ← errorOf passed
  checkEq error.context "pass.lean:9: passing on\npeer.lean:5: reading"
  check (error.detail? 7).isSome "no detail"
  let value ← (← PromiseRef.pure runtime 1).mapError (·.withContext "not here")
  checkEq (← value.await) 1

test "an error outlives its runtime" := do
  let kept : IO ErrorRef := do
    let runtime ← Runtime.init
    let error ← errorOf (← PromiseRef.fail (α := Nat) runtime loaded)
    runtime.shutdown
    return error
  checkLoaded (← kept)
