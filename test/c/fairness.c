/* A loop with more to do than fits between two looks at timers and sockets gets to everything in turn. */
#include "gate.h"
#include "loopback.h"
#include "options.h"
#include "record.h"

#include <limits.h>

enum { SOME = 8 };

/* Of the mode of the test, with a look after every second turn. */
static kja_runtime_t hurried_open(uint32_t flags) {
  kja_runtime_options_t options = options_of(test_mode);
  options.flags = flags;
  options.turns_per_look = 2;
  return runtime_with(&options);
}

static void mark_when_due(kja_runtime_t runtime, uint64_t time, kja_callback_fn run, record_t *record, char letter) {
  kja_promise_t sleeping = 0, then = 0;
  CHECK_OK(kja_timer_sleep_until_start(runtime, time, &sleeping));
  CHECK_OK(kja_promise_then(sleeping, run, step(record, letter), NULL, &then));
  CHECK_OK(kja_promise_release(sleeping));
  CHECK_OK(kja_promise_detach(then, NULL, NULL, NULL));
}

static kja_runtime_t advanced;
static void mark_and_advance(void *ctx, kja_call_t call) {
  run_step(ctx, call);
  CHECK_OK(kja_timer_advance(advanced, 10));
}
static void start_alarms(void *ctx, kja_call_t call) {
  record_t *record = (record_t *)ctx;
  (void)call;
  for (int i = 0; i < 3 * SOME; i++) {
    mark_when_due(advanced, 10 + 10 * (uint64_t)(i / SOME), i % SOME ? run_step : mark_and_advance, record,
                  (char)('a' + i));
  }
  CHECK_OK(kja_timer_advance(advanced, 10));
}

/* The first of each group makes the next group due, with most of its own not called yet. */
/* parity: TIME-02, LOOP-09 */
static void timers_that_are_due_later_overtake_none(void) {
  advanced = hurried_open(KJA_RUNTIME_VIRTUAL_TIME);
  record_t record;
  record_init(&record);
  run_on_loop(advanced, start_alarms, &record);
  let_loop_rest(advanced);
  CHECK_ORDER(&record, "abcdefghijklmnopqrstuvwx");
  runtime_close(advanced);
}

/* A connection that has something to read again as soon as it has been read. */
typedef struct talker_t {
  struct talk_t *talk;
  kja_connection_t connection;
  int fd;
  unsigned served;
} talker_t;
typedef struct talk_t {
  talker_t talkers[SOME];
  unsigned left, most_ahead;
  kja_fulfiller_t over;
} talk_t;

static void answer(void *ctx, kja_call_t call);

static void read_again(talker_t *own) {
  kja_promise_t reading = read_start(own->connection, 1, 1), then = 0;
  CHECK_OK(kja_promise_then(reading, answer, own, NULL, &then));
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_promise_detach(then, NULL, NULL, NULL));
}
static void answer(void *ctx, kja_call_t call) {
  talker_t *own = (talker_t *)ctx;
  talk_t *talk = own->talk;
  unsigned least = UINT_MAX;
  (void)call;
  own->served++;
  for (int i = 0; i < SOME; i++) {
    if (talk->talkers[i].served < least) least = talk->talkers[i].served;
  }
  if (own->served - least > talk->most_ahead) talk->most_ahead = own->served - least;
  if (--talk->left == 0) CHECK_OK(kja_fulfiller_unit(talk->over));
  if (talk->left < SOME) return;
  read_again(own);
  CHECK(write(own->fd, "x", 1) == 1);
}
static void all_speak(void *ctx, kja_call_t call) {
  talk_t *talk = (talk_t *)ctx;
  (void)call;
  for (int i = 0; i < SOME; i++) {
    read_again(&talk->talkers[i]);
    CHECK(write(talk->talkers[i].fd, "x", 1) == 1);
  }
}

