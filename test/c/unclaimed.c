/* What a promise carries and nobody has learned of goes back to where it came from. */
#include "gate.h"
#include "messages.h"
#include "options.h"

#include <poll.h>

static kja_queue_t queue_of(kja_runtime_t runtime, size_t capacity, uint64_t values) {
  kja_queue_t queue = 0;
  CHECK_OK(kja_queue_new(runtime, capacity, &queue));
  for (uint64_t i = 1; i <= values; i++) CHECK_OK(kja_queue_try_push_u64(queue, i));
  return queue;
}
static kja_promise_t pop_start(kja_queue_t queue) {
  kja_promise_t popping = 0;
  CHECK_OK(kja_queue_pop_start(queue, &popping));
  return popping;
}
static size_t size_of(kja_queue_t queue) {
  size_t size = SIZE_MAX;
  CHECK_OK(kja_queue_size(queue, &size));
  return size;
}

/* parity: QUEUE-01, QUEUE-04 */
static void values_go_back_to_the_front_in_their_order(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_of(runtime, 4, 4);
  kja_promise_t popping[3];
  for (int i = 0; i < 3; i++) popping[i] = pop_start(queue);
  CHECK_U64(size_of(queue), 1);
  CHECK_OK(kja_promise_release(popping[2]));
  CHECK_OK(kja_promise_release(popping[0]));
  CHECK_OK(kja_promise_release(popping[1]));
  CHECK_U64(size_of(queue), 4);
  for (uint64_t i = 1; i <= 4; i++) expect_u64(pop_start(queue), i);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* However it was learned. */
/* parity: QUEUE-04 */
static void a_value_that_somebody_learned_of_goes_with_its_promise(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_of(runtime, 4, 4);
  count_t told = {0};
  kja_promise_t popping = pop_start(queue), then = 0;
  CHECK_OK(kja_promise_status(popping));
  CHECK_OK(kja_promise_release(popping));
  popping = pop_start(queue);
  CHECK_OK(kja_promise_await(popping));
  CHECK_OK(kja_promise_release(popping));
  popping = pop_start(queue);
  CHECK_OK(kja_promise_then(popping, count_run, &told, NULL, &then));
  CHECK_OK(kja_promise_release(popping));
  expect(then, KJA_OK);
  CHECK_U64(count_get(&told), 1);
  CHECK_U64(size_of(queue), 1);
  expect_u64(pop_start(queue), 4);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-01 */
static void who_waits_gets_what_comes_back(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_of(runtime, 1, 1);
  kja_promise_t first = pop_start(queue), second = pop_start(queue), third = pop_start(queue);
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_release(first));
  expect_u64(second, 1);
  CHECK_IS(kja_promise_status(third), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(third));
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-03 */
static void what_comes_back_takes_room(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_of(runtime, 1, 1);
  kja_promise_t popping = pop_start(queue), pushing = 0;
  CHECK_OK(kja_queue_try_push_u64(queue, 2));
  CHECK_OK(kja_promise_release(popping));
  CHECK_U64(size_of(queue), 2);
  CHECK_OK(kja_queue_push_u64_start(queue, 3, &pushing));
  expect_u64(pop_start(queue), 1);
  CHECK_IS(kja_queue_try_push_u64(queue, 4), KJA_ERR_OVERLOADED);
  expect_u64(pop_start(queue), 2);
  expect(pushing, KJA_OK);
  expect_u64(pop_start(queue), 3);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

static void a_value_without_a_queue_is_freed(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_of(runtime, 2, 0);
  count_t destroyed = {0};
  CHECK_OK(kja_queue_try_push_opaque(queue, &destroyed, count_destroy));
  CHECK_OK(kja_queue_try_push_opaque(queue, &destroyed, count_destroy));
  kja_promise_t popping = pop_start(queue);
  CHECK_OK(kja_promise_release(popping));
  CHECK_U64(count_get(&destroyed), 0);
  popping = pop_start(queue);
  CHECK_OK(kja_queue_release(queue));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_promise_release(popping));
  CHECK_U64(count_get(&destroyed), 2);
  runtime_close(runtime);
}

/* Everything that passes an outcome on. Each takes the promise over. */
enum { BRANCH, CAUGHT, FINALLY, TIMEOUT, DEADLINE, CANCELER, ATTACHED, RACE, ANY, FORWARDED, DETACHED, RETURNED, WAYS };

static void return_it(void *ctx, kja_call_t call) {
  CHECK_OK(kja_call_return_promise(call, *(kja_promise_t *)ctx));
}
static kja_promise_t passing_on(kja_runtime_t runtime, int way, kja_promise_t promise, kja_canceler_t canceler) {
  kja_promise_t passing = 0, never = 0, unit = 0;
  kja_fulfiller_t fulfiller = 0;
  CHECK_OK(kja_promise_new_never(runtime, &never));
  kja_promise_t both[2] = {never, promise};
  switch (way) {
    case BRANCH: CHECK_OK(kja_promise_fork(promise, &passing)); break;
    case CAUGHT: CHECK_OK(kja_promise_catch(promise, must_not_run, NULL, NULL, &passing)); break;
    case FINALLY: CHECK_OK(kja_promise_finally(promise, do_nothing, NULL, NULL, &passing)); break;
    case TIMEOUT: CHECK_OK(kja_promise_timeout(promise, 3600 * SECOND, &passing)); break;
    case DEADLINE: CHECK_OK(kja_promise_deadline(promise, UINT64_MAX, &passing)); break;
    case CANCELER: CHECK_OK(kja_canceler_wrap(canceler, promise, &passing)); break;
    case ATTACHED: CHECK_OK(kja_promise_attach(promise, NULL, NULL, &passing)); break;
    case RACE: CHECK_OK(kja_promise_race(runtime, both, 2, &passing)); break;
    case ANY: CHECK_OK(kja_promise_any(runtime, both, 2, &passing)); break;
    case FORWARDED:
      CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &passing));
      CHECK_OK(kja_fulfiller_promise(fulfiller, promise));
      CHECK_OK(kja_fulfiller_release(fulfiller));
      promise = 0;
      break;
    case DETACHED:
      CHECK_OK(kja_promise_detach(promise, NULL, NULL, NULL));
      promise = 0;
      break;
    default: {
      kja_promise_t held = promise;
      CHECK_OK(kja_promise_new_unit(runtime, &unit));
      CHECK_OK(kja_promise_then(unit, return_it, &held, NULL, &passing));
      CHECK_OK(kja_promise_release(unit));
      let_loop_rest(runtime);
      promise = 0;
    }
  }
  if (promise) CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_promise_release(never));
  return passing;
}

