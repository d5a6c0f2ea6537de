import Test.Check

open Test KjAsync

/-- What the threads share: promises that any of them may use or replace at any time. -/
private structure Pool where
  runtime : Runtime
  executor : Executor
  places : Array (IO.Ref (PromiseRef Nat))
  queue : Queue Nat
  canceler : Canceler
  tasks : TaskSet

/-- The next number of a generator, below `bound`. -/
private def next (state : IO.Ref UInt64) (bound : Nat) : IO Nat := do
  let n := (← state.get) * 6364136223846793005 + 1442695040888963407
  state.set n
  return (n >>> 33).toNat % bound

private def pick (pool : Pool) (state : IO.Ref UInt64) : IO (IO.Ref (PromiseRef Nat)) := do
  let index ← next state pool.places.size
  match pool.places[index]? with
  | some place => return place
  | none => throw (IO.userError "no places")

/-- Something that starts an operation, perhaps from others. -/
private def start (pool : Pool) (state : IO.Ref UInt64) : IO (PromiseRef Nat) := do
  let runtime := pool.runtime
  let one ← (← pick pool state).get
  let other ← (← pick pool state).get
  match ← next state 22 with
  | 0 => PromiseRef.pure runtime 1
  | 1 => PromiseRef.never runtime
  | 2 => PromiseRef.fail runtime (Error.ofKind .busy "busy")
  | 3 => do (← runtime.sleepNanosStart (← next state 50000).toUInt64).map fun () => 2
  | 4 => one.map (· + 1)
  | 5 => one.bind fun _ => return other
  | 6 => one.catch fun _ => return 3
  | 7 => one.finally (discard other.isSettled)
  | 8 => do (← PromiseRef.all runtime #[one, other, one]).map (·.size)
  | 9 => PromiseRef.race runtime #[one, other]
  | 10 => one.timeout (.ofNanos (← next state 50000))
  | 11 => one.fork
  | 12 => one.attach other
  | 13 => pool.executor.executeStart (do discard other.isSettled; return 4)
  | 14 => do
    let (fulfiller, promise) ← Fulfiller.new runtime
    if (← next state 2) == 0 then fulfiller.fulfillWith one
    return promise
  | 15 => PromiseRef.any runtime #[one, other]
  | 16 => do (← PromiseRef.join runtime #[one, other]).map (·.size)
  | 17 => do (← PromiseRef.allSettled runtime #[one, other]).map (·.size)
  | 18 => pool.canceler.wrap one
  | 19 => pool.queue.popStart
  | 20 => do (← pool.queue.pushStart 5).map fun () => 6
  | _ => Async.start runtime do
    try
      Async.yield
      one.await
    finally
      Async.yield

private def step (pool : Pool) (state : IO.Ref UInt64) : IO Unit := do
  let place ← pick pool state
  match ← next state 12 with
  | 0 => (← place.get).cancel
  | 1 => (← place.get).release
  | 2 => discard <| (← place.get).awaitFor? (← next state 20000).toUInt64
  | 3 => discard (← place.get).toTask
  | 4 => (← place.get).detach fun _ => return
  | 5 => pool.tasks.add (← place.get)
  | 6 => if (← next state 20) == 0 then pool.tasks.clear else pool.canceler.cancel
  | 7 => discard <| pool.queue.tryPush 7
  | _ => place.set (← start pool state)

/-- Threads do things at random to the same promises; whatever the order, nothing hangs, crashes or stays. -/
private def round (seed : UInt64) (threads steps : Nat) (stop : Bool) : IO Unit :=
  Runtime.withRuntime fun runtime => do
    let places ← (Array.range 32).mapM fun n => do IO.mkRef (← PromiseRef.pure runtime n)
    let pool : Pool := {
      runtime, executor := ← runtime.executor, places
      queue := ← Queue.new runtime 4, canceler := ← Canceler.new runtime
      tasks := ← TaskSet.new runtime (fun _ => return) (limit := 64) }
    let tasks ← (List.range threads).mapM fun thread => IO.asTask (prio := .dedicated) do
      let state ← IO.mkRef (seed + thread.toUInt64)
      for _ in [0:steps] do
        match ← (step pool state).toBaseIO with
        | .ok () => pure ()
        | .error error => check (Error.kind? error).isSome s!"{error}"
    if stop then
      runtime.sleepNanos (2 * millisecond)
      runtime.shutdown
    for task in tasks do EIO.ofExcept (← IO.wait task)

test "anything in any order from several threads" := do
  let seed := (← monoNanosNow)
  let result ← (do
    for n in [0:4] do round (seed + n.toUInt64 * 1000) 4 5000 false
    for n in [0:20] do round (seed + n.toUInt64 * 1000 + 7) 4 2000 true : IO Unit).toBaseIO
  match result with
  | .ok () => return
  | .error error => throw (IO.userError s!"seed {seed}: {error}")
