import KjAsync.Native.Runtime

/-!
Spans of time and moments, on the monotonic clock and in the calendar: three types that do not mix. (TIME-11)

What waits takes a `Duration`, which says its unit: `Async.sleep (.ofMillis 5)`. Functions whose name says `Nanos` take nanoseconds,
and a `Duration` or a `MonoTime` as well.
-/

namespace KjAsync

/-- The number as a signed one of 64 bits; the nearest one if it does not fit. -/
private def clamp (n : Int) : Int64 :=
  if n < Int64.minValue.toInt then Int64.minValue else if n > Int64.maxValue.toInt then Int64.maxValue else .ofInt n

/-- The number as an unsigned one of 64 bits; the nearest one if it does not fit. -/
private def clampUnsigned (n : Int) : UInt64 :=
  if n ≥ 0xFFFF_FFFF_FFFF_FFFF then 0xFFFF_FFFF_FFFF_FFFF else n.toNat.toUInt64

/-- A span of time in nanoseconds: about 292 years, forwards or backwards. Sums that do not fit are cut to that. -/
structure Duration where
  /-- Nanoseconds. -/
  nanos : Int64
  deriving BEq, DecidableEq, Hashable, Inhabited

namespace Duration

private def ofUnits (count : Int) (unit : Int) : Duration := ⟨clamp (count * unit)⟩

/-- Nanoseconds. -/
def ofNanos (count : Int) : Duration := ofUnits count 1
/-- Microseconds. -/
def ofMicros (count : Int) : Duration := ofUnits count 1_000
/-- Milliseconds. -/
def ofMillis (count : Int) : Duration := ofUnits count 1_000_000
/-- Seconds. -/
def ofSeconds (count : Int) : Duration := ofUnits count 1_000_000_000
/-- Minutes. -/
def ofMinutes (count : Int) : Duration := ofUnits count 60_000_000_000
/-- Hours. -/
def ofHours (count : Int) : Duration := ofUnits count 3_600_000_000_000

instance : Neg Duration := ⟨fun a => ⟨clamp (-a.nanos.toInt)⟩⟩
instance : Add Duration := ⟨fun a b => ⟨clamp (a.nanos.toInt + b.nanos.toInt)⟩⟩
instance : Sub Duration := ⟨fun a b => ⟨clamp (a.nanos.toInt - b.nanos.toInt)⟩⟩
instance : HMul Duration Int Duration := ⟨fun a n => ⟨clamp (a.nanos.toInt * n)⟩⟩
instance : HMul Int Duration Duration := ⟨fun n a => a * n⟩
/-- Rounded towards zero; zero for a divisor of zero. -/
instance : HDiv Duration Int Duration := ⟨fun a n => ⟨clamp (a.nanos.toInt.tdiv n)⟩⟩

-- Default instances, so that the number in `a * 2`, `2 * a` and `a / 2` is taken for a number, and not for a span of time.
@[default_instance low] instance : HMul Duration Nat Duration := ⟨fun a n => a * (n : Int)⟩
@[default_instance low] instance : HMul Nat Duration Duration := ⟨fun n a => a * (n : Int)⟩
@[default_instance low] instance : HDiv Duration Nat Duration := ⟨fun a n => a / (n : Int)⟩

/-- No time at all. Any other number says its unit: `.ofMillis 5`. -/
instance : OfNat Duration 0 := ⟨⟨0⟩⟩
instance : LT Duration := ⟨fun a b => a.nanos < b.nanos⟩
instance : LE Duration := ⟨fun a b => a.nanos ≤ b.nanos⟩
instance (a b : Duration) : Decidable (a < b) := inferInstanceAs (Decidable (a.nanos < b.nanos))
instance (a b : Duration) : Decidable (a ≤ b) := inferInstanceAs (Decidable (a.nanos ≤ b.nanos))
instance : Ord Duration := ⟨fun a b => compareOfLessAndEq a b⟩
instance : Max Duration := maxOfLe
instance : Min Duration := minOfLe

/-- What timers take: nanoseconds, 0 for a span backwards. -/
instance : Coe Duration UInt64 := ⟨fun a => clampUnsigned a.nanos.toInt⟩

/-- `count` thousandths of a thing, without zeros at the end. -/
private def thousandths (count : Nat) : String :=
  if count % 1000 == 0 then toString (count / 1000) else
    let digits := ((toString (1000 + count % 1000)).toList.drop 1).reverse.dropWhile (· == '0')
    s!"{count / 1000}.{String.ofList digits.reverse}"

/-- In the largest unit of which there is one, to three places: `1.5ms`. -/
instance : ToString Duration where
  toString a :=
    let n := a.nanos.toInt.natAbs
    let text :=
      if n < 1_000 then s!"{n}ns"
      else if n < 1_000_000 then s!"{thousandths n}us"
      else if n < 1_000_000_000 then s!"{thousandths (n / 1_000)}ms"
      else s!"{thousandths (n / 1_000_000)}s"
    if a.nanos < 0 then s!"-{text}" else text

instance : Repr Duration := ⟨fun a _ => toString a⟩

end Duration

/-- A moment of the monotonic clock, or of a runtime's virtual one, in nanoseconds since some moment. -/
structure MonoTime where
  /-- Nanoseconds. -/
  nanos : UInt64
  deriving BEq, DecidableEq, Hashable, Inhabited

