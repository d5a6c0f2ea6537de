import KjAsync

/-!
A file server. A `Range` gets a part of a file, `If-None-Match` saves sending what the client has, and what is sent goes from the
file to the connection piece by piece, however long it is.

With an address and a folder, as in `files 127.0.0.1:8080 public`, it serves until it is stopped. Without them it serves files of its own
to itself.
-/

open KjAsync

def plain (code : Nat) (text : String) (headers : List (String × String) := []) : Http.Response :=
  let answer := Http.Response.text text (status := { code })
  { answer with headers := ⟨answer.headers.fields ++ headers.toArray⟩ }

def typeOf (name : String) : String :=
  match (name.splitOn ".").getLast? with
  | some "html" => "text/html; charset=utf-8"
  | some "txt" => "text/plain; charset=utf-8"
  | some "css" => "text/css"
  | some "js" => "text/javascript"
  | some "png" => "image/png"
  | _ => "application/octet-stream"

/-- The file that a path names; none for one that would lead out of the folder. -/
def fileOf (folder : System.FilePath) (path : Array String) : Option System.FilePath :=
  let safe := path.all fun part => part != ".." && part != "." && !part.toList.any fun c => c == '/' || c == '\\' || c == '\x00'
  if safe && !path.isEmpty then some (path.foldl (init := folder) fun (parent : System.FilePath) (part : String) => parent / part) else none

/-- Answers with so many bytes of a file from a place on. The answer to `HEAD` says how many there are and sends none. -/
def part (request : Http.Request) (file : System.FilePath) (start size : Nat) (status : Http.Status) (headers : List (String × String)) :
    Async Http.Response := do
  let runtime ← Async.runtime
  let headers := Http.Headers.ofList headers
  if request.method == .head then return { status, headers := headers.append "Content-Length" (toString size) }
  return .stream (length? := some size) (status := status) (headers := headers) fun body => do
    let source ← Connection.ofFile runtime file (offset := start.toUInt64)
    discard <| source.pumpTo body.connection (limit := size.toUInt64)

def serve (folder : System.FilePath) (request : Http.Request) : Async Http.Response := do
  unless request.method == .get || request.method == .head do return plain 405 "only GET and HEAD" [("Allow", "GET, HEAD")]
  let some url ← Http.Url.parse? request.target .httpRequest | return plain 400 "no such path"
  let path := if url.path.isEmpty then #["index.html"] else url.path
  let some file := fileOf folder path | return plain 404 "no such file"
  let found ← file.metadata.toBaseIO
  let .ok metadata := found | return plain 404 "no such file"
  unless metadata.type matches .file do return plain 404 "no such file"
  let size := metadata.byteSize.toNat
  let tag := s!"\"{size}-{metadata.modified.secs}-{metadata.modified.nanos}\""
  let common := [("Content-Type", typeOf (path.back?.getD "")), ("ETag", tag), ("Accept-Ranges", "bytes")]
  if (request.headers.items "if-none-match").contains tag then
    return { status := { code := 304 }, headers := .ofList common }
  -- A part of another version is of no use.
  let wanted := (request.headers.get? "range").filter fun _ => (request.headers.get? "if-range").all (· == tag)
  match ← wanted.mapM (Http.Ranges.parse · size) with
  | some .unsatisfiable => return plain 416 "no such range" [("Content-Range", s!"bytes */{size}")]
  | some (.some ranges) =>
    -- Several are a part of the whole as well.
    let [range] := ranges.toList | part request file 0 size .ok common
    part request file range.start range.size { code := 206 } (("Content-Range", s!"bytes {range}/{size}") :: common)
  | _ => part request file 0 size .ok common

/-- Checks a status and a body. -/
def expect (client : Http.Client) (url : String) (headers : List (String × String)) (code : Nat) (body? : Option String) : Async Http.ClientResponse := do
  let answer ← client.get url (.ofList headers)
  let text ← answer.text
  unless answer.status.code == code && body?.all (· == text) do
    throw (IO.userError s!"{url} with {headers}: {answer.status}, {text.length} characters")
  return answer

def main (arguments : List String) : IO UInt32 := do
  if let [address, folder] := arguments then
    Runtime.withRuntime fun runtime => Async.run runtime (Http.serve address (serve folder))
    return 0
  let folder : System.FilePath := s!"/tmp/kjasync-files-{← IO.monoNanosNow}"
  IO.FS.createDirAll (folder / "sub")
  try
    let long := "0123456789".pushn 'x' 3_000_000
    IO.FS.writeFile (folder / "index.html") "<p>hello"
    IO.FS.writeFile (folder / "sub" / "long file.txt") long
    Runtime.withRuntime fun runtime => Async.run runtime do
      let listener ← runtime.listen "127.0.0.1:0"
      let url := s!"http://127.0.0.1:{← (← listener.localAddress).port}"
      let server ← Http.Server.new runtime (serve folder)
      let listening ← server.listenStart listener
      let client ← Http.Client.new (← Network.system runtime)
      let file := url ++ "/sub/long%20file.txt"
      discard <| expect client url [] 200 (some "<p>hello")
      let whole ← expect client file [] 200 (some long)
      let some tag := whole.headers.get? "etag" | throw (IO.userError "no tag")
      discard <| expect client file [("If-None-Match", tag)] 304 (some "")
      let cut ← expect client file [("Range", "bytes=3-6")] 206 (some "3456")
      unless cut.headers.get? "content-range" == some s!"bytes 3-6/{long.length}" do throw (IO.userError "another range")
      discard <| expect client file [("Range", "bytes=-2")] 206 (some "xx")
      discard <| expect client file [("Range", "bytes=3-6"), ("If-Range", "\"old\"")] 200 (some long)
      discard <| expect client file [("Range", "bytes=9999999-")] 416 none
      for path in ["/none", "/sub"] do discard <| expect client (url ++ path) [] 404 none
      unless (fileOf folder #["..", "secret"]).isNone && (fileOf folder #["a/../../secret"]).isNone do throw (IO.userError "a way out")
      let head ← client.request .head file
      unless head.headers.get? "content-length" == some (toString long.length) do throw (IO.userError "another length")
      listening.cancel
      server.close
  finally IO.FS.removeDirAll folder
  IO.println "files: ok"
  return 0
