import KjAsync.Native.Stream

/-! Foreign functions of files and directories. The contract of each is in `kjasync.h`. Paths are texts here. -/

namespace KjAsync.Native

private opaque DirectoryPointed : NonemptyType.{0}
/-- A `kja_directory_t`. -/
def Directory : Type := DirectoryPointed.type
instance : Nonempty Directory := DirectoryPointed.property

private opaque FilePointed : NonemptyType.{0}
/-- A `kja_file_t`. -/
def File : Type := FilePointed.type
instance : Nonempty File := FilePointed.property

private opaque ReplacerPointed : NonemptyType.{0}
/-- A `kja_replacer_t`. -/
def Replacer : Type := ReplacerPointed.type
instance : Nonempty Replacer := ReplacerPointed.property

private opaque FileMappingPointed : NonemptyType.{0}
/-- A `kja_file_mapping_t`. -/
def FileMapping : Type := FileMappingPointed.type
instance : Nonempty FileMapping := FileMappingPointed.property

private opaque FileClockPointed : NonemptyType.{0}
/-- A clock that is set by hand. -/
def FileClock : Type := FileClockPointed.type
instance : Nonempty FileClock := FileClockPointed.property

/-- A clock. -/
@[extern "kjasync_file_clock_new"]
protected opaque FileClock.new (nanos : UInt64) : IO FileClock

/-- Sets it. -/
@[extern "kjasync_file_clock_set"]
opaque FileClock.set (clock : @& FileClock) (nanos : UInt64) : IO Unit

namespace Directory

/-- `kja_filesystem_root`. -/
@[extern "kjasync_filesystem_root"]
opaque root : IO Directory

/-- `kja_filesystem_current`. -/
@[extern "kjasync_filesystem_current"]
opaque current : IO Directory

/-- `kja_filesystem_current_path`. -/
@[extern "kjasync_filesystem_current_path"]
opaque currentPath : IO String

/-- `kja_directory_from_fd`. -/
@[extern "kjasync_directory_from_fd"]
opaque fromFd (fd flags : UInt32) : IO Directory

/-- `kja_directory_new_in_memory`. -/
@[extern "kjasync_directory_new_in_memory"]
opaque newInMemory (clock : @& Option FileClock) : IO Directory

/-- `kja_directory_fd`. -/
@[extern "kjasync_directory_fd"]
opaque fd (directory : @& Directory) : IO UInt32

/-- `kja_directory_stat`: the numbers of the structure, in its order. -/
@[extern "kjasync_directory_stat"]
opaque stat (directory : @& Directory) : IO (Array UInt64)

/-- `kja_directory_sync`. -/
@[extern "kjasync_directory_sync"]
opaque sync (directory : @& Directory) : IO Unit

/-- `kja_directory_sync_start`. -/
@[extern "kjasync_directory_sync_start"]
opaque syncStart (directory : @& Directory) (runtime : @& Runtime) : IO Promise

/-- `kja_directory_list`. -/
@[extern "kjasync_directory_list"]
opaque list (directory : @& Directory) : IO Bytes

/-- `kja_directory_list_start`. -/
@[extern "kjasync_directory_list_start"]
opaque listStart (directory : @& Directory) (runtime : @& Runtime) : IO Promise

/-- `kja_directory_lstat`: as `stat`, no number if there is nothing. -/
@[extern "kjasync_directory_lstat"]
opaque lstat (directory : @& Directory) (path : @& String) : IO (Array UInt64)

/-- `kja_directory_readlink`. -/
@[extern "kjasync_directory_readlink"]
opaque readlink (directory : @& Directory) (path : @& String) : IO Bytes

/-- `kja_directory_open_file`. -/
@[extern "kjasync_directory_open_file"]
opaque openFile (directory : @& Directory) (path : @& String) (mode : UInt32) : IO (Option File)

/-- `kja_directory_open_file_start`. -/
@[extern "kjasync_directory_open_file_start"]
opaque openFileStart (directory : @& Directory) (runtime : @& Runtime) (path : @& String) (mode : UInt32) : IO Promise

/-- `kja_directory_open_directory`. -/
@[extern "kjasync_directory_open_directory"]
opaque openDirectory (directory : @& Directory) (path : @& String) (mode : UInt32) : IO (Option Directory)

