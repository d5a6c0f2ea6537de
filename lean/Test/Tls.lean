import Test.Ends

open Test KjAsync

/-- Runs the body with the folder that test/certificates has filled; test/run_lean tells loudly if there is none. -/
private def withCertificates (body : System.FilePath → Runtime → IO Unit) : IO Unit := do
  let some folder ← IO.getEnv "KJA_TEST_CERTIFICATES" | return
  inBoth (body folder)

private def file (folder : System.FilePath) (name : String) : IO BytesRef := return ↑(← IO.FS.readBinFile (folder / name))

private def clientOf (folder : System.FilePath) (runtime : Runtime) (options : Tls.Options := {}) : IO Tls.Context := do
  Tls.Context.client runtime { options with systemTrust := false, trusted := ← file folder "authority.pem" }

private def serverOf (folder : System.FilePath) (runtime : Runtime) (options : Tls.Options := {}) : IO Tls.Context := do
  Tls.Context.server runtime (← file folder "chain.pem") (← file folder "server.key")
    { options with trusted := ← file folder "authority.pem", systemTrust := false }

/-- Both ends of a secure connection to this host, or what went wrong at either. -/
private def handshake (runtime : Runtime) (client server : Tls.Context) (host : String := "localhost") :
    IO (Except ErrorRef Connection × Except ErrorRef Connection) := do
  let (near, far) ← connectedPair (m := IO) runtime
  let far ← server.wrapper.wrapServerStart far
  let near ← client.wrapper.wrapClientStart near host
  return (← caught near, ← caught far)
where
  caught (promise : PromiseRef Connection) : IO (Except ErrorRef Connection) := do
    try return .ok (← promise.await) catch error => return .error (← ErrorRef.thrown error)

private def secured (runtime : Runtime) (client server : Tls.Context) (host : String := "localhost") :
    IO (Connection × Connection) := do
  match ← handshake runtime client server host with
  | (.ok near, .ok far) => return (near, far)
  | (.error error, _) | (_, .error error) => throw error.toError

private def failed (outcome : Except ErrorRef Connection) (failure : Tls.Failure) (part : String) : IO Unit := do
  match outcome with
  | .ok _ => throw (IO.userError "the handshake succeeded")
  | .error error =>
    checkEq (Tls.Failure.of? error) (some failure)
    check ((error.text.splitOn part).length > 1) s!"\"{error.text}\" has no \"{part}\""

private def identityOf (connection : Connection) : IO (Tls.Identity × Peer) := do
  match ← connection.peer with
  | .tls identity below => return (identity, below)
  | _ => throw (IO.userError "no TLS")

-- parity: TLS-01, TLS-08, TLS-12, TLS-17, TLS-18
test "any connection becomes secure, until it says goodbye" := withCertificates fun folder runtime => do
  let client ← clientOf folder runtime
  let server ← serverOf folder runtime
  let (near, far) ← runtime.newTwoWayPipe
  let accepting ← server.wrapper.wrapServerStart far
  let near ← near.startTls (m := IO) client "localhost"
  let far ← accepting.await
  let writing ← near.writeStart "hello"
  reads far "hello"
  writing.await
  let ending ← near.shutdownWriteStart
  ended far
  ending.await
  let writing ← far.writeStart "answer"
  reads near "answer"
  writing.await
  far.close
  discard <| fails .disconnected (near.read (m := IO))

-- parity: TLS-12, LLIO-13
test "a connection, also one of the program's own stream, is secured as the server by one call" :=
  withCertificates fun folder runtime => do
    let client ← clientOf folder runtime
    let server ← serverOf folder runtime
    Async.run runtime do
      for own in [false, true] do
        let (near, far) ← runtime.newTwoWayPipe
        let near ← if own then Connection.ofStream runtime near else pure near
        let far ← if own then Connection.ofStream runtime far else pure far
        let accepting ← Async.fork (far.acceptTls server)
        let near ← near.startTls client "localhost"
        let far ← accepting.await
        let writing ← near.writeStart "secret"
        checkEq (← (← far.readExactly 6).toText) "secret"
        writing.await
        let writing ← far.writeStart "kept"
        checkEq (← (← near.readExactly 4).toText) "kept"
        writing.await

