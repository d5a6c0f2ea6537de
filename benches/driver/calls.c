/* W1: a call from a foreign thread to the loop and back. */
#include "bench.h"

static void blocking_calls(const char *name, uint64_t look_nanos) {
  if (!bench_wants(name)) return;
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_THREAD, look_nanos);
  kja_executor_t executor = executor_of(runtime);
  samples_t samples = samples_new(1 << 20);
  span_t span;
  for (int i = 0; i < 2000; i++) MUST(kja_executor_execute(executor, do_nothing, NULL, NULL));
  span_begin(&span);
  for (uint64_t now = span.begin, end = now + bench_nanos(1.5), before; before = now, now < end;) {
    MUST(kja_executor_execute(executor, do_nothing, NULL, NULL));
    now = kja_timer_now_nanos();
    samples_add(&samples, now - before);
  }
  span_end(&span);
  report(name, &span, (double)samples.count, 0, &samples, NULL);
  samples_free(&samples);
  MUST(kja_executor_release(executor));
  runtime_end(runtime);
}

static void pipelined_calls(const char *name) {
  enum { BATCH = 1024 };
  if (!bench_wants(name)) return;
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  kja_executor_t executor = executor_of(runtime);
  kja_promise_t promises[BATCH];
  double done = 0;
  span_t span;
  span_begin(&span);
  for (uint64_t end = span.begin + bench_nanos(1.5); kja_timer_now_nanos() < end; done += BATCH) {
    for (int i = 0; i < BATCH; i++) MUST(kja_executor_execute_start(executor, do_nothing, NULL, NULL, &promises[i]));
    for (int i = 0; i < BATCH; i++) await_and_release(promises[i]);
  }
  span_end(&span);
  report(name, &span, done, 0, NULL, NULL);
  MUST(kja_executor_release(executor));
  runtime_end(runtime);
}

void calls(void) {
  /* The peers sleep as soon as they have nothing to do: so does this, on both sides. */
  blocking_calls("w1_call_latency", UINT64_MAX);
  /* With the default, caller and loop look for more for a while: back to back, no call finds the loop asleep. */
  blocking_calls("w1_call_awake", 0);
  pipelined_calls("w1_pipelined_1024");
}
