/* Connections of the program's own streams. */
#include "gate.h"
#include "provider.h"

/* parity: LLIO-13, STRM-01, STRM-10, STRM-15 */
static void every_byte_goes_through_the_callbacks_both_ways(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  relay_t relay;
  kja_connection_t own = relay_open(&relay, runtime, pair.client);
  size_t size = scaled(1000000);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(own, data, size);
  CHECK_U64(take_pattern(read_required_start(pair.server, size, size), 0), size);
  expect(writing, KJA_OK);
  writing = write_start(pair.server, data, size);
  expect_pattern(own, 0, size, 10000);
  expect(writing, KJA_OK);
  free(data);
  CHECK(count_get(&relay.writes) > 0 && count_get(&relay.reads) > 0);
  shutdown_write(own);
  expect_end(pair.server);
  expect(write_text_start(own, "x"), KJA_ERR_FAILED);
  write_text(pair.server, "after the end");
  expect_text(read_required_start(own, 13, 13), "after the end");
  CHECK_OK(kja_connection_release(pair.server));
  expect_end(own);
  CHECK_U64(count_get(&relay.shutdowns), 1);
  CHECK_U64(count_get(&relay.destroyed), 0);
  CHECK_OK(kja_connection_release(own));
  CHECK_U64(count_get(&relay.destroyed), 1);
  runtime_close(runtime);
}

/* parity: LLIO-13, STRM-01 */
static void a_read_hears_how_much_is_waited_for(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  relay_t relay;
  char buffer[10];
  kja_connection_t own = relay_open(&relay, runtime, pair.client);
  kja_promise_t reading = read_start(own, 4, 9);
  let_loop_rest(runtime);
  CHECK(relay.min == 4 && relay.max >= 4);
  write_text(pair.server, "ab");
  stays_pending(runtime, reading);
  write_text(pair.server, "cd");
  expect_text(reading, "abcd");
  CHECK_U64(count_get(&relay.reads), 1);
  CHECK_OK(kja_connection_read_into_start(own, buffer, 3, sizeof buffer, NULL, NULL, &reading));
  let_loop_rest(runtime);
  CHECK(relay.min == 3 && relay.max == sizeof buffer);
  write_text(pair.server, "efg");
  expect_u64(reading, 3);
  CHECK(memcmp(buffer, "efg", 3) == 0);
  CHECK_OK(kja_connection_release(pair.server));
  CHECK_OK(kja_connection_release(own));
  runtime_close(runtime);
}

/* Gives and takes at once, a little at a time. */
typedef struct slow_t {
  char given, taken[100];
  size_t size;
} slow_t;

static void slow_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  slow_t *slow = (slow_t *)ctx;
  kja_bytes_t bytes = 0;
  CHECK(min >= 1 && min <= max);
  CHECK_OK(kja_bytes_new(&slow->given, slow->given <= 'e', &bytes));
  slow->given++;
  CHECK_OK(kja_call_return_bytes(call, bytes));
  CHECK_OK(kja_bytes_release(bytes));
}
static void slow_write(void *ctx, kja_call_t call) {
  slow_t *slow = (slow_t *)ctx;
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  size = size < 3 ? size : 3;
  memcpy(slow->taken + slow->size, data, size);
  slow->size += size;
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_call_return_u64(call, size));
}

