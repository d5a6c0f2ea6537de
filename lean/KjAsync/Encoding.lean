import KjAsync.Encoding.Base64
import KjAsync.Encoding.CEscape
import KjAsync.Encoding.Hex
import KjAsync.Encoding.Percent
import KjAsync.Encoding.Result
import KjAsync.Encoding.Utf

/-! Encodings of bytes and text, as pure functions that need no native library. -/
