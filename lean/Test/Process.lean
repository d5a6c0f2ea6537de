import Test.Check

/-! Child processes. -/

namespace Test.Process
open KjAsync

private def shell (runtime : Runtime) (script : String) (options : ProcessOptions := {}) : IO Process :=
  Process.spawn runtime "sh" #["-c", script] options

/-- Lets the loop take the exits of children that were dropped. -/
private def letReap (runtime : Runtime) (process : String) : IO Unit :=
  eventually s!"{process} is left" do
    letRest runtime
    return (← runtime.stats).detached == 0

-- parity: UNIX-06
test "a child ends with a status, which everyone who waits sees" := inBoth fun runtime => do
  let process ← shell runtime "exit 42"
  let waiting ← process.waitStart
  checkEq (← process.wait) (.exited 42)
  checkEq (← waiting.await) (.exited 42)
  check (← process.pid?).isNone "it has a number"
  discard <| fails .failed process.kill
  let killed ← shell runtime "kill -9 $$"
  checkEq (← killed.wait) (.signaled .kill false)
  check (ExitStatus.exited 0).isSuccess "no success"

test "what cannot be started says why" := inBoth fun runtime => do
  discard <| fails .failed (Process.spawn runtime "/nowhere/at/all")
  discard <| fails .failed (Process.spawn runtime "true" #[] { folder := some "/nowhere" })
  discard <| fails .invalidArgument (Process.spawn runtime "true" #["a\x00b"])
  discard <| fails .invalidArgument (Process.spawn runtime "true" #[] { environment := some #[("a=b", "c")] })
  discard <| fails .invalidArgument (Process.spawn runtime "true" #[] { fds := #[(0, 2)] })

-- parity: LLIO-10
test "the streams of a child are connections" := inBoth fun runtime => Async.run runtime do
  let process ← shell runtime "cat; echo done >&2" { stdin := .pipe, stdout := .pipe, stderr := .pipe }
  let input ← process.stdin
  let output ← process.stdout
  let error ← process.stderr
  input.write "hello"
  input.close
  checkEq (← (← output.readAll).toText) "hello"
  checkEq (← (← error.readAll).toText) "done\n"
  checkEq (← process.wait) (.exited 0)

test "a program is run with input and output" := inBoth fun runtime => Async.run runtime do
  let output ← Process.run runtime "cat" (input := "hello")
  checkEq output.status (.exited 0)
  checkEq (← output.stdout.toText) "hello"
  let output ← Process.run runtime "sh" #["-c", "pwd; echo $A; echo no >&2; exit 3"]
    (options := { folder := some "/", environment := some #[("A", "b=c"), ("PATH", "/usr/bin:/bin")] })
  checkEq output.status (.exited 3)
  checkEq (← output.stdout.toText) "/\nb=c\n"
  checkEq (← output.stderr.toText) "no\n"

test "more output than the limit kills the program" := inBoth fun runtime => do
  discard <| fails .overloaded
    (Process.run runtime "sh" #["-c", "echo 1234567890; exec sleep 1000"] (limit := 10) : IO ProcessOutput)
  letReap runtime "the program"

test "a child that is dropped is killed, one that is kept goes on" := inBoth fun runtime => do
  let process ← shell runtime "exec sleep 1000"
  let waiting ← process.waitStart
  process.close
  check (!(← waiting.isSettled)) "a wait did not keep it"
  waiting.cancel
  letReap runtime "the child"
  let kept ← shell runtime "read line; echo $line" { stdin := .pipe, stdout := .pipe, keep := true }
  let input ← kept.stdin
  let output ← kept.stdout
  kept.close
  input.write "alive\n"
  checkEq (← (← output.readAll).toText) "alive\n"
  letReap runtime "the child"

-- parity: UNIX-07
test "a wait that is cancelled leaves the child alone" := inBoth fun runtime => do
  let process ← shell runtime "read line; exit 5" { stdin := .pipe }
  let waiting ← process.waitStart
  waiting.cancel
  check (← process.pid?).isSome "it has ended"
  (← process.stdin).close
  checkEq (← process.wait) (.exited 5)

test "a child is asked to end, and killed if it does not" := inBoth fun runtime => do
  let process ← shell runtime "exec sleep 1000"
  checkEq (← process.stop) (.signaled .terminate false)
  let stubborn ← shell runtime "trap '' TERM; echo begun; while :; do sleep 1000; done" { stdout := .pipe, newGroup := true }
  checkEq (← (← (← stubborn.stdout).read (min := 6)).toText) "begun\n"
  checkEq (← stubborn.stop (20 * millisecond)) (.signaled .kill false)
  let group ← shell runtime "exec sleep 1000" { newGroup := true }
  group.killGroup .interrupt
  checkEq (← group.wait) (.signaled .interrupt false)

test "a deadline ends the wait, not the child" := inBoth fun runtime => do
  let process ← shell runtime "exec sleep 1000"
  discard <| fails .timedOut (← (← process.waitStart).timeout (.ofMillis 1)).await
  check (← process.pid?).isSome "it has ended"
  process.kill
  checkEq (← process.wait) (.signaled .kill false)

test "three programs in a row, pipe to pipe" := inBoth fun runtime => Async.run runtime do
  let (fromFirst, toSecond) ← OwnFd.pipe
  let (fromSecond, toThird) ← OwnFd.pipe
  let first ← Process.spawn runtime "printf" #["b\\na\\nb\\n"] { stdout := .fd (← toSecond.number) }
  let second ← Process.spawn runtime "sort" #[] { stdin := .fd (← fromFirst.number), stdout := .fd (← toThird.number) }
  let third ← Process.spawn runtime "uniq" #[] { stdin := .fd (← fromSecond.number), stdout := .pipe }
  -- A pipe ends when its last writer has gone.
  for fd in [fromFirst, toSecond, fromSecond, toThird] do fd.close
  checkEq (← (← (← third.stdout).readAll).toText) "a\nb\n"
  for process in [first, second, third] do checkEq (← process.wait) (.exited 0)

-- parity: UNIX-08
test "what is no child cannot be watched" := inBoth fun runtime => do
  discard <| fails .invalidArgument (Process.watch runtime (← IO.Process.getPID))
  let process ← shell runtime "exec sleep 1000"
  let some pid ← process.pid? | throw (IO.userError "it has ended")
  let watched ← Process.watch runtime pid
  process.kill
  -- Either may take the exit; the other one is told that somebody else did.
  discard watched.wait.toBaseIO
  discard process.wait.toBaseIO
  check ((← watched.pid?).isNone || (← process.pid?).isNone) "nobody took the exit"

-- parity: UNIX-06
test "of many short children no exit is lost" := withRuntime fun runtime => Async.run runtime do
  for _ in [0:10] do
    let statuses ← Async.all ((Array.range 10).map fun n => do
      let process ← Process.spawn runtime "sh" #["-c", s!"exit {n}"]
      process.wait)
    checkEq statuses ((Array.range 10).map fun n => .exited n.toUInt32)

end Test.Process
