import Test.Check

open Test KjAsync

/-- What came, in order. -/
private def collect (into : IO.Ref String) (bytes : BytesRef) : Async Unit := do
  into.modify (· ++ (String.fromUTF8? bytes.toByteArray).getD "?")

-- parity: STRM-01
test "each read has its code run until the end" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let text ← IO.mkRef ""
  let reading : PromiseRef (Option Nat) ← server.readEachStart (max := 4) fun bytes => do
    collect text bytes
    return none
  client.write "abcdef"
  letRest runtime
  client.write "gh"
  client.shutdownWrite
  checkEq (← reading.await) none
  checkEq (← text.get) "abcdefgh"

test "a value ends the reading, and the connection stays" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  client.write "onetworest"
  let seen ← IO.mkRef 0
  let found : Option String ← server.readEach (m := IO) (min := 3) (max := 3) fun bytes => do
    seen.modify (· + 1)
    if (← seen.get) == 2 then return some ((String.fromUTF8? bytes.toByteArray).getD "?")
    return none
  checkEq found (some "two")
  checkEq (← (← server.read (min := 4)).toText) "rest"

test "the code may wait, and the next read with it" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  let text ← IO.mkRef ""
  let reading ← server.readEachStart fun bytes => do
    collect text bytes
    if (← text.get) == "first" then
      discard promise.await
      return none
    -- Its answer is waited for before the end is.
    server.write "answer"
    return some (← text.get).length
  client.write "first"
  letRest runtime
  client.write "second"
  letRest runtime
  checkEq (← text.get) "first"
  fulfiller.fulfill 1
  checkEq (← reading.await) (some 11)
  checkEq (← (← client.read (min := 6)).toText) "answer"

test "an error of the code ends the reading" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  client.write "x"
  discard <| fails .overloaded (server.readEach (α := Unit) (m := IO) fun _ => do
    throw (Error.ofKind .overloaded "enough"))
  client.write "y"
  discard <| fails .overloaded (server.readEach (α := Unit) (m := IO) fun _ => do
    Async.yield
    throw (Error.ofKind .overloaded "enough"))

test "an error of any kind is told from the end" := inBoth fun runtime => do
  for kind in ErrorKind.all do
    let (client, server) ← connectedPair (m := IO) runtime
    let failing : Async (Option Unit) := server.readEach fun _ => throw (Error.ofKind kind "of its own")
    client.write "x"
    discard <| fails kind (Async.run runtime failing)
    client.write "x"
    discard <| fails kind (Async.run runtime do
      let failing ← failing.fork
      runtime.yieldUntilWouldSleep
      failing.await)

test "a cancel ends the code that waits" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let ended ← IO.mkRef false
  let reading : PromiseRef (Option Unit) ← server.readEachStart fun _ => do
    try
      discard (PromiseRef.never (α := Unit) runtime >>= fun never => (never.await : Async Unit))
    finally
      ended.set true
    return none
  client.write "x"
  letRest runtime
  discard <| fails .busy server.read
  reading.cancel
  letRest runtime
  check (← ended.get) "the code goes on"
  client.write "stays"
  checkEq (← (← server.read (min := 5)).toText) "stays"

-- parity: STRM-10
test "a write now takes what there is room for" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  checkEq (← client.writeNow "") 0
  checkEq (← client.writeNow "hello") 5
  checkEq (← (← server.read (min := 5)).toText) "hello"
  let much : ByteArray := ⟨Array.replicate 16_000_000 7⟩
  let written ← client.writeNow much
  check (0 < written && written < much.size) s!"{written} bytes"
  let rest ← client.writeStart ((much : BytesRef).slice written much.size)
  checkEq (← client.writeNow "lost") 0
  checkEq (← server.readExactly much.size).size much.size
  rest.await
  client.shutdownWrite
  discard <| fails .failed (client.writeNow "x")

/-- Two ports on the loopback, and the address of the second. -/
private def twoPorts (runtime : Runtime) : IO (DatagramPort × DatagramPort × Address) := do
  let loopback ← Address.parse (m := IO) runtime "127.0.0.1:0"
  let (one, other) := (← loopback.bindDatagram, ← loopback.bindDatagram)
  return (one, other, ← other.localAddress)

-- parity: DGRAM-01, DGRAM-03, DGRAM-06
test "each datagram is answered until one ends it" := inBoth fun runtime => do
  let (one, other, ofOther) ← twoPorts runtime
  let serving ← other.receiveEachStart fun message => do
    let text ← (← message.content).toText
    if text == "end" then return some text.length
    if text == "slow" then discard (other.reply message "slowly" : Async UInt64)
    else check (← other.replyNow message text) "no room"
    return none
  check (← one.sendNow "first" ofOther) "no room"
  checkEq (← (← (← one.receive (m := IO)).content).toText) "first"
  check (← one.sendNow "slow" ofOther) "no room"
  checkEq (← (← (← one.receive (m := IO)).content).toText) "slowly"
  check (← one.sendNow "end" ofOther) "no room"
  checkEq (← serving.await) (some 3)
  discard <| fails .failed (do discard (one.sendNow "nowhere" (← Address.parse (m := IO) runtime "*:0")))

-- parity: NET-16
test "each connection has its code run until a value comes" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let seen ← Counter.new
  let accepting : PromiseRef (Option String) ← listener.acceptEachStart fun connection => do
    seen.add
    let text ← (← connection.read).toText
    return if text == "last" then some text else none
  for text in ["first", "second", "last"] do
    let connection ← address.connect (m := IO)
    connection.write (m := IO) text
    letRest runtime
  checkEq (← accepting.await) (some "last")
  checkEq (← seen.get) 3
  discard <| address.connect (m := IO)
  listener.close
  discard <| fails .canceled (listener.acceptEach (m := IO) (α := Nat) fun _ => return none)

test "a loop goes over connections and datagrams" := inBoth fun runtime => Async.run runtime do
  let (listener, address) ← listenOnLoopback runtime
  let accepting ← Async.fork do
    let mut texts := #[]
    for connection in listener do
      texts := texts.push (← (← connection.readAll).toText)
      if texts.size == 2 then break
    return texts
  for text in ["first", "second"] do
    let connection ← address.connect
    connection.write text
    connection.shutdownWrite
  checkEq (← accepting.await) #["first", "second"]
  let (one, other, ofOther) ← twoPorts runtime
  let answering ← Async.fork do
    for message in other do
      let text ← (← message.content).toText
      if text == "end" then return text
      discard (other.reply message text)
    return ""
  discard (one.send "hello" ofOther)
  checkEq (← (← (← one.receive).content).toText) "hello"
  discard (one.send "end" ofOther)
  checkEq (← answering.await) "end"

