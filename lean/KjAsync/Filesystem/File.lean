import KjAsync.Connection
import KjAsync.Fd
import KjAsync.Filesystem.Stat
import KjAsync.Native.Filesystem

/-! Files. -/

namespace KjAsync

/-- A clock that is set by hand, for the times of files in memory. Any thread. (FS-19) -/
structure FileClock where
  /-- Not for users: made by `FileClock.new`. -/
  ofNative ::
  /-- The native clock. -/
  native : Native.FileClock

namespace FileClock

/-- A clock at this time, in nanoseconds since the beginning of 1970. -/
protected def new (nanos : UInt64 := 0) : IO FileClock := return ⟨← Native.FileClock.new nanos⟩

/-- Sets it. -/
def set (clock : FileClock) (nanos : UInt64) : IO Unit := clock.native.set nanos

end FileClock

/--
An open file, on disk or in memory. Any thread; it belongs to no runtime, and is closed with its last reference.

*Blocking.* What it does blocks for the disk, in the call. The forms whose names end in `Start` do the same on a thread of a pool, and an
`Async` awaits their promises: 16 run at once in a process, in the order in which they were started, 4096 more may wait, one more is
`overloaded`. Cancellation: one that has not begun never does; one that has begun goes on unseen, and its result is dropped.
-/
structure File where
  /-- Not for users: made by `Directory.openFile` and the like. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.File

/-- For promises of a file. -/
def Reader.file : Reader File where
  ofPromise _ promise := return ⟨← promise.file⟩
  ofCall _ call := return ⟨← call.file⟩

namespace File

/-- A file of a copy of a descriptor, whose offset is neither used nor moved. Errors: `failed` with the OS error EBADF or EISDIR. (FS-20) -/
def ofFd (fd : Fd) : IO File := return ⟨← Native.File.fromFd fd 0⟩

/-- As `ofFd`, of the descriptor itself: it is the library's from now on, also if the call fails. (FS-20) -/
def ofFdTake (fd : Fd) : IO File := return ⟨← Native.File.fromFd fd 1⟩

/-- An empty file in the memory of the process; by default its times are those of the machine. (FS-19) -/
def inMemory (clock : Option FileClock := none) : IO File := return ⟨← Native.File.newInMemory (clock.map (·.native))⟩

/-- An empty file of the system's that has no name and is on no disk, but has a descriptor. Errors: `unimplemented` where the system has none.
(FS-19) -/
def anonymous : IO File := return ⟨← Native.File.newAnonymous⟩

/-- The number of its descriptor, if it has one; good only while something holds the file. (FS-05) -/
def fd? (file : File) : IO (Option Fd) := Error.noneIf .unimplemented file.native.fd

/-- What is known about it. (FS-05) -/
def stat (file : File) : IO FileStat := return (FileStat.ofNumbers? (← file.native.stat)).getD default

/-- Waits until what was written is on the disk, and, unless it is `dataOnly`, also what is known about the file. (FS-05) -/
def sync (file : File) (dataOnly : Bool := false) : IO Unit := file.native.sync dataOnly

/-- As `sync`, on a thread of the pool. -/
def syncStart (file : File) (runtime : Runtime) (dataOnly : Bool := false) : IO (PromiseRef Unit) :=
  return ⟨← file.native.syncStart runtime.native dataOnly, runtime, .unit⟩

/-- At most `size` bytes from `offset` on, fewer only if the file ends before. Errors: `failed` with the OS error EBADF for a file that was
opened to be appended to. (FS-06) -/
def read (file : File) (offset : UInt64) (size : Nat) : IO ByteArray := file.native.read offset (Native.usize size)

/-- As `read`, on a thread of the pool. (FS-06) -/
def readStart (file : File) (runtime : Runtime) (offset : UInt64) (size : Nat) : IO (PromiseRef BytesRef) :=
  return ⟨← file.native.readStart runtime.native offset (Native.usize size), runtime, .bytes⟩

/-- All of it. Errors: `overloaded` for more than `limit` bytes. (FS-06) -/
def readAll (file : File) (limit : Nat := USize.size - 1) : IO BytesRef :=
  return ⟨← file.native.readAll (Native.usize limit)⟩

/-- As `readAll`, on a thread of the pool. (FS-06) -/
def readAllStart (file : File) (runtime : Runtime) (limit : Nat := USize.size - 1) : IO (PromiseRef BytesRef) :=
  return ⟨← file.native.readAllStart runtime.native (Native.usize limit), runtime, .bytes⟩

/-- All of it as a text. Errors: as `readAll`; `failed` if it is not UTF-8. (FS-06) -/
def readText (file : File) (limit : Nat := USize.size - 1) : IO String := do (← file.readAll limit).toText

/-- Writes all of it at `offset`. The file grows as needed, and a gap before is zeros. If it fails a part may have been written. Errors:
`overloaded` with the OS error ENOSPC for a full disk; `invalidArgument` for a file that was opened to be appended to. (FS-09) -/
def write (file : File) (offset : UInt64) (data : BytesRef) : IO Unit := file.native.write offset data.native

