import KjAsync.Promise.Outcome

/-! Fulfillers: settling a promise by hand. -/

namespace KjAsync

/--
The other end of a promise: settles it, once, from any thread and without blocking. The first to fulfil or
reject wins, later calls do nothing. If every reference is dropped before, the promise is rejected with kind
`failed`. (FULF-01, FULF-04, FULF-10)
-/
structure Fulfiller (α : Type) where
  /-- Not for users: made by `Fulfiller.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Fulfiller
  /-- The runtime of the promise; kept alive. -/
  runtime : Runtime

/-- What rejects a promise, of whatever type that is: for those who only have to tell that something went wrong. (FULF-06) -/
structure Rejector where
  /-- Not for users: made by `Fulfiller.rejector`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Fulfiller
  /-- The runtime of the promise; kept alive. -/
  runtime : Runtime

namespace Rejector

/-- Settles the promise with an error. Errors: `badHandle` after shutdown. (FULF-02, FULF-06) -/
def reject [ErrorForm ε] (rejector : Rejector) (error : ε) : IO Unit :=
  rejector.native.errorObject (ErrorForm.toRef error).native

/-- Runs `action`; if it throws, that settles the promise. Says whether it did not throw. Errors: `badHandle` after
shutdown. (FULF-05, FULF-06) -/
def rejectIfThrows (rejector : Rejector) (action : IO Unit) : IO Bool := do
  match ← action.toBaseIO with
  | .ok () => return true
  | .error error =>
    rejector.reject (← ErrorRef.thrown error)
    return false

/-- Is the promise unsettled, and does anybody still want it? (FULF-03) -/
def isWaiting (rejector : Rejector) : BaseIO Bool := rejector.native.isWaiting

end Rejector

namespace Fulfiller

/-- A promise and what settles it. Never blocks. Errors: `shutdown`. (FULF-07, FULF-11) -/
protected def new (runtime : Runtime) : IO (Fulfiller α × PromiseRef α) := do
  let (fulfiller, promise) ← Native.Fulfiller.new runtime.native
  return (⟨fulfiller, runtime⟩, ⟨promise, runtime, .object⟩)

/-- Settles the promise with a value. Errors: `badHandle` after shutdown. -/
def fulfill (fulfiller : Fulfiller α) (value : α) : IO Unit := fulfiller.native.object value

/-- The half that rejects, without the type; it is one more reference to the fulfiller. (FULF-06) -/
def rejector (fulfiller : Fulfiller α) : Rejector := ⟨fulfiller.native, fulfiller.runtime⟩

/-- Settles the promise with an error. Errors: `badHandle` after shutdown. (FULF-02) -/
def reject [ErrorForm ε] (fulfiller : Fulfiller α) (error : ε) : IO Unit :=
  fulfiller.rejector.reject error

/-- Runs `action`; if it throws, that settles the promise. Says whether it did not throw. Errors: `badHandle` after
shutdown. (FULF-05) -/
def rejectIfThrows (fulfiller : Fulfiller α) (action : IO Unit) : IO Bool := fulfiller.rejector.rejectIfThrows action

/-- Lets the promise go on as another one of the same runtime. Errors: `badHandle`. (FULF-08) -/
def fulfillWith (fulfiller : Fulfiller α) (promise : PromiseRef α) : IO Unit := do
  fulfiller.native.promise (← promise.asObject)

/-- Is the promise unsettled, and does anybody still want it? (FULF-03) -/
def isWaiting (fulfiller : Fulfiller α) : BaseIO Bool := fulfiller.native.isWaiting

end Fulfiller
end KjAsync
