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
  checkEq (toString again) (toString error)

-- parity: EXC-02
test "an error reads well: its kind in words, and nothing twice" := withRuntime fun runtime => do
  checkEq (toString (Error.ofKind .timedOut "late")) "time expired (error code: 110000, late)"
  checkEq (toString (Error.ofKind .failed "Wrong")) "Wrong"
  let canceled ← fails .canceled do
    let promise ← PromiseRef.never (α := Unit) runtime
    promise.cancel
    promise.await
  check ((toString canceled).startsWith "the operation was canceled (error code: ") s!"{canceled}"
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  listener.close
  let error ← fails .disconnected (address.connect : IO Connection)
  let .resourceVanished code _ := error | throw (IO.userError s!"another constructor: {error}")
  for once in ["refused", toString code, "resource vanished (error code: "] do
    checkEq ((toString error).splitOn once).length 2 s!"not once in {error}: {once}"

test "a name that does not resolve and a write after the end have constructors of their own" := withRuntime fun runtime => do
  let unknown ← fails .failed (Address.parse runtime "127.0.0.1:no-such-service" : IO Address)
  let .noSuchThing none .. := unknown | throw (IO.userError s!"another constructor: {unknown}")
  let (one, other) ← runtime.newTwoWayPipe
  one.shutdownWrite
  let late ← fails .failed (one.write "late" : IO Unit)
  let .resourceVanished .. := late | throw (IO.userError s!"another constructor: {late}")
  other.close

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

-- parity: EXC-01, EXC-08
test "no kind is read out of a text" := inBoth fun runtime => do
  let foreign : List IO.Error := [.unexpectedEof, .otherError 0 "BUSY: line 3", .otherError 0 "CANCELED: x",
    .timeExpired 0 "TIMED_OUT: x", .resourceBusy 0 "busy: x", .otherError 10_000_000 "x", .otherError 0xFFFF_F001 "x"]
  for error in foreign do
    checkEq (Error.kind? error) none
    checkEq (Error.kind? (← throughPromise runtime error)) (some .failed)
  checkEq (Error.kind? (.userError "TIMED_OUT: x")) (some .failed)

-- parity: EXC-01
test "an error with a number of the system's has the kind that goes with it" := inBoth fun runtime => do
  let system : List (IO.Error × UInt32 × ErrorKind) := [(.permissionDenied none 13 "no entry", 13, .failed),
    (.resourceExhausted none 12 "no memory", 12, .overloaded), (.resourceVanished 32 "broken pipe", 32, .disconnected)]
  for (error, code, kind) in system do
    checkEq (Error.kind? error) (some kind)
    checkEq (Error.osCode? error) (some code)
    let again ← throughPromise runtime error
    checkEq (Error.kind? again) (some kind)
    checkEq (Error.osCode? again) (some code)

-- parity: EXC-01
test "a kind that does not go with the number of the system's is kept as well" := inBoth fun runtime => do
  for kind in ErrorKind.all do
    let error := (ErrorRef.ofNative (.new kind.code 13 "why")).toError
    for error in [error, ← throughPromise runtime error] do
      checkEq (Error.kind? error) (some kind)
      checkEq (Error.osCode? error) (some 13)
      checkEq (Error.text error) "why"
    for none_ in [(10_000 : UInt32), 20_000, 0xFFFF_FFFF] do
      checkEq (Error.kind? (ErrorRef.ofNative (.new kind.code none_ "why")).toError) (some kind)