/-- `kja_directory_open_directory_start`. -/
@[extern "kjasync_directory_open_directory_start"]
opaque openDirectoryStart (directory : @& Directory) (runtime : @& Runtime) (path : @& String) (mode : UInt32) : IO Promise

/-- `kja_directory_create_temporary`. -/
@[extern "kjasync_directory_create_temporary"]
opaque createTemporary (directory : @& Directory) : IO File

/-- `kja_directory_symlink`. -/
@[extern "kjasync_directory_symlink"]
opaque symlink (directory : @& Directory) (path target : @& String) (mode : UInt32) : IO Bool

/-- `kja_directory_transfer`. -/
@[extern "kjasync_directory_transfer"]
opaque transfer (directory : @& Directory) (path : @& String) (mode : UInt32) (source : @& Directory)
  (sourcePath : @& String) (how : UInt32) : IO Bool

/-- `kja_directory_transfer_start`. -/
@[extern "kjasync_directory_transfer_start"]
opaque transferStart (directory : @& Directory) (runtime : @& Runtime) (path : @& String) (mode : UInt32)
  (source : @& Directory) (sourcePath : @& String) (how : UInt32) : IO Promise

/-- `kja_directory_remove`. -/
@[extern "kjasync_directory_remove"]
opaque remove (directory : @& Directory) (path : @& String) : IO Bool

/-- `kja_directory_remove_start`. -/
@[extern "kjasync_directory_remove_start"]
opaque removeStart (directory : @& Directory) (runtime : @& Runtime) (path : @& String) : IO Promise

/-- `kja_directory_replace_file`. -/
@[extern "kjasync_directory_replace_file"]
opaque replaceFile (directory : @& Directory) (path : @& String) (mode : UInt32) : IO Replacer

/-- `kja_directory_replace_directory`. -/
@[extern "kjasync_directory_replace_directory"]
opaque replaceDirectory (directory : @& Directory) (path : @& String) (mode : UInt32) : IO Replacer

end Directory

namespace Replacer

/-- `kja_replacer_file`. -/
@[extern "kjasync_replacer_file"]
opaque file (replacer : @& Replacer) : IO File

/-- `kja_replacer_directory`. -/
@[extern "kjasync_replacer_directory"]
opaque directory (replacer : @& Replacer) : IO Directory

/-- `kja_replacer_commit`. -/
@[extern "kjasync_replacer_commit"]
opaque commit (replacer : @& Replacer) : IO Bool

/-- `kja_replacer_commit_start`. -/
@[extern "kjasync_replacer_commit_start"]
opaque commitStart (replacer : @& Replacer) (runtime : @& Runtime) : IO Promise

/-- `kja_replacer_release`. -/
@[extern "kjasync_replacer_release"]
opaque release (replacer : @& Replacer) : IO Unit

end Replacer

namespace File

/-- `kja_file_from_fd`. -/
@[extern "kjasync_file_from_fd"]
opaque fromFd (fd flags : UInt32) : IO File

/-- `kja_file_new_in_memory`. -/
@[extern "kjasync_file_new_in_memory"]
opaque newInMemory (clock : @& Option FileClock) : IO File

/-- `kja_file_new_anonymous`. -/
@[extern "kjasync_file_new_anonymous"]
opaque newAnonymous : IO File

/-- `kja_file_fd`. -/
@[extern "kjasync_file_fd"]
opaque fd (file : @& File) : IO UInt32

/-- `kja_file_stat`: the numbers of the structure, in its order. -/
@[extern "kjasync_file_stat"]
opaque stat (file : @& File) : IO (Array UInt64)

/-- `kja_file_sync`. -/
@[extern "kjasync_file_sync"]
opaque sync (file : @& File) (dataOnly : Bool) : IO Unit

/-- `kja_file_sync_start`. -/
@[extern "kjasync_file_sync_start"]
opaque syncStart (file : @& File) (runtime : @& Runtime) (dataOnly : Bool) : IO Promise

/-- `kja_file_read`, into a new array. -/
@[extern "kjasync_file_read"]
opaque read (file : @& File) (offset : UInt64) (size : USize) : IO ByteArray