-- parity: TLS-13, TLS-23, TLS-24, TLS-25, TLS-26, TLS-27
test "a peer tells what it has shown" := withCertificates fun folder runtime => do
  let client ← clientOf folder runtime { alpn := ["echo/1", "echo/2"], maxVersion := .tls12 }
  let server ← serverOf folder runtime { alpn := ["echo/2"] }
  let (near, far) ← secured runtime client server
  let (identity, below) ← identityOf near
  checkEq (← identity.commonName?) (some "localhost")
  checkEq (← identity.certificates).size 2
  checkEq (← identity.hasCertificate) true
  checkEq (← identity.altNames).toList [.dns "localhost", .dns "*.wild.test", .ip "127.0.0.1", .email "a@example.org",
    .uri "http://example.org/"]
  checkEq (← identity.matchesHost "a.wild.test") true
  checkEq (← identity.matchesHost "wild.test") false
  checkEq (← identity.alpn?) (some "echo/2")
  checkEq (← identity.version?) (some .tls12)
  check ((← identity.cipherSuite).startsWith "TLS_ECDHE_ECDSA_") "the suite"
  checkEq (← identity.isResumed) false
  checkEq (← (← near.peer).text) "localhost"
  checkEq (← below.text) (← (← far.localAddress).text)
  let (anonymous, _) ← identityOf far
  checkEq (← anonymous.hasCertificate) false
  checkEq (← anonymous.serverName?) (some "localhost")
  checkEq (← (← far.peer).text) "(anonymous client)"
  discard <| fails .invalidArgument anonymous.commonName?

-- parity: TLS-04, TLS-12, TLS-20, TLS-22
test "an error says which check has failed" := withCertificates fun folder runtime => do
  let client ← clientOf folder runtime
  let server ← serverOf folder runtime
  let (near, far) ← handshake runtime client server "other.test"
  failed near .wrongName "not for other.test"
  failed far .alert "alert"
  let pair ← Tls.KeyPair.ofFiles (folder / "strange.pem") (folder / "strange.key")
  server.setKeyPair (some pair)
  let (near, _) ← handshake runtime client server
  failed near .unknownIssuer "nobody who is trusted"
  server.setKeyPair (some (← Tls.KeyPair.ofFiles (folder / "server.pem") (folder / "server.locked") (some "secret")))
  discard <| secured runtime client server
  let wrong := Tls.KeyPair.ofFiles (folder / "server.pem") (folder / "server.locked") (some "wrong")
  let error ← fails .invalidArgument wrong
  check ((toString error).splitOn "password" |>.length |> (· > 1)) "the password"
  discard <| fails .invalidArgument (Tls.KeyPair.ofFiles (folder / "server.pem") (folder / "client.key"))

