import KjAsync.Async.Basic

/-! One value for each runtime, made when it is first asked for. -/

namespace KjAsync

/--
A value that each runtime has of its own. It is made by the first code on the loop that asks, is freed when the runtime
ends, and is seen by code on that loop only, so that it needs no lock. Mostly made once, by `initialize`. (LOOP-16)
-/
structure RuntimeLocal (α : Type) where
  /-- Not for users: made by `RuntimeLocal.new`. -/
  private ofMake ::
  /-- Makes the value of a runtime. -/
  private make : Runtime → IO α
  /-- The native key; 0 before it is first used, since initializers also run where the library is not at hand. -/
  private key : IO.Ref UInt64

namespace RuntimeLocal

/-- Values that `make` makes. Never blocks. -/
protected def new (make : Runtime → IO α) : BaseIO (RuntimeLocal α) := return ⟨make, ← IO.mkRef 0⟩

private def nativeKey (local_ : RuntimeLocal α) : BaseIO UInt64 := do
  let key ← local_.key.get
  if key != 0 then return key
  let mine ← Native.newLocalKey
  local_.key.modifyGet fun key => if key == 0 then (mine, mine) else (key, key)

/-- The value of the runtime on whose loop this code runs. Errors: those of making it, then the next one to ask tries
again; `shutdown`. -/
def get (local_ : RuntimeLocal α) : Async α := do
  let runtime ← Async.runtime
  -- A clean-up that a shutdown left over may run on any thread, when the values are gone.
  unless ← runtime.onLoop do throw (Error.ofKind .shutdown "the loop has ended")
  let key ← local_.nativeKey
  if let some value ← (runtime.native.localGet key : IO (Option α)) then return value
  let made ← local_.make runtime
  (runtime.native.localGetOrSet key made : IO α)

end RuntimeLocal
end KjAsync
