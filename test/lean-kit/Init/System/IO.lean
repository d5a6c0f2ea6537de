/-
Stand-in for `Init.System.IO`.
-/
prelude
import Init.System.FilePath
import Init.System.IOError

/-! ## The monads -/

opaque IO.RealWorld.nonemptyType : NonemptyType.{0}

def IO.RealWorld : Type := IO.RealWorld.nonemptyType.type

instance IO.RealWorld.instNonempty : Nonempty IO.RealWorld := IO.RealWorld.nonemptyType.property

def BaseIO (α : Type) := ST IO.RealWorld α

instance : Monad BaseIO := inferInstanceAs (Monad (ST IO.RealWorld))
instance : MonadFinally BaseIO := inferInstanceAs (MonadFinally (ST IO.RealWorld))

@[always_inline, inline]
def BaseIO.map (f : α → β) (x : BaseIO α) : BaseIO β := f <$> x

def EIO (ε : Type) (α : Type) : Type := EST ε IO.RealWorld α

instance : Monad (EIO ε) := inferInstanceAs (Monad (EST ε IO.RealWorld))
instance : MonadFinally (EIO ε) := inferInstanceAs (MonadFinally (EST ε IO.RealWorld))
instance : MonadExceptOf ε (EIO ε) := inferInstanceAs (MonadExceptOf ε (EST ε IO.RealWorld))
instance : OrElse (EIO ε α) := ⟨MonadExcept.orElse⟩
instance [Inhabited ε] : Inhabited (EIO ε α) := inferInstanceAs (Inhabited (EST ε IO.RealWorld α))

@[always_inline, inline]
def EIO.map (f : α → β) (x : EIO ε α) : EIO ε β := f <$> x

@[always_inline, inline]
protected def EIO.throw (e : ε) : EIO ε α := throw e

@[always_inline, inline]
protected def EIO.tryCatch (x : EIO ε α) (handle : ε → EIO ε α) : EIO ε α := MonadExceptOf.tryCatch x handle

@[always_inline, inline]
def EIO.ofExcept (e : Except ε α) : EIO ε α :=
  match e with
  | Except.error e => throw e
  | Except.ok a => pure a

