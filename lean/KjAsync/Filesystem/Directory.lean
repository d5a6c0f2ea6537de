import KjAsync.Filesystem.File
import KjAsync.Filesystem.Path

/-! Directories. -/

namespace KjAsync

/--
A directory, on disk or in memory, and the right to all that is below it. Any thread; it belongs to no runtime. Everything blocks for the disk,
and has forms that do not: see `File`.

Symbolic links are followed as far as they stay below it, the last of a path where a file or a directory is opened; one that leads out
is `failed` with the OS error EXDEV. What is removed, moved, replaced or looked at is the link itself.

    let folder ← Directory.current
    let log ← folder.openFile (.parse! "log/today") (.append { WriteMode.any with createParent := true })
    log.append "hello\n"
-/
structure Directory where
  /-- Not for users: made by `Directory.root`, `Directory.openDirectory` and the like. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Directory

/-- For promises of a directory. -/
def Reader.directory : Reader Directory where
  ofPromise _ promise := return ⟨← promise.directory⟩
  ofCall _ call := return ⟨← call.directory⟩

/-- For promises of whether something was done. -/
def Reader.done : Reader Bool where
  ofPromise _ promise := return (← promise.u64) != 0
  ofCall _ call := return (← call.u64) != 0

/-- For promises of what is in a directory. -/
def DirectoryEntry.reader : Reader (Array DirectoryEntry) where
  ofPromise _ promise := return DirectoryEntry.all ⟨← promise.bytes⟩
  ofCall _ call := return DirectoryEntry.all ⟨← call.bytes⟩

/-- How something comes to another place. (FS-17) -/
inductive Transfer where
  /-- It is no longer in its old place. -/
  | move
  /-- It has one more name; not for directories. -/
  | link
  /-- A copy is made, of all that a directory contains. -/
  | copy
  deriving BEq, Repr, Inhabited

private def Transfer.number : Transfer → UInt32
  | move => 0
  | link => 1
  | copy => 2

/-- What takes its place when it is committed. Dropped or discarded before, it is gone. (FS-14) -/
structure Replacer (α : Type) where
  /-- Not for users: made by `Directory.replaceFile` and `Directory.replaceDirectory`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Replacer
  /-- The file or directory to be filled; it may be used after the commit too. -/
  content : α

namespace Replacer

/-- Puts it in its place in one step; what was there is gone. `false` if the mode does not fit what is there; then it may be tried again. On disks
that exchange no names, and on these only if a directory is replaced, nothing is there for a moment. That it lasts is sure only when
the file was synced before and its directory after. Errors: `failed` once it is in its place. (FS-14) -/
def commit (replacer : Replacer α) : IO Bool := replacer.native.commit

/-- As `commit`, on a thread of the pool. (FS-14) -/
def commitStart (replacer : Replacer α) (runtime : Runtime) : IO (PromiseRef Bool) :=
  return ⟨← replacer.native.commitStart runtime.native, runtime, .done⟩

/-- Has it be gone now, unless it is committed. Errors: `badHandle` when done twice. (FS-14) -/
def discard (replacer : Replacer α) : IO Unit := replacer.native.release

end Replacer

namespace Directory

/-- The root of all that there is; for a program's `main`, which gives parts of it away. (FS-18) -/
def root : IO Directory := return ⟨← Native.Directory.root⟩

/-- The directory that the process is in. (FS-18) -/
def current : IO Directory := return ⟨← Native.Directory.current⟩

/-- The path of that directory from the root. (FS-18) -/
def currentPath : IO Path := do Path.parse (← Native.Directory.currentPath)

/-- A directory of a copy of a descriptor. Errors: `failed` with the OS error EBADF or ENOTDIR. (FS-20) -/
def ofFd (fd : Fd) : IO Directory := return ⟨← Native.Directory.fromFd fd 0⟩

/-- As `ofFd`, of the descriptor itself: it is the library's from now on, also if the call fails. (FS-20) -/
def ofFdTake (fd : Fd) : IO Directory := return ⟨← Native.Directory.fromFd fd 1⟩

