import KjAsync.Encoding.Utf

/-! Escapes as in the strings of C. Pure functions; the native library is not needed. -/

namespace KjAsync.CEscape
open Encoding

private def backslash : UInt8 := 92

/-- The letter of the escape that a byte has, 1 if it is written in octal, and 0 if it stays. -/
@[inline] private def escapeOf (byte : UInt8) (binary : Bool) : UInt8 :=
  match byte with
  | 7 => 97 | 8 => 98 | 9 => 116 | 10 => 110 | 11 => 118 | 12 => 102 | 13 => 114
  | 34 => 34 | 39 => 39 | 92 => 92
  | _ => if byte < 32 || byte == 127 || (binary && byte > 127) then 1 else 0

private def escape (binary : Bool) (bytes : ByteArray) : ByteArray := go bytes.size 0 (.emptyWithCapacity (bytes.size + bytes.size / 8))
where
  go (steps i : Nat) (out : ByteArray) : ByteArray :=
    match steps with
    | 0 => out
    | steps + 1 =>
      if h : i < bytes.size then
        let byte := bytes[i]
        match escapeOf byte binary with
        | 0 => go steps (i + 1) (out.push byte)
        | 1 =>
          let out := (out.push backslash).push (48 + byte >>> 6)
          go steps (i + 1) ((out.push (48 + (byte >>> 3 &&& 7))).push (48 + (byte &&& 7)))
        | letter => go steps (i + 1) ((out.push backslash).push letter)
      else out

/-- Escapes quotes, backslashes and controls; those without an escape of their own in octal, since a hexadecimal escape of C goes on as
long as digits follow. What is not ASCII stays as it is. (ENC-10)

    #eval CEscape.encode "a\tb"  -- the characters a, \, t, b -/
def encode (text : String) : String := String.fromUTF8! (escape false text.toUTF8)

/-- As `encode`, with every byte that is not ASCII escaped too. (ENC-10) -/
def encodeBinary (bytes : ByteArray) : String := ascii (escape true bytes)

/-- The bytes that a text stands for. Errors: an escape that C does not have stands for the character itself, a number that is too large for
its lower byte, `\u` and `\U` with too few digits for the number that is there, a surrogate for its three bytes in WTF-8, what is past
U+10FFFF for U+FFFD, and a backslash at the end for nothing. (ENC-01, ENC-10) -/
def decodeBinary (text : String) : EncodingResult ByteArray :=
  let bytes := text.toUTF8
  go bytes.size bytes 0 (.emptyWithCapacity bytes.size) false
where
  go (steps : Nat) (bytes : ByteArray) (i : Nat) (out : ByteArray) (errors : Bool) : EncodingResult ByteArray :=
    match steps with
    | 0 => ⟨out, errors⟩
    | steps + 1 =>
      if h : i < bytes.size then
        let byte := bytes[i]
        if byte != backslash then go steps bytes (i + 1) (out.push byte) errors
        else if i + 1 < bytes.size then
          let kind := bytes.get! (i + 1)
          match kind with
          | 97 => go steps bytes (i + 2) (out.push 7) errors
          | 98 => go steps bytes (i + 2) (out.push 8) errors
          | 116 => go steps bytes (i + 2) (out.push 9) errors
          | 110 => go steps bytes (i + 2) (out.push 10) errors
          | 118 => go steps bytes (i + 2) (out.push 11) errors
          | 102 => go steps bytes (i + 2) (out.push 12) errors
          | 114 => go steps bytes (i + 2) (out.push 13) errors
          | 34 | 39 | 63 | 92 => go steps bytes (i + 2) (out.push kind) errors
          | 117 | 85 =>
            let digits := if kind == 117 then 4 else 8
            let (value, count) := number bytes (i + 2) digits
            let isError := count < digits || value > 0x10ffff || isSurrogate value
            go steps bytes (i + 2 + count) (pushCode out (if value > 0x10ffff then 0xfffd else value)) (errors || isError)
          | 120 =>
            let (value, count) := number bytes (i + 2) bytes.size
            if count == 0 then go steps bytes (i + 2) (out.push kind) true
            else go steps bytes (i + 2 + count) (out.push value.toUInt8) (errors || value > 0xff)
          | _ =>
            if kind - 48 < 8 then
              let (value, count) := number bytes (i + 2) 2 8 (kind - 48).toUInt32
              go steps bytes (i + 2 + count) (out.push value.toUInt8) (errors || value > 0xff)
            else go steps bytes (i + 2) (out.push kind) true
        else ⟨out, true⟩
      else ⟨out, errors⟩

/-- As `decodeBinary`, to a string. Errors: also what is not UTF-8, which becomes U+FFFD. (ENC-01, ENC-10) -/
def decode (text : String) : EncodingResult String :=
  let bytes := decodeBinary text
  let result := repairUtf8 bytes.value
  { result with hadErrors := result.hadErrors || bytes.hadErrors }

end KjAsync.CEscape