def EIO.adapt (f : ε → ε') (m : EIO ε α) : EIO ε' α := fun s =>
  match m s with
  | .ok a s => .ok a s
  | .error e s => .error (f e) s

@[always_inline, inline]
def BaseIO.toEIO (act : BaseIO α) : EIO ε α := fun s =>
  match act s with
  | .mk a s => .ok a s

@[always_inline]
instance : MonadLift BaseIO (EIO ε) := ⟨BaseIO.toEIO⟩

@[always_inline, inline]
def EIO.toBaseIO (act : EIO ε α) : BaseIO (Except ε α) := fun s =>
  match act s with
  | .ok a s => .mk (Except.ok a) s
  | .error e s => .mk (Except.error e) s

@[always_inline, inline]
def EIO.catchExceptions (act : EIO ε α) (h : ε → BaseIO α) : BaseIO α := fun s =>
  match act s with
  | .ok a s => .mk a s
  | .error e s => h e s

abbrev IO : Type → Type := EIO IO.Error

@[inline] def BaseIO.toIO (act : BaseIO α) : IO α := act

@[inline] def EIO.toIO (f : ε → IO.Error) (act : EIO ε α) : IO α := act.adapt f

@[inline] def EIO.toIO' (act : EIO ε α) : IO (Except ε α) := act.toBaseIO

@[inline] def IO.toEIO (f : IO.Error → ε) (act : IO α) : EIO ε α := act.adapt f

namespace IO

instance : MonadLift (ST IO.RealWorld) BaseIO := ⟨id⟩

end IO

@[noinline, nospecialize]
unsafe def unsafeBaseIO (fn : BaseIO α) : α :=
  match fn (unsafeCast Unit.unit) with
  | .mk a _ => a

@[inline] unsafe def unsafeEIO (fn : EIO ε α) : Except ε α := unsafeBaseIO fn.toBaseIO

@[inline] unsafe def unsafeIO (fn : IO α) : Except IO.Error α := unsafeEIO fn

@[extern "lean_io_timeit"] opaque timeit (msg : @& String) (fn : IO α) : IO α
@[extern "lean_io_allocprof"] opaque allocprof (msg : @& String) (fn : IO α) : IO α

@[extern "lean_io_initializing"] opaque IO.initializing : BaseIO Bool

/-! ## Tasks -/

namespace BaseIO

@[extern "lean_io_as_task"]
opaque asTask (act : BaseIO α) (prio := Task.Priority.default) : BaseIO (Task α) :=
  Task.pure <$> act

@[extern "lean_io_map_task"]
opaque mapTask (f : α → BaseIO β) (t : Task α) (prio := Task.Priority.default) (sync := false) : BaseIO (Task β) :=
  Task.pure <$> f t.get

@[extern "lean_io_bind_task"]
opaque bindTask (t : Task α) (f : α → BaseIO (Task β)) (prio := Task.Priority.default) (sync := false) : BaseIO (Task β) :=
  f t.get

def chainTask (t : Task α) (f : α → BaseIO Unit) (prio := Task.Priority.default) (sync := false) : BaseIO Unit :=
  discard <| BaseIO.mapTask f t prio sync

def mapTasks (f : List α → BaseIO β) (tasks : List (Task α)) (prio := Task.Priority.default) (sync := false) : BaseIO (Task β) :=
  go tasks []
where
  go
    | t::ts, as => BaseIO.bindTask t (fun a => go ts (a :: as)) prio sync
    | [], as => (if sync then (Task.pure <$> f as.reverse) else f as.reverse |>.asTask prio)

end BaseIO

namespace EIO

@[inline] def asTask (act : EIO ε α) (prio := Task.Priority.default) : BaseIO (Task (Except ε α)) :=
  act.toBaseIO.asTask prio

@[inline] def mapTask (f : α → EIO ε β) (t : Task α) (prio := Task.Priority.default) (sync := false) : BaseIO (Task (Except ε β)) :=
  BaseIO.mapTask (fun a => f a |>.toBaseIO) t prio sync

@[inline] def bindTask (t : Task α) (f : α → EIO ε (Task (Except ε β))) (prio := Task.Priority.default) (sync := false) : BaseIO (Task (Except ε β)) :=
  BaseIO.bindTask t (fun a => f a |>.catchExceptions fun e => pure <| Task.pure <| Except.error e) prio sync

def chainTask (t : Task α) (f : α → EIO ε Unit) (prio := Task.Priority.default) (sync := false) : EIO ε Unit := do
  discard (liftM (m := BaseIO) (EIO.mapTask f t prio sync))

@[inline] def mapTasks (f : List α → EIO ε β) (tasks : List (Task α)) (prio := Task.Priority.default) (sync := false) : BaseIO (Task (Except ε β)) :=
  BaseIO.mapTasks (fun as => f as |>.toBaseIO) tasks prio sync

end EIO

namespace IO

def ofExcept [ToString ε] (e : Except ε α) : IO α :=
  match e with
  | Except.ok a => pure a
  | Except.error e => throw (IO.userError (toString e))

def lazyPure (fn : Unit → α) : IO α := pure (fn ())

@[extern "lean_io_mono_ms_now"] opaque monoMsNow : BaseIO Nat
@[extern "lean_io_mono_nanos_now"] opaque monoNanosNow : BaseIO Nat
@[extern "lean_io_get_random_bytes"] opaque getRandomBytes (nBytes : USize) : IO ByteArray

def sleep (ms : UInt32) : BaseIO Unit :=
  fun s => dbgSleep ms fun _ => .mk () s

@[inline] def asTask (act : IO α) (prio := Task.Priority.default) : BaseIO (Task (Except IO.Error α)) := EIO.asTask act prio
@[inline] def mapTask (f : α → IO β) (t : Task α) (prio := Task.Priority.default) (sync := false) : BaseIO (Task (Except IO.Error β)) := EIO.mapTask f t prio sync
@[inline] def bindTask (t : Task α) (f : α → IO (Task (Except IO.Error β))) (prio := Task.Priority.default) (sync := false) : BaseIO (Task (Except IO.Error β)) := EIO.bindTask t f prio sync
@[inline] def chainTask (t : Task α) (f : α → IO Unit) (prio := Task.Priority.default) (sync := false) : IO Unit := EIO.chainTask t f prio sync
@[inline] def mapTasks (f : List α → IO β) (tasks : List (Task α)) (prio := Task.Priority.default) (sync := false) : BaseIO (Task (Except IO.Error β)) := EIO.mapTasks f tasks prio sync

@[extern "lean_io_check_canceled"] opaque checkCanceled : BaseIO Bool
@[extern "lean_io_cancel"] opaque cancel : @& Task α → BaseIO Unit

inductive TaskState where
  | waiting
  | running
  | finished
  deriving Inhabited, Repr, DecidableEq, Ord

instance : LT TaskState := ltOfOrd
instance : LE TaskState := leOfOrd
instance : Min TaskState := ⟨fun a b => if (compare a b).isLE then a else b⟩
instance : Max TaskState := ⟨fun a b => if (compare a b).isLE then b else a⟩

protected def TaskState.toString : TaskState → String
  | .waiting => "waiting"
  | .running => "running"
  | .finished => "finished"

instance : ToString TaskState := ⟨TaskState.toString⟩

@[extern "lean_io_get_task_state"] opaque getTaskState : @& Task α → BaseIO TaskState

@[inline] def hasFinished (task : Task α) : BaseIO Bool := do
  return (← getTaskState task) matches .finished

@[extern "lean_io_wait"] opaque wait (t : Task α) : BaseIO α := return t.get

@[extern "lean_io_wait_any"] opaque waitAny (tasks : @& List (Task α))
    (h : tasks.length > 0 := by exact Nat.zero_lt_succ _) : BaseIO α :=
  return tasks[0].get

@[extern "lean_io_get_num_heartbeats"] opaque getNumHeartbeats : BaseIO Nat
@[extern "lean_io_set_heartbeats"] opaque setNumHeartbeats (count : Nat) : BaseIO Unit
@[extern "lean_io_get_tid"] opaque getTID : BaseIO UInt64

/-! ## Files and streams -/

namespace FS

inductive Mode where
  | read | write | writeNew | readWrite | append

opaque Handle : Type := Unit

structure Stream where
  flush : IO Unit
  read : USize → IO ByteArray
  write : ByteArray → IO Unit
  getLine : IO String
  putStr : String → IO Unit
  isTty : BaseIO Bool
  deriving Inhabited

end FS

@[extern "lean_get_stdin"] opaque getStdin : BaseIO FS.Stream
@[extern "lean_get_stdout"] opaque getStdout : BaseIO FS.Stream
@[extern "lean_get_stderr"] opaque getStderr : BaseIO FS.Stream
@[extern "lean_get_set_stdin"] opaque setStdin : FS.Stream → BaseIO FS.Stream
@[extern "lean_get_set_stdout"] opaque setStdout : FS.Stream → BaseIO FS.Stream
@[extern "lean_get_set_stderr"] opaque setStderr : FS.Stream → BaseIO FS.Stream

@[specialize] partial def iterate (a : α) (f : α → IO (Sum α β)) : IO β := do
  match (← f a) with
  | Sum.inl a => iterate a f
  | Sum.inr b => pure b

namespace FS
namespace Handle

@[extern "lean_io_prim_handle_mk"] opaque mk (fn : @& System.FilePath) (mode : FS.Mode) : IO Handle
@[extern "lean_io_prim_handle_lock"] opaque lock (h : @& Handle) (exclusive := true) : IO Unit
@[extern "lean_io_prim_handle_try_lock"] opaque tryLock (h : @& Handle) (exclusive := true) : IO Bool
@[extern "lean_io_prim_handle_unlock"] opaque unlock (h : @& Handle) : IO Unit
@[extern "lean_io_prim_handle_is_tty"] opaque isTty (h : @& Handle) : BaseIO Bool
@[extern "lean_io_prim_handle_flush"] opaque flush (h : @& Handle) : IO Unit
@[extern "lean_io_prim_handle_rewind"] opaque rewind (h : @& Handle) : IO Unit
@[extern "lean_io_prim_handle_truncate"] opaque truncate (h : @& Handle) : IO Unit
@[extern "lean_io_prim_handle_read"] opaque read (h : @& Handle) (bytes : USize) : IO ByteArray
@[extern "lean_io_prim_handle_write"] opaque write (h : @& Handle) (buffer : @& ByteArray) : IO Unit
@[extern "lean_io_prim_handle_get_line"] opaque getLine (h : @& Handle) : IO String
@[extern "lean_io_prim_handle_put_str"] opaque putStr (h : @& Handle) (s : @& String) : IO Unit

def putStrLn (h : Handle) (s : String) : IO Unit := h.putStr (s.push '\n')

partial def readBinToEndInto (h : Handle) (buf : ByteArray) : IO ByteArray := do
  let rec loop (acc : ByteArray) : IO ByteArray := do
    let buf ← h.read 1024
    if buf.isEmpty then return acc else loop (acc ++ buf)
  loop buf

def readBinToEnd (h : Handle) : IO ByteArray := h.readBinToEndInto .empty

def readToEnd (h : Handle) : IO String := do
  let data ← h.readBinToEnd
  match String.fromUTF8? data with
  | some s => return s
  | none => throw <| IO.userError s!"Tried to read from handle containing non UTF-8 data."

partial def lines (h : Handle) : IO (Array String) := do
  let rec loop (acc : Array String) : IO (Array String) := do
    let line ← h.getLine
    if line.isEmpty then return acc
    else if line.back == '\n' then
      let line := (line.dropEnd 1).copy
      let line := if System.Platform.isWindows && line.back == '\r' then (line.dropEnd 1).copy else line
      loop (acc.push line)
    else return acc.push line
  loop #[]

end Handle

@[extern "lean_io_realpath"] opaque realPath (fname : System.FilePath) : IO System.FilePath
@[extern "lean_io_remove_file"] opaque removeFile (fname : @& System.FilePath) : IO Unit
@[extern "lean_io_remove_dir"] opaque removeDir : @& System.FilePath → IO Unit
@[extern "lean_io_create_dir"] opaque createDir : @& System.FilePath → IO Unit
@[extern "lean_io_rename"] opaque rename (old new : @& System.FilePath) : IO Unit
@[extern "lean_io_hard_link"] opaque hardLink (orig link : @& System.FilePath) : IO Unit

def withFile (fn : System.FilePath) (mode : Mode) (f : Handle → IO α) : IO α :=
  Handle.mk fn mode >>= f

def lines (fname : System.FilePath) : IO (Array String) := do
  let h ← Handle.mk fname Mode.read
  h.lines

def writeBinFile (fname : System.FilePath) (content : ByteArray) : IO Unit := do
  let h ← Handle.mk fname Mode.write
  h.write content

def writeFile (fname : System.FilePath) (content : String) : IO Unit := do
  let h ← Handle.mk fname Mode.write
  h.putStr content

def readBinFile (fname : System.FilePath) : IO ByteArray := do
  let h ← Handle.mk fname Mode.read
  h.readBinToEnd

def readFile (fname : System.FilePath) : IO String := do
  let data ← readBinFile fname
  match String.fromUTF8? data with
  | some s => return s
  | none => throw <| .userError s!"Tried to read file '{fname}' containing non UTF-8 data."

def Stream.putStrLn (strm : Stream) (s : String) : IO Unit := strm.putStr (s.push '\n')

structure DirEntry where
  root : System.FilePath
  fileName : String
  deriving Repr

def DirEntry.path (entry : DirEntry) : System.FilePath := entry.root / entry.fileName

inductive FileType where
  | dir
  | file
  | symlink
  | other
  deriving Repr, BEq

structure SystemTime where
  secs : Int
  nanos : UInt32
  deriving Repr, BEq, Ord, Inhabited

instance : LT SystemTime := ltOfOrd
instance : LE SystemTime := leOfOrd

structure Metadata where
  accessed : SystemTime
  modified : SystemTime
  byteSize : UInt64
  type : FileType
  numLinks : UInt64
  deriving Repr

end FS
end IO

namespace System.FilePath

@[extern "lean_io_read_dir"] opaque readDir : @& FilePath → IO (Array IO.FS.DirEntry)

end System.FilePath

namespace IO

@[extern "lean_io_current_dir"] opaque currentDir : IO System.FilePath
@[extern "lean_io_app_path"] opaque appPath : IO System.FilePath
@[extern "lean_io_getenv"] opaque getEnv (var : @& String) : BaseIO (Option String)

def appDir : IO System.FilePath := do
  let p ← appPath
  let some p ← pure p.parent | throw <| IO.userError s!"System.IO.appDir: unexpected filename '{p}'"
  FS.realPath p

def print [ToString α] (s : α) : IO Unit := do
  let out ← getStdout
  out.putStr <| toString s

def println [ToString α] (s : α) : IO Unit := print ((toString s).push '\n')

def eprint [ToString α] (s : α) : IO Unit := do
  let out ← getStderr
  out.putStr <| toString s

def eprintln [ToString α] (s : α) : IO Unit := eprint ((toString s).push '\n')

/-! ## References -/

abbrev Ref (α : Type) := ST.Ref IO.RealWorld α

def mkRef (a : α) : BaseIO (IO.Ref α) := ST.mkRef a

/-! ## Processes -/

namespace Process

@[extern "lean_io_process_get_current_dir"] opaque getCurrentDir : IO System.FilePath
@[extern "lean_io_process_set_current_dir"] opaque setCurrentDir (path : @& System.FilePath) : IO Unit
@[extern "lean_io_process_get_pid"] opaque getPID : BaseIO UInt32

inductive Stdio where
  | piped
  | inherit
  | null

def Stdio.toHandleType : Stdio → Type
  | .piped => FS.Handle
  | .inherit => Unit
  | .null => Unit

structure StdioConfig where
  stdin := Stdio.inherit
  stdout := Stdio.inherit
  stderr := Stdio.inherit

structure SpawnArgs extends StdioConfig where
  cmd : String
  args : Array String := #[]
  cwd : Option System.FilePath := none
  env : Array (String × Option String) := #[]
  inheritEnv : Bool := true
  setsid : Bool := false

structure Child (cfg : StdioConfig) where
  stdin : cfg.stdin.toHandleType
  stdout : cfg.stdout.toHandleType
  stderr : cfg.stderr.toHandleType

@[extern "lean_io_process_spawn"] opaque spawn (args : SpawnArgs) : IO (Child args.toStdioConfig)
@[extern "lean_io_process_child_wait"] opaque Child.wait {cfg : @& StdioConfig} : @& Child cfg → IO UInt32
@[extern "lean_io_process_child_try_wait"] opaque Child.tryWait {cfg : @& StdioConfig} : @& Child cfg → IO (Option UInt32)
@[extern "lean_io_process_child_kill"] opaque Child.kill {cfg : @& StdioConfig} : @& Child cfg → IO Unit
@[extern "lean_io_process_child_pid"] opaque Child.pid {cfg : @& StdioConfig} : @& Child cfg → UInt32
@[extern "lean_io_process_child_take_stdin"] opaque Child.takeStdin {cfg : @& StdioConfig} : Child cfg →
    IO (cfg.stdin.toHandleType × Child { cfg with stdin := .null })

structure Output where
  exitCode : UInt32
  stdout : String
  stderr : String

def output (args : SpawnArgs) (input? : Option String := none) : IO Output := do
  let child ←
    if let some input := input? then
      let (stdin, child) ← (← spawn { args with stdout := .piped, stderr := .piped, stdin := .piped }).takeStdin
      stdin.putStr input
      stdin.flush
      pure child
    else spawn { args with stdout := .piped, stderr := .piped, stdin := .null }
  let stdout ← IO.asTask child.stdout.readToEnd Task.Priority.dedicated
  let stderr ← child.stderr.readToEnd
  let exitCode ← child.wait
  let stdout ← IO.ofExcept stdout.get
  pure { exitCode := exitCode, stdout := stdout, stderr := stderr }

def run (args : SpawnArgs) (input? : Option String := none) : IO String := do
  let out ← output args input?
  if out.exitCode != 0 then
    throw <| IO.userError s!"process '{args.cmd}' exited with code {out.exitCode}\nstderr:\n{out.stderr}"
  pure out.stdout

@[extern "lean_io_exit"] opaque exit : UInt8 → IO α
@[extern "lean_io_force_exit"] opaque forceExit : UInt8 → IO α

end Process
end IO

namespace System.FilePath

@[extern "lean_io_metadata"] opaque metadata : @& FilePath → IO IO.FS.Metadata
@[extern "lean_io_symlink_metadata"] opaque symlinkMetadata : @& FilePath → IO IO.FS.Metadata

def isDir (p : FilePath) : BaseIO Bool := do
  match (← p.metadata.toBaseIO) with
  | Except.ok m => return m.type == IO.FS.FileType.dir
  | Except.error _ => return false

def pathExists (p : FilePath) : BaseIO Bool :=
  return (← p.metadata.toBaseIO).toBool

end System.FilePath

namespace IO.FS

partial def createDirAll (p : System.FilePath) : IO Unit := do
  if (← p.isDir) then return ()
  if let some parent := p.parent then createDirAll parent
  try createDir p
  catch e =>
    if (← p.isDir) then pure () else throw e

partial def removeDirAll (p : System.FilePath) : IO Unit := do
  for ent in (← p.readDir) do
    if (← ent.path.isDir : Bool) then removeDirAll ent.path
    else removeFile ent.path
  removeDir p

end IO.FS

syntax "println! " (interpolatedStr(term) <|> term) : term

macro_rules
  | `(println! $msg:interpolatedStr) => `((IO.println (s! $msg) : IO Unit))
  | `(println! $msg:term) => `((IO.println $msg : IO Unit))