/-- An empty directory in the memory of the process, for tests: it does all that one on disk does. By default its times are those of the
machine. (FS-19) -/
def inMemory (clock : Option FileClock := none) : IO Directory :=
  return ⟨← Native.Directory.newInMemory (clock.map (·.native))⟩

/-- The number of its descriptor, if it has one; good only while something holds the directory. (FS-05) -/
def fd? (directory : Directory) : IO (Option Fd) := Error.noneIf .unimplemented directory.native.fd

/-- What is known about it. (FS-05) -/
def stat (directory : Directory) : IO FileStat := return (FileStat.ofNumbers? (← directory.native.stat)).getD default

/-- Waits until the names in it are on the disk. (FS-05) -/
def sync (directory : Directory) : IO Unit := directory.native.sync

/-- As `sync`, on a thread of the pool. -/
def syncStart (directory : Directory) (runtime : Runtime) : IO (PromiseRef Unit) :=
  return ⟨← directory.native.syncStart runtime.native, runtime, .unit⟩

/-- What is in it, sorted by name. What waits to be committed is not among it. (FS-11) -/
def listEntries (directory : Directory) : IO (Array DirectoryEntry) :=
  return DirectoryEntry.all ⟨← directory.native.list⟩

/-- As `listEntries`, on a thread of the pool. (FS-11) -/
def listEntriesStart (directory : Directory) (runtime : Runtime) : IO (PromiseRef (Array DirectoryEntry)) :=
  return ⟨← directory.native.listStart runtime.native, runtime, DirectoryEntry.reader⟩

/-- The names in it, sorted. (FS-11) -/
def listNames (directory : Directory) : IO (Array String) := return (← directory.listEntries).map (·.name)

/-- What is known of what stands there, be it a link that leads nowhere; `none` if there is nothing. (FS-11) -/
def lstat? (directory : Directory) (path : Path) : IO (Option FileStat) :=
  return FileStat.ofNumbers? (← directory.native.lstat path.toString)

/-- Does something stand there? (FS-11) -/
def «exists» (directory : Directory) (path : Path) : IO Bool := return (← directory.lstat? path).isSome

/-- What a symbolic link says. Errors: `failed` with the OS error ENOENT, or EINVAL for what is no link. (FS-11) -/
def readlink (directory : Directory) (path : Path) : IO String :=
  return toString (BytesRef.ofNative (← directory.native.readlink path.toString))

/-- The bit that has a conflict be no error. -/
private def tries : UInt32 := 64

/-- What is there for sure, where a conflict is an error. -/
private def present (path : Path) : Option α → IO α
  | some value => return value
  | none => throw (Error.ofKind .failed s!"\"{path}\" does not fit the mode")

/-- Opens a file. Errors: `failed` with the OS error ENOENT or EEXIST if the mode does not fit what is there, EISDIR for a directory.
(FS-12, FS-13, FS-16) -/
def openFile (directory : Directory) (path : Path) (access : FileAccess := .read) : IO File := do
  return ⟨← present path (← directory.native.openFile path.toString access.bits)⟩

/-- As `openFile`; `none` if the mode does not fit what is there. (FS-12) -/
def openFile? (directory : Directory) (path : Path) (access : FileAccess := .read) : IO (Option File) :=
  return (← directory.native.openFile path.toString (access.bits ||| tries)).map (⟨·⟩)

/-- As `openFile`, on a thread of the pool. (FS-12) -/
def openFileStart (directory : Directory) (runtime : Runtime) (path : Path) (access : FileAccess := .read) :
    IO (PromiseRef File) :=
  return ⟨← directory.native.openFileStart runtime.native path.toString access.bits, runtime, .file⟩

/-- As `openFile?`, on a thread of the pool. (FS-12) -/
def openFileStart? (directory : Directory) (runtime : Runtime) (path : Path) (access : FileAccess := .read) :
    IO (PromiseRef (Option File)) :=
  return ⟨← directory.native.openFileStart runtime.native path.toString (access.bits ||| tries), runtime, .option .file⟩