/-- `kja_file_read_start`. -/
@[extern "kjasync_file_read_start"]
opaque readStart (file : @& File) (runtime : @& Runtime) (offset : UInt64) (size : USize) : IO Promise

/-- `kja_file_read_all`. -/
@[extern "kjasync_file_read_all"]
opaque readAll (file : @& File) (limit : USize) : IO Bytes

/-- `kja_file_read_all_start`. -/
@[extern "kjasync_file_read_all_start"]
opaque readAllStart (file : @& File) (runtime : @& Runtime) (limit : USize) : IO Promise

/-- `kja_file_write`. -/
@[extern "kjasync_file_write"]
opaque write (file : @& File) (offset : UInt64) (data : @& Bytes) : IO Unit

/-- `kja_file_write_start`. -/
@[extern "kjasync_file_write_start"]
opaque writeStart (file : @& File) (runtime : @& Runtime) (offset : UInt64) (data : @& Bytes) : IO Promise

/-- `kja_file_write_all`. -/
@[extern "kjasync_file_write_all"]
opaque writeAll (file : @& File) (data : @& Bytes) : IO Unit

/-- `kja_file_append`. -/
@[extern "kjasync_file_append"]
opaque append (file : @& File) (data : @& Bytes) : IO Unit

/-- `kja_file_append_start`. -/
@[extern "kjasync_file_append_start"]
opaque appendStart (file : @& File) (runtime : @& Runtime) (data : @& Bytes) : IO Promise

/-- `kja_file_zero`. -/
@[extern "kjasync_file_zero"]
opaque zero (file : @& File) (offset size : UInt64) : IO Unit

/-- `kja_file_truncate`. -/
@[extern "kjasync_file_truncate"]
opaque truncate (file : @& File) (size : UInt64) : IO Unit

/-- `kja_file_copy`. -/
@[extern "kjasync_file_copy"]
opaque copy (file : @& File) (offset : UInt64) (source : @& File) (sourceOffset size : UInt64) : IO UInt64

/-- `kja_file_copy_start`. -/
@[extern "kjasync_file_copy_start"]
opaque copyStart (file : @& File) (runtime : @& Runtime) (offset : UInt64) (source : @& File) (sourceOffset size : UInt64) :
  IO Promise

/-- `kja_file_connection`. -/
@[extern "kjasync_file_connection"]
opaque connection (file : @& File) (runtime : @& Runtime) (offset : UInt64) : IO Connection

/-- `kja_file_map`. -/
@[extern "kjasync_file_map"]
opaque map (file : @& File) (kind : UInt32) (offset : UInt64) (size : USize) : IO FileMapping

end File

namespace FileMapping

/-- `kja_file_mapping_data`: how many bytes. -/
@[extern "kjasync_file_mapping_size"]
opaque size (mapping : @& FileMapping) : IO Nat

/-- A copy of a part of `kja_file_mapping_data`, cut to what there is. -/
@[extern "kjasync_file_mapping_read"]
opaque read (mapping : @& FileMapping) (offset size : USize) : IO ByteArray

/-- Writes to `kja_file_mapping_data`; then `kja_file_mapping_changed`, unless the mapping is private. -/
@[extern "kjasync_file_mapping_write"]
opaque write (mapping : @& FileMapping) (offset : USize) (data : @& Bytes) (isPrivate : Bool) : IO Unit

/-- `kja_file_mapping_sync`. -/
@[extern "kjasync_file_mapping_sync"]
opaque sync (mapping : @& FileMapping) (offset size : USize) : IO Unit

end FileMapping

/-- `kja_promise_handle` of a file. -/
@[extern "kjasync_promise_file"]
opaque Promise.file (promise : @& Promise) : IO File

/-- `kja_call_handle` of a file. -/
@[extern "kjasync_call_file"]
opaque Call.file (call : @& Call) : IO File

/-- `kja_promise_handle` of a directory. -/
@[extern "kjasync_promise_directory"]
opaque Promise.directory (promise : @& Promise) : IO Directory

/-- `kja_call_handle` of a directory. -/
@[extern "kjasync_call_directory"]
opaque Call.directory (call : @& Call) : IO Directory

end KjAsync.Native
