/* What has happened to data, results and inputs when something is cancelled. */
#include "gate.h"
#include "loopback.h"
#include "options.h"

#include <poll.h>

static void count_canceled(void *ctx, kja_call_t call) {
  CHECK_IS(kja_call_status(call), KJA_ERR_CANCELED);
  count_add((count_t *)ctx, 1);
}

static void what_was_built_on_it_sees_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t input = 0, built[8], heard[2], spare = 0, branch = 0;
  kja_fulfiller_t fulfiller = 0;
  count_t caught = {0}, gone = {0};
  CHECK_OK(kja_promise_new_never(runtime, &input));
  CHECK_OK(kja_promise_then(input, must_not_run, NULL, NULL, &built[0]));
  CHECK_OK(kja_promise_all(runtime, &input, 1, &built[1]));
  kja_promise_t entrants[2];
  CHECK_OK(kja_promise_new_never(runtime, &spare));
  CHECK_OK(kja_promise_attach(spare, &gone, count_destroy, &entrants[0]));
  entrants[1] = input;
  CHECK_OK(kja_promise_race(runtime, entrants, 2, &built[2]));
  CHECK_OK(kja_promise_release(entrants[0]));
  CHECK_OK(kja_promise_release(spare));
  CHECK_OK(kja_promise_timeout(input, 3600 * SECOND, &built[3]));
  CHECK_OK(kja_promise_fork(input, &built[4]));
  CHECK_OK(kja_promise_attach(input, NULL, NULL, &built[5]));
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &built[6]));
  CHECK_OK(kja_promise_fork(input, &branch));
  CHECK_OK(kja_fulfiller_promise(fulfiller, branch));
  CHECK_OK(kja_promise_finally(input, count_canceled, &caught, NULL, &built[7]));
  CHECK_OK(kja_promise_catch(input, count_canceled, &caught, NULL, &heard[0]));
  CHECK_OK(kja_promise_handle_both(input, count_canceled, &caught, NULL, &heard[1]));
  CHECK_OK(kja_promise_fork(input, &branch));
  CHECK_OK(kja_promise_detach(branch, count_canceled, &caught, NULL));
  CHECK_OK(kja_promise_cancel(input));
  for (int i = 0; i < 8; i++) expect(built[i], KJA_ERR_CANCELED);
  for (int i = 0; i < 2; i++) expect(heard[i], KJA_OK);
  let_loop_catch_up(runtime);
  CHECK_U64(count_get(&caught), 4);
  CHECK_U64(count_get(&gone), 1);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_promise_release(input));
  runtime_close(runtime);
}

static void a_yield_is_gone(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t turn = 0, then = 0;
  for (int i = 0; i < 50; i++) {
    CHECK_OK(kja_timer_yield_start(runtime, &turn));
    CHECK_OK(kja_promise_cancel(turn));
    kja_status_t status = kja_promise_status(turn);
    CHECK(status == KJA_OK || status == KJA_ERR_CANCELED);
    if (status == KJA_ERR_CANCELED) {
      CHECK_OK(kja_promise_then(turn, must_not_run, NULL, NULL, &then));
      expect(then, KJA_ERR_CANCELED);
    }
    CHECK_OK(kja_promise_release(turn));
  }
  runtime_close(runtime);
}

typedef struct guarded_t {
  kja_promise_t promise;
  count_t ran;
} guarded_t;

static void cancel_and_look(void *ctx, kja_call_t call) {
  guarded_t *guarded = (guarded_t *)ctx;
  (void)call;
  CHECK_OK(kja_promise_cancel(guarded->promise));
  CHECK_U64(count_get(&guarded->ran), 1);
}

static void on_the_loop_a_finally_runs_inside_the_cancel(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t never = 0, unit = 0, done = 0;
  guarded_t guarded;
  memset(&guarded, 0, sizeof guarded);
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_finally(never, count_canceled, &guarded.ran, NULL, &guarded.promise));
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_promise_then(unit, cancel_and_look, &guarded, NULL, &done));
  expect(done, KJA_OK);
  expect_already(guarded.promise, KJA_ERR_CANCELED);
  CHECK_OK(kja_promise_release(never));
  CHECK_OK(kja_promise_release(unit));
  runtime_close(runtime);
}