/* parity: LLIO-13, STRM-11 */
static void what_is_done_at_once_and_in_part_is_gone_on_with(void) {
  kja_runtime_t runtime = runtime_open();
  slow_t slow;
  memset(&slow, 0, sizeof slow);
  slow.given = 'a';
  kja_connection_callbacks_t callbacks;
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.size = sizeof callbacks;
  callbacks.ctx = &slow;
  callbacks.read = slow_read;
  callbacks.write = slow_write;
  kja_connection_t own = provided(runtime, &callbacks);
  expect_text(read_start(own, 3, 100), "abc");
  expect_text(read_all_start(own, 100), "de");
  kja_slice_t parts[3] = {{"one", 3}, {"", 0}, {"two three", 9}};
  kja_promise_t writing = 0;
  CHECK_OK(kja_connection_writev_start(own, parts, 3, &writing));
  expect(writing, KJA_OK);
  expect(write_start(own, NULL, 0), KJA_OK);
  CHECK(slow.size == 12 && memcmp(slow.taken, "onetwo three", 12) == 0);
  shutdown_write(own);
  expect_no_length(own);
  kja_promise_t watching = disconnected_start(own);
  stays_pending(runtime, watching);
  CHECK_OK(kja_connection_close(own));
  expect(watching, KJA_ERR_CANCELED);
  CHECK_OK(kja_connection_release(own));
  /* One that gives nothing and takes nothing. */
  callbacks.read = NULL;
  callbacks.write = NULL;
  own = provided(runtime, &callbacks);
  expect_end(own);
  expect_error(write_text_start(own, "x"), KJA_ERR_UNIMPLEMENTED, "no write");
  CHECK_OK(kja_connection_release(own));
  runtime_close(runtime);
}

/* parity: LLIO-13, CANC-04 */
static void a_cancelled_operation_cancels_what_the_callback_has_left(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  relay_t relay;
  kja_connection_t own = relay_open(&relay, runtime, pair.client);
  for (uint64_t round = 1; round < 4; round++) {
    kja_promise_t reading = read_start(own, 1, 100), direct = 0;
    kja_promise_t writing = write_text_start(own, "lost"), queued = write_text_start(own, "lost, too");
    let_loop_rest(runtime);
    CHECK_IS(kja_connection_read_start(pair.client, 1, 1, &direct), KJA_ERR_BUSY);
    CHECK_OK(kja_promise_release(reading));
    /* One that waits behind it does not end the first. */
    CHECK_OK(kja_promise_release(queued));
    CHECK_U64(count_get(&relay.writes), 2 * round - 1);
    direct = read_start(pair.server, 2, 2);
    expect_text(direct, "lo");
    CHECK_OK(kja_promise_release(writing));
    /* Gone when that returns: the stream below is free, and there is nobody left who would write. */
    direct = read_start(pair.server, 1, 100);
    stays_pending(runtime, direct);
    CHECK_OK(kja_promise_release(direct));
    writing = write_text_start(pair.server, "r");
    expect_text(read_start(pair.client, 1, 1), "r");
    expect(writing, KJA_OK);
    /* And the next operation asks again. */
    writing = write_text_start(own, "kept");
    expect_text(read_required_start(pair.server, 4, 4), "kept");
    expect(writing, KJA_OK);
  }
  CHECK_U64(count_get(&relay.reads), 3);
  CHECK_U64(count_get(&relay.writes), 6);
  CHECK_OK(kja_connection_release(pair.server));
  CHECK_OK(kja_connection_release(own));
  runtime_close(runtime);
}

static void no_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  (void)min;
  (void)max;
  must_not_run(ctx, call);
}

/* parity: LLIO-13, CANC-04 */
static void a_callback_that_has_not_begun_never_runs(void) {
  kja_runtime_t runtime = scope_open();
  kja_connection_callbacks_t callbacks;
  count_t destroyed = {0};
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.size = sizeof callbacks;
  callbacks.ctx = &destroyed;
  callbacks.destroy = count_destroy;
  callbacks.read = no_read;
  callbacks.write = callbacks.shutdown_write = callbacks.when_write_disconnected = must_not_run;
  kja_connection_t own = provided(runtime, &callbacks);
  CHECK_OK(kja_promise_release(read_start(own, 1, 1)));
  CHECK_OK(kja_promise_release(write_text_start(own, "x")));
  let_loop_rest(runtime);
  kja_promise_t reading = read_start(own, 1, 1), writing = write_text_start(own, "x"), ending = shutdown_start(own),
                watching = disconnected_start(own);
  CHECK_U64(count_get(&destroyed), 0);
  CHECK_OK(kja_connection_close(own));
  CHECK_U64(count_get(&destroyed), 1);
  expect(reading, KJA_ERR_CANCELED);
  expect(writing, KJA_ERR_CANCELED);
  expect(ending, KJA_ERR_CANCELED);
  expect(watching, KJA_ERR_CANCELED);
  expect(read_start(own, 1, 1), KJA_ERR_CANCELED);
  expect(write_text_start(own, "x"), KJA_ERR_CANCELED);
  CHECK_OK(kja_connection_release(own));
  runtime_close(runtime);
}

