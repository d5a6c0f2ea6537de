import KjAsync.Native.Stream

/-! Bytes as they come from and go to streams. -/

namespace KjAsync

/--
Immutable bytes: what a read gave, a `ByteArray`, or a part of either, without a copy. They belong to no runtime
and stay valid after a shutdown; the memory is freed when the last reference to it and to its parts is dropped.
Any thread; nothing here blocks.

A `ByteArray` or a `String` may stand where a `BytesRef` is expected.
-/
structure BytesRef where
  /-- Not for users. -/
  ofNative ::
  /-- The native bytes. -/
  native : Native.Bytes

namespace BytesRef

/-- The bytes of an array, kept and not copied. -/
@[inline] def ofByteArray (data : ByteArray) : BytesRef := ⟨.ofByteArray data⟩

/-- The UTF-8 of a string. -/
def ofString (text : String) : BytesRef := ofByteArray text.toUTF8

instance : Coe ByteArray BytesRef := ⟨ofByteArray⟩
instance : Coe String BytesRef := ⟨ofString⟩

/-- No bytes. -/
def empty : BytesRef := ofByteArray .empty

instance : Inhabited BytesRef := ⟨empty⟩
instance : EmptyCollection BytesRef := ⟨empty⟩

/-- How many bytes. -/
@[inline] def size (bytes : BytesRef) : Nat := bytes.native.size.toNat

/-- Are there none? At the end of a stream a read gives these. -/
@[inline] def isEmpty (bytes : BytesRef) : Bool := bytes.native.size == 0

/-- The byte at this position, 0 beyond the end. -/
@[inline] def get (bytes : BytesRef) (index : Nat) : UInt8 := bytes.native.get (Native.usize index)

instance : GetElem BytesRef Nat UInt8 fun bytes index => index < bytes.size where
  getElem bytes index _ := bytes.get index

/-- The bytes from `start` up to, not including, `stop`, cut to what there is. It shares the memory. -/
def slice (bytes : BytesRef) (start : Nat := 0) (stop : Nat := bytes.size) : BytesRef :=
  ⟨bytes.native.slice (Native.usize start) (Native.usize stop)⟩

/-- A copy as an array. -/
@[inline] def toByteArray (bytes : BytesRef) : ByteArray := bytes.native.toByteArray

/-- The bytes of both, copied into one. -/
def append (left right : BytesRef) : BytesRef :=
  if left.isEmpty then right else if right.isEmpty then left else ofByteArray (left.toByteArray ++ right.toByteArray)

instance : Append BytesRef := ⟨append⟩

/-- `for` over the bytes. -/
instance [Monad m] : ForIn m BytesRef UInt8 where
  forIn bytes state step := forIn [0:bytes.size] state fun index state => step (bytes.get index) state

/-- The text, if the bytes are UTF-8. -/
def toString? (bytes : BytesRef) : Option String := String.fromUTF8? bytes.toByteArray

/-- The text; `failed` if the bytes are not UTF-8. -/
def toText (bytes : BytesRef) : IO String :=
  match bytes.toString? with
  | some text => return text
  | none => throw (IO.userError "the bytes are not UTF-8")

/-- The order of the bytes as unsigned numbers, the shorter first where one leads the other. -/
def compare (left right : BytesRef) : Ordering :=
  match left.native.compare right.native with
  | 0 => .lt
  | 1 => .eq
  | _ => .gt

instance : Ord BytesRef := ⟨compare⟩
instance : BEq BytesRef := ⟨fun left right => left.native.compare right.native == 1⟩
instance : Hashable BytesRef := ⟨fun bytes => hash bytes.toByteArray⟩

/-- The text, with `\xNN` for each byte if the bytes are not UTF-8. `toText` takes only text. -/
instance : ToString BytesRef where
  toString bytes := bytes.toString?.getD <| bytes.toByteArray.foldl (init := "") fun text byte =>
    text ++ "\\x" ++ String.ofList [Nat.digitChar (byte.toNat / 16), Nat.digitChar (byte.toNat % 16)]

instance : Repr BytesRef := ⟨fun bytes _ => repr (toString bytes)⟩

/-- Where `wanted` first occurs at or after `start`. What is empty occurs everywhere. -/
def indexOf? (bytes wanted : BytesRef) (start : Nat := 0) : Option Nat :=
  if wanted.isEmpty then
    if start ≤ bytes.size then some start else none
  else
    let index := bytes.native.indexOf wanted.native (Native.usize start)
    if index == bytes.native.size then none else some index.toNat

/-- Do these bytes begin with `head`? -/
def startsWith (bytes head : BytesRef) : Bool := bytes.slice 0 head.size == head

end BytesRef

end KjAsync
