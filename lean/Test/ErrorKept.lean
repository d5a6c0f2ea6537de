import Test.Check

/-! Whatever passes an error on passes all of it on. -/

open Test KjAsync

private def loaded : ErrorRef :=
  ((ErrorRef.ofKind .overloaded "no room").withDetail 7 "seven").withContext "storing" "store.lean" 3

private def isWhole (error : ErrorRef) : Bool :=
  error.kind == .overloaded && error.text == "no room" && error.detailIds == #[7] && error.context == "store.lean:3: storing"

private def checkWhole (way : String) (promise : PromiseRef α) : IO Unit := do
  discard promise.await.toBaseIO
  match ← promise.error? with
  | some error => check (isWhole error) s!"{way}: {error}, details {error.detailIds}, context {error.context}"
  | none => throw (IO.userError s!"{way}: no error")

private abbrev Way := Runtime → PromiseRef Nat → IO (PromiseRef Nat)

private def onThrow (action : Async Nat) : Async Nat := do
  try action
  catch error =>
    Async.yield
    if Error.kind? error == some .busy then return 0 else throw error

private def ways : List (String × Way) := [
  ("as it is", fun _ promise => return promise),
  ("map", fun _ promise => promise.map (· + 1)),
  ("then", fun _ promise => promise.then fun n => return n + 1),
  ("bind", fun runtime promise => promise.bind fun n => PromiseRef.pure runtime n),
  ("catch that throws it again", fun _ promise => promise.catch fun error => throw error),
  ("catchKind of another kind", fun _ promise => promise.catchKind .busy fun (_ : IO.Error) => return 0),
  ("catchKind that throws it again", fun _ promise => promise.catchKind .overloaded fun error => throw error),
  ("finally", fun _ promise => promise.finally (return ())),
  ("timeout", fun _ promise => promise.timeout (.ofHours 1)),
  ("fork", fun _ promise => promise.fork),
  ("attach", fun _ promise => promise.attach "object"),
  ("all", fun runtime promise => do (← PromiseRef.all runtime #[promise]).map (·.size)),
  ("join", fun runtime promise => do (← PromiseRef.join runtime #[promise]).map (·.size)),
  ("race", fun runtime promise => PromiseRef.race runtime #[promise]),
  ("any", fun runtime promise => PromiseRef.any runtime #[promise]),
  ("retry", fun runtime promise => PromiseRef.retry runtime (return promise)),
  ("canceler", fun runtime promise => do
    let canceler ← Canceler.new runtime
    (← canceler.wrap promise).attach canceler),
  ("fulfiller", fun runtime promise => do
    let (fulfiller, forwarded) ← Fulfiller.new runtime
    fulfiller.fulfillWith promise
    return forwarded),
  ("task", fun runtime promise => do
    let task : Task (Except ErrorRef Nat) ← promise.toTask
    PromiseRef.ofTask runtime task),
  ("await", fun runtime promise => Async.start runtime promise.await),
  ("await, then more", fun runtime promise => Async.start runtime do
    let n ← promise.await
    Async.yield
    return n),
  ("await after a turn", fun runtime promise => Async.start runtime do
    Async.yield
    promise.await),
  ("try and finally", fun runtime promise => Async.start runtime do
    try promise.await finally Async.yield),
  ("catch in code", fun runtime promise => Async.start runtime (onThrow promise.await)),
  ("catch in catch", fun runtime promise => Async.start runtime (onThrow (onThrow promise.await))),
  ("another error caught in between", fun runtime promise => Async.start runtime do
    try promise.await
    catch first =>
      try throw (Error.ofKind .busy "another")
      catch _ => throw first),
  ("thrown as a whole", fun runtime promise => Async.start runtime do
    try promise.await
    catch error : ErrorRef => throwThe ErrorRef error),
  ("all in code", fun runtime promise => Async.start runtime do return (← Async.all #[promise.await]).size),
  ("race in code", fun runtime promise => Async.start runtime (Async.race #[promise.await])),
  ("timeout in code", fun runtime promise => Async.start runtime (Async.timeout (.ofHours 1) promise.await)),
  ("scope", fun runtime promise => Async.start runtime (Async.withCancel fun scope => do
    let member ← scope.spawnCatching promise.await fun (_ : IO.Error) => return
    member.await)),
  ("connection", fun runtime promise => do
    let connecting : PromiseRef Connection ← promise.then fun _ => Connection.null runtime
    let reading ← (← Connection.promised connecting).readStart
    reading.map (·.size))]

-- parity: EXC-07, EXC-04
test "an error keeps its places and details on every way" := inBoth fun runtime => do
  for (name, way) in ways do
    checkWhole name (← way runtime (← PromiseRef.fail runtime loaded))
    let (fulfiller, later) ← Fulfiller.new runtime
    let result ← way runtime later
    letRest runtime
    fulfiller.reject loaded
    checkWhole s!"{name}, later" result

-- parity: EXC-07, FULF-02, CANC-03, QUEUE-01, QUEUE-05, STRM-14
test "what rejects takes an error with all that it carries" := inBoth fun runtime => do
  let canceler ← Canceler.new runtime
  let wrapped ← canceler.wrap (← PromiseRef.never (α := Nat) runtime)
  canceler.cancel loaded
  checkWhole "canceler" wrapped
  let queue : Queue Nat ← Queue.new runtime 1
  let (first, second) := (← queue.popStart, ← queue.popStart)
  queue.rejectOldest loaded
  checkWhole "rejectOldest" first
  queue.rejectAll loaded
  checkWhole "rejectAll" second
  let (reader, writer) ← runtime.newOneWayPipe
  let writing ← writer.writeStart "x"
  writer.abortWrite loaded
  checkWhole "abortWrite" writing
  checkWhole "abortWrite, reading" (← reader.readStart)
  let failed ← Async.start runtime (writer.write "y")
  checkWhole "abortWrite, later" failed
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  fulfiller.reject loaded
  checkWhole "reject" promise

-- parity: TASK-02, PROM-19, EXC-07
test "who hears of an error hears all of it" := inBoth fun runtime => do
  let heard ← IO.mkRef #[]
  let hear (error : ErrorRef) : IO Unit := heard.modify (·.push error)
  let failing : IO (PromiseRef Nat) := PromiseRef.fail runtime loaded
  let tasks ← TaskSet.new runtime hear
  tasks.add (← failing)
  (← failing).detach hear
  Async.run runtime do
    Async.background (do discard (← failing).await) hear
    Async.withCancel fun scope => do
      let member ← scope.spawnCatching (do (← failing).await) hear
      try discard member.await catch _ => return
  letRest runtime
  tasks.onEmpty
  let errors ← heard.get
  checkEq errors.size 4
  for error in errors do check (isWhole error) s!"{error}, details {error.detailIds}"
  let settled : Array (Except ErrorRef Nat) ← (← PromiseRef.allSettled runtime #[← failing]).await
  for outcome in settled do
    match outcome with
    | .ok _ => throw (IO.userError "a value")
    | .error error => check (isWhole error) s!"{error}"

-- parity: EXC-07, EXC-08
test "the latest error of the thread is known with all that it carries" := inBoth fun runtime => do
  let promise ← PromiseRef.fail (α := Nat) runtime loaded
  discard <| fails .overloaded promise.await
  match ← ErrorRef.last? with
  | some error => check (isWhole error) s!"{error}"
  | none => throw (IO.userError "no error")
  let (_, writer) ← runtime.newOneWayPipe
  writer.abortWrite loaded
  let executor ← runtime.executor
  checkWhole "a call that fails on the loop" (← executor.executeStart (writer.writeNow "x"))

test "a handler's own error is not taken for the one that it caught" := inBoth fun runtime => do
  let failing ← PromiseRef.fail (α := Nat) runtime loaded
  let own : IO.Error := Error.ofKind .overloaded "no room for more"
  let caught ← failing.catch fun (_ : IO.Error) => throw own
  let code ← Async.start runtime do
    try failing.await
    catch _ => throw own
  for promise in [caught, code] do
    discard <| fails .overloaded promise.await
    match ← promise.error? with
    | some error =>
      checkEq error.text "no room for more"
      checkEq error.detailIds #[]
    | none => throw (IO.userError "no error")
