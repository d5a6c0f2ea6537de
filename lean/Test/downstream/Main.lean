import KjAsync

open KjAsync

def main : IO UInt32 := Runtime.withRuntime fun runtime => do
  let listener ← runtime.listen "127.0.0.1:0"
  let address ← listener.localAddress
  let answer ← Async.run runtime do
    let accepting ← listener.acceptStart
    let client ← address.connect
    let server ← accepting.await
    client.write "hello"
    server.readExactly 5
  unless answer == ("hello" : BytesRef) do throw (IO.userError "heard something else")
  IO.println "downstream: ok"
  return 0
