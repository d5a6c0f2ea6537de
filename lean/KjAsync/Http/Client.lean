import KjAsync.Http.Message
import KjAsync.Http.Server
import KjAsync.Connection
import KjAsync.Network
import KjAsync.Async
import KjAsync.Tls

/-! HTTP clients: requests by URL. -/

namespace KjAsync

/-- The body of a request that a client sends, to be written. It is a writable stream. (HCLI-01) -/
structure HttpRequestBody where
  /-- Not for users: made by the client. -/
  ofConnection ::
  /-- What it is written to. -/
  connection : Connection

/-- The body of a response, to be read. It is a readable stream. (HCLI-03) -/
structure HttpResponseBody where
  /-- Not for users: made by the client. -/
  ofConnection ::
  /-- What it is read from. -/
  connection : Connection

instance : Stream.WritableRef HttpRequestBody where
  writeStart body bytes := body.connection.writeStart bytes
  shutdownWriteStart body := body.connection.shutdownWriteStart
  abortWrite body error := Stream.WritableRef.abortWrite body.connection error
  whenWriteDisconnectedStart body := Stream.WritableRef.whenWriteDisconnectedStart body.connection
  closeWrite body := Stream.WritableRef.closeWrite body.connection

instance : Stream.ReadableRef HttpResponseBody where
  readStart body min max := body.connection.readStart min max
  abortRead body := body.connection.abortRead
  length? body := Stream.ReadableRef.length? body.connection
  closeRead body := Stream.ReadableRef.closeRead body.connection

namespace Http

/-- A response that a client has got. Dropping it before its body has been read to its end closes the connection.
(HCLI-03, HCLI-05) -/
structure ClientResponse where
  /-- The native handle. -/
  native : Native.HttpResponse
  /-- The runtime; kept alive. -/
  runtime : Runtime
  /-- The status with the text beside it. -/
  status : Status
  /-- The headers. -/
  headers : Headers

namespace ClientResponse

private def ofNative (runtime : Runtime) (native : Native.HttpResponse) : IO ClientResponse := do
  let status : Status := { code := (← native.status).toNat, reason := ← native.reason }
  return { native, runtime, status, headers := ⟨← native.fields⟩ }

/-- For promises of a response. -/
def reader : Reader ClientResponse where
  ofPromise runtime promise := do ofNative runtime (← promise.httpResponse)
  ofCall runtime call := do ofNative runtime (← call.httpResponse)

/-- The body. It fails with `disconnected` if it is cut off. -/
def body (response : ClientResponse) : IO HttpResponseBody := return ⟨⟨← response.native.body, response.runtime⟩⟩

/-- How long the body is; `none` if that was not said. -/
def bodyLength? (response : ClientResponse) : IO (Option Nat) := return Http.lengthOf (← response.native.bodyLength)

/-- The headers behind the body, once that has been read to its end. -/
def trailers (response : ClientResponse) : IO Headers := return ⟨← response.native.trailers⟩

/-- Waits for the whole body, of at most `limit` bytes. Errors: `overloaded` for a longer one. -/
@[inline] def readAll [Monad m] [MonadAwait m] [MonadLiftT IO m] (response : ClientResponse) (limit : Nat := 67108864) :
    m BytesRef := do
  (← response.body).connection.readAll limit

/-- Waits for the whole body as a text. Errors: `failed` if it is not UTF-8. -/
@[inline] def text [Monad m] [MonadAwait m] [MonadLiftT IO m] (response : ClientResponse) (limit : Nat := 67108864) : m String := do
  (← response.readAll limit).toText

end ClientResponse