/-- As `write`, of a copy of the bytes, on a thread of the pool. Several at once come in any order. (FS-09) -/
def writeStart (file : File) (runtime : Runtime) (offset : UInt64) (data : BytesRef) : IO (PromiseRef Unit) :=
  return ⟨← file.native.writeStart runtime.native offset data.native, runtime, .unit⟩

/-- Has the file be these bytes and nothing else. What is to be seen as a whole or not at all goes through `Directory.replaceFile`. Errors: as
`write`. (FS-09) -/
def writeAll (file : File) (data : BytesRef) : IO Unit := file.native.writeAll data.native

/-- Writes all of it at the end. If the file was opened to be appended to, nothing that others append comes in between. (FS-08, FS-20) -/
def append (file : File) (data : BytesRef) : IO Unit := file.native.append data.native

/-- As `append`, of a copy of the bytes, on a thread of the pool. Several at once come in any order. (FS-08) -/
def appendStart (file : File) (runtime : Runtime) (data : BytesRef) : IO (PromiseRef Unit) :=
  return ⟨← file.native.appendStart runtime.native data.native, runtime, .unit⟩

/-- Has `size` bytes at `offset` be zeros; the file grows as needed, and gives back its room on the disk where it can. (FS-09) -/
def zero (file : File) (offset size : UInt64) : IO Unit := file.native.zero offset size

/-- Gives it this size: what is behind is cut off, what is missing is zeros. (FS-09) -/
def truncate (file : File) (size : UInt64) : IO Unit := file.native.truncate size

/-- Copies at most `size` bytes from another file, fewer only if that ends before: how many. The system does it, sharing the room on the disk,
where it can. The two parts must not overlap. (FS-09) -/
def copy (file : File) (offset : UInt64) (source : File) (sourceOffset size : UInt64) : IO UInt64 :=
  file.native.copy offset source.native sourceOffset size

/-- As `copy`, on a thread of the pool. (FS-09) -/
def copyStart (file : File) (runtime : Runtime) (offset : UInt64) (source : File) (sourceOffset size : UInt64) :
    IO (PromiseRef UInt64) :=
  return ⟨← file.native.copyStart runtime.native offset source.native sourceOffset size, runtime, .u64⟩

/-- It as a connection, read and written from `offset` on; see `Runtime.wrapFileFd`. To a file that was opened to be appended to all is written
at its end. Errors: `unimplemented` for a file in the memory of the process and for what is no regular file. (FS-08) -/
def connection (file : File) (runtime : Runtime) (offset : UInt64 := 0) : IO Connection :=
  return ⟨← file.native.connection runtime.native offset, runtime⟩

end File

/-- What memory over a file is for. -/
inductive MappingKind where
  /-- To be read. (FS-07) -/
  | shared
  /-- To be read and written, which nobody else sees. (FS-07) -/
  | «private»
  /-- To be read and written, for everybody. (FS-10) -/
  | writable
  deriving BEq, Repr, Inhabited

/-- A part of a file as memory, which is given back with the last reference. What it reads and writes is copied. Any thread. (FS-07, FS-10) -/
structure FileMapping where
  /-- Not for users: made by `File.map`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.FileMapping
  /-- What it is for. -/
  kind : MappingKind

/-- Maps a part of the file. It has to lie within the file and stay there: reading or writing behind the end has the system kill the process. Of
a file in the memory of the process it is a copy: it shows what was there when it was made. Errors: `failed` with the OS error EACCES
or EBADF for a file that was not opened for that. (FS-07, FS-10) -/
def File.map (file : File) (offset : UInt64) (size : Nat) (kind : MappingKind := .shared) : IO FileMapping := do
  let number := match kind with
    | .shared => 0
    | .private => 1
    | .writable => 2
  return ⟨← file.native.map number offset (Native.usize size), kind⟩

namespace FileMapping

/-- How many bytes. -/
def size (mapping : FileMapping) : IO Nat := mapping.native.size

/-- A copy of `size` bytes from `offset` on, cut to what there is. (FS-07) -/
def read (mapping : FileMapping) (offset : Nat := 0) (size : Nat := USize.size - 1) : IO ByteArray :=
  mapping.native.read (Native.usize offset) (Native.usize size)

/-- Writes these bytes at `offset`; others see them when it returns, if it is `writable`. Errors: `invalidArgument` beyond the mapping and for
one that is `shared`. (FS-10) -/
def write (mapping : FileMapping) (offset : Nat) (data : BytesRef) : IO Unit := do
  if mapping.kind == .shared then throw (Error.ofKind .invalidArgument "the mapping is not to be written")
  mapping.native.write (Native.usize offset) data.native (mapping.kind == .private)

/-- Waits until `size` bytes from `offset` on are on the disk. Errors: `invalidArgument` beyond the mapping and for one that is not
`writable`. (FS-10) -/
def sync (mapping : FileMapping) (offset size : Nat) : IO Unit :=
  mapping.native.sync (Native.usize offset) (Native.usize size)

end FileMapping
end KjAsync
