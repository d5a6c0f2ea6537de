import Test.Check

open Test KjAsync

private def failing (kind : ErrorKind) (times : Nat) (tried : Counter) : Async Nat := do
  tried.add
  let n ← tried.get
  if n ≤ times then throw (Error.ofKind kind s!"attempt {n}")
  return n

-- parity: PROM-29
test "a disconnection is tried once more" := onLoop do
  let tried ← Counter.new
  checkEq (← Async.retry (failing .disconnected 1 tried)) 2
  let tried ← Counter.new
  try
    discard <| Async.retry (failing .disconnected 2 tried)
    throw (IO.userError "succeeded")
  catch error => check ((toString error).splitOn "attempt 2" |>.length |> (· == 2)) s!"not the last error: {error}"
  checkEq (← tried.get) 2

-- parity: PROM-29
test "other errors are not tried again, unless asked for" := onLoop do
  let tried ← Counter.new
  try discard <| Async.retry (failing .busy 1 tried) catch _ => pure ()
  checkEq (← tried.get) 1
  let tried ← Counter.new
  let options : RetryOptions := { attempts := 0, retryIf := fun _ => true, delay := .ofNanos 1000, maxDelay := .ofNanos 4000 }
  checkEq (← Async.retry (failing .busy 20 tried) options) 21

test "pauses grow up to a limit" := do
  let options : RetryOptions := { delay := .ofNanos 3, factor := 10, maxDelay := .ofNanos 1000 }
  checkEq (options.nextDelay (.ofNanos 3)) (.ofNanos 30)
  checkEq (options.nextDelay (.ofNanos 99)) (.ofNanos 990)
  checkEq (options.nextDelay (.ofNanos 300)) (.ofNanos 1000)
  let options := { options with maxDelay := .ofHours 2_000_000 }
  checkEq (options.nextDelay (.ofHours 2_000_000)) (.ofHours 2_000_000)

test "an operation of promises is tried again, and stops when cancelled" := inBoth fun runtime => do
  let tried ← Counter.new
  let start : IO (PromiseRef Nat) := do
    tried.add
    if (← tried.get) == 1 then PromiseRef.fail runtime (Error.ofKind .disconnected "gone")
    else PromiseRef.pure runtime 5
  checkEq (← (← PromiseRef.retry runtime start).await) 5
  let tried ← Counter.new
  let promise ← PromiseRef.retry runtime
    (do tried.add; PromiseRef.fail (α := Nat) runtime (Error.ofKind .disconnected "gone"))
    { attempts := 0, delay := .ofHours 1, maxDelay := .ofHours 1 }
  eventually "first attempt" (do runtime.yieldNow; return (← tried.get) == 1)
  promise.cancel
  runtime.yieldNow
  checkEq (← tried.get) 1
