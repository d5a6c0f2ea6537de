/-
Stand-in for `Init.Data.Random`.
-/
prelude
import Init.System.IO

class RandomGen (g : Type u) where
  range : g → Nat × Nat
  next : g → Nat × g
  split : g → g × g

structure StdGen where
  s1 : Nat
  s2 : Nat

def stdRange := (1, 2147483562)

def stdNext : StdGen → Nat × StdGen
  | ⟨s1, s2⟩ =>
    let k : Int := Int.ofNat (s1 / 53668)
    let s1' : Int := 40014 * (Int.ofNat s1 - k * 53668) - k * 12211
    let s1'' : Nat := if s1' < 0 then (s1' + 2147483563).toNat else s1'.toNat
    let k' : Int := Int.ofNat (s2 / 52774)
    let s2' : Int := 40692 * (Int.ofNat s2 - k' * 52774) - k' * 3791
    let s2'' : Nat := if s2' < 0 then (s2' + 2147483399).toNat else s2'.toNat
    let z : Int := Int.ofNat s1'' - Int.ofNat s2''
    let z' : Nat := if z < 1 then (z + 2147483562).toNat else z.toNat % 2147483562
    (z', ⟨s1'', s2''⟩)

def stdSplit : StdGen → StdGen × StdGen
  | g@⟨s1, s2⟩ =>
    let newS1 := if s1 = 2147483562 then 1 else s1 + 1
    let newS2 := if s2 = 1 then 2147483398 else s2 - 1
    let newG := (stdNext g).2
    (StdGen.mk newS1 newG.2, StdGen.mk newG.1 newS2)

instance : RandomGen StdGen := { range := fun _ => stdRange, next := stdNext, split := stdSplit }

def mkStdGen (s : Nat := 31415) : StdGen :=
  let q := s / 2147483562
  let s1 := s % 2147483562
  let s2 := q % 2147483398
  ⟨s1 + 1, s2 + 1⟩

instance : Inhabited StdGen := ⟨mkStdGen⟩

private def randNatAux {gen : Type u} [RandomGen gen] (genLo genMag : Nat) (fuel : Nat) (r : Nat) (st : Nat × gen) : Nat × gen :=
  match fuel with
  | 0 => st
  | fuel+1 =>
    if r = 0 then st
    else
      let (v, g) := st
      let (x, g') := RandomGen.next g
      let v' := v * genMag + (x - genLo)
      randNatAux genLo genMag fuel (r / genMag) (v', g')

def randNat {gen : Type u} [RandomGen gen] (g : gen) (lo hi : Nat) : Nat × gen :=
  let lo' := if lo > hi then hi else lo
  let hi' := if lo > hi then lo else hi
  let (genLo, genHi) := RandomGen.range g
  let genMag := genHi - genLo + 1
  let q := 1000
  let k := hi' - lo' + 1
  let tgtMag := k * q
  let (v, g') := randNatAux genLo genMag (tgtMag + 1) tgtMag (0, g)
  (lo' + v % k, g')

def randBool {gen : Type u} [RandomGen gen] (g : gen) : Bool × gen :=
  let (v, g') := randNat g 0 1
  (v = 1, g')

initialize IO.stdGenRef : IO.Ref StdGen ←
  let gen := mkStdGen
  IO.mkRef gen

def IO.setRandSeed (n : Nat) : BaseIO Unit := IO.stdGenRef.set (mkStdGen n)

def IO.rand (lo hi : Nat) : BaseIO Nat := do
  let gen ← IO.stdGenRef.get
  let (r, gen) := randNat gen lo hi
  IO.stdGenRef.set gen
  pure r
