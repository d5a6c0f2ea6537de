import KjAsync

/-! The library in Lean under the workloads of its peers: same command line, same cases, same JSON lines as `benches/driver`.
Run by `benches/run W3 W4 --lean`. -/

open KjAsync

/-- What the command line asks for. -/
structure Wanted where
  workload : String := ""
  cases : List String := []
  /-- In thousandths. -/
  scale : Nat := 1000

/-- `0.25` as thousandths. -/
def thousandths (text : String) : Nat :=
  match text.splitOn "." with
  | [whole] => whole.toNat! * 1000
  | [whole, part] => whole.toNat! * 1000 + ((part ++ "000").take 3).toNat!
  | _ => 1000

def Wanted.ofArguments (wanted : Wanted) : List String → Wanted
  | "--scale" :: scale :: rest => { wanted with scale := thousandths scale }.ofArguments rest
  | "--case" :: cases :: rest => { wanted with cases := cases.splitOn "," }.ofArguments rest
  | word :: rest => (if wanted.workload.isEmpty then { wanted with workload := word } else wanted).ofArguments rest
  | [] => wanted

/-- A quotient with three digits behind the point. -/
def decimal (numerator denominator : Nat) : String :=
  let all := numerator * 1000 / denominator
  let part := toString (all % 1000)
  s!"{all / 1000}." ++ "".pushn '0' (3 - part.length) ++ part

/-- Runs a case and prints its line: what it does gives the number of operations and of bytes. The processor's time is not
known here. -/
def Wanted.run (wanted : Wanted) (name : String) (action : IO (Nat × Nat)) : IO Unit := do
  unless wanted.cases.isEmpty || wanted.cases.any (fun part => !part.isEmpty && name.startsWith part) do return
  let before ← monoNanosNow
  let (operations, bytes) ← action
  let nanos := ((← monoNanosNow) - before).toNat
  let second := 1_000_000_000
  IO.println (s!"\{\"name\":\"{name}\",\"peer\":\"lean\",\"ops\":{operations},\"seconds\":{decimal nanos second}," ++
    s!"\"ops_per_sec\":{decimal (operations * second) nanos},\"bytes_per_sec\":{decimal (bytes * second) nanos}," ++
    "\"cpu_user_s\":0,\"cpu_sys_s\":0,\"max_rss_kb\":0}")
  (← IO.getStdout).flush

def small : Nat := 64
def large : Nat := 65536

def message (size : Nat) : BytesRef := BytesRef.ofByteArray ⟨Array.replicate size 0⟩

/-- Writes what goes out at once, and waits for the rest. -/
@[inline] def send [Monad m] [MonadAwait m] [MonadLiftT IO m] (connection : Connection) (bytes : BytesRef) : m Unit := do
  let written ← (connection.writeNow bytes : IO Nat)
  if written < bytes.size then connection.write (bytes.slice written bytes.size)

/-- A runtime with a server on its loop, which does this with each connection; the server's address as one of the other
runtime. -/
def withServer (serve : Connection → Async Unit) (action : Runtime → Address → IO α) : IO α :=
  Runtime.withRuntime fun home => Runtime.withRuntime fun runtime => do
    let listener ← home.listen (m := IO) "127.0.0.1:0"
    let accepting : PromiseRef (Option Unit) ← listener.acceptEachStart fun connection => do
      (← Async.fork (serve connection)).detach fun _ => return
      return none
    let address ← Address.parse (m := IO) runtime (← (← listener.localAddress).text)
    let result ← action runtime address
    accepting.cancel
    return result

/-- Answers each message with itself. -/
def echo (connection : Connection) : Async Unit := do
  discard <| connection.readEach (α := Unit) fun bytes => do
    send connection bytes
    return none

/-- One connection's exchanges until then, by code on the loop: how many. -/
def exchange (connection : Connection) (out : BytesRef) (stop : UInt64) : Async Nat := do
  let rounds ← IO.mkRef 0
  send connection out
  discard <| connection.readEach (min := out.size) (max := out.size) fun _ => do
    rounds.modify (· + 1)
    if (← monoNanosNow) ≥ stop then return some ()
    send connection out
    return none
  rounds.get

/-- W3. -/
def Wanted.echoes (wanted : Wanted) : IO Unit := do
  for (label, size) in [("64B", small), ("64K", large)] do
    let out := message size
    let inTime : IO UInt64 := return (← monoNanosNow) + (wanted.scale * 1_000_000).toUInt64
    for count in [1, 64] do
      wanted.run s!"w3_native_{label}_{count}c" <| withServer echo fun runtime address => do
        let connections ← (Array.range count).mapM fun _ => (address.connect : IO Connection)
        let stop ← inTime
        let exchanges ← connections.mapM fun connection => Async.start runtime (exchange connection out stop)
        let rounds := (← (← PromiseRef.all runtime exchanges).await).foldl (· + ·) 0
        return (rounds, 2 * rounds * size)
    wanted.run s!"w3_ffi_{label}_1c" <| withServer echo fun _ address => do
      let connection ← address.connect (m := IO)
      let stop ← inTime
      let mut rounds := 0
      while (← monoNanosNow) < stop do
        send connection out
        discard <| connection.read (m := IO) (min := size) (max := size)
        rounds := rounds + 1
      return (rounds, 2 * rounds * size)

/-- W4. -/
def Wanted.bulk (wanted : Wanted) : IO Unit := do
  let writes := wanted.scale * 65536 / 1000
  let chunk := message large
  let whole := writes * large
  let sink (ended : Fulfiller Nat) (connection : Connection) : Async Unit := do
    let seen ← IO.mkRef 0
    discard <| connection.readEach (α := Unit) fun bytes => do
      seen.modify (· + bytes.size)
      return none
    ended.fulfill (← seen.get)
  let through (write : Runtime → Connection → IO Unit) : IO (Nat × Nat) := Runtime.withRuntime fun keeper => do
    let (ended, all) ← Fulfiller.new (α := Nat) keeper
    withServer (sink ended) fun runtime address => do
      let connection ← address.connect (m := IO)
      write runtime connection
      connection.close
      if (← all.await) != whole then throw (IO.userError "bytes are missing")
      return (writes, whole)
  wanted.run "w4_bulk_native" <| through fun runtime connection =>
    Async.run runtime do for _ in [0:writes] do send connection chunk
  wanted.run "w4_bulk_ffi" <| through fun _ connection => do
    for _ in [0:writes] do send connection chunk

def main (arguments : List String) : IO UInt32 := do
  let wanted := ({} : Wanted).ofArguments arguments
  match wanted.workload with
  | "W3" => wanted.echoes; return 0
  | "W4" => wanted.bulk; return 0
  | other => IO.eprintln s!"no such workload here: {other}"; return 4
