/-!
The native handles as Lean objects.

Each type below is an external object of the shim that holds one handle of the C library. Dropping the last
reference releases the handle, on whatever thread that happens. Handles are ids, not addresses: using one
that is stale gives an error. Nothing in `KjAsync.Native` is meant for users; the modules above it add types,
defaults and lifetimes.
-/

namespace KjAsync.Native

private opaque RuntimePointed : NonemptyType.{0}
/-- A `kja_runtime_t`. -/
def Runtime : Type := RuntimePointed.type
instance : Nonempty Runtime := RuntimePointed.property

private opaque ExecutorPointed : NonemptyType.{0}
/-- A `kja_executor_t`. -/
def Executor : Type := ExecutorPointed.type
instance : Nonempty Executor := ExecutorPointed.property

private opaque PromisePointed : NonemptyType.{0}
/-- A `kja_promise_t`. -/
def Promise : Type := PromisePointed.type
instance : Nonempty Promise := PromisePointed.property

private opaque FulfillerPointed : NonemptyType.{0}
/-- A `kja_fulfiller_t`. -/
def Fulfiller : Type := FulfillerPointed.type
instance : Nonempty Fulfiller := FulfillerPointed.property

private opaque BytesPointed : NonemptyType.{0}
/-- Bytes: a `kja_bytes_t`, a byte array of Lean's, or a part of either. -/
def Bytes : Type := BytesPointed.type
instance : Nonempty Bytes := BytesPointed.property

private opaque AddressPointed : NonemptyType.{0}
/-- A `kja_address_t`. -/
def Address : Type := AddressPointed.type
instance : Nonempty Address := AddressPointed.property

private opaque ListenerPointed : NonemptyType.{0}
/-- A `kja_listener_t`. -/
def Listener : Type := ListenerPointed.type
instance : Nonempty Listener := ListenerPointed.property

private opaque ConnectionPointed : NonemptyType.{0}
/-- A `kja_connection_t`. -/
def Connection : Type := ConnectionPointed.type
instance : Nonempty Connection := ConnectionPointed.property

private opaque ErrorPointed : NonemptyType.{0}
/-- A `kja_error_t`. -/
def Error : Type := ErrorPointed.type
instance : Nonempty Error := ErrorPointed.property

private opaque TaskSetPointed : NonemptyType.{0}
/-- A `kja_task_set_t`. -/
def TaskSet : Type := TaskSetPointed.type
instance : Nonempty TaskSet := TaskSetPointed.property

private opaque CancelerPointed : NonemptyType.{0}
/-- A `kja_canceler_t`. -/
def Canceler : Type := CancelerPointed.type
instance : Nonempty Canceler := CancelerPointed.property

private opaque QueuePointed : NonemptyType.{0}
/-- A `kja_queue_t`. -/
def Queue : Type := QueuePointed.type
instance : Nonempty Queue := QueuePointed.property

private opaque SemaphorePointed : NonemptyType.{0}
/-- A `kja_semaphore_t`. -/
def Semaphore : Type := SemaphorePointed.type
instance : Nonempty Semaphore := SemaphorePointed.property

private opaque PermitPointed : NonemptyType.{0}
/-- A `kja_permit_t`. -/
def Permit : Type := PermitPointed.type
instance : Nonempty Permit := PermitPointed.property

private opaque EventPointed : NonemptyType.{0}
/-- A `kja_event_t`. -/
def Event : Type := EventPointed.type
instance : Nonempty Event := EventPointed.property

/-- A `kja_call_t`: names the running callback, and is of no use outside it. -/
structure Call where
  /-- Not for users: made by the library. -/
  ofNative ::
  /-- The number. -/
  id : Nat

/-- None: a number that names no callback. -/
def Call.none : Call := ⟨0⟩

/-- What the library calls on the loop thread. It takes its input from the call and leaves its result there. -/
abbrev Callback := Call → BaseIO Unit

/-- A number as the native side takes sizes; larger than anything if it does not fit. -/
@[inline] def usize (n : Nat) : USize := if n < USize.size then n.toUSize else (0 : USize) - 1

/-- How many native handles are live in this process. For leak checks; any thread, never blocks. -/
@[extern "kja_handle_count"] opaque handleCount : BaseIO UInt64

end KjAsync.Native