/-- Opens a directory; without a mode it must be there. Errors: as `openFile`, and ENOTDIR for something else. (FS-12, FS-13) -/
def openDirectory (directory : Directory) (path : Path) (mode : WriteMode := {}) : IO Directory := do
  return ⟨← present path (← directory.native.openDirectory path.toString mode.bits)⟩

/-- As `openDirectory`; `none` if the mode does not fit what is there. (FS-12) -/
def openDirectory? (directory : Directory) (path : Path) (mode : WriteMode := {}) : IO (Option Directory) :=
  return (← directory.native.openDirectory path.toString (mode.bits ||| tries)).map (⟨·⟩)

/-- As `openDirectory`, on a thread of the pool. (FS-12) -/
def openDirectoryStart (directory : Directory) (runtime : Runtime) (path : Path) (mode : WriteMode := {}) :
    IO (PromiseRef Directory) :=
  return ⟨← directory.native.openDirectoryStart runtime.native path.toString mode.bits, runtime, .directory⟩

/-- Opens a file to be appended to, and makes it if it is not there. (FS-16) -/
def appendFile (directory : Directory) (path : Path) (mode : WriteMode := .any) : IO File :=
  directory.openFile path (.append mode)

/-- Reads a whole file as a text. Errors: as `openFile` and `File.readText`. (FS-06) -/
def readFile (directory : Directory) (path : Path) : IO String := do (← directory.openFile path).readText

/-- An empty file that will stand there when it is committed. (FS-14) -/
def replaceFile (directory : Directory) (path : Path) (mode : WriteMode := .any) : IO (Replacer File) := do
  let native ← directory.native.replaceFile path.toString mode.bits
  return ⟨native, ⟨← native.file⟩⟩

/-- An empty directory that will stand there when it is committed. (FS-14) -/
def replaceDirectory (directory : Directory) (path : Path) (mode : WriteMode := .any) : IO (Replacer Directory) := do
  let native ← directory.native.replaceDirectory path.toString mode.bits
  return ⟨native, ⟨← native.directory⟩⟩

/-- A file without a name, which is gone with its last reference. (FS-15) -/
def createTemporary (directory : Directory) : IO File := return ⟨← directory.native.createTemporary⟩

/-- Makes a symbolic link that says `target`, whatever that leads to. `false` if the mode does not fit what is there. (FS-17) -/
def symlink (directory : Directory) (path : Path) (target : String) (mode : WriteMode := .new) : IO Bool :=
  directory.native.symlink path.toString target mode.bits

/-- Has what stands at `sourcePath` in `source` stand here. What is there is replaced in one step, and a copy appears as a whole; `false` if the
mode does not fit what is there. From disk to disk, and between disk and memory, a move is a copy and then a removal. Errors: `failed`
with the OS error ENOENT if there is nothing to transfer, EPERM to link a directory, EINVAL to move one into itself;
`unimplemented` to link from disk to disk; `overloaded` to copy directories more than 512 deep. (FS-17) -/
def transfer (directory : Directory) (path : Path) (source : Directory) (sourcePath : Path) (how : Transfer)
    (mode : WriteMode := .new) : IO Bool :=
  directory.native.transfer path.toString mode.bits source.native sourcePath.toString how.number

/-- As `transfer`, on a thread of the pool. (FS-17) -/
def transferStart (directory : Directory) (runtime : Runtime) (path : Path) (source : Directory) (sourcePath : Path)
    (how : Transfer) (mode : WriteMode := .new) : IO (PromiseRef Bool) :=
  return ⟨← directory.native.transferStart runtime.native path.toString mode.bits source.native sourcePath.toString
    how.number, runtime, .done⟩

/-- Removes what stands there, with all that is in it. A symbolic link is not followed. `false` if there is nothing. If it fails a part may have
been removed. (FS-17) -/
def remove (directory : Directory) (path : Path) : IO Bool := directory.native.remove path.toString

/-- As `remove`, on a thread of the pool. (FS-17) -/
def removeStart (directory : Directory) (runtime : Runtime) (path : Path) : IO (PromiseRef Bool) :=
  return ⟨← directory.native.removeStart runtime.native path.toString, runtime, .done⟩

end Directory
end KjAsync
