import KjAsync.Promise.Basic
import KjAsync.Native.Coordination

/-! Cancelers: one switch for many promises. -/

namespace KjAsync

/-- Rejects the promises that it has wrapped, all at once. Any thread. It holds its runtime. Dropping the last reference
rejects what is pending with kind `canceled`. (CANC-05) After a shutdown calls throw `badHandle`. -/
structure Canceler where
  /-- Not for users: made by `Canceler.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Canceler
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Canceler

/-- A canceler that has wrapped nothing. Never blocks. Errors: `shutdown`. -/
protected def new (runtime : Runtime) : IO Canceler := return ⟨← Native.Canceler.new runtime.native, runtime⟩

/-- The same outcome, unless the canceler comes first: then the hold on the input is dropped, so that it is cancelled if
nobody else holds it. Promise and canceler may outlive one another. Never blocks. Errors: `badHandle`. (CANC-01,
CANC-08) -/
def wrap (canceler : Canceler) (promise : PromiseRef α) : IO (PromiseRef α) :=
  return { promise with native := ← canceler.native.wrap promise.native }

/-- Rejects every wrapped promise that is pending. What they waited for and nothing else holds is gone when this returns;
a closure of theirs that is running on the loop is waited for, unless it makes this call. The canceler is usable
afterwards. (CANC-02, CANC-03, CANC-04) -/
def cancel [ErrorForm ε] (canceler : Canceler) (error : ε := ErrorForm.ofRef (.ofKind .canceled "the canceler was used")) :
    IO Unit :=
  canceler.native.cancel (ErrorForm.toRef error).native

/-- Releases the wrapped promises: they go on and cannot be cancelled from here any more. Never blocks. (CANC-06) -/
def forget (canceler : Canceler) : IO Unit := canceler.native.forget

/-- Is nothing that it wrapped pending? Never blocks. (CANC-07) -/
def isEmpty (canceler : Canceler) : BaseIO Bool := canceler.native.isEmpty

end Canceler
end KjAsync