static void give_seven(void *ctx, kja_call_t call, size_t min, size_t max) {
  kja_bytes_t bytes = 0;
  (void)ctx;
  (void)min;
  (void)max;
  CHECK_OK(kja_bytes_new("1234567", 7, &bytes));
  CHECK_OK(kja_call_return_bytes(call, bytes));
  CHECK_OK(kja_bytes_release(bytes));
}
static void give_nothing(void *ctx, kja_call_t call, size_t min, size_t max) {
  (void)ctx;
  (void)call;
  (void)min;
  (void)max;
}
static void give_a_number(void *ctx, kja_call_t call, size_t min, size_t max) {
  (void)ctx;
  (void)min;
  CHECK_OK(kja_call_return_u64(call, max));
}
static void fail_to_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  (void)ctx;
  (void)min;
  (void)max;
  CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 12, "no reading", 10));
}
static void take_five(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_OK(kja_call_return_u64(call, 5));
}
static void take_none(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_OK(kja_call_return_u64(call, 0));
}
static void take_bytes(void *ctx, kja_call_t call) {
  give_seven(ctx, call, 0, 0);
}
static void fail_to_write(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_OK(kja_call_return_error(call, KJA_ERR_DISCONNECTED, 0, "no writing", 10));
}

/* parity: LLIO-13, EXC-02 */
static void wrong_results_and_errors_fail_the_operation(void) {
  kja_runtime_t runtime = runtime_open();
  static const struct {
    kja_read_fn read;
    kja_status_t status;
    const char *text;
  } reads[] = {{give_seven, KJA_ERR_FAILED, "gave 7 bytes where 6 were asked for"},
               {give_nothing, KJA_ERR_WRONG_TYPE, "bytes when it is read"},
               {give_a_number, KJA_ERR_WRONG_TYPE, "bytes when it is read"},
               {fail_to_read, KJA_ERR_OVERLOADED, "no reading"}};
  static const struct {
    kja_callback_fn write;
    kja_status_t status;
    const char *text;
  } writes[] = {{take_five, KJA_ERR_FAILED, "took 5 of 4 bytes"},
                {take_none, KJA_ERR_FAILED, "took 0 of 4 bytes"},
                {take_bytes, KJA_ERR_WRONG_TYPE, "nothing, or a number"},
                {fail_to_write, KJA_ERR_DISCONNECTED, "no writing"}};
  for (size_t i = 0; i < 4; i++) {
    kja_connection_callbacks_t callbacks;
    char buffer[6];
    kja_promise_t reading = 0;
    memset(&callbacks, 0, sizeof callbacks);
    callbacks.size = sizeof callbacks;
    callbacks.read = reads[i].read;
    callbacks.write = writes[i].write;
    callbacks.shutdown_write = fail_to_write;
    callbacks.when_write_disconnected = fail_to_write;
    kja_connection_t own = provided(runtime, &callbacks);
    CHECK_OK(kja_connection_read_into_start(own, buffer, 1, sizeof buffer, NULL, NULL, &reading));
    expect_error(reading, reads[i].status, reads[i].text);
    expect_error(write_text_start(own, "four"), writes[i].status, writes[i].text);
    expect_error(disconnected_start(own), KJA_ERR_DISCONNECTED, "no writing");
    expect_error(shutdown_start(own), KJA_ERR_DISCONNECTED, "no writing");
    CHECK_OK(kja_connection_release(own));
  }
  runtime_close(runtime);
}

