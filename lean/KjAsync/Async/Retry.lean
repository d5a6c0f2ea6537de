import KjAsync.Async.Combinators

/-! Trying again. -/

namespace KjAsync

/-- How often and when to try again. -/
structure RetryOptions where
  /-- How often to try, the first time included; 0 for no limit. -/
  attempts : Nat := 2
  /-- Which errors are worth another attempt. -/
  retryIf : ErrorRef → Bool := fun error => error.kind == .disconnected
  /-- The pause after the first failure. -/
  delay : Duration := 0
  /-- What the pause is multiplied by after each further failure. -/
  factor : Nat := 2
  /-- The longest pause. -/
  maxDelay : Duration := .ofSeconds 10

/-- The pause that follows this one. -/
def RetryOptions.nextDelay (options : RetryOptions) (delay : Duration) : Duration :=
  min options.maxDelay (delay * options.factor)

/--
Runs the code until it succeeds, fails with an error that is not worth another attempt, or has failed often enough;
then with the last error. By default once more after a disconnection. Cancellation: no further attempt is made.
(PROM-29)
-/
def Async.retry (action : Async α) (options : RetryOptions := {}) : Async α := do
  let mut tried := 0
  let mut delay := min options.delay options.maxDelay
  repeat
    tried := tried + 1
    try
      return ← action
    catch error : ErrorRef =>
      if tried == options.attempts || !options.retryIf error then throwThe ErrorRef error
    if delay > 0 then Async.sleep delay
    delay := options.nextDelay delay
  throw (IO.userError "unreachable")

/-- As `Async.retry`, for an operation that `start` starts. Never blocks. (PROM-29) -/
def PromiseRef.retry (runtime : Runtime) (start : IO (PromiseRef α)) (options : RetryOptions := {}) :
    IO (PromiseRef α) :=
  Async.start runtime (Async.retry (MonadAwait.awaitStarted start) options)

end KjAsync