/-- Limits of a client; `none` is no limit. -/
structure ClientOptions where
  /-- The most bytes of the head of a response. -/
  maxHead : Nat := 131072
  /-- The most lines of it. -/
  maxHeaders : Nat := 256
  /-- The most bytes of the body of a response. -/
  maxBody? : Option Nat := none
  /-- To look up the host and to connect. -/
  connectTimeout? : Option Duration := some (.ofSeconds 30)
  /-- To the end of the head of a response. -/
  headTimeout? : Option Duration := none
  /-- While more of a body is waited for. -/
  bodyTimeout? : Option Duration := none
  /-- How long a connection is kept for another request; `none` keeps none. (HCLI-10) -/
  idleTimeout? : Option Duration := some (.ofSeconds 5)
  /-- The most idle connections to one host that are kept. -/
  maxIdlePerHost : Nat := 8
  /-- The most connections to one host at a time, and so the most requests; `none` is no limit. (HCLI-08) -/
  maxPerHost? : Option Nat := none
  /-- The most requests to one host that wait for a connection. One more is `overloaded`. -/
  maxWaitingPerHost : Nat := 1024
  /-- From the request to the end of the body of its response, redirects included. -/
  totalTimeout? : Option Duration := none
  /-- How often a request is sent again where a response says, by 301, 302, 303, 307 or 308; with 0 such a response is like any other.
  Only a client of a network does so. A `POST` becomes a `GET` by 301 and 302, every method but `HEAD` by 303; one with a streamed body
  that would have to be sent again is not. Credentials and cookies do not go to another origin. One redirect more is `failed`. -/
  maxRedirects : Nat := 0
  /-- Whether gzip, deflate and brotli are asked for and undone: what is read is the content itself, and the response has neither
  `Content-Encoding` nor `Content-Length`. `maxBody?` counts what comes out. A request for a range, or that says itself what it accepts, gets what is
  sent. -/
  decompress : Bool := false
  /-- The proxy of a client of a network, such as `http://user:password@proxy.example:3128`. An `https` URL and a tunnel take a tunnel
  through it. -/
  proxy? : Option String := none
  /-- Hosts to connect to without the proxy, with commas between them: names, which stand for all below them as well, addresses,
  ranges such as `10.0.0.0/8`, each with a port or without, or `*`. -/
  noProxy? : Option String := none
  /-- Whether the proxies, unless one is given, are those that the environment names: `http_proxy`, `https_proxy`, `no_proxy`, in small
  letters or in capitals. -/
  environmentProxies : Bool := false
  /-- What connections for `https` URLs are made with; without it such a URL is `unimplemented`. (HCLI-15) -/
  tls? : Option Tls.Context := none

/-- In the order in which the shim takes them. -/
protected def ClientOptions.numbers (options : ClientOptions) : Array Nat :=
  #[Http.limit options.maxHead, Http.limit options.maxHeaders, Http.limit options.maxBody?, Http.timeLimit options.connectTimeout?,
    Http.timeLimit options.headTimeout?, Http.timeLimit options.bodyTimeout?, Http.timeLimit options.idleTimeout?,
    Http.limit options.maxIdlePerHost, (options.maxPerHost?.map (max 1)).getD 0, Http.limit options.maxWaitingPerHost,
    Http.timeLimit options.totalTimeout?, min options.maxRedirects 4294967295,
    (if options.decompress then 1 else 0) + (if options.environmentProxies then 2 else 0)]

