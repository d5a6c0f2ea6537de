/* What can hold another of its kind, in each other very many times, on a small stack: built, used and dropped, or
 * refused. */
#include "small_stack.h"
#include "stream.h"

enum { DEEP = 100000, MOST = 64 };

/* One more, made of the one before, which is released; what refused it. */
typedef kja_status_t (*more_fn)(void *ctx, kja_handle_t before, kja_handle_t *next);

static kja_handle_t nest(more_fn more, void *ctx, kja_handle_t first, kja_status_t (*release)(kja_handle_t), size_t *made,
                         kja_status_t *refused) {
  *refused = KJA_OK;
  for (*made = 0; *made < DEEP; ++*made) {
    kja_handle_t next = 0;
    *refused = more(ctx, first, &next);
    if (*refused != KJA_OK) break;
    CHECK_OK(release(first));
    first = next;
  }
  return first;
}

static kja_network_wrapper_t plain_wrapper(kja_runtime_t runtime) {
  kja_network_wrapper_options_t options;
  kja_network_wrapper_t wrapper = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  CHECK_OK(kja_network_wrapper_new(runtime, &options, &wrapper));
  return wrapper;
}

static kja_status_t restrict_more(void *ctx, kja_handle_t before, kja_handle_t *next) {
  kja_slice_t local = {"local", 5};
  (void)ctx;
  return kja_network_restrict(before, &local, 1, NULL, 0, next);
}
static void rules_on_rules(kja_runtime_t runtime) {
  kja_network_t network = 0;
  kja_promise_t parsing = 0;
  kja_status_t refused;
  size_t made;
  bool allowed = false;
  CHECK_OK(kja_network_new(runtime, &network));
  network = nest(restrict_more, NULL, network, kja_network_release, &made, &refused);
  CHECK_U64(made, DEEP);
  CHECK_OK(kja_network_parse_address_start(network, "127.0.0.1:1", 11, 0, &parsing));
  kja_address_t address = handle_from(parsing);
  CHECK_OK(kja_network_allows(network, address, &allowed));
  CHECK(allowed);
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_release(network));
}
/* parity: NET-05 */
static void a_network_may_be_restricted_any_number_of_times(void) {
  small(rules_on_rules);
}

static kja_status_t wrap_address_more(void *ctx, kja_handle_t before, kja_handle_t *next) {
  return kja_network_wrapper_wrap_address(*(kja_network_wrapper_t *)ctx, before, "h", 1, next);
}
static void addresses_in_addresses(kja_runtime_t runtime) {
  kja_network_wrapper_t wrapper = plain_wrapper(runtime);
  kja_promise_t connecting = 0;
  kja_listener_t listener = 0;
  kja_status_t refused;
  size_t made, length = 0;
  kja_address_t address = address_of(runtime, "127.0.0.1:0", 0);
  address = nest(wrap_address_more, &wrapper, address, kja_address_release, &made, &refused);
  CHECK_U64(made, MOST - 1);
  CHECK_U64(refused, KJA_ERR_OVERLOADED);
  CHECK_OK(kja_address_text(address, NULL, 0, &length));
  CHECK_IS(kja_address_connect_start(address, &connecting), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_address_listen(address, 0, &listener));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_wrapper_release(wrapper));
}
/* parity: NET-22 */
static void addresses_in_each_other_are_bounded(void) {
  small(addresses_in_addresses);
}

