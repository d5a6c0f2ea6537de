import KjAsync

/-!
A downloader: many files at once but not too many, a second try where a connection breaks in the middle, which goes on where the
first one ended, and progress meanwhile.

With URLs, as in `download https://example.com/a https://example.com/b`, it writes the files here. Without them it has a server of its
own, which breaks off now and then.
-/

open KjAsync

/-- How far all of it is. -/
structure Progress where
  done : IO.Ref Nat
  bytes : IO.Ref Nat
  retries : IO.Ref Nat

def Progress.new : IO Progress := return { done := ← IO.mkRef 0, bytes := ← IO.mkRef 0, retries := ← IO.mkRef 0 }

/-- Writes a file. What an attempt has written the next one need not get again, if the server can send a part. -/
def download (client : Http.Client) (progress : Progress) (url : String) (file : System.FilePath) : Async Nat := do
  let runtime ← Async.runtime
  let written ← IO.mkRef 0
  let first ← IO.mkRef true
  Async.retry (options := { attempts := 5, delay := .ofMillis 10, retryIf := fun error => error.kind matches .disconnected | .timedOut }) do
    unless ← first.get do progress.retries.modify (· + 1)
    first.set false
    let start ← written.get
    let headers := if start == 0 then [] else [("Range", s!"bytes={start}-")]
    let answer ← client.get url (.ofList headers)
    let start ← match answer.status.code with
      | 206 => pure start
      | 200 => pure 0
      | _ => throw (IO.userError s!"{url}: {answer.status}")
    written.set start
    let out ← Connection.ofFile runtime file (if start == 0 then .write else .readWrite) (offset := start.toUInt64)
    let body := (← answer.body).connection
    repeat
      let data ← body.read
      if data.isEmpty then break
      out.write data
      written.modify (· + data.size)
      progress.bytes.modify (· + data.size)
    out.shutdownWrite
  progress.done.modify (· + 1)
  written.get

/-- Says how far it is, now and then, until it is cancelled. -/
def report (progress : Progress) (count : Nat) : Async Unit := do
  repeat
    Async.sleep (.ofMillis 500)
    IO.println s!"{← progress.done.get} of {count} files, {(← progress.bytes.get) / 1024} KiB"

def downloadAll (client : Http.Client) (progress : Progress) (jobs : Array (String × System.FilePath)) : Async (Array Nat) :=
  Async.withCancel fun scope => do
    discard <| scope.spawn (report progress jobs.size)
    Async.mapConcurrently 8 jobs fun (url, file) => download client progress url file

/-- A server whose every third answer breaks off in the middle. -/
def unsteady (content : String) (count : IO.Ref Nat) (request : Http.Request) : Async Http.Response := do
  let number ← count.modifyGet fun count => (count, count + 1)
  let ranges ← (request.headers.get? "range").mapM (Http.Ranges.parse · content.length)
  let (start, code) := match ranges with
    | some (.some ranges) => (((ranges[0]?).map (·.start)).getD 0, 206)
    | _ => (0, 200)
  let rest := (BytesRef.ofString content).slice start
  let headers := Http.Headers.ofList [("Content-Range", s!"bytes {start}-{content.length - 1}/{content.length}")]
  return .stream (length? := some rest.size) (status := { code }) (headers := if code == 206 then headers else {}) fun out => do
    if number % 3 == 2 && rest.size > 1 then
      Stream.write out (rest.slice 0 (rest.size / 2))
      throw (Error.ofKind .disconnected "enough for now")
    Stream.write out rest

def nameOf (url : String) : String := ((url.splitOn "/").getLast?.filter (!·.isEmpty)).getD "index.html"

def main (arguments : List String) : IO UInt32 := do
  let options : Http.ClientOptions :=
    { maxRedirects := 5, maxPerHost? := some 4, headTimeout? := some (.ofSeconds 20), bodyTimeout? := some (.ofSeconds 20), environmentProxies := true }
  let progress ← Progress.new
  unless arguments.isEmpty do
    Runtime.withRuntime fun runtime => Async.run runtime do
      let client ← Http.Client.new (← Network.system runtime) { options with tls? := some (← Tls.Context.client runtime) }
      let sizes ← downloadAll client progress (arguments.toArray.map fun url => (url, (nameOf url : System.FilePath)))
      IO.println s!"{sizes.foldl (· + ·) 0} bytes"
    return 0
  let content := "0123456789".pushn 'z' 200_000
  let folder : System.FilePath := s!"/tmp/kjasync-download-{← IO.monoNanosNow}"
  IO.FS.createDirAll folder
  try
    let count ← IO.mkRef 0
    let sizes ← Runtime.withRuntime fun runtime => Async.run runtime do
      let listener ← runtime.listen "127.0.0.1:0"
      let url := s!"http://127.0.0.1:{← (← listener.localAddress).port}"
      let server ← Http.Server.new runtime (unsteady content count)
      let listening ← server.listenStart listener
      let client ← Http.Client.new (← Network.system runtime) { options with environmentProxies := false }
      let jobs := (Array.range 30).map fun number => (s!"{url}/file{number}", folder / s!"file{number}")
      let sizes ← downloadAll client progress jobs
      listening.cancel
      server.close
      return sizes
    for number in [0:30] do
      unless (← IO.FS.readFile (folder / s!"file{number}")) == content do throw (IO.userError s!"file {number} is another")
    IO.println s!"files: {sizes.size}, bytes: {sizes.foldl (· + ·) 0}, tried again: {← progress.retries.get}"
    if (← progress.retries.get) == 0 then throw (IO.userError "nothing broke off")
  finally IO.FS.removeDirAll folder
  IO.println "download: ok"
  return 0
