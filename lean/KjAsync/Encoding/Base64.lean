import KjAsync.Encoding.Result

/-! Bytes as base64, in the standard alphabet and in the one for URLs. Pure functions; the native library is not needed. -/

namespace KjAsync.Base64
open Encoding

private def letters : String := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

private def standard : ByteArray := (letters ++ "+/").toUTF8
private def forUrls : ByteArray := (letters ++ "-_").toUTF8

private def padding : UInt8 := 64
private def space : UInt8 := 65
private def other : UInt8 := 66

/-- For each byte its value, or one of `padding`, `space` and `other`. -/
private def valuesOf (alphabet : ByteArray) : ByteArray := Id.run do
  let mut values := ByteArray.mk (Array.replicate 256 other)
  for byte in [9, 10, 12, 13, 32] do values := values.set! byte space
  values := values.set! 61 padding
  for value in [0:64] do values := values.set! (alphabet.get! value).toNat value.toUInt8
  return values

private def standardValues : ByteArray := valuesOf standard
private def urlValues : ByteArray := valuesOf forUrls

/-- The bytes of a line of 72 columns. -/
private def bytesOfLine : Nat := 54

private def encodeIn (alphabet : ByteArray) (padded breakLines : Bool) (bytes : ByteArray) : String :=
  ascii (go (bytes.size + 1) 0 (.emptyWithCapacity (bytes.size / 3 * 4 + 8 + if breakLines then bytes.size / bytesOfLine else 0)))
where
  symbol (bits : UInt32) : UInt8 := alphabet.get! (bits &&& 63).toNat
  pad (out : ByteArray) (count : Nat) : ByteArray :=
    let out := if padded && count > 0 then out.push 61 else out
    let out := if padded && count > 1 then out.push 61 else out
    if breakLines then out.push 10 else out
  go (steps i : Nat) (out : ByteArray) : ByteArray :=
    match steps with
    | 0 => out
    | steps + 1 =>
      if i + 2 < bytes.size then
        let bits := (bytes.get! i).toUInt32 <<< 16 ||| (bytes.get! (i + 1)).toUInt32 <<< 8 ||| (bytes.get! (i + 2)).toUInt32
        let out := (((out.push (symbol (bits >>> 18))).push (symbol (bits >>> 12))).push (symbol (bits >>> 6))).push (symbol bits)
        go steps (i + 3) (if breakLines && (i + 3) % bytesOfLine == 0 then out.push 10 else out)
      else if i + 1 < bytes.size then
        let bits := (bytes.get! i).toUInt32 <<< 16 ||| (bytes.get! (i + 1)).toUInt32 <<< 8
        pad (((out.push (symbol (bits >>> 18))).push (symbol (bits >>> 12))).push (symbol (bits >>> 6))) 1
      else if h : i < bytes.size then
        let bits := bytes[i].toUInt32 <<< 16
        pad ((out.push (symbol (bits >>> 18))).push (symbol (bits >>> 12))) 2
      else if i % bytesOfLine == 0 then out
      else pad out 0

private def decodeIn (values : ByteArray) (text : String) : EncodingResult ByteArray :=
  let symbols := text.toUTF8
  go (symbols.size + 1) symbols 0 (.emptyWithCapacity (symbols.size / 4 * 3 + 3)) 0 0 0 false
where
  /-- `bits` has the last symbols, of which `count` have not become bytes; `pads` is how many `=` there were. -/
  go (steps : Nat) (symbols : ByteArray) (i : Nat) (out : ByteArray) (bits count pads : UInt32) (errors : Bool) :
      EncodingResult ByteArray :=
    match steps with
    | 0 => ⟨out, errors⟩
    | steps + 1 =>
      if h : i < symbols.size then
        let value := values.get! symbols[i].toNat
        if value < 64 then
          let bits := bits <<< 6 ||| value.toUInt32
          let errors := errors || pads > 0
          if count == 3 then
            go steps symbols (i + 1) (((out.push (bits >>> 16).toUInt8).push (bits >>> 8).toUInt8).push bits.toUInt8) 0 0 pads errors
          else go steps symbols (i + 1) out bits (count + 1) pads errors
        else if value == padding then go steps symbols (i + 1) out bits count (if pads < 3 then pads + 1 else pads) errors
        else go steps symbols (i + 1) out bits count pads (errors || value == other)
      else
        let errors := errors || pads > 2 || (pads > 0 && count + pads != 4) || count == 1
        let out := if count > 1 then out.push (bits >>> (if count == 3 then 10 else 4)).toUInt8 else out
        ⟨if count == 3 then out.push (bits >>> 2).toUInt8 else out, errors⟩

/-- In the standard alphabet, with padding. With `breakLines` in lines of 72 columns, each of which ends with a line feed, the last one too.
(ENC-11)

    #eval Base64.encode "foob".toUTF8  -- "Zm9vYg==" -/
def encode (bytes : ByteArray) (breakLines : Bool := false) : String := encodeIn standard true breakLines bytes

/-- The bytes that a text in the standard alphabet stands for. White space is ignored; padding may be left out. Errors, by the rules of the
WHATWG's forgiving decoder: any other character, which is skipped, wrong padding, and a character too many at the end.
(ENC-01, ENC-12)

    #eval (Base64.decode "Zm9v Yg").value?  -- the bytes of "foob" -/
def decode (text : String) : EncodingResult ByteArray := decodeIn standardValues text

/-- In the alphabet for URLs, with `-` and `_`, without padding. (ENC-13) -/
def encodeUrl (bytes : ByteArray) : String := encodeIn forUrls false false bytes

/-- As `decode`, in the alphabet for URLs, with or without padding. (ENC-13) -/
def decodeUrl (text : String) : EncodingResult ByteArray := decodeIn urlValues text

end KjAsync.Base64