/* parity: QUEUE-01, PROM-16, TIME-04, CANC-01, FORK-01 */
static void what_is_passed_on_and_seen_by_nobody_goes_back(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_of(runtime, 2, 0);
  kja_canceler_t canceler = 0;
  CHECK_OK(kja_canceler_new(runtime, &canceler));
  for (int way = 0; way < WAYS; way++) {
    /* Settled and passed on; passed on, though what comes above has not been polled; and twice. */
    for (int how = 0; how < 3; how++) {
      kja_promise_t passing = passing_on(runtime, way, pop_start(queue), canceler);
      if (how == 2 && passing) passing = passing_on(runtime, way == DETACHED ? BRANCH : way, passing, canceler);
      let_loop_rest(runtime);
      CHECK_OK(kja_queue_try_push_u64(queue, 7));
      if (how != 1) let_loop_rest(runtime);
      if (passing) CHECK_OK(kja_promise_release(passing));
      let_loop_rest(runtime);
      if (!CHECK_U64(size_of(queue), 1)) fprintf(stderr, "  in way %d, %d\n", way, how);
      expect_u64(pop_start(queue), 7);
      /* And if somebody looks, it is there. */
      passing = passing_on(runtime, way == DETACHED ? BRANCH : way, pop_start(queue), canceler);
      CHECK_OK(kja_queue_try_push_u64(queue, 8));
      expect_u64(passing, 8);
      CHECK_U64(size_of(queue), 0);
    }
  }
  CHECK_OK(kja_canceler_release(canceler));
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: PROM-30, PROM-31 */
static void what_is_joined_goes_back_if_the_join_fails(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_of(runtime, 4, 4);
  for (int failing = 0; failing < 2; failing++) {
    for (int join = 0; join < 3; join++) {
      kja_fulfiller_t fulfiller = 0;
      kja_promise_t inputs[3] = {pop_start(queue), pop_start(queue), 0}, joined = 0;
      CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &inputs[2]));
      switch (join) {
        case 0: CHECK_OK(kja_promise_all(runtime, inputs, 3, &joined)); break;
        case 1: CHECK_OK(kja_promise_join(runtime, inputs, 3, &joined)); break;
        default: CHECK_OK(kja_promise_all_settled(runtime, inputs, 3, &joined));
      }
      for (int i = 0; i < 3; i++) CHECK_OK(kja_promise_release(inputs[i]));
      let_loop_rest(runtime);
      if (failing) CHECK_OK(kja_fulfiller_error(fulfiller, KJA_ERR_FAILED, 0, "no", 2));
      else CHECK_OK(kja_fulfiller_unit(fulfiller));
      int fails = failing && join < 2;
      expect(joined, fails ? KJA_ERR_FAILED : KJA_OK);
      CHECK_OK(kja_fulfiller_release(fulfiller));
      CHECK_U64(size_of(queue), fails ? 4 : 2);
      if (fails) continue;
      expect_u64(pop_start(queue), 3);
      expect_u64(pop_start(queue), 4);
      for (uint64_t i = 1; i <= 4; i++) CHECK_OK(kja_queue_try_push_u64(queue, i));
    }
  }
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

