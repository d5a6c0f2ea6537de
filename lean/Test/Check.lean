import KjAsync

/-! What the tests are written with. -/

namespace Test
open KjAsync

/-- A test: what it shows, and how. -/
structure Test where
  /-- What it shows. -/
  name : String
  /-- Throws if that is not so. A function, since the compiler runs initializers when it imports a module, and cannot
  call the library. -/
  run : Unit → IO Unit

/-- Every test of the modules that are imported, in their order. -/
initialize registry : IO.Ref (Array Test) ← IO.mkRef #[]

/-- Adds a test. -/
macro "test " name:str " := " body:term : command =>
  `(initialize registry.modify (·.push { name := $name, run := fun () => $body }))

/-- Fails the test unless `condition` holds. -/
def check (condition : Bool) (what : String) : IO Unit := do
  unless condition do throw (IO.userError what)

/-- Fails the test unless the two are equal. -/
def checkEq [BEq α] [Repr α] (got expected : α) (what : String := "value") : IO Unit :=
  check (got == expected) s!"{what}: got {repr got}, expected {repr expected}"

/-- Fails the test unless the action throws an error of this kind, which it returns. -/
def fails (kind : ErrorKind) (action : IO α) : IO IO.Error := do
  match ← action.toBaseIO with
  | .ok _ => throw (IO.userError s!"succeeded, expected {kind}")
  | .error error =>
    check (Error.kind? error == some kind) s!"got {error}, expected {kind}"
    return error

/-- Waits until the condition holds, for a few seconds at most. For what follows an event at its own pace, such as the
end of a thread. -/
def eventually (what : String) (condition : IO Bool) : IO Unit := do
  for _ in [0:5000] do
    if ← condition then return
    IO.sleep 1
  throw (IO.userError s!"{what}: not within 5 seconds")

/-- Nanoseconds. -/
def millisecond : UInt64 := 1_000_000
/-- A time that no test waits for. -/
def anHour : UInt64 := 3_600_000_000_000

/-- Runs the body with a runtime that has a thread. -/
def withRuntime (body : Runtime → IO Unit) : IO Unit := Runtime.withRuntime body

/-- Runs the body twice: with a runtime that has a thread, and with a wait scope. -/
def inBoth (body : Runtime → IO Unit) : IO Unit := do
  Runtime.withRuntime body
  Runtime.withRuntime body { mode := .waitScope }

/-- Runs code on the loop, in both kinds of runtime. -/
def onLoop (body : Async Unit) : IO Unit := inBoth fun runtime => Async.run runtime body

/-- A listener on a free port of the loopback, and its address. -/
def listenOnLoopback [MonadAwait m] [Monad m] [MonadLiftT IO m] (runtime : Runtime) : m (Listener × Address) := do
  let listener ← runtime.listen "127.0.0.1:0"
  return (listener, ← listener.localAddress)

/-- The two ends of a connection over the loopback: who connected, who accepted. -/
def connectedPair [MonadAwait m] [Monad m] [MonadLiftT IO m] (runtime : Runtime) : m (Connection × Connection) := do
  let (listener, address) ← listenOnLoopback runtime
  let accepting ← listener.acceptStart
  return (← address.connect, ← accepting.await)

/-- How many files of `/proc/self/fd` are open. -/
def openFds : IO Nat := return (← System.FilePath.readDir "/proc/self/fd").size

/-- How many threads of the library there are. -/
def loopThreads : IO Nat := do
  let mut count := 0
  for entry in ← System.FilePath.readDir "/proc/self/task" do
    -- A thread may end while we look.
    let name := (← (IO.FS.readFile (entry.path / "comm")).toBaseIO).toOption.getD ""
    if name.startsWith "kjasync" then count := count + 1
  return count

/-- Memory in use, in KB. -/
private def residentKB : IO Nat := do
  let fields := (← IO.FS.readFile "/proc/self/statm").splitOn " "
  return 4 * (fields[1]?.bind String.toNat? |>.getD 0)

/-- Fails the test if the action takes more memory each time that it runs. Allocators keep memory back for reasons of
their own, so one run without growth is enough; what leaks grows with every run. -/
def leaksNothing (action : IO Unit) : IO Unit := do
  action
  let mut seen := #[← residentKB]
  for _ in [0:6] do
    action
    let now ← residentKB
    if now ≤ seen.back! + 200 then return
    seen := seen.push now
  throw (IO.userError s!"memory in KB, after each run: {seen}")

/-- A flag that code on one thread raises and another waits for. -/
structure Gate where
  private promise : IO.Promise Unit

namespace Gate
/-- A gate that is shut. -/
protected def new : IO Gate := return ⟨← IO.Promise.new⟩
/-- Opens it, for good. -/
def pass (gate : Gate) : BaseIO Unit := gate.promise.resolve ()
/-- Blocks until it is open. -/
def wait (gate : Gate) : IO Unit := discard <| IO.wait gate.promise.result?
end Gate

/-- Counts, from any thread. -/
abbrev Counter := IO.Ref Nat
/-- A counter at zero. -/
def Counter.new : BaseIO Counter := IO.mkRef 0
/-- One more. -/
def Counter.add (counter : Counter) : BaseIO Unit := counter.modify (· + 1)

end Test
