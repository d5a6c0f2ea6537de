import KjAsync

/-!
Three programs in a row, as in `tr | sort | uniq -c`: what passes from one to the next goes through pipes of the system's and not through
this program, which feeds the first and reads the last.
-/

open KjAsync

/-- Starts the programs, each of which reads what the one before it writes. -/
def pipeline (runtime : Runtime) (programs : Array (String × Array String)) : Async (Array Process) := do
  let mut processes := #[]
  let mut input := Stdio.pipe
  let mut opened := #[]
  for (program, arguments) in programs do
    let mut output := Stdio.pipe
    let mut next := Stdio.pipe
    if processes.size + 1 < programs.size then
      let (toRead, toWrite) ← OwnFd.pipe
      output := .fd (← toWrite.number)
      next := .fd (← toRead.number)
      opened := opened ++ #[toRead, toWrite]
    processes := processes.push (← Process.spawn runtime program arguments { stdin := input, stdout := output })
    input := next
  -- A pipe ends when its last writer has gone, so this program must not be one.
  for fd in opened do fd.close
  return processes

def main : IO UInt32 := do
  let text := "the cat and the dog and the bird"
  let counts ← Runtime.withRuntime fun runtime => Async.run runtime do
    Async.timeout (.ofNanos 10_000_000_000) do
      let processes ← pipeline runtime #[("tr", #[" ", "\n"]), ("sort", #[]), ("uniq", #["-c"])]
      let some first := processes[0]? | throw (IO.userError "there is no first")
      let some last := processes.back? | throw (IO.userError "there is no last")
      let writing ← Async.start runtime do
        let words ← first.stdin
        words.write text
        words.close
      let counts ← (← (← last.stdout).readAll).toText
      writing.await
      for process in processes do
        unless (← process.wait).isSuccess do throw (IO.userError "a program failed")
        process.close
      return counts
  IO.print counts
  let left ← Native.handleCount
  IO.println s!"handles left: {left}"
  if left != 0 then return 1
  IO.println "demo: ok"
  return 0
