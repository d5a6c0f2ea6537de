import Test.Ends

open Test KjAsync

/-- A pipe, and a buffered reader of what is written to it. -/
private def lines (runtime : Runtime) (body : Stream.Buffered → Connection → Async Unit) : IO Unit := Async.run runtime do
  let (reader, writer) ← runtime.newOneWayPipe
  body (← Stream.Buffered.new reader) writer

test "lines come one by one, however they are cut" := inBoth fun runtime => lines runtime fun input output => do
  let writing ← Async.fork do
    for piece in ["one\ntw", "o\r", "\n\nthree\r\r\n", "last"] do output.write piece
    output.shutdownWrite
  let mut came := #[]
  for line in input do came := came.push line
  checkEq came #["one", "two", "", "three\r", "last"]
  checkEq (← input.readLine?) none
  writing.await

test "a separator may be cut as well, and what follows it is a stream" := inBoth fun runtime => lines runtime fun input output => do
  let writing ← Async.fork do
    for piece in ["head--", "-", "-bo", "dy", "!"] do output.write piece
    output.shutdownWrite
  checkEq (← input.readUntil? "----") (some "head")
  checkEq (← Stream.read input (min := 4) (max := 4)) "body"
  checkEq (← Stream.read input) "!"
  checkEq (← Stream.read input) ""
  writing.await

test "a line that is too long is an error and stays" := inBoth fun runtime => lines runtime fun input output => do
  let writing ← Async.fork do
    output.write "0123456789\n"
    output.shutdownWrite
  let failed : Except IO.Error _ ← (try return .ok (← input.readLine? 4) catch error => return .error error)
  match failed with
  | .ok line => throw (IO.userError s!"{line}")
  | .error error => checkEq (Error.kind? error) (some .overloaded)
  checkEq (← input.readLine? 10) (some "0123456789")
  writing.await

test "a read of lines that is given up loses nothing" := inBoth fun runtime => lines runtime fun input output => do
  let reading ← Async.fork (input.readLine?)
  output.write "be"
  checkEq (← Async.timeout? (.ofMillis 1) reading.await) none
  reading.cancel
  let writing ← output.writeStart "gun\n"
  checkEq (← input.readLine?) (some "begun")
  let reading ← Async.fork (Stream.read input (min := 3))
  writing.await
  output.write "ab"
  reading.cancel
  let writing ← output.writeStart "c"
  checkEq (← Stream.read input (min := 3)) "abc"
  writing.await
