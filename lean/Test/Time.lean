import Test.Check

open Test KjAsync

-- parity: TIME-11
test "a duration prints in the unit that fits" := do
  for (duration, text) in [(Duration.ofNanos 0, "0ns"), (.ofNanos 999, "999ns"), (.ofNanos 1500, "1.5us"),
      (.ofMillis 5, "5ms"), (.ofMicros 1_234_567, "1.234s"), (.ofMicros 1020, "1.02ms"), (.ofSeconds (-3), "-3s"),
      (.ofMinutes 2, "120s"), (.ofMillis 10, "10ms")] do
    checkEq (toString duration) text

-- parity: TIME-11
test "durations are signed, and cut where they do not fit" := do
  let most := Duration.ofHours (10 ^ 12)
  checkEq most.nanos Int64.maxValue
  checkEq (most + most) most
  checkEq (-(-most - most)).nanos Int64.maxValue
  checkEq (Duration.ofMillis 5 - Duration.ofMillis 7) (Duration.ofMillis (-2))
  checkEq (Duration.ofMillis 5 * (-3 : Int)) (Duration.ofMillis (-15))
  checkEq (Duration.ofNanos (-7) / (2 : Int)) (Duration.ofNanos (-3))
  checkEq (Duration.ofNanos 7 / (0 : Int)) (Duration.ofNanos 0)
  let span := Duration.ofMillis 5
  checkEq (span * 2) (.ofMillis 10)
  checkEq (2 * span) (.ofMillis 10)
  checkEq (span / 2) (.ofMicros 2500)
  checkEq (span * span.nanos.toInt) (.ofSeconds 25_000)
  checkEq ((4 : Nat) * span + 0) (.ofMillis 20)
  checkEq (#[span, span].foldl (· + ·) 0) (.ofMillis 10)
  checkEq (max span 0, min span 0) (span, 0)
  checkEq (compare span (span * 2)) .lt
  check (Duration.ofMicros 1 < Duration.ofMillis 1 && Duration.ofMillis 1 ≤ Duration.ofMicros 1000) "order"
  checkEq (Duration.ofMillis (-5) : UInt64) 0
  checkEq (Duration.ofMillis 5 : UInt64) 5_000_000

-- parity: TIME-11
test "moments and durations do not mix up" := do
  let start : MonoTime := ⟨100⟩
  checkEq (start + Duration.ofNanos 5) ⟨105⟩
  checkEq (start - Duration.ofNanos 500) ⟨0⟩
  checkEq ((⟨0xFFFF_FFFF_FFFF_FFFF⟩ : MonoTime) + Duration.ofNanos 1) ⟨0xFFFF_FFFF_FFFF_FFFF⟩
  checkEq (start - (⟨130⟩ : MonoTime)) (Duration.ofNanos (-30))
  check (start < start + Duration.ofNanos 1) "order"
  checkEq (max start ⟨200⟩, s!"{start}") (⟨200⟩, "100ns")
  checkEq (CalendarTime.epoch - (CalendarTime.epoch + Duration.ofSeconds 3)) (Duration.ofSeconds (-3))

-- parity: TIME-11
test "a moment of the calendar prints as a date" := do
  for (seconds, text) in [((0 : Int), "1970-01-01T00:00:00.000000000Z"), (951782400, "2000-02-29T00:00:00.000000000Z"),
      (951868799, "2000-02-29T23:59:59.000000000Z"), (-1, "1969-12-31T23:59:59.000000000Z"),
      (1767225599, "2025-12-31T23:59:59.000000000Z"), (4107542400, "2100-03-01T00:00:00.000000000Z")] do
    checkEq (toString (CalendarTime.epoch + Duration.ofSeconds seconds)) text
  checkEq (toString (CalendarTime.epoch - Duration.ofMillis 750)) "1969-12-31T23:59:59.250000000Z"

-- parity: TIME-10
test "the clocks of the system can be read" := do
  let before ← monoNanosNow
  let now ← MonoTime.now
  check (before ≤ now && now ≤ (← monoNanosNow)) "monotonic"
  check ((← MonoTime.now (coarse := true)) ≤ (← MonoTime.now)) "coarse"
  let calendar ← CalendarTime.now
  let coarse ← CalendarTime.now (coarse := true)
  check (CalendarTime.epoch + Duration.ofHours (24 * 365 * 50) < calendar) s!"{calendar}"
  check (coarse - calendar < Duration.ofSeconds 60 && calendar - coarse < Duration.ofSeconds 60) "coarse calendar"
