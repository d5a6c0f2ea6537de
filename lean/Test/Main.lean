import Test.Address
import Test.Async
import Test.AsyncCombinators
import Test.AsyncLoop
import Test.AsyncScope
import Test.Buffered
import Test.Bytes
import Test.Canceler
import Test.Cancellation
import Test.Capability
import Test.Carried
import Test.Cidr
import Test.Combinators
import Test.Compression
import Test.Connection
import Test.ConnectionEnd
import Test.Coroutine
import Test.Datagram
import Test.Drive
import Test.Each
import Test.Encoding
import Test.Ends
import Test.Error
import Test.ErrorKept
import Test.ErrorRef
import Test.Event
import Test.Executor
import Test.Fd
import Test.FdObserver
import Test.File
import Test.Filesystem
import Test.Finally
import Test.Fulfiller
import Test.Handle
import Test.Http
import Test.HttpClient
import Test.HttpForward
import Test.HttpHead
import Test.HttpInput
import Test.HttpServer
import Test.Join
import Test.Leak
import Test.Listener
import Test.Matrix
import Test.MatrixAsync
import Test.MatrixSources
import Test.Network
import Test.NetworkWrapper
import Test.Peer
import Test.Pipe
import Test.Process
import Test.Promise
import Test.Promised
import Test.Provider
import Test.Queue
import Test.ReadInto
import Test.Retry
import Test.Runtime
import Test.RuntimeLocal
import Test.Semaphore
import Test.Shutdown
import Test.Signal
import Test.Stream
import Test.StreamEnd
import Test.Stress
import Test.Task
import Test.TaskSet
import Test.Tee
import Test.Time
import Test.Timer
import Test.Tls
import Test.UnixSocket
import Test.Url
import Test.VirtualTime
import Test.WaitScope
import Test.WebSocket

/-! Runs every test, or those whose names contain one of the arguments. -/

open Test KjAsync

/-- Runs a test; it fails also if it leaves native handles, descriptors or threads behind. -/
def outcomeOf (entry : Test.Test) : IO (Option String) := do
  let handles ← Native.handleCount
  let fds ← openFds
  match ← (entry.run ()).toBaseIO with
  | .error error => return some (toString error)
  | .ok () =>
    let left ← (do
      eventually "native handles left" (return (← Native.handleCount) == handles)
      eventually "descriptors left" (return (← openFds) == fds)
      eventually "threads left" (return (← loopThreads) == 0) : IO Unit).toBaseIO
    return match left with
      | .ok () => none
      | .error error => some (toString error)

def main (wanted : List String) : IO UInt32 := do
  let mut passed := 0
  let mut failed := 0
  for entry in ← registry.get do
    unless wanted.isEmpty || wanted.any (fun part => (entry.name.splitOn part).length > 1) do continue
    match ← outcomeOf entry with
    | none =>
      passed := passed + 1
      IO.println s!"{entry.name}: ok"
    | some reason =>
      failed := failed + 1
      IO.println s!"{entry.name}: FAILED: {reason}"
    (← IO.getStdout).flush
  IO.println s!"{passed} passed, {failed} failed"
  return if failed == 0 && passed > 0 then 0 else 1
