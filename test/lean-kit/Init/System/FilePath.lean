/-
Stand-in for `Init.System.FilePath`.
-/
prelude
import Init.System.Platform

namespace System

structure FilePath where
  toString : String
  deriving Inhabited, DecidableEq, Hashable

instance : Repr FilePath where
  reprPrec p := Repr.addAppParen ("FilePath.mk " ++ repr p.toString)

instance : ToString FilePath where
  toString p := p.toString

namespace FilePath

def pathSeparator : Char := if Platform.isWindows then '\\' else '/'
def pathSeparators : List Char := if Platform.isWindows then ['\\', '/'] else ['/']
def extSeparator : Char := '.'
def exeExtension : String := if Platform.isWindows then "exe" else ""

def isAbsolute (p : FilePath) : Bool :=
  pathSeparators.contains p.toString.front || (isWindows && p.toString.length > 1 && (p.toString.drop 1).front == ':')
where
  isWindows : Bool := Platform.isWindows

def isRelative (p : FilePath) : Bool := !p.isAbsolute

def join (p sub : FilePath) : FilePath :=
  if sub.isAbsolute then sub
  else ⟨p.toString ++ String.singleton pathSeparator ++ sub.toString⟩

instance : Div FilePath where div := FilePath.join
instance : HDiv FilePath String FilePath where hDiv p sub := FilePath.join p ⟨sub⟩

def components (p : FilePath) : List String := p.toString.splitOn (String.singleton pathSeparator)

def fileName (p : FilePath) : Option String :=
  match p.components.getLast? with
  | some "" => none
  | some "." => none
  | some ".." => none
  | other => other

def parent (p : FilePath) : Option FilePath :=
  match p.components.reverse with
  | [] => none
  | [_] => none
  | _ :: rest =>
    let s := (String.singleton pathSeparator).intercalate rest.reverse
    if s.isEmpty then (if p.toString == String.singleton pathSeparator then none else some ⟨String.singleton pathSeparator⟩) else some ⟨s⟩

def fileStem (p : FilePath) : Option String :=
  p.fileName.map fun fname =>
    match (fname.splitOn ".").reverse with
    | [] => fname
    | [_] => fname
    | _ :: rest =>
      let stem := ".".intercalate rest.reverse
      if stem.isEmpty then fname else stem

def extension (p : FilePath) : Option String :=
  p.fileName.bind fun fname =>
    match (fname.splitOn ".").reverse with
    | [] => none
    | [_] => none
    | ext :: rest => if (".".intercalate rest.reverse).isEmpty then none else some ext

def withFileName (p : FilePath) (fname : String) : FilePath :=
  match p.parent with
  | none => ⟨fname⟩
  | some p => p / fname

def withExtension (p : FilePath) (ext : String) : FilePath :=
  match p.fileStem with
  | none => p
  | some stem => p.withFileName (if ext.isEmpty then stem else stem ++ "." ++ ext)

def addExtension (p : FilePath) (ext : String) : FilePath :=
  match p.fileName with
  | none => p
  | some fname => p.withFileName (if ext.isEmpty then fname else fname ++ "." ++ ext)

end FilePath

def mkFilePath (parts : List String) : FilePath := ⟨(String.singleton FilePath.pathSeparator).intercalate parts⟩

instance : Coe String FilePath where coe := FilePath.mk

end System
