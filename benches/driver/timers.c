/* W2: timers, started by code on the loop. */
#include "bench.h"

typedef struct alarm_t alarm_t;

typedef struct alarms_t {
  kja_runtime_t runtime;
  size_t count, started, fired;
  samples_t late;
  alarm_t *alarm;
  kja_fulfiller_t all_fired;
  uint64_t all_started;
} alarms_t;

struct alarm_t {
  alarms_t *alarms;
  uint64_t due;
};

static void note_lateness(void *ctx, kja_call_t call) {
  alarm_t *alarm = ctx;
  alarms_t *alarms = alarm->alarms;
  (void)call;
  samples_add(&alarms->late, kja_timer_now_nanos() - alarm->due);
  if (++alarms->fired == alarms->count) MUST(kja_fulfiller_unit(alarms->all_fired));
}

static void start_one(alarms_t *alarms, uint64_t due) {
  kja_promise_t sleeping, noted;
  alarm_t *alarm = &alarms->alarm[alarms->started++];
  *alarm = (alarm_t){alarms, due};
  MUST(kja_timer_sleep_until_start(alarms->runtime, due, &sleeping));
  MUST(kja_promise_then(sleeping, note_lateness, alarm, NULL, &noted));
  MUST(kja_promise_release(sleeping));
  MUST(kja_promise_detach(noted, NULL, NULL, NULL));
}

static void start_spread(alarms_t *alarms, size_t most) {
  for (size_t i = 0; i < most && alarms->started < alarms->count; i++)
    start_one(alarms, kja_timer_now_nanos() + (1 + alarms->started * 7919 % 1000) * 1000000);
}

/* All in one callback, in which none can fire. */
static void start_at_once(void *ctx, kja_call_t call) {
  alarms_t *alarms = ctx;
  (void)call;
  start_spread(alarms, alarms->count);
}

static void start_same(void *ctx, kja_call_t call) {
  alarms_t *alarms = ctx;
  uint64_t due = kja_timer_now_nanos() + 1000000000;
  (void)call;
  while (alarms->started < alarms->count) start_one(alarms, due);
}

/* Some at a time, giving way in between: what a task each is to others. */
static void start_some(void *ctx, kja_call_t call) {
  alarms_t *alarms = ctx;
  kja_promise_t yielded, next;
  start_spread(alarms, 64);
  if (alarms->started == alarms->count) return;
  MUST(kja_timer_yield_start(alarms->runtime, &yielded));
  MUST(kja_promise_then(yielded, start_some, alarms, NULL, &next));
  MUST(kja_promise_release(yielded));
  MUST(kja_call_return_promise(call, next));
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
  bool fire = run != start_and_cancel_all;
  alarms_t alarms = {.runtime = runtime_new(KJA_RUNTIME_THREAD, 0), .count = bench_count(count)};
  kja_executor_t executor = executor_of(alarms.runtime);
  kja_promise_t all_fired;
  span_t span;
  char more[64];
  alarms.late = samples_new(fire ? alarms.count : 1);
  alarms.alarm = calloc(alarms.count, sizeof *alarms.alarm);
  MUST(kja_fulfiller_new(alarms.runtime, &alarms.all_fired, &all_fired));
  span_begin(&span);
  MUST(kja_executor_execute(executor, run, &alarms, NULL));
  if (fire) MUST(kja_promise_await(all_fired));
  span_end(&span);
  if (fire) snprintf(more, sizeof more, ",\"latency_is\":\"lateness\"");
  else snprintf(more, sizeof more, ",\"start_s\":%.4f", (double)(alarms.all_started - span.begin) / 1e9);
  report(name, &span, (double)alarms.count, 0, &alarms.late, more);
  samples_free(&alarms.late);
  free(alarms.alarm);
  MUST(kja_promise_release(all_fired));
  MUST(kja_fulfiller_release(alarms.all_fired));
  MUST(kja_executor_release(executor));
  runtime_end(alarms.runtime);
}

void timers(void) {
  on_the_loop("w2_timers_100k", start_some, 100000);
  on_the_loop("w2_timers_at_once_100k", start_at_once, 100000);
  on_the_loop("w2_timers_same_100k", start_same, 100000);
  on_the_loop("w2_cancel_1m", start_and_cancel_all, 1000000);
}
