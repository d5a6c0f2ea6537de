/-
Stand-in for `Init`, the library every Lean file imports unless it says `prelude`.
-/
prelude
import Init.Prelude
import Init.Notation
import Init.Tactics
import Init.Core
import Init.Coe
import Init.MetaTypes
import Init.SizeOf
import Init.WF
import Init.GetElem
import Init.Meta
import Init.NotationExtra
import Init.RCases
import Init.Util
import Init.Control.Basic
import Init.Control.Except
import Init.Control.State
import Init.Control.Do
import Init.Data.Nat.Basic
import Init.Data.UInt.Basic
import Init.Data.Int.Basic
import Init.Data.Option.Basic
import Init.Data.List.Basic
import Init.Data.Array.Basic
import Init.Data.Char.Basic
import Init.Data.Stream
import Init.Data.ByteArray.Basic
import Init.Data.String.Basic
import Init.Data.ToString.Basic
import Init.Data.Format.Basic
import Init.Data.SInt.Basic
import Init.Data.Random
import Init.System.ST
import Init.System.Platform
import Init.System.FilePath
import Init.System.IOError
import Init.System.IO
import Init.System.Promise
import Init.WFTactics
