import Test.Check

/-! Connections of every kind, and folders for tests. -/

namespace Test
open KjAsync

/-- Who reads and who writes, of each kind of connection: a pipe and a two-way pipe in this process, TCP, a pair of sockets and a
pipe of the system's. -/
def everyKind (runtime : Runtime) : IO (Array (String × Connection × Connection)) := do
  let (client, server) ← connectedPair (m := IO) runtime
  return #[("pipe", ← runtime.newOneWayPipe), ("two-way pipe", ← runtime.newTwoWayPipe),
    ("capability pipe", ← runtime.newCapabilityPipe), ("TCP", server, client),
    ("socket pair", ← runtime.newOsSocketPair), ("pipe of the system", ← runtime.newOsPipe)]

/-- The two ends of each kind of connection that goes in both directions. -/
def everyTwoWay (runtime : Runtime) : IO (Array (String × Connection × Connection)) :=
  return #[("two-way pipe", ← runtime.newTwoWayPipe), ("capability pipe", ← runtime.newCapabilityPipe),
    ("TCP", ← connectedPair (m := IO) runtime), ("socket pair", ← runtime.newOsSocketPair)]

/-- A text of which no buffer holds as much. -/
def megabytes (count : Nat) : ByteArray := ⟨Array.replicate (count * 1048576) 120⟩

/-- Fails the test unless the next that is read is this text. -/
def reads (connection : Connection) (text : String) : IO Unit := do
  let got ← connection.read (m := IO) (min := text.utf8ByteSize) (max := max 1 text.utf8ByteSize)
  checkEq (← got.toText) text "read"

/-- Fails the test unless the stream is at its end. -/
def ended (connection : Connection) : IO Unit := do
  checkEq (← connection.read (m := IO)).size 0 "bytes at the end"

/-- Runs the body with a folder of its own, which is removed afterwards. -/
def withFolder (body : System.FilePath → IO Unit) : IO Unit := do
  let folder : System.FilePath := s!"/tmp/kjasync-{← IO.rand 0 999999999}-{← IO.monoNanosNow}"
  IO.FS.createDir folder
  try body folder finally IO.FS.removeDirAll folder

/-- The numbers of the open descriptors. That of the folder which tells them is not among them: it is closed by then. -/
def fdNumbers : IO (Array Fd) := do
  let numbers := (← System.FilePath.readDir "/proc/self/fd").filterMap fun entry => entry.fileName.toNat?.map (·.toUInt32)
  numbers.filterM fun number => return (← (OwnFd.dup number).toBaseIO) matches .ok _

/-- What the action gives, and the number of the one descriptor that it leaves open in this process. -/
def withItsFd (action : IO α) : IO (α × Fd) := do
  let before ← fdNumbers
  let made ← action
  match (← fdNumbers).find? (!before.contains ·) with
  | some number => return (made, number)
  | none => throw (IO.userError "no new descriptor")

end Test
