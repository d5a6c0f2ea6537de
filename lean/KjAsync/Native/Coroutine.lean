import KjAsync.Native.Handle

/-! Foreign functions of coroutines. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque RestPointed : NonemptyType.{0}
/-- What is left of a coroutine: nothing, or a function from a `Call` to what is left after it has run. Lean does not
accept such a type by itself. -/
def Rest : Type := RestPointed.type
instance : Nonempty Rest := RestPointed.property

namespace Rest

private unsafe def nothingImpl : Rest := unsafeCast ()
/-- It has ended. -/
@[implemented_by nothingImpl]
opaque nothing : Rest

@[inline] private unsafe def ofFunImpl (run : Call → BaseIO Rest) : Rest := unsafeCast run
/-- This runs once, on the loop, when what it waits for has settled. -/
@[implemented_by ofFunImpl]
opaque ofFun (run : Call → BaseIO Rest) : Rest

end Rest

/-- `kja_coroutine_start`, of one that has not begun. -/
@[extern "kjasync_coroutine_start"]
opaque Coroutine.start (runtime : @& Runtime) (code : Rest) : IO Promise

/-- `kja_coroutine_start`, of one that has begun and waits for this promise. Called on the runtime's loop, or before anything
else knows the code: what the code holds stays of one thread. -/
@[extern "kjasync_coroutine_go_on"]
opaque Coroutine.goOn (runtime : @& Runtime) (waitsFor : @& Promise) (shielded : Bool) (code : Rest) : IO Promise

/-- `kja_call_await`. -/
@[extern "kjasync_call_await"]
opaque Call.await (call : @& Call) (promise : @& Promise) (shielded : Bool) : IO Unit

/-- `kja_call_is_canceled`. -/
@[extern "kjasync_call_is_canceled"]
opaque Call.isCanceled (call : @& Call) : BaseIO Bool

/-- May code on this thread's loop take one more settled promise, without giving the loop a turn? -/
@[extern "kjasync_may_go_on"]
opaque mayGoOn : BaseIO Bool

end KjAsync.Native