static void bytes_of_a_settled_read_go_with_its_promise(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  write_text(pair.client, "lost");
  kja_promise_t reading = read_start(pair.server, 4, 4);
  CHECK_OK(kja_promise_await(reading));
  CHECK_OK(kja_promise_cancel(reading));
  CHECK_OK(kja_promise_status(reading));
  CHECK_OK(kja_promise_release(reading));
  write_text(pair.client, "next");
  expect_text(read_start(pair.server, 4, 8), "next");
  pair_release(pair);
  runtime_close(runtime);
}

static void what_had_arrived_for_an_unfinished_read_is_read_next(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  for (int all = 0; all < 2; all++) {
    kja_promise_t reading = 0;
    struct pollfd arrived = {-1, POLLIN, 0};
    CHECK_OK(kja_connection_fd(pair.server, &arrived.fd));
    write_text(pair.client, "abc");
    CHECK(poll(&arrived, 1, 10000) == 1);
    /* What is there is taken by the start itself. */
    if (all) CHECK_OK(kja_connection_read_all_start(pair.server, 100, &reading));
    else reading = read_start(pair.server, 100, 100);
    CHECK_IS(poll(&arrived, 1, 0), 0);
    CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
    CHECK_OK(kja_promise_cancel(reading));
    expect_already(reading, KJA_ERR_CANCELED);
    expect_text(read_start(pair.server, 1, 2), "ab");
    write_text(pair.client, "def");
    /* Into memory of the caller's as well, where "c" is left, and then of everything. */
    char into[8] = "";
    CHECK_OK(kja_connection_read_into_start(pair.server, into, 8, 8, NULL, NULL, &reading));
    let_loop_rest(runtime);
    CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
    CHECK_OK(kja_promise_cancel(reading));
    expect_already(reading, KJA_ERR_CANCELED);
    expect_text(read_start(pair.server, 4, 8), "cdef");
  }
  pair_release(pair);
  runtime_close(runtime);
}