/-- Sends requests by URL and keeps connections for the next one. Dropping the last reference closes those that wait.
(HCLI-07, HCLI-08) -/
structure Client where
  /-- Not for users: made by `Client.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.HttpClient
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Client

/-- A client that connects over a network and by its rules. Never blocks. Errors: `shutdown`. -/
protected def new (network : Network) (options : ClientOptions := {}) : IO Client :=
  return ⟨← Native.HttpClient.new network.native options.numbers (options.tls?.map (·.native)) options.proxy? options.noProxy?,
    network.runtime⟩

/-- A client all of whose requests go to one address. The URL of a request may begin with its path; in an absolute one the host is
for the `Host` header alone. Never blocks. Errors: `shutdown`. (HCLI-08) -/
def toAddress (address : Address) (options : ClientOptions := {}) : IO Client :=
  return ⟨← Native.HttpClient.newAddress address.native options.numbers (options.tls?.map (·.native)), address.runtime⟩

/-- A client whose requests go over one connection, which is the client's from now on: one after the other in the order in which
they were started. A request that fails or is given up, and a response that is not read to its end, close the connection; later
requests are `disconnected` then. URLs are as with `toAddress`. Never blocks. (HCLI-05, HCLI-09) -/
def over (connection : Connection) (options : ClientOptions := {}) : IO Client := do
  let native ← Native.HttpClient.newConnection connection.native options.numbers (options.tls?.map (·.native))
  return ⟨native, connection.runtime⟩

/-- A client whose requests are answered in this process by the handler of a server, which the client keeps. Giving up a request
cancels its handler. What that throws is the error of the response, or of its body once that has begun. Tunnels and
WebSockets work as over a network. URLs are as with `toAddress`. Never blocks. (HCLI-20, CONN-12) -/
def toServer (server : Server) (options : ClientOptions := {}) : IO Client :=
  return ⟨← Native.HttpClient.newService server.native options.numbers (options.tls?.map (·.native)), server.runtime⟩

/--
A client that sends requests as this one does, but runs at most `maxRunning` of them at once; up to `maxWaiting` others wait, in
order, and one that is given up leaves the line. With `untilHead` a request counts until the head of its response has come, and not
until the end of the body. A WebSocket or a tunnel counts until it is closed. `onChange` runs on the loop after the counts have
changed, with how many run and how many wait; of changes in quick succession it may hear only the last. Of what it throws nothing
is heard.

Never blocks. Errors: `invalidArgument` for a client that is limited already. (HCLI-16, HCLI-17, HCLI-18, HCLI-19)
-/
def limited (client : Client) (maxRunning : Nat) (maxWaiting : Nat := 1024) (untilHead : Bool := false)
    (onChange : Nat → Nat → IO Unit := fun _ _ => pure ()) : IO Client := do
  let running := Native.usize (max 1 maxRunning)
  let native ← client.native.newLimited running (Native.usize (max 1 maxWaiting)) (if untilHead then 1 else 0) fun call => do
    let tell : IO Unit := do
      let counts := (← call.u64).toNat
      onChange (counts % 4294967296) (counts / 4294967296)
    discard tell.toBaseIO
  return ⟨native, client.runtime⟩

/-- How many requests of a limited client run and how many wait. Errors: `invalidArgument` for one without a limit. (HCLI-17) -/
def counts (client : Client) : IO (Nat × Nat) := client.native.counts

/--
Asks for a tunnel to a name with a port, such as `example.com:443`: a promise of the response, and the tunnel, which is there at once:
what is written and read waits until it stands. The status is from 200 to 299 if it does; otherwise the body may say why not, and the
tunnel fails with `failed`. With `tls?` the tunnel is secured before anything is sent. A client of a network connects to the host
itself, and the status is 200; any other sends `CONNECT`. TLS can also begin later, with `Connection.startTls`.

Never blocks. Errors: `invalidArgument` at once for what is no host with a port; the promise fails as that of a request or a handshake
does, and the tunnel with the same error. Cancellation: until the promise has settled the connection is closed; then it is the
tunnel's. (CONN-01, CONN-02, CONN-03, CONN-09)
-/
def connectStart (client : Client) (host : String) (headers : Headers := {}) (tls? : Option Tls.Context := none) :
    IO (PromiseRef ClientResponse × Connection) := do
  let (native, tunnel) ← client.native.connectStart host (← headers.native) (tls?.map (·.native))
  return (⟨native, client.runtime, ClientResponse.reader⟩, ⟨tunnel, client.runtime⟩)

/-- Waits for a tunnel; see `connectStart`. Errors: also `failed` if it is refused. -/
@[inline] def connect [Monad m] [MonadAwait m] [MonadLiftT IO m] (client : Client) (host : String) (headers : Headers := {})
    (tls? : Option Tls.Context := none) : m Connection := do
  let (asked, tunnel) ← (client.connectStart host headers tls? : IO _)
  let response ← MonadAwait.awaitStarted (pure asked)
  unless response.status.isSuccess do
    (throw (Error.ofKind .failed s!"the tunnel was refused: {response.status}") : IO Unit)
  return tunnel

/--
A promise of the response to a request with a whole body. `url` is absolute; `Host` and the length of the body are added.

Never blocks. Errors: `invalidArgument` at once for what is no URL, method or header that can be sent; `disconnected` if the connection
ends early, `failed` for an answer that is not HTTP, `timedOut` for a limit that has passed. Cancellation: the connection is
closed. (HCLI-01, HCLI-04, HCLI-07)
-/
def requestStart (client : Client) (method : Method) (url : String) (headers : Headers := {})
    (body : BytesRef := BytesRef.empty) : IO (PromiseRef ClientResponse) := do
  let native ← client.native.requestStart method.name url (← headers.native) body.native
  return ⟨native, client.runtime, ClientResponse.reader⟩

/-- Waits for the response to a request; see `requestStart`. -/
@[inline] def request [MonadAwait m] (client : Client) (method : Method) (url : String) (headers : Headers := {})
    (body : BytesRef := BytesRef.empty) : m ClientResponse :=
  MonadAwait.awaitStarted (client.requestStart method url headers body)

/-- As `requestStart`, with a body that is written to the stream beside the promise: of `length?` bytes, or in chunks. Shutting
down writing ends it. (HCLI-01, HCLI-02) -/
def requestStreamStart (client : Client) (method : Method) (url : String) (headers : Headers := {})
    (length? : Option Nat := none) : IO (PromiseRef ClientResponse × HttpRequestBody) := do
  let (native, body) ← client.native.requestStreamStart method.name url (← headers.native) (Http.lengthTo length?)
  return (⟨native, client.runtime, ClientResponse.reader⟩, ⟨⟨body, client.runtime⟩⟩)

/-- Waits for what a `GET` gives. -/
@[inline] def get [MonadAwait m] (client : Client) (url : String) (headers : Headers := {}) : m ClientResponse :=
  client.request .get url headers

/-- Waits for what a `POST` gives. -/
@[inline] def post [MonadAwait m] (client : Client) (url : String) (body : BytesRef) (headers : Headers := {}) :
    m ClientResponse :=
  client.request .post url headers body

/--
Asks for what a request of a server asks for, and answers it with what comes back. With a client of one address that is a reverse
proxy, with a client of a network a proxy:

    Http.serve "127.0.0.1:8080" client.forward

Bodies and trailers stream both ways; headers about the connection end here, all others go on, and nothing is added. A `CONNECT` and an
upgrade become a tunnel through both. `url?` and `headers?` stand for those of the request if they are given. An absolute target
says what the `Host` is; with a path that of the request goes on.

Never blocks; the promise settles when the response has been taken to be sent or the tunnel has ended. Errors: `invalidArgument` at once
for a URL that is none. The promise fails as that of `requestStart`, and the server answers for a handler that fails with that:
504 for `timedOut`, 400 for what cannot be sent on, 502 for most else. Cancellation: both connections are closed; a request that
has not been answered can be still. (HCLI-21, CONN-12)
-/
def forwardStart (client : Client) (request : Request) (url? : Option String := none) (headers? : Option Headers := none) :
    IO (PromiseRef Unit) := do
  let headers ← headers?.mapM fun (headers : Headers) => headers.native
  return ⟨← client.native.forwardStart request.native url? headers, client.runtime, .unit⟩

/-- Forwards a request and waits until it has been answered; see `forwardStart`. The response is what a handler returns then. -/
def forward (client : Client) (request : Request) (url? : Option String := none) (headers? : Option Headers := none) :
    Async Response := do
  MonadAwait.awaitStarted (client.forwardStart request url? headers?)
  return .answered

/-- How many connections wait for another request. -/
def idleConnections (client : Client) : IO Nat := client.native.idleConnections

end Client

/-- Waits for what a `GET` gives, with a client that is made for it: `Http.get "https://…"`. For `https` the server has to be one that
the system trusts, or `tls?` says whom to trust. Blocks for reading the files of the system's certificates then. -/
def get (url : String) (headers : Headers := {}) (tls? : Option Tls.Context := none) : Async ClientResponse := do
  let runtime ← Async.runtime
  let own? := if url.startsWith "https:" && tls?.isNone then some (Tls.Context.client runtime) else none
  let tls? ← match own? with
    | some own => some <$> (own : Async Tls.Context)
    | none => pure tls?
  let client ← Client.new (← Network.system runtime) { tls? }
  client.get url headers

end Http
end KjAsync