/* parity: LLIO-13, STRM-13, STRM-14, STRM-16, STRM-04 */
static void aborts_ends_and_lengths_are_asked_and_told(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  relay_t relay;
  kja_connection_t own = relay_open(&relay, runtime, pair.client);
  expect_no_length(own);
  relay.length = 77;
  expect_length(own, 77);
  kja_promise_t reading = read_start(own, 1, 1), writing = write_text_start(own, "never"), watching = 0;
  let_loop_rest(runtime);
  CHECK_OK(kja_connection_abort_read(own));
  expect_text(reading, "");
  expect_end(own);
  abort_write(own, KJA_ERR_OVERLOADED, "too much");
  expect_error(writing, KJA_ERR_OVERLOADED, "too much");
  let_loop_rest(runtime);
  CHECK_U64(count_get(&relay.read_aborts), 1);
  CHECK_U64(count_get(&relay.write_aborts), 1);
  CHECK_IS(relay.aborted, KJA_ERR_OVERLOADED);
  expect_error(read_start(pair.server, 1, 1), KJA_ERR_OVERLOADED, "passed on");
  CHECK_OK(kja_connection_release(pair.server));
  CHECK_OK(kja_connection_release(own));
  pair = two_way_open(runtime);
  own = relay_open(&relay, runtime, pair.client);
  watching = disconnected_start(own);
  stays_pending(runtime, watching);
  CHECK_OK(kja_connection_release(pair.server));
  expect(watching, KJA_OK);
  expect(disconnected_start(own), KJA_OK);
  CHECK_U64(count_get(&relay.watches), 1);
  CHECK_OK(kja_connection_release(own));
  runtime_close(runtime);
}

/* parity: LLIO-13, STRM-05, PIPE-09, STRM-17, STRM-18, STRM-19 */
static void it_is_pumped_and_teed_and_asks_what_is_below(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t source = pair_open(runtime), target = pair_open(runtime);
  kja_connection_t from = relay_over(runtime, source.client), to = relay_over(runtime, target.client), one = 0, two = 0;
  kja_promise_t pumping = pump_start(from, to, UINT64_MAX);
  size_t size = scaled(300000);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(source.server, data, size);
  expect_pattern(target.server, 0, size, 1000);
  expect(writing, KJA_OK);
  free(data);
  shutdown_write(source.server);
  expect_u64(pumping, size);
  CHECK_OK(kja_connection_release(source.server));
  CHECK_OK(kja_connection_release(from));
  CHECK_OK(kja_pipe_tee(to, 0, &one, &two));
  write_text(target.server, "both");
  expect_text(read_required_start(one, 4, 4), "both");
  expect_text(read_required_start(two, 4, 4), "both");
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(two));
  CHECK_OK(kja_connection_release(to));
  CHECK_OK(kja_connection_release(target.server));

  kja_connection_callbacks_t callbacks;
  kja_address_t own_peer = 0, peer = 0;
  int fd = -1, below = -1;
  char own_text[100], text[100];
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.size = sizeof callbacks;
  kja_connection_t own = provided(runtime, &callbacks);
  CHECK_IS(kja_connection_fd(own, &fd), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_peer_address(own, &peer), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_connection_release(own));
  source = pair_open(runtime);
  callbacks.below = source.client;
  own = provided(runtime, &callbacks);
  CHECK_OK(kja_connection_fd(own, &fd));
  CHECK_OK(kja_connection_fd(source.client, &below));
  CHECK(fd == below);
  CHECK_OK(kja_connection_peer_address(own, &own_peer));
  CHECK_OK(kja_connection_peer_address(source.client, &peer));
  CHECK_OK(kja_address_text(own_peer, own_text, sizeof own_text, NULL));
  CHECK_OK(kja_address_text(peer, text, sizeof text, NULL));
  CHECK(strcmp(own_text, text) == 0);
  CHECK_OK(kja_address_release(own_peer));
  CHECK_OK(kja_address_release(peer));
  CHECK_OK(kja_connection_close(own));
  expect(read_start(source.client, 1, 1), KJA_ERR_CANCELED);
  CHECK_OK(kja_connection_release(own));
  pair_release(source);
  runtime_close(runtime);
}