static int is_open(int fd) {
  struct pollfd seen = {fd, POLLIN, 0};
  return poll(&seen, 1, 0) == 0;
}
static void expect_peer(kja_promise_t accepting, int fd) {
  kja_connection_t connection = handle_from(accepting);
  char text[8] = "";
  CHECK(is_open(fd));
  CHECK(send(fd, "hi", 2, 0) == 2);
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_start(connection, 2, 2, &reading));
  expect_text(reading, "hi");
  CHECK_OK(kja_connection_release(connection));
  CHECK(recv(fd, text, sizeof text, 0) == 0);
  close(fd);
}

/* parity: NET-16 */
static void an_accepted_connection_that_nobody_saw_is_the_next_accepts(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t first = accept_start(listener), second = accept_start(listener);
  int one = plain_connect(port_of(listener)), two = plain_connect(port_of(listener));
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_release(second));
  CHECK_OK(kja_promise_release(first));
  expect_peer(accept_start(listener), one);
  expect_peer(accept_start(listener), two);
  first = accept_start(listener), second = accept_start(listener);
  one = plain_connect(port_of(listener));
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_release(first));
  expect_peer(second, one);
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: NET-16, NET-23 */
static void what_nobody_saw_is_closed_with_its_listener(void) {
  kja_runtime_t runtime = runtime_open();
  for (int close_first = 0; close_first < 3; close_first++) {
    kja_listener_t listener = listen_on_loopback(runtime);
    kja_promise_t accepting = accept_start(listener);
    int fd = plain_connect(port_of(listener));
    let_loop_rest(runtime);
    if (close_first == 1) CHECK_OK(kja_listener_close(listener));
    CHECK_OK(kja_promise_release(accepting));
    if (!close_first) CHECK_OK(kja_listener_close(listener));
    CHECK_OK(kja_listener_release(listener));
    struct pollfd gone = {fd, POLLIN, 0};
    CHECK(poll(&gone, 1, 10000) == 1);
    close(fd);
  }
  runtime_close(runtime);
}

static void count_connection(void *ctx, kja_call_t call) {
  kja_connection_t connection = 0;
  CHECK_OK(kja_call_handle(call, &connection));
  CHECK_OK(kja_connection_release(connection));
  count_add((count_t *)ctx, 1);
  CHECK_OK(kja_call_return_u64(call, 1));
}

/* parity: NET-16 */
static void a_sequence_of_accepts_begins_with_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  count_t came = {0};
  kja_promise_t accepting = accept_start(listener), each = 0;
  int fd = plain_connect(port_of(listener));
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_release(accepting));
  CHECK_OK(kja_listener_accept_each_start(listener, count_connection, &came, NULL, &each));
  expect_u64(each, 1);
  CHECK_U64(count_get(&came), 1);
  close(fd);
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

static void expect_only(kja_promise_t receiving, const char *text) {
  kja_message_list_t list = handle_from(receiving);
  kja_message_t message = 0;
  size_t count = 0;
  CHECK_OK(kja_message_list_count(list, &count));
  CHECK_U64(count, 1);
  CHECK_OK(kja_message_list_get(list, 0, &message));
  message_says(message, text);
  CHECK_OK(kja_message_release(message));
  CHECK_OK(kja_message_list_release(list));
}

/* parity: DGRAM-03 */
static void a_datagram_that_nobody_saw_is_the_next_receives(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t from = port_on(runtime, "127.0.0.1:0"), to = port_on(runtime, "127.0.0.1:0");
  kja_address_t address = address_of_port(to);
  kja_promise_t receiving[2] = {receive_start(to), receive_start(to)}, many = 0;
  send_text(from, "a", address);
  send_text(from, "b", address);
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_release(receiving[1]));
  CHECK_OK(kja_promise_release(receiving[0]));
  expect_datagram(receive_start(to), "a");
  send_text(from, "c", address);
  /* What came back and what is new, in one; each goes back by itself. */
  for (int i = 0; i < 2; i++) {
    CHECK_OK(kja_datagram_receive_many_start(to, NULL, 3, &many));
    let_loop_rest(runtime);
    CHECK_OK(kja_promise_release(many));
  }
  expect_datagram(receive_start(to), "b");
  CHECK_OK(kja_datagram_receive_many_start(to, NULL, 3, &many));
  expect_only(many, "c");
  send_text(from, "d", address);
  expect_datagram(receive_start(to), "d");
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_datagram_release(from));
  CHECK_OK(kja_datagram_release(to));
  runtime_close(runtime);
}