static void an_accepted_connection_that_nobody_took_is_closed(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  kja_connection_t client = handle_from(connect_start(listener));
  CHECK_OK(kja_promise_await(accepting));
  unsigned fds = open_fds();
  CHECK_OK(kja_promise_release(accepting));
  CHECK(fds_come_back_to(fds - 1));
  expect_text(read_start(client, 1, 8), "");
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

enum { BIG = 32 << 20 };

static char pattern(size_t at) {
  return (char)(at * 131 >> 5);
}
static char *pattern_of(size_t size) {
  char *data = (char *)malloc(size);
  for (size_t i = 0; i < size; i++) data[i] = pattern(i);
  return data;
}

/* Everything until the end, into `data`, which has room for `size` bytes; how much it was. */
static size_t read_to_end(kja_connection_t connection, char *data, size_t size) {
  size_t filled = 0;
  for (;;) {
    kja_promise_t reading = 0;
    uint64_t n = 0;
    CHECK_OK(kja_connection_read_into_start(connection, data + filled, 1, size - filled, NULL, NULL, &reading));
    CHECK_OK(kja_promise_await(reading));
    CHECK_OK(kja_promise_u64(reading, &n));
    CHECK_OK(kja_promise_release(reading));
    if (n == 0 || n == size - filled) return filled + (size_t)n;
    filled += (size_t)n;
  }
}

static void what_the_kernel_has_of_a_write_is_sent_and_the_next_follows(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  char *data = pattern_of(BIG), *got = (char *)malloc(BIG + 8);
  kja_promise_t writing = write_start(pair.client, data, BIG), queued = write_start(pair.client, "queued", 6);
  kja_promise_t ending = 0, end = 0;
  CHECK_OK(kja_connection_shutdown_write_start(pair.client, &ending));
  CHECK_OK(kja_promise_cancel(ending));
  CHECK_OK(kja_promise_cancel(queued));
  CHECK_OK(kja_promise_cancel(writing));
  expect_already(writing, KJA_ERR_CANCELED);
  expect_already(queued, KJA_ERR_CANCELED);
  expect_already(ending, KJA_ERR_CANCELED);
  kja_promise_t last = write_start(pair.client, "end", 3);
  CHECK_OK(kja_connection_shutdown_write_start(pair.client, &end));
  size_t size = read_to_end(pair.server, got, BIG + 8);
  CHECK(size > 3 && size < BIG);
  CHECK(memcmp(got, data, size - 3) == 0);
  CHECK(memcmp(got + size - 3, "end", 3) == 0);
  expect(last, KJA_OK);
  expect(end, KJA_OK);
  free(data);
  free(got);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-06 */
static void a_cancelled_pump_loses_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t in = pair_open(runtime), out = pair_open(runtime);
  char *data = pattern_of(BIG), *got = (char *)malloc(BIG + 1);
  kja_promise_t writing = write_start(in.client, data, BIG), pumping = 0, end = 0;
  CHECK_OK(kja_connection_pump_start(in.server, out.client, UINT64_MAX, &pumping));
  CHECK_IS(kja_promise_await_for(pumping, 100 * MILLISECOND), KJA_ERR_TIMED_OUT);
  CHECK_OK(kja_promise_cancel(pumping));
  expect_already(pumping, KJA_ERR_CANCELED);
  CHECK_OK(kja_connection_shutdown_write_start(out.client, &end));
  size_t over = read_to_end(out.server, got, BIG + 1);
  expect(end, KJA_OK);
  CHECK(over > 0 && over < BIG && memcmp(got, data, over) == 0);
  CHECK_OK(kja_connection_shutdown_write_start(in.client, &end));
  size_t rest = read_to_end(in.server, got, BIG + 1);
  expect(writing, KJA_OK);
  expect(end, KJA_OK);
  CHECK(over + rest == BIG);
  CHECK(rest > 0 && memcmp(got, data + BIG - rest, rest) == 0);
  free(data);
  free(got);
  pair_release(in);
  pair_release(out);
  runtime_close(runtime);
}

typedef struct rivals_t {
  kja_promise_t promise[2];
  gate_t known;
  count_t begun;
} rivals_t;
typedef struct rival_t {
  rivals_t *both;
  int other;
} rival_t;

static void cancel_the_other(void *ctx, kja_call_t call) {
  rival_t *rival = (rival_t *)ctx;
  (void)call;
  gate_pass(&rival->both->known);
  count_add(&rival->both->begun, 1);
  while (count_get(&rival->both->begun) < 2) sched_yield();
  CHECK_OK(kja_promise_cancel(rival->both->promise[rival->other]));
}

/* Each would wait for the other's callback to end. */
static void callbacks_of_two_loops_may_cancel_each_other(void) {
  for (size_t round = 0, n = scaled(200); round < n; round++) {
    kja_runtime_t runtimes[2];
    kja_executor_t executors[2];
    rivals_t both;
    rival_t rivals[2];
    memset(&both, 0, sizeof both);
    gate_init(&both.known);
    for (int i = 0; i < 2; i++) {
      runtimes[i] = runtime_open();
      CHECK_OK(kja_runtime_executor(runtimes[i], &executors[i]));
      rivals[i].both = &both;
      rivals[i].other = !i;
      CHECK_OK(kja_executor_execute_start(executors[i], cancel_the_other, &rivals[i], NULL, &both.promise[i]));
    }
    gate_open(&both.known);
    for (int i = 0; i < 2; i++) CHECK_IS(kja_promise_await(both.promise[i]), KJA_ERR_CANCELED);
    for (int i = 0; i < 2; i++) {
      CHECK_OK(kja_promise_release(both.promise[i]));
      CHECK_OK(kja_executor_release(executors[i]));
      runtime_close(runtimes[i]);
    }
    gate_destroy(&both.known);
  }
}

int main(void) {
  RUN_IN_BOTH(what_was_built_on_it_sees_an_error);
  RUN_IN_BOTH(a_yield_is_gone);
  RUN_IN_BOTH(on_the_loop_a_finally_runs_inside_the_cancel);
  RUN_IN_BOTH(bytes_of_a_settled_read_go_with_its_promise);
  RUN_IN_BOTH(what_had_arrived_for_an_unfinished_read_is_read_next);
  RUN_IN_BOTH(an_accepted_connection_that_nobody_took_is_closed);
  RUN_IN_BOTH(what_the_kernel_has_of_a_write_is_sent_and_the_next_follows);
  RUN_IN_BOTH(a_cancelled_pump_loses_nothing);
  RUN(callbacks_of_two_loops_may_cancel_each_other);
  return check_done();
}
