/* W2: timers, started by code on the loop. */
#include "bench.h"

typedef struct alarms_t {
  kja_runtime_t runtime;
  size_t count;
  samples_t late;
  uint64_t all_started;
} alarms_t;

typedef struct alarm_t {
  alarms_t *alarms;
  uint64_t due;
} alarm_t;

static void note_lateness(void *ctx, kja_call_t call) {
  alarm_t *alarm = ctx;
  (void)call;
  samples_add(&alarm->alarms->late, kja_timer_now_nanos() - alarm->due);
}

static void start_all(void *ctx, kja_call_t call) {
  alarms_t *alarms = ctx;
  alarm_t *alarm = calloc(alarms->count, sizeof *alarm);
  kja_promise_t *noted = calloc(alarms->count, sizeof *noted), sleeping, all, owned;
  for (size_t i = 0; i < alarms->count; i++) {
    uint64_t nanos = (1 + i * 7919 % 1000) * 1000000;
    alarm[i] = (alarm_t){alarms, kja_timer_now_nanos() + nanos};
    MUST(kja_timer_sleep_start(alarms->runtime, nanos, &sleeping));
    MUST(kja_promise_then(sleeping, note_lateness, &alarm[i], NULL, &noted[i]));
    MUST(kja_promise_release(sleeping));
  }
  MUST(kja_promise_all(alarms->runtime, noted, alarms->count, &all));
  for (size_t i = 0; i < alarms->count; i++) MUST(kja_promise_release(noted[i]));
  MUST(kja_promise_attach(all, alarm, free, &owned));
  MUST(kja_promise_release(all));
  MUST(kja_call_return_promise(call, owned));
  free(noted);
}

static void start_and_cancel_all(void *ctx, kja_call_t call) {
  alarms_t *alarms = ctx;
  kja_promise_t *sleeping = calloc(alarms->count, sizeof *sleeping);
  (void)call;
  for (size_t i = 0; i < alarms->count; i++)
    MUST(kja_timer_sleep_start(alarms->runtime, (60000 + i * 7919 % 100000) * 1000000, &sleeping[i]));
  alarms->all_started = kja_timer_now_nanos();
  for (size_t i = 0; i < alarms->count; i++) MUST(kja_promise_release(sleeping[i]));
  free(sleeping);
}

static void on_the_loop(const char *name, kja_callback_fn run, double count) {
  if (!bench_wants(name)) return;
  alarms_t alarms = {.runtime = runtime_new(KJA_RUNTIME_THREAD, 0), .count = bench_count(count)};
  kja_executor_t executor = executor_of(alarms.runtime);
  span_t span;
  char more[64];
  alarms.late = samples_new(run == start_all ? alarms.count : 1);
  span_begin(&span);
  MUST(kja_executor_execute(executor, run, &alarms, NULL));
  span_end(&span);
  if (run == start_all) snprintf(more, sizeof more, ",\"latency_is\":\"lateness\"");
  else snprintf(more, sizeof more, ",\"start_s\":%.4f", (double)(alarms.all_started - span.begin) / 1e9);
  report(name, &span, (double)alarms.count, 0, &alarms.late, more);
  samples_free(&alarms.late);
  MUST(kja_executor_release(executor));
  runtime_end(alarms.runtime);
}

void timers(void) {
  on_the_loop("w2_timers_100k", start_all, 100000);
  on_the_loop("w2_cancel_1m", start_and_cancel_all, 1000000);
}
