@0xd8f0a1c2b3e49576;

# What it is asked for it waits for with KjAsync.
interface Worker {
  sleep @0 (nanos :UInt64) -> (thread :UInt64);
  fetch @1 (path :Text) -> (status :UInt32, body :Data);
  converse @2 (text :Text) -> (answer :Text);
  fail @3 (kind :Int32, text :Text) -> ();
  hold @4 () -> ();
  ask @5 (other :Worker, nanos :UInt64) -> ();
  spawn @6 () -> (worker :Worker);
}
