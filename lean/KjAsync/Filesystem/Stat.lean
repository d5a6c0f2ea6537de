import KjAsync.Bytes

/-! What is known about files and directories, and how they are opened. -/

namespace KjAsync

/-- What stands under a name. -/
inductive NodeKind where
  /-- A file with bytes. -/
  | file
  /-- A directory. -/
  | directory
  /-- A symbolic link. -/
  | symlink
  /-- A disk or the like. -/
  | blockDevice
  /-- A terminal or the like. -/
  | characterDevice
  /-- A pipe with a name. -/
  | namedPipe
  /-- A socket with a name. -/
  | socket
  /-- Something else. -/
  | other
  deriving BEq, DecidableEq, Repr, Inhabited

/-- The kind with this number. Not for users. -/
def NodeKind.ofNumber (number : UInt64) : NodeKind :=
  (#[file, directory, symlink, blockDevice, characterDevice, namedPipe, socket][number.toNat - 1]?).getD other

/-- What is known about a file or a directory. (FS-05) -/
structure FileStat where
  /-- What it is. -/
  kind : NodeKind
  /-- Its owner may run it, or go through it. -/
  isExecutable : Bool
  /-- Nobody but its owner may do anything with it. -/
  isPrivate : Bool
  /-- How many bytes it has. -/
  size : UInt64
  /-- How many bytes of the disk it takes. -/
  spaceUsed : UInt64
  /-- When it was last changed, in nanoseconds since the beginning of 1970; 0 for times before. -/
  modifiedNanos : UInt64
  /-- Under how many names it stands. -/
  linkCount : UInt64
  /-- The same for two handles if they stand for the same file or directory, and hardly ever otherwise. -/
  identity : UInt64
  deriving BEq, Repr, Inhabited

/-- What the native side says; `none` if there is nothing. Not for users. -/
def FileStat.ofNumbers? (numbers : Array UInt64) : Option FileStat :=
  let number (index : Nat) := numbers.getD index 0
  if numbers.isEmpty then none else some {
    kind := .ofNumber (number 0), isExecutable := number 1 &&& 1 != 0, isPrivate := number 1 &&& 2 != 0
    size := number 2, spaceUsed := number 3, modifiedNanos := number 4, linkCount := number 5, identity := number 6 }

/-- A name in a directory. (FS-11) -/
structure DirectoryEntry where
  /-- The name. One that is not UTF-8 is shown with `\xNN` for each byte, and cannot be opened. -/
  name : String
  /-- What stands under it. -/
  kind : NodeKind
  deriving BEq, Repr, Inhabited

/-- What the native side lists: for each a byte with its kind, its name, and a NUL. Not for users. -/
partial def DirectoryEntry.all (list : BytesRef) (start : Nat := 0) (entries : Array DirectoryEntry := #[]) :
    Array DirectoryEntry :=
  match list.indexOf? (ByteArray.mk #[0] : ByteArray) (start + 1) with
  | none => entries
  | some stop =>
    let name := toString (list.slice (start + 1) stop)
    all list (stop + 1) (entries.push { name, kind := .ofNumber (list.get start).toUInt64 })

/-- What may be there already, and how something new is made. (FS-13) -/
structure WriteMode where
  /-- It is made if it is not there; without `modify` it must not be there. -/
  create : Bool := false
  /-- It may be there; without `create` it must be. -/
  modify : Bool := false
  /-- Directories on the way are made as needed; with `create`. -/
  createParent : Bool := false
  /-- A new file is a program. -/
  executable : Bool := false
  /-- Nobody but the owner has access to what is new. -/
  ownerOnly : Bool := false
  deriving BEq, Repr, Inhabited

namespace WriteMode

/-- It must not be there. -/
def new : WriteMode := { create := true }

/-- It must be there. -/
def existing : WriteMode := { modify := true }

/-- It may be there. -/
def any : WriteMode := { create := true, modify := true }

/-- The number that the native side takes. Not for users. -/
def bits (mode : WriteMode) : UInt32 :=
  bit mode.create 1 ||| bit mode.modify 2 ||| bit mode.createParent 4 ||| bit mode.executable 8 ||| bit mode.ownerOnly 16
where
  bit (set : Bool) (value : UInt32) : UInt32 := if set then value else 0

end WriteMode

/-- What a file is opened for. -/
inductive FileAccess where
  /-- To be read. -/
  | read
  /-- To be read and written. -/
  | write (mode : WriteMode := .any)
  /-- To be appended to, and nothing else. (FS-16) -/
  | append (mode : WriteMode := .any)
  deriving BEq, Repr, Inhabited

/-- The number that the native side takes. To write in no way at all is not to read: such a mode is one that there is not. Not for users. -/
def FileAccess.bits : FileAccess → UInt32
  | read => 0
  | write mode => if mode.create || mode.modify then mode.bits else 0x8000_0000
  | append mode => mode.bits ||| 32

end KjAsync