static kja_status_t wrap_listener_more(void *ctx, kja_handle_t before, kja_handle_t *next) {
  return kja_network_wrapper_wrap_listener(*(kja_network_wrapper_t *)ctx, before, next);
}
static void listeners_in_listeners(kja_runtime_t runtime) {
  kja_network_wrapper_t wrapper = plain_wrapper(runtime);
  kja_listener_t both[2] = {0, 0}, aggregate = 0, over = 0;
  kja_status_t refused;
  size_t made;
  both[0] = nest(wrap_listener_more, &wrapper, listen_on_loopback(runtime), kja_listener_release, &made, &refused);
  CHECK_U64(made, MOST - 1);
  CHECK_U64(refused, KJA_ERR_OVERLOADED);
  kja_promise_t accepting = accept_start(both[0]);
  CHECK(port_of(both[0]) != 0);
  CHECK_OK(kja_promise_release(accepting));
  /* An aggregate is as deep as the deepest that is in it. */
  both[1] = listen_on_loopback(runtime);
  CHECK_OK(kja_listener_aggregate_new(both, 2, &aggregate));
  CHECK_IS(kja_network_wrapper_wrap_listener(wrapper, aggregate, &over), KJA_ERR_OVERLOADED);
  CHECK_OK(kja_listener_release(aggregate));
  CHECK_OK(kja_listener_close(both[0]));
  CHECK_OK(kja_listener_release(both[0]));
  CHECK_OK(kja_listener_release(both[1]));
  CHECK_OK(kja_network_wrapper_release(wrapper));
}
/* parity: NET-22 */
static void listeners_in_each_other_are_bounded(void) {
  small(listeners_in_listeners);
}

static kja_status_t wrap_network_more(void *ctx, kja_handle_t before, kja_handle_t *next) {
  return kja_network_wrapper_wrap_network(*(kja_network_wrapper_t *)ctx, before, next);
}
static void networks_in_networks(kja_runtime_t runtime) {
  kja_network_wrapper_t wrapper = plain_wrapper(runtime);
  kja_network_t network = 0;
  kja_promise_t parsing = 0;
  kja_status_t refused;
  size_t made;
  CHECK_OK(kja_network_new(runtime, &network));
  network = nest(wrap_network_more, &wrapper, network, kja_network_release, &made, &refused);
  CHECK_U64(made, MOST - 1);
  CHECK_U64(refused, KJA_ERR_OVERLOADED);
  CHECK_OK(kja_network_parse_address_start(network, "127.0.0.1:1", 11, 0, &parsing));
  CHECK_OK(kja_address_release(handle_from(parsing)));
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_network_wrapper_release(wrapper));
}
/* parity: NET-22 */
static void networks_in_each_other_are_bounded(void) {
  small(networks_in_networks);
}

static kja_status_t tee_more(void *ctx, kja_handle_t before, kja_handle_t *next) {
  kja_connection_t other = 0;
  (void)ctx;
  kja_status_t status = kja_pipe_tee(before, 0, next, &other);
  if (status == KJA_OK) CHECK_OK(kja_connection_release(other));
  return status;
}
static kja_status_t promise_more(void *ctx, kja_handle_t before, kja_handle_t *next) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_handle(*(kja_runtime_t *)ctx, before, &promise));
  kja_status_t status = kja_connection_new_promised(promise, next);
  CHECK_OK(kja_promise_release(promise));
  return status;
}
static void streams(kja_runtime_t runtime, more_fn more) {
  kja_status_t refused;
  size_t made;
  pair_t pair = two_way_open(runtime);
  kja_connection_t top = nest(more, &runtime, pair.client, kja_connection_release, &made, &refused);
  CHECK_U64(made, MOST - 1);
  CHECK_U64(refused, KJA_ERR_OVERLOADED);
  kja_promise_t reading = read_start(top, 1, 10), writing = write_text_start(pair.server, "through");
  expect_text(reading, "through");
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_close(top));
  CHECK_OK(kja_connection_release(top));
  CHECK_OK(kja_connection_release(pair.server));
}
static void tees_of_tees(kja_runtime_t runtime) {
  streams(runtime, tee_more);
}
static void promised_of_promised(kja_runtime_t runtime) {
  streams(runtime, promise_more);
}
/* parity: PIPE-09, STRM-27 */
static void connections_on_top_of_each_other_are_bounded(void) {
  small(tees_of_tees);
  small(promised_of_promised);
}

