import KjAsync.Encoding.Result

/-! Bytes as hexadecimal digits. Pure functions; the native library is not needed. -/

namespace KjAsync.Hex
open Encoding

@[inline] private def letter (half : UInt8) : UInt8 := if half < 10 then half + 48 else half + 87

/-- Two lower-case digits for each byte. (ENC-05)

    #eval Hex.encode "KJ".toUTF8  -- "4b4a" -/
def encode (bytes : ByteArray) : String := ascii (go bytes.size 0 (.emptyWithCapacity (2 * bytes.size)))
where
  go (steps i : Nat) (out : ByteArray) : ByteArray :=
    match steps with
    | 0 => out
    | steps + 1 =>
      if h : i < bytes.size then
        let byte := bytes[i]
        go steps (i + 1) ((out.push (letter (byte >>> 4))).push (letter (byte &&& 15)))
      else out

/-- The bytes that digits of either case stand for. Errors: a character that is no digit counts as 0, one for each of its bytes in UTF-8,
and a last digit without a second one is the upper half of a byte. (ENC-01, ENC-05) -/
def decode (text : String) : EncodingResult ByteArray :=
  let digits := text.toUTF8
  go digits.size digits 0 (.emptyWithCapacity (digits.size / 2 + 1)) false
where
  go (steps : Nat) (digits : ByteArray) (i : Nat) (out : ByteArray) (errors : Bool) : EncodingResult ByteArray :=
    match steps with
    | 0 => ⟨out, errors⟩
    | steps + 1 =>
      if i + 1 < digits.size then
        let high := digit (digits.get! i)
        let low := digit (digits.get! (i + 1))
        if high ||| low < 16 then go steps digits (i + 2) (out.push (high <<< 4 ||| low)) errors
        else go steps digits (i + 2) (out.push (repaired high <<< 4 ||| repaired low)) true
      else if h : i < digits.size then ⟨out.push (repaired (digit digits[i]) <<< 4), true⟩
      else ⟨out, errors⟩
  repaired (value : UInt8) : UInt8 := if value < 16 then value else 0

end KjAsync.Hex