static void close_own_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  relay_t *relay = (relay_t *)ctx;
  relay_read(ctx, call, min, max);
  CHECK_OK(kja_connection_close(relay->own));
  CHECK_U64(count_get(&relay->destroyed), 0);
}
static void release_own_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  relay_t *relay = (relay_t *)ctx;
  relay_read(ctx, call, min, max);
  CHECK_OK(kja_connection_release(relay->own));
  CHECK_U64(count_get(&relay->destroyed), 0);
}
static void cancel_own_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  relay_t *relay = (relay_t *)ctx;
  relay_read(ctx, call, min, max);
  CHECK_OK(kja_promise_cancel(relay->operation));
  CHECK_IS(kja_promise_status(relay->operation), KJA_ERR_CANCELED);
}
static void abort_own_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  relay_t *relay = (relay_t *)ctx;
  relay_read(ctx, call, min, max);
  CHECK_OK(kja_connection_abort_read(relay->own));
}

/* parity: LLIO-13 */
static void a_callback_may_cancel_close_abort_and_release_its_own(void) {
  static const struct {
    kja_read_fn read;
    kja_status_t status;
  } cases[] = {{close_own_read, KJA_ERR_CANCELED}, {cancel_own_read, KJA_ERR_CANCELED}, {abort_own_read, KJA_OK}};
  for (size_t i = 0; i < 3; i++) {
    kja_runtime_t runtime = scope_open();
    pair_t pair = two_way_open(runtime);
    relay_t relay;
    relay_init(&relay, runtime, pair.client);
    kja_connection_callbacks_t callbacks = relay_callbacks(&relay);
    callbacks.read = cases[i].read;
    relay.own = provided(runtime, &callbacks);
    relay.operation = read_start(relay.own, 1, 1);
    expect(relay.operation, cases[i].status);
    let_loop_rest(runtime);
    CHECK_U64(count_get(&relay.destroyed), cases[i].read == close_own_read);
    if (cases[i].read != close_own_read) {
      /* What the callback has left has ended. */
      kja_promise_t direct = read_start(pair.client, 1, 1);
      if (cases[i].read == abort_own_read) expect_text(direct, "");
      else CHECK_OK(kja_promise_release(direct));
    }
    CHECK_OK(kja_connection_release(relay.own));
    CHECK_U64(count_get(&relay.destroyed), 1);
    CHECK_OK(kja_connection_release(pair.server));
    runtime_close(runtime);
  }
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  relay_t relay;
  relay_init(&relay, runtime, pair.client);
  kja_connection_callbacks_t callbacks = relay_callbacks(&relay);
  callbacks.read = release_own_read;
  relay.own = provided(runtime, &callbacks);
  kja_promise_t reading = read_start(relay.own, 1, 1), writing = write_text_start(pair.server, "z");
  /* The read holds the connection until it has ended. */
  expect_text(reading, "z");
  expect(writing, KJA_OK);
  CHECK_U64(count_get(&relay.destroyed), 1);
  CHECK_OK(kja_connection_release(pair.server));
  runtime_close(runtime);
}