/* What each of these stands for comes last, so that nobody could count when it was made. */
static void from_the_top(kja_runtime_t runtime) {
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0, reading = 0;
  kja_connection_t top = 0, lowest = 0, next = 0, tee[2] = {0, 0};
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK_OK(kja_connection_new_promised(promise, &top));
  CHECK_OK(kja_promise_release(promise));
  for (size_t i = 0; i < DEEP / 20; i++) {
    kja_fulfiller_t before = fulfiller;
    CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
    CHECK_OK(kja_connection_new_promised(promise, &next));
    CHECK_OK(kja_promise_release(promise));
    if (i % 2 == 0) {
      CHECK_OK(kja_pipe_tee(next, 0, &tee[0], &tee[1]));
      CHECK_OK(kja_fulfiller_handle(before, tee[0]));
      CHECK_OK(kja_connection_release(tee[0]));
      CHECK_OK(kja_connection_release(tee[1]));
    } else {
      CHECK_OK(kja_fulfiller_handle(before, next));
    }
    CHECK_OK(kja_fulfiller_release(before));
    CHECK_OK(kja_connection_release(next));
  }
  CHECK_OK(kja_connection_new_null(runtime, &lowest));
  CHECK_OK(kja_fulfiller_handle(fulfiller, lowest));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_connection_release(lowest));
  CHECK_OK(kja_connection_read_start(top, 1, 1, &reading));
  expect(reading, KJA_ERR_OVERLOADED);
  uint64_t length = 0;
  size_t written = 0;
  CHECK(kja_connection_length(top, &length) != KJA_OK);
  /* The next one down is a branch of a tee. */
  CHECK_IS(kja_connection_write_now(top, "x", 1, &written), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_connection_close(top));
  CHECK_OK(kja_connection_release(top));
}
/* parity: STRM-27 */
static void promised_connections_that_come_from_the_top_are_bounded(void) {
  small(from_the_top);
}

static void carries_itself(kja_runtime_t runtime, size_t many) {
  kja_fulfiller_t fulfillers[3] = {0, 0, 0};
  kja_promise_t promises[3] = {0, 0, 0}, pending = 0;
  kja_connection_t ring[3] = {0, 0, 0};
  for (size_t i = 0; i < many; i++) {
    CHECK_OK(kja_fulfiller_new(runtime, &fulfillers[i], &promises[i]));
    CHECK_OK(kja_connection_new_promised(promises[i], &ring[i]));
  }
  pending = read_start(ring[0], 1, 1);
  for (size_t i = 0; i < many; i++) {
    CHECK_OK(kja_fulfiller_handle(fulfillers[i], ring[(i + 1) % many]));
    CHECK_OK(kja_fulfiller_release(fulfillers[i]));
    CHECK_OK(kja_promise_release(promises[i]));
  }
  expect(pending, KJA_ERR_FAILED);
  for (size_t i = 0; i < many; i++) {
    uint64_t length = 0;
    size_t written = 0;
    int fd = 0;
    expect(read_start(ring[i], 1, 1), KJA_ERR_FAILED);
    expect(write_text_start(ring[i], "x"), KJA_ERR_FAILED);
    CHECK_IS(kja_connection_write_now(ring[i], "x", 1, &written), KJA_ERR_FAILED);
    CHECK(kja_connection_length(ring[i], &length) != KJA_OK);
    CHECK_IS(kja_connection_fd(ring[i], &fd), KJA_ERR_UNIMPLEMENTED);
    expect(shutdown_start(ring[i]), KJA_ERR_FAILED);
  }
  for (size_t i = 0; i < many; i++) {
    CHECK_OK(kja_connection_close(ring[i]));
    CHECK_OK(kja_connection_release(ring[i]));
  }
}
static void ring_of_one(kja_runtime_t runtime) {
  carries_itself(runtime, 1);
}
static void ring_of_two(kja_runtime_t runtime) {
  carries_itself(runtime, 2);
}
static void ring_of_three(kja_runtime_t runtime) {
  carries_itself(runtime, 3);
}
/* parity: STRM-27 */
static void a_promised_connection_that_carries_itself_is_refused(void) {
  small(ring_of_one);
  small(ring_of_two);
  small(ring_of_three);
}

int main(void) {
  RUN(a_network_may_be_restricted_any_number_of_times);
  RUN(addresses_in_each_other_are_bounded);
  RUN(listeners_in_each_other_are_bounded);
  RUN(networks_in_each_other_are_bounded);
  RUN(connections_on_top_of_each_other_are_bounded);
  RUN(promised_connections_that_come_from_the_top_are_bounded);
  RUN(a_promised_connection_that_carries_itself_is_refused);
  return check_done();
}
