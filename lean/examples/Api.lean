import KjAsync

/-!
Notes behind an HTTP interface: `POST /notes` keeps the text of its body, `GET /notes` lists, `GET`, `PUT` and `DELETE` of `/notes/1` are
about one. Answers are JSON.

With an address as its argument, as in `api 127.0.0.1:8080`, it serves until it is stopped. Without one it is its own client.
-/

open KjAsync

/-- Notes by number. Handlers run on one loop and nobody gets in between, except where they wait. -/
structure Notes where
  last : Nat := 0
  byNumber : Array (Nat × String) := #[]

def escape (c : Char) : String :=
  match c with
  | '"' => "\\\""
  | '\\' => "\\\\"
  | '\n' => "\\n"
  | c => if c.toNat < 32 then s!"\\u00{c.toNat / 16}{Nat.digitChar (c.toNat % 16)}" else String.singleton c

/-- A text in JSON. -/
def quote (text : String) : String := "\"" ++ "".intercalate (text.toList.map escape) ++ "\""

def Notes.json (note : Nat × String) : String := s!"\{\"number\": {note.1}, \"text\": {quote note.2}}"

def problem (code : Nat) (text : String) : Http.Response :=
  .json s!"\{\"problem\": {quote text}}" (status := { code })

/-- The text of a request; what is no text is the client's fault. -/
def textOf (request : Http.Request) : Async (Option String) := return (← request.readAll (limit := 65536)).toString?

def one (notes : IO.Ref Notes) (request : Http.Request) (number : Nat) : Async Http.Response := do
  let some note := (← notes.get).byNumber.find? (·.1 == number) | return problem 404 s!"there is no note {number}"
  match request.method.name with
  | "GET" => return .json (Notes.json note)
  | "PUT" =>
    let some text ← textOf request | return problem 400 "the body is not UTF-8"
    let replace (old : Nat × String) := if old.1 == number then (number, text) else old
    notes.modify fun all => { all with byNumber := all.byNumber.map replace }
    return .json (Notes.json (number, text))
  | "DELETE" =>
    notes.modify fun all => { all with byNumber := all.byNumber.filter (·.1 != number) }
    return { status := .noContent }
  | _ => return { problem 405 "a note is read, replaced or deleted" with
      headers := .ofList [("Allow", "GET, PUT, DELETE"), ("Content-Type", "application/json")] }

/-- The routes. -/
def api (notes : IO.Ref Notes) (request : Http.Request) : Async Http.Response := do
  let some url ← Http.Url.parse? request.target .httpRequest | return problem 400 "no such path"
  match request.method.name, url.path.toList with
  | "GET", ["notes"] =>
    let wanted := (url.query.find? (·.name == "with")).bind (·.value?)
    let found := (← notes.get).byNumber.filter fun note => wanted.all fun wanted => (note.2.splitOn wanted).length > 1
    return { Http.Response.json s!"[{", ".intercalate (found.map Notes.json).toList}]" with compress := true }
  | "POST", ["notes"] =>
    let some text ← textOf request | return problem 400 "the body is not UTF-8"
    let number ← notes.modifyGet fun all =>
      (all.last + 1, { last := all.last + 1, byNumber := all.byNumber.push (all.last + 1, text) })
    let made := Http.Response.json (Notes.json (number, text)) (status := .created)
    return { made with headers := made.headers.append "Location" s!"/notes/{number}" }
  | _, ["notes", number] =>
    match number.toNat? with
    | some number => one notes request number
    | none => return problem 404 "notes have numbers"
  | _, _ => return problem 404 "there are notes at /notes"

/-- Makes a note, changes it and deletes it. -/
def visit (client : Http.Client) (url name : String) : Async Unit := do
  let made ← client.post s!"{url}/notes" (.ofString s!"a \"note\" of {name}")
  unless made.status.code == 201 do throw (IO.userError s!"not made: {made.status}")
  let some place := made.headers.get? "location" | throw (IO.userError "nowhere")
  let shown ← (← client.get (url ++ place)).text
  unless (shown.splitOn s!"\"a \\\"note\\\" of {name}\"").length == 2 do throw (IO.userError s!"another note: {shown}")
  let changed ← client.request .put (url ++ place) (body := .ofString name)
  unless changed.status.isSuccess do throw (IO.userError s!"not changed: {changed.status}")
  let found ← (← client.get s!"{url}/notes?with={name}").text
  unless (found.splitOn name).length == 2 do throw (IO.userError s!"found: {found}")
  let deleted ← client.request .delete (url ++ place)
  let gone ← client.get (url ++ place)
  unless (deleted.status.code, gone.status.code) == (204, 404) do throw (IO.userError "it is still there")

def main (arguments : List String) : IO UInt32 := do
  let notes ← IO.mkRef ({} : Notes)
  if let [address] := arguments then
    Runtime.withRuntime fun runtime => Async.run runtime (Http.serve address (api notes))
    return 0
  Runtime.withRuntime fun runtime => Async.run runtime do
    let listener ← runtime.listen "127.0.0.1:0"
    let url := s!"http://127.0.0.1:{← (← listener.localAddress).port}"
    let server ← Http.Server.new runtime (api notes)
    let listening ← server.listenStart listener
    let client ← Http.Client.new (← Network.system runtime) { maxPerHost? := some 4, decompress := true }
    let visitors := (Array.range 20).map fun number => s!"visitor-{number}-"
    discard <| Async.all (visitors.map (visit client url))
    for (method, path, code) in [(Http.Method.get, "/", 404), (.patch, "/notes/x", 404), (.get, "/notes", 200)] do
      let answer ← client.request method (url ++ path)
      unless answer.status.code == code do throw (IO.userError s!"{method} {path}: {answer.status}")
    IO.println s!"notes made: {(← notes.get).last}, left: {(← notes.get).byNumber.size}"
    listening.cancel
    server.close
  IO.println "api: ok"
  return 0
