import Test.Ends

open Test KjAsync

-- parity: STRM-27
test "what is asked of a promised connection waits for it" := inBoth fun runtime => do
  let (near, far) ← runtime.newOsSocketPair
  let (fulfiller, promise) ← Fulfiller.new (α := Connection) runtime
  let promised ← Connection.promised promise
  let writing ← promised.writeStart "early"
  let reading ← promised.readStart (min := 6)
  let ending ← promised.shutdownWriteStart
  letRest runtime
  check (!(← writing.isSettled)) "written to nothing"
  checkEq (← promised.length?) none
  fulfiller.fulfill near
  writing.await
  ending.await
  reads far "early"
  ended far
  far.write "answer"
  checkEq (← (← reading.await).toText) "answer"

-- parity: STRM-27
test "a promised connection fails as its promise does" := inBoth fun runtime => do
  let (fulfiller, promise) ← Fulfiller.new (α := Connection) runtime
  let promised ← Connection.promised promise
  let reading ← promised.readStart
  fulfiller.reject (Error.ofKind .overloaded "not today")
  discard <| fails .overloaded reading.await
  discard <| fails .overloaded (promised.write "x")

-- parity: STRM-27, NET-11
test "a connection under way is used at once" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let client ← Connection.promised (← address.connectStart)
  let writing ← client.writeStart "at once"
  let server ← listener.accept (m := IO)
  reads server "at once"
  writing.await

-- parity: STRM-13, STRM-27
test "a promise that fails with disconnected is a disconnection" := inBoth fun runtime => do
  let promised ← Connection.promised (← PromiseRef.fail runtime (Error.ofKind .disconnected "gone"))
  promised.whenWriteDisconnected

-- parity: STRM-27
test "dropping a promised connection and its promise ends the operation" := inBoth fun runtime => do
  let gone ← IO.mkRef 0
  do
    let promise ← (← PromiseRef.never runtime).finally (gone.modify (· + 1))
    let promised ← Connection.promised promise
    let reading ← promised.readStart
    promised.close
    discard <| fails .canceled reading.await
  letRest runtime
  checkEq (← gone.get) 1
