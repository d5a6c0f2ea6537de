import KjAsync.Async.Basic
import KjAsync.Queue

/-!
Loops of `Async` code. All of them go through `Async.iterate`, whose ready branch is a call of itself in tail
position: a step that does not wait costs no stack, and one that waits keeps nothing of those before it.
-/

namespace KjAsync.Async

/-- Runs `step` on a state, again and again, until it is done. It runs in constant stack and memory. -/
@[specialize]
partial def iterate (step : σ → Async (ForInStep σ)) (state : σ) : Async σ := fun context => do
  match ← step state context with
  | .ok (.yield state) => iterate step state context
  | .ok (.done state) => return .ok state
  | .error error => return .error error
  | .canceled => return .canceled
  | waiting => waiting.whenEnded fun
    | .ok (.yield state) => iterate step state context
    | .ok (.done state) => return .ok state
    | .error error => return .error error
    | .canceled => return .canceled

/-- `repeat` and `while`. -/
@[always_inline]
instance (priority := high) : ForIn Async Lean.Loop Unit where
  forIn _ state step := iterate (step ()) state

/-- A loop over what is taken apart one by one. -/
@[inline] private def forEach (next : ρ → Option (α × ρ)) (from_ : ρ) (state : σ) (step : α → σ → Async (ForInStep σ)) :
    Async σ := do
  let (_, state) ← iterate (state := (from_, state)) fun (rest, state) =>
    match next rest with
    | none => pure (.done (rest, state))
    | some (item, rest) => do
      match ← step item state with
      | .yield state => return .yield (rest, state)
      | .done state => return .done (rest, state)
  return state

/-- `for` over a list. -/
@[always_inline]
instance (priority := high) : ForIn Async (List α) α where
  forIn items := forEach (fun | [] => none | item :: rest => some (item, rest)) items

/-- `for` over an array. -/
@[always_inline]
instance (priority := high) : ForIn Async (Array α) α where
  forIn items := forEach (fun index => if h : index < items.size then some (items[index], index + 1) else none) 0

/-- `for` over bytes. -/
@[always_inline]
instance (priority := high) : ForIn Async BytesRef UInt8 where
  forIn bytes := forEach (fun index => if index < bytes.size then some (bytes.get index, index + 1) else none) 0

/-- `for` over the values of a queue, until it is closed and empty. (QUEUE-04) -/
@[always_inline]
instance : ForIn Async (Queue α) α where
  forIn queue state step := iterate (state := state) fun state => do
    match ← queue.pop? with
    | some value => step value state
    | none => return .done state

/-- `for` over a range. -/
@[always_inline]
instance (priority := high) : ForIn Async Std.Legacy.Range Nat where
  forIn range := forEach (fun index => if index < range.stop then some (index, index + range.step) else none) range.start

end KjAsync.Async