/* parity: LOOP-09 */
static void connections_that_are_always_ready_are_served_in_turn(void) {
  kja_runtime_t runtime = hurried_open(0);
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t over = 0;
  talk_t talk;
  memset(&talk, 0, sizeof talk);
  talk.left = 100 * SOME;
  CHECK_OK(kja_fulfiller_new(runtime, &talk.over, &over));
  for (int i = 0; i < SOME; i++) {
    kja_promise_t accepting = accept_start(listener);
    talk.talkers[i].talk = &talk;
    talk.talkers[i].fd = plain_connect(port_of(listener));
    talk.talkers[i].connection = handle_from(accepting);
  }
  run_on_loop(runtime, all_speak, &talk);
  expect(over, KJA_OK);
  CHECK(talk.most_ahead <= 3);
  for (int i = 0; i < SOME; i++) {
    CHECK_OK(kja_connection_release(talk.talkers[i].connection));
    CHECK(close(talk.talkers[i].fd) == 0);
  }
  CHECK_OK(kja_fulfiller_release(talk.over));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

typedef struct crowd_t {
  kja_runtime_t runtime;
  count_t fired, ahead;
  kja_connection_t connection;
  int fd;
  size_t many;
} crowd_t;

static void fire(void *ctx, kja_call_t call) {
  crowd_t *crowd = (crowd_t *)ctx;
  (void)call;
  count_add(&crowd->fired, 1);
}
static void note_how_many(void *ctx, kja_call_t call) {
  crowd_t *crowd = (crowd_t *)ctx;
  (void)call;
  count_add(&crowd->ahead, count_get(&crowd->fired));
}
static void start_crowd(void *ctx, kja_call_t call) {
  crowd_t *crowd = (crowd_t *)ctx;
  kja_promise_t *fired = (kja_promise_t *)calloc(crowd->many, sizeof *fired), sleeping = 0, all = 0;
  for (size_t i = 0; i < crowd->many; i++) {
    CHECK_OK(kja_timer_sleep_start(crowd->runtime, 10, &sleeping));
    CHECK_OK(kja_promise_then(sleeping, fire, crowd, NULL, &fired[i]));
    CHECK_OK(kja_promise_release(sleeping));
  }
  CHECK_OK(kja_promise_all(crowd->runtime, fired, crowd->many, &all));
  for (size_t i = 0; i < crowd->many; i++) CHECK_OK(kja_promise_release(fired[i]));
  free(fired);
  CHECK(write(crowd->fd, "x", 1) == 1);
  CHECK_OK(kja_timer_advance(crowd->runtime, 10));
  CHECK_OK(kja_call_return_promise(call, all));
}

/* parity: LOOP-09 */
static void a_crowd_of_due_timers_does_not_hold_up_a_connection(void) {
  kja_runtime_t runtime = virtual_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener), then = 0;
  crowd_t crowd;
  memset(&crowd, 0, sizeof crowd);
  crowd.runtime = runtime;
  crowd.many = 5000;
  crowd.fd = plain_connect(port_of(listener));
  crowd.connection = handle_from(accepting);
  kja_promise_t reading = read_start(crowd.connection, 1, 1);
  CHECK_OK(kja_promise_then(reading, note_how_many, &crowd, NULL, &then));
  CHECK_OK(kja_promise_release(reading));
  run_on_loop(runtime, start_crowd, &crowd);
  expect(then, KJA_OK);
  CHECK_U64(count_get(&crowd.fired), crowd.many);
  /* A look, and what came before it. */
  CHECK(count_get(&crowd.ahead) <= 2 * 256);
  CHECK_OK(kja_connection_release(crowd.connection));
  CHECK_OK(kja_listener_release(listener));
  CHECK(close(crowd.fd) == 0);
  runtime_close(runtime);
}

enum { BATCH = 64, BATCHES = 20 };
typedef struct batches_t {
  kja_runtime_t runtime;
  uint64_t started, fired, most_behind;
} batches_t;

static void note_fired(void *ctx, kja_call_t call) {
  (void)call;
  ((batches_t *)ctx)->fired++;
}
static void start_batch(void *ctx, kja_call_t call) {
  batches_t *own = (batches_t *)ctx;
  kja_promise_t sleeping = 0, then = 0, yielded = 0, next = 0;
  uint64_t behind = own->started - own->fired;
  if (behind > own->most_behind) own->most_behind = behind;
  if (own->started == BATCH * BATCHES) return;
  for (int i = 0; i < BATCH; i++, own->started++) {
    CHECK_OK(kja_timer_sleep_start(own->runtime, 1, &sleeping));
    CHECK_OK(kja_promise_then(sleeping, note_fired, own, NULL, &then));
    CHECK_OK(kja_promise_release(sleeping));
    CHECK_OK(kja_promise_detach(then, NULL, NULL, NULL));
  }
  CHECK_OK(kja_timer_advance(own->runtime, 1));
  CHECK_OK(kja_timer_yield_start(own->runtime, &yielded));
  CHECK_OK(kja_promise_then(yielded, start_batch, own, NULL, &next));
  CHECK_OK(kja_promise_release(yielded));
  CHECK_OK(kja_call_return_promise(call, next));
}

/* What is due fires while the callback that starts many of them gives way: at most one batch waits when it goes on. */
/* parity: TIME-03, PROM-26 */
static void timers_fire_between_batches_of_starts(void) {
  batches_t own;
  memset(&own, 0, sizeof own);
  own.runtime = virtual_open();
  run_on_loop(own.runtime, start_batch, &own);
  CHECK_U64(own.started, BATCH * BATCHES);
  CHECK(own.most_behind <= BATCH);
  runtime_close(own.runtime);
}

int main(void) {
  RUN_IN_BOTH(timers_fire_between_batches_of_starts);
  RUN_IN_BOTH(timers_that_are_due_later_overtake_none);
  RUN_IN_BOTH(connections_that_are_always_ready_are_served_in_turn);
  RUN_IN_BOTH(a_crowd_of_due_timers_does_not_hold_up_a_connection);
  return check_done();
}