/* parity: LLIO-13 */
static void those_on_top_of_each_other_are_bounded_and_dropped_in_turn(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t bottom = 0, top = 0, next = 0;
  kja_connection_callbacks_t callbacks;
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.size = sizeof callbacks;
  CHECK_OK(kja_connection_new_null(runtime, &bottom));
  top = bottom;
  for (int layers = 1; layers < 64; layers++) {
    callbacks.below = top;
    CHECK_OK(kja_connection_from_callbacks(runtime, &callbacks, &next));
    CHECK_OK(kja_connection_release(top));
    top = next;
  }
  callbacks.below = top;
  CHECK_IS(kja_connection_from_callbacks(runtime, &callbacks, &next), KJA_ERR_OVERLOADED);
  CHECK_OK(kja_connection_release(top));
  /* Without that, each is asked by the loop, and no call goes through all of them. */
  pair_t pair = two_way_open(runtime);
  top = pair.client;
  for (size_t layers = 0; layers < scaled(20000); layers++) top = relay_over(runtime, top);
  kja_promise_t writing = write_text_start(top, "down");
  expect_text(read_required_start(pair.server, 4, 4), "down");
  expect(writing, KJA_OK);
  writing = write_text_start(pair.server, "up");
  expect_text(read_required_start(top, 2, 2), "up");
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_release(top));
  expect_end(pair.server);
  CHECK_OK(kja_connection_release(pair.server));
  runtime_close(runtime);
}

/* parity: LLIO-13, LOOP-06 */
static void a_shutdown_ends_what_is_pending_and_frees_the_context(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  relay_t relay;
  kja_connection_t own = relay_open(&relay, runtime, pair.client), none = 1;
  kja_promise_t reading = read_start(own, 1, 1), writing = write_text_start(own, "x"), watching = disconnected_start(own);
  let_loop_rest(runtime);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_promise_status(reading), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_status(writing), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_status(watching), KJA_ERR_BAD_HANDLE);
  CHECK_U64(count_get(&relay.destroyed), 1);
  kja_connection_callbacks_t callbacks = relay_callbacks(&relay);
  count_t destroyed = {0};
  callbacks.ctx = &destroyed;
  callbacks.destroy = count_destroy;
  CHECK_IS(kja_connection_from_callbacks(runtime, &callbacks, &none), KJA_ERR_SHUTDOWN);
  CHECK_U64(none, 0);
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_runtime_release(runtime));
  runtime = runtime_open();
  callbacks.size--;
  CHECK_IS(kja_connection_from_callbacks(runtime, &callbacks, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_from_callbacks(runtime, NULL, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&destroyed), 1);
  callbacks.size++;
  callbacks.below = 12345;
  CHECK_IS(kja_connection_from_callbacks(runtime, &callbacks, &none), KJA_ERR_BAD_HANDLE);
  kja_runtime_t other = runtime_open();
  CHECK_OK(kja_connection_new_null(other, &callbacks.below));
  CHECK_IS(kja_connection_from_callbacks(runtime, &callbacks, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&destroyed), 3);
  CHECK_OK(kja_connection_release(callbacks.below));
  runtime_close(other);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(every_byte_goes_through_the_callbacks_both_ways);
  RUN_IN_BOTH(a_read_hears_how_much_is_waited_for);
  RUN_IN_BOTH(what_is_done_at_once_and_in_part_is_gone_on_with);
  RUN_IN_BOTH(a_cancelled_operation_cancels_what_the_callback_has_left);
  RUN(a_callback_that_has_not_begun_never_runs);
  RUN_IN_BOTH(wrong_results_and_errors_fail_the_operation);
  RUN_IN_BOTH(aborts_ends_and_lengths_are_asked_and_told);
  RUN_IN_BOTH(it_is_pumped_and_teed_and_asks_what_is_below);
  RUN(a_callback_may_cancel_close_abort_and_release_its_own);
  RUN_IN_BOTH(those_on_top_of_each_other_are_bounded_and_dropped_in_turn);
  RUN_IN_BOTH(a_shutdown_ends_what_is_pending_and_frees_the_context);
  return check_done();
}
