import KjAsync.Stream

/-! Lines, and whatever else a separator ends, from any stream. -/

namespace KjAsync.Stream

/--
Reads lines and other pieces from a stream, and keeps what it has read beyond them for the next. It is a stream itself, so what follows
a line can be read, or pumped on, like any other bytes. One read at a time, on the stream's loop.

    let input ← Stream.Buffered.new connection
    for line in input do IO.println line
-/
structure Buffered where
  /-- Not for users: made by `Buffered.new`. -/
  private ofParts ::
  private readMore : Nat → Nat → IO (PromiseRef BytesRef)
  private abort : IO Unit
  private runtime : Runtime
  /-- What has been read and not been given. -/
  private rest : IO.Ref BytesRef

namespace Buffered

/-- A reader of this stream; it takes from the stream only while it is asked for something. -/
protected def new [ReadableRef σ] (stream : σ) : Async Buffered := do
  return ⟨fun min max => ReadableRef.readStart stream min max, ReadableRef.abortRead stream, ← Async.runtime, ← IO.mkRef .empty⟩

/-- Takes what has been kept, up to an index. -/
private def take (reader : Buffered) (count : Nat) : BaseIO BytesRef :=
  reader.rest.modifyGet fun rest => (rest.slice 0 count, rest.slice count)

/--
The bytes before the next separator, which is passed over. At the end of the stream what is left, and then `none`.

Errors: those of the stream; `overloaded` if `limit` bytes have come without a separator, and they are there for the next read;
`invalidArgument` for an empty separator. Cancellation: nothing is lost.
-/
partial def readUntil? (reader : Buffered) (separator : BytesRef) (limit : Nat := 65536) : Async (Option BytesRef) := do
  if separator.isEmpty then throw (Error.ofKind .invalidArgument "a separator has at least one byte")
  search 0
where
  /-- Looks from here on; before there is none. -/
  search (start : Nat) : Async (Option BytesRef) := do
    let rest ← reader.rest.get
    match rest.indexOf? separator start with
    | some index =>
      if index > limit then tooLong
      reader.rest.set (rest.slice (index + separator.size))
      return some (rest.slice 0 index)
    | none =>
      if rest.size ≥ limit + separator.size then tooLong
      let more ← Async.awaitStarted (reader.readMore 1 65536)
      if more.isEmpty then
        reader.rest.set .empty
        return if rest.isEmpty then none else some rest
      reader.rest.set (rest ++ more)
      search (rest.size + 1 - min (rest.size + 1) separator.size)
  tooLong : Async Unit := throw (Error.ofKind .overloaded s!"more than {limit} bytes without a separator")

/-- The next line, without the `\n` or `\r\n` that ends it; `none` at the end of the stream. Errors: as `readUntil?`; `failed` for what is
not UTF-8. -/
def readLine? (reader : Buffered) (limit : Nat := 65536) : Async (Option String) := do
  let some line ← reader.readUntil? "\n" limit | return none
  let line := if line.size > 0 && line.get (line.size - 1) == 13 then line.slice 0 (line.size - 1) else line
  return some (← line.toText)

/-- `for line in reader do …`, to the end of the stream. -/
@[always_inline]
instance : ForIn Async Buffered String where
  forIn reader state step := Async.iterate (state := state) fun state => do
    match ← reader.readLine? with
    | some line => step line state
    | none => return .done state

instance : ReadableRef Buffered where
  readStart reader min max := do
    let rest ← reader.rest.get
    if rest.isEmpty then return ← reader.readMore min max
    let have_ ← reader.take max
    if have_.size ≥ min then return ← PromiseRef.pure reader.runtime have_
    -- Until the rest has come it is kept, should that be given up.
    reader.rest.set have_
    (← reader.readMore (min - have_.size) (max - have_.size)).then fun more => do
      reader.rest.set .empty
      return have_ ++ more
  abortRead reader := do
    reader.rest.set .empty
    reader.abort

end KjAsync.Stream.Buffered
