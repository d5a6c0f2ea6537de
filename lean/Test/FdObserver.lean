import Test.Check

/-! Readiness of descriptors. -/

namespace Test.FdObserver
open KjAsync

-- parity: UNIX-09, UNIX-10, UNIX-14
test "an observer tells when there is something to read" := inBoth fun runtime => do
  let (reader, writer) ← OwnFd.pipe
  let observer ← reader.withNumber (FdObserver.new runtime)
  let waiting ← observer.whenReadableStart
  letRest runtime
  check (!(← waiting.isSettled)) "it is readable"
  checkEq (← observer.atEnd) (if System.Platform.isOSX then .unknown else .no)
  let output ← runtime.wrapSocketFdTake (← writer.take)
  output.write "x"
  waiting.await
  observer.whenReadable
  output.close
  checkEq (← observer.atEnd) .yes

-- parity: UNIX-11, UNIX-13
test "an observer tells when a pipe is writable and when nobody reads it" := inBoth fun runtime => do
  let (reader, writer) ← OwnFd.pipe
  let observer ← writer.withNumber (FdObserver.new runtime)
  observer.whenWritable
  let gone ← observer.whenWriteDisconnectedStart
  letRest runtime
  check (!(← gone.isSettled)) "somebody reads it"
  reader.close
  gone.await

-- parity: UNIX-12
test "an observer of a pipe waits for urgent data until its end" := inBoth fun runtime => do
  let (reader, writer) ← OwnFd.pipe
  let observer ← reader.withNumber (FdObserver.new runtime)
  let urgent ← observer.whenUrgentStart
  letRest runtime
  check (!(← urgent.isSettled)) "there is urgent data"
  writer.close
  discard <| fails .disconnected urgent.await

-- parity: UNIX-09
test "what cannot be polled cannot be observed" := inBoth fun runtime => do
  let file ← OwnFd.openFile "/etc/passwd"
  discard <| fails .unimplemented (file.withNumber (FdObserver.new runtime))
  discard <| fails .failed (FdObserver.new runtime 4095)

end Test.FdObserver