-- parity: TLS-05, TLS-06, TLS-07
test "options that cannot be met are refused" := withCertificates fun folder runtime => do
  discard <| fails .invalidArgument (clientOf folder runtime { cipherSuites := ["TLS_RSA_WITH_NULL_MD5"] })
  discard <| fails .invalidArgument (clientOf folder runtime { groups := ["secp521r1"] })
  discard <| fails .invalidArgument (clientOf folder runtime { minVersion := .tls13, maxVersion := .tls12 })
  let client ← clientOf folder runtime { cipherSuites := ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"], groups := ["x25519"] }
  let (near, _) ← secured runtime client (← serverOf folder runtime)
  checkEq (← (← identityOf near).1.cipherSuite) "TLS_AES_256_GCM_SHA384"
  checkEq (← (← identityOf near).1.version?) (some .tls13)

-- parity: TLS-09
test "a server chooses its certificate by name, also later" := withCertificates fun folder runtime => do
  let pair ← Tls.KeyPair.ofFiles (folder / "server.pem") (folder / "server.key")
  let choose (name : String) : Async (Option Tls.KeyPair) := do
    match name with
    | "localhost" => return some pair
    | "later.wild.test" =>
      Async.yield
      return some pair
    | "refused.wild.test" =>
      Async.yield
      throw (Error.ofKind .overloaded "too many")
    | _ => return none
  let server ← Tls.Context.new runtime { systemTrust := false, onServerName? := some choose }
  let client ← clientOf folder runtime
  for name in ["localhost", "later.wild.test"] do
    discard <| secured runtime client server name
  let (near, far) ← handshake runtime client server "refused.wild.test"
  failed near .alert "InternalError"
  failed far .refused "too many"
  let (_, far) ← handshake runtime client server "unknown.wild.test"
  failed far .refused "unknown.wild.test"

-- parity: TLS-03, TLS-08
test "peers are judged, and clients show certificates" := withCertificates fun folder runtime => do
  let pair ← Tls.KeyPair.ofFiles (folder / "client.pem") (folder / "client.key")
  let names ← IO.mkRef #[]
  let server ← serverOf folder runtime {
    clients := .demanded
    verifyAlso? := some fun identity => do names.modify (·.push (← identity.commonName?)) }
  let asked ← IO.mkRef 0
  let client ← clientOf folder runtime { onClientCertificate? := some fun authorities => do
    asked.modify (· + authorities.size)
    return some pair }
  let (_, far) ← secured runtime client server
  checkEq (← (← far.peer).text) "someone"
  checkEq (← names.get) #[some "someone"]
  check ((← asked.get) > 0) "the authorities"
  let (_, far) ← handshake runtime (← clientOf folder runtime) server
  failed far .noCertificate "no certificate"
  let picky ← clientOf folder runtime {
    keyPair? := some pair, verifyAlso? := some fun _ => throw (Error.ofKind .unimplemented "my reason") }
  let (near, far) ← handshake runtime picky server
  failed near .refused "my reason"
  failed far .alert "alert"
  let trusting ← Tls.Context.client runtime {
    systemTrust := false, keyPair? := some pair, dangerouslyVerifyInstead? := some fun _ => return }
  discard <| secured runtime trusting server "any.name"

-- parity: TLS-10, TLS-11, TLS-14
test "a client that fails is told, and no accept fails" := withCertificates fun folder runtime => do
  let failures ← IO.mkRef #[]
  let server ← serverOf folder runtime {
    onAcceptError? := some fun error => failures.modify (·.push (Tls.Failure.of? error)) }
  let (inner, address) ← listenOnLoopback (m := IO) runtime
  let listener ← server.wrapper.wrapListener inner
  let accepting ← listener.acceptStart
  let wrong ← address.connect (m := IO)
  wrong.write "GET / HTTP/1.1\r\n\r\n"
  let stalled ← address.connect (m := IO)
  let near ← (← address.connect (m := IO)).startTls (m := IO) (← clientOf folder runtime) "localhost"
  let far ← accepting.await
  near.write "x"
  reads far "x"
  checkEq (← failures.get) #[some Tls.Failure.protocol]
  stalled.close

-- parity: HCLI-15, HSRV-08
test "https is an option of clients and servers" := withCertificates fun folder runtime => do
  let tls? := some (← serverOf folder runtime)
  let client? := some (← clientOf folder runtime)
  Async.run runtime do
    let listener ← runtime.listen "127.0.0.1:0"
    let handler (request : Http.Request) : Async Http.Response := return .text s!"secret {request.path}"
    let server ← Http.Server.new runtime handler { tls? }
    let listening ← server.listenStart listener
    let url := s!"https://localhost:{← (← listener.localAddress).port}/a"
    let client ← Http.Client.new (← Network.system runtime) { tls? := client? }
    for _ in [0:2] do
      checkEq (← (← client.get url).text) "secret /a"
    checkEq (← (← Http.get url (tls? := client?)).text) "secret /a"
    let plain ← Http.Client.new (← Network.system runtime)
    discard <| (fails .unimplemented (plain.requestStart .get url) : IO _)
    listening.cancel
    server.close

-- parity: HCLI-13, HCLI-15
test "a WebSocket goes over TLS" := withCertificates fun folder runtime => do
  let client? := some (← clientOf folder runtime)
  let server? := some (← serverOf folder runtime)
  Async.run runtime do
    let listener ← runtime.listen "127.0.0.1:0"
    let handler (request : Http.Request) : Async Http.Response := do
      let socket ← request.acceptWebSocket
      for message in socket do
        if let .text text := message then socket.send s!"secret {text}"
      return .answered
    let server ← Http.Server.new runtime handler { tls? := server? }
    server.listen listener
    let socket ← Http.webSocket s!"wss://localhost:{← (← listener.localAddress).port}/a" (tls? := client?)
    socket.send "a"
    match ← socket.receive with
    | .text text => checkEq text "secret a"
    | _ => throw (IO.userError "not a text")
    match ← (← socket.connection).peer with
    | .tls identity _ => checkEq (← identity.commonName?) (some "localhost")
    | _ => throw (IO.userError "no TLS")
    socket.finish
    server.close
