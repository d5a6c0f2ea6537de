import KjAsync.Error

/-! Paths as values, in plain Lean. -/

namespace KjAsync

/--
A list of names from a directory on; without any it is the directory itself. A name is never empty, `.` or `..`, and has neither a slash nor
a NUL, so that no path leads out of the directory that it is used in. A plain value, equal to another if all names are. (FS-01)

    let log ← Path.parse "log/today"
    IO.println (log.append (.parse! "errors"))  -- log/today/errors
-/
structure Path where
  /-- Not for users: made by `Path.ofParts?`, `Path.parse?` and the like, which check the names. -/
  ofChecked ::
  /-- The names. -/
  parts : List String
  deriving DecidableEq, Repr, Inhabited

namespace Path

/-- No names: the directory itself. -/
def empty : Path := ⟨[]⟩

/-- May this be a part of a path? (FS-01) -/
def isName (text : String) : Bool :=
  !(text == "" || text == "." || text == ".." || text.any fun char => char == '/' || char == '\x00')

/-- A path of these names; `none` if one of them is no name. (FS-01) -/
def ofParts? (parts : List String) : Option Path := if parts.all isName then some ⟨parts⟩ else none

/-- The parts of a text between slashes, without those that say nothing. -/
private def split (text : String) : List String := (text.splitOn "/").filter fun part => part != "" && part != "."

/-- Reads a relative path: names between slashes. Empty ones and `.` are left out. `none` for a leading slash, for `..`, which `eval?` takes,
and for a NUL. (FS-02) -/
def parse? (text : String) : Option Path := if text.startsWith "/" then none else ofParts? (split text)

/-- As `parse?`. Errors: `invalidArgument` for a text that is no relative path. (FS-02) -/
def parse (text : String) : IO Path :=
  match parse? text with
  | some path => return path
  | none => throw (Error.ofKind .invalidArgument s!"\"{text}\" is no relative path without \"..\"")

/-- As `parse?`, for texts in the program; anything else stops it. (FS-02) -/
def parse! (text : String) : Path := (parse? text).get!

/-- What the system would take a text for, seen from this path: a leading slash begins at the root anew, `..` takes a name away. Symbolic links
are not looked at. `none` if it leads out. Not for texts that are not trusted: they may come out anywhere below the directory in which the
result is used. (FS-02) -/
def eval? (base : Path) (text : String) : Option Path := do
  let start := if text.startsWith "/" then [] else base.parts.reverse
  let reversed ← (split text).foldlM step start
  return ⟨reversed.reverse⟩
where
  step (reversed : List String) (part : String) : Option (List String) :=
    if part == ".." then
      match reversed with
      | [] => none
      | _ :: left => some left
    else if isName part then some (part :: reversed) else none

/-- As `eval?`. Errors: `invalidArgument`. (FS-02) -/
def eval (base : Path) (text : String) : IO Path :=
  match base.eval? text with
  | some path => return path
  | none => throw (Error.ofKind .invalidArgument s!"\"{text}\" leads out of the directory")

/-- One path behind another. (FS-02) -/
def append (base more : Path) : Path := ⟨base.parts ++ more.parts⟩

instance : Append Path := ⟨append⟩

/-- The last name. (FS-03) -/
def basename? (path : Path) : Option String := path.parts.getLast?

/-- The path without its last name. (FS-03) -/
def parent? (path : Path) : Option Path := if path.parts.isEmpty then none else some ⟨path.parts.dropLast⟩

/-- The names from `start` up to, not including, `stop`, cut to what there is. (FS-03) -/
def slice (path : Path) (start : Nat := 0) (stop : Nat := path.parts.length) : Path := ⟨(path.parts.take stop).drop start⟩

/-- Does it begin with the names of another? (FS-03) -/
def startsWith (path head : Path) : Bool := path.parts.take head.parts.length == head.parts

/-- Does it end with the names of another? (FS-03) -/
def endsWith (path tail : Path) : Bool :=
  path.parts.drop (path.parts.length - tail.parts.length) == tail.parts

/-- The order of paths, name by name. (FS-03) -/
def compare (left right : Path) : Ordering := go left.parts right.parts
where
  go : List String → List String → Ordering
    | [], [] => .eq
    | [], _ => .lt
    | _, [] => .gt
    | one :: left, other :: right => (Ord.compare one other).then (go left right)

instance : Ord Path := ⟨compare⟩

instance : Hashable Path := ⟨fun path => path.parts.foldl (fun sum part => mixHash sum (hash part)) 7⟩

/-- The names with slashes between them; `.` if there are none. `parse?` gives the path again. -/
protected def toString (path : Path) : String := if path.parts.isEmpty then "." else "/".intercalate path.parts

instance : ToString Path := ⟨Path.toString⟩

end Path
end KjAsync
