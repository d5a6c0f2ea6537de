/-! What the decoders give. -/

namespace KjAsync

/--
What a decoder has made of its input. Decoders never fail: they repair what is malformed, and tell that there was something to
repair. (ENC-01)
-/
structure EncodingResult (α : Type) where
  /-- What was decoded, repaired where there were errors. -/
  value : α
  /-- Was anything malformed? -/
  hadErrors : Bool
  deriving BEq, Repr, Inhabited

namespace EncodingResult

/-- The value, unless there were errors. (ENC-01) -/
def value? (result : EncodingResult α) : Option α := if result.hadErrors then none else some result.value

end EncodingResult

namespace Encoding

/-- The text of bytes that are ASCII. Not for users. -/
@[inline] def ascii (bytes : ByteArray) : String := String.fromUTF8! bytes

/-- What `digit` has for bytes that are no hexadecimal digits. Not for users. -/
def noDigit : UInt8 := 255

/-- The value of a hexadecimal digit, or `noDigit`. Not for users. -/
@[inline] def digit (byte : UInt8) : UInt8 :=
  if byte - 48 < 10 then byte - 48
  else
    let letter := (byte ||| 32) - 97
    if letter < 6 then letter + 10 else noDigit

/-- The number that hexadecimal digits make: from `start` on, at most `most` of them, each less than `base`, behind `value`; and how
many they are. One that is too large keeps its lower byte and stays too large. Not for users. -/
def number (bytes : ByteArray) (start most : Nat) (base : UInt32 := 16) (value : UInt32 := 0) : UInt32 × Nat :=
  go most 0 value
where
  go (steps count : Nat) (value : UInt32) : UInt32 × Nat :=
    match steps with
    | 0 => (value, count)
    | steps + 1 =>
      if h : start + count < bytes.size then
        let next := (digit bytes[start + count]).toUInt32
        if next < base then
          go steps (count + 1) ((value * base + next) ||| (if value >= 0x10000000 then 0x10000000 else 0))
        else (value, count)
      else (value, count)

end Encoding
end KjAsync