/* Of a timeout and what it bounds, which come at the same moment: nothing is lost, whoever comes first. */
enum { ROUNDS = 1500 };

static uint64_t some(uint64_t most) {
  static uint64_t seed = 99;
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (seed >> 33) % most;
}
static kja_promise_t bounded(kja_promise_t promise) {
  kja_promise_t timeout = 0;
  CHECK_OK(kja_promise_timeout(promise, some(60) * 1000, &timeout));
  CHECK_OK(kja_promise_release(promise));
  return timeout;
}
static void a_moment(void) {
  for (volatile uint64_t left = some(30000); left; left--) continue;
}
/* Awaited, or polled by nobody but the loop. */
static kja_status_t ends_as(kja_promise_t timeout, int round) {
  kja_status_t status = KJA_ERR_PENDING;
  if (round % 2) return kja_promise_await(timeout);
  while ((status = kja_promise_status(timeout)) == KJA_ERR_PENDING) sched_yield();
  return status;
}

/* parity: TIME-04, QUEUE-04 */
static void a_value_and_a_timeout_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_of(runtime, 2, 0);
  for (int i = 0; i < ROUNDS; i++) {
    kja_promise_t timeout = bounded(pop_start(queue));
    a_moment();
    CHECK_OK(kja_queue_try_push_u64(queue, 7));
    kja_status_t status = ends_as(timeout, i);
    if (status == KJA_OK) {
      expect_u64(timeout, 7);
    } else {
      CHECK_U64(status, KJA_ERR_TIMED_OUT);
      CHECK_OK(kja_promise_release(timeout));
      CHECK_U64(size_of(queue), 1);
      expect_u64(pop_start(queue), 7);
    }
    CHECK_U64(size_of(queue), 0);
  }
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: TIME-04, NET-16 */
static void a_connection_and_a_timeout_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  uint16_t port = port_of(listener);
  for (int i = 0; i < ROUNDS / 3; i++) {
    kja_promise_t timeout = bounded(accept_start(listener));
    a_moment();
    int fd = plain_connect(port);
    kja_status_t status = ends_as(timeout, i);
    if (status != KJA_OK) {
      CHECK_U64(status, KJA_ERR_TIMED_OUT);
      CHECK_OK(kja_promise_release(timeout));
      timeout = accept_start(listener);
    }
    expect_peer(timeout, fd);
  }
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: TIME-04, DGRAM-03 */
static void a_datagram_and_a_timeout_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t from = port_on(runtime, "127.0.0.1:0"), to = port_on(runtime, "127.0.0.1:0");
  kja_address_t address = address_of_port(to);
  for (int i = 0; i < ROUNDS; i++) {
    kja_promise_t timeout = bounded(receive_start(to));
    a_moment();
    send_text(from, "x", address);
    kja_status_t status = ends_as(timeout, i);
    if (status != KJA_OK) {
      CHECK_U64(status, KJA_ERR_TIMED_OUT);
      CHECK_OK(kja_promise_release(timeout));
      timeout = receive_start(to);
    }
    expect_datagram(timeout, "x");
  }
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_datagram_release(from));
  CHECK_OK(kja_datagram_release(to));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(values_go_back_to_the_front_in_their_order);
  RUN_IN_BOTH(a_value_that_somebody_learned_of_goes_with_its_promise);
  RUN_IN_BOTH(who_waits_gets_what_comes_back);
  RUN_IN_BOTH(what_comes_back_takes_room);
  RUN_IN_BOTH(a_value_without_a_queue_is_freed);
  RUN_IN_BOTH(what_is_passed_on_and_seen_by_nobody_goes_back);
  RUN_IN_BOTH(what_is_joined_goes_back_if_the_join_fails);
  RUN_IN_BOTH(an_accepted_connection_that_nobody_saw_is_the_next_accepts);
  RUN_IN_BOTH(what_nobody_saw_is_closed_with_its_listener);
  RUN_IN_BOTH(a_sequence_of_accepts_begins_with_it);
  RUN_IN_BOTH(a_datagram_that_nobody_saw_is_the_next_receives);
  RUN(a_value_and_a_timeout_at_once);
  RUN(a_connection_and_a_timeout_at_once);
  RUN(a_datagram_and_a_timeout_at_once);
  return check_done();
}