namespace MonoTime

/-- The monotonic clock of the system; as of its last tick if `coarse`, which is cheaper to read on some systems. Any
thread, never blocks. `Runtime.now` is the clock that a runtime's timers go by. (TIME-01, TIME-10) -/
def now (coarse : Bool := false) : BaseIO MonoTime := return ⟨← Native.clockNowNanos (if coarse then 1 else 0)⟩

/-- Cut to what the clock can show. -/
instance : HAdd MonoTime Duration MonoTime := ⟨fun a b => ⟨clampUnsigned (a.nanos.toNat + b.nanos.toInt)⟩⟩
/-- Cut to what the clock can show. -/
instance : HSub MonoTime Duration MonoTime := ⟨fun a b => ⟨clampUnsigned (a.nanos.toNat - b.nanos.toInt)⟩⟩
instance : HSub MonoTime MonoTime Duration := ⟨fun a b => .ofNanos (a.nanos.toNat - (b.nanos.toNat : Int))⟩
instance : LT MonoTime := ⟨fun a b => a.nanos < b.nanos⟩
instance : LE MonoTime := ⟨fun a b => a.nanos ≤ b.nanos⟩
instance (a b : MonoTime) : Decidable (a < b) := inferInstanceAs (Decidable (a.nanos < b.nanos))
instance (a b : MonoTime) : Decidable (a ≤ b) := inferInstanceAs (Decidable (a.nanos ≤ b.nanos))
instance : Ord MonoTime := ⟨fun a b => compareOfLessAndEq a b⟩
instance : Max MonoTime := maxOfLe
instance : Min MonoTime := minOfLe

/-- What timers take for a moment. -/
instance : Coe MonoTime UInt64 := ⟨MonoTime.nanos⟩

instance : ToString MonoTime := ⟨fun a => s!"{a.nanos}ns"⟩
instance : Repr MonoTime := ⟨fun a _ => toString a⟩

end MonoTime

/-- A moment of the calendar, in nanoseconds since the beginning of 1970 in UTC: the years 1678 to 2262. -/
structure CalendarTime where
  /-- Nanoseconds. -/
  nanos : Int64
  deriving BEq, DecidableEq, Hashable, Inhabited

namespace CalendarTime

/-- The beginning of 1970: what a clock shows that stands still. -/
def epoch : CalendarTime := ⟨0⟩

/-- The calendar as the machine is set; as of the last tick of its clock if `coarse`. It may go back. Any thread, never
blocks. (TIME-10) -/
def now (coarse : Bool := false) : BaseIO CalendarTime :=
  return ⟨clamp (← Native.clockNowNanos (if coarse then 3 else 2)).toNat⟩

/-- Cut to what fits. -/
instance : HAdd CalendarTime Duration CalendarTime := ⟨fun a b => ⟨clamp (a.nanos.toInt + b.nanos.toInt)⟩⟩
/-- Cut to what fits. -/
instance : HSub CalendarTime Duration CalendarTime := ⟨fun a b => ⟨clamp (a.nanos.toInt - b.nanos.toInt)⟩⟩
instance : HSub CalendarTime CalendarTime Duration := ⟨fun a b => .ofNanos (a.nanos.toInt - b.nanos.toInt)⟩
instance : LT CalendarTime := ⟨fun a b => a.nanos < b.nanos⟩
instance : LE CalendarTime := ⟨fun a b => a.nanos ≤ b.nanos⟩
instance (a b : CalendarTime) : Decidable (a < b) := inferInstanceAs (Decidable (a.nanos < b.nanos))
instance (a b : CalendarTime) : Decidable (a ≤ b) := inferInstanceAs (Decidable (a.nanos ≤ b.nanos))

/-- Year, month and day of a day since the beginning of 1970. A year is taken to begin in March, so that a leap day is its
last one; 400 of them are 146097 days. -/
private def civil (days : Int) : Int × Nat × Nat :=
  let shifted := days + 719468
  let era := shifted.fdiv 146097
  let dayOfEra := (shifted - era * 146097).toNat
  let year := (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
  let day := dayOfEra - (365 * year + year / 4 - year / 100)
  let month := (5 * day + 2) / 153
  let (year, number) := if month < 10 then (year, month + 3) else (year + 1, month - 9)
  (year + era * 400, number, day - (153 * month + 2) / 5 + 1)

private def padded (width n : Nat) : String :=
  let digits := toString n
  String.ofList (List.replicate (width - digits.length) '0') ++ digits

/-- In UTC, as ISO 8601 has it: `2026-05-20T08:30:00.250000000Z`. -/
instance : ToString CalendarTime where
  toString a :=
    let seconds := a.nanos.toInt.fdiv 1_000_000_000
    let days := seconds.fdiv 86400
    let second := (seconds - days * 86400).toNat
    let (year, month, day) := civil days
    s!"{padded 4 year.toNat}-{padded 2 month}-{padded 2 day}T{padded 2 (second / 3600)}:" ++
      s!"{padded 2 (second / 60 % 60)}:{padded 2 (second % 60)}." ++
      s!"{padded 9 (a.nanos.toInt - seconds * 1_000_000_000).toNat}Z"

instance : Repr CalendarTime := ⟨fun a _ => toString a⟩

end CalendarTime
end KjAsync
