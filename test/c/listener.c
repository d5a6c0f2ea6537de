#include "loopback.h"
#include "options.h"
#include "shortage.h"

#include <netinet/tcp.h>

/* parity: NET-13, NET-18 */
static void port_0_becomes_a_port_that_can_be_connected_to(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t one = listen_on_loopback(runtime), other = listen_on_loopback(runtime);
  char text[64], want[64];
  size_t length = 0;
  kja_address_t address = 0;
  CHECK(port_of(one) != 0);
  CHECK(port_of(one) != port_of(other));
  CHECK_OK(kja_listener_local_address(one, &address));
  CHECK_OK(kja_address_text(address, text, sizeof text, &length));
  snprintf(want, sizeof want, "127.0.0.1:%u", (unsigned)port_of(one));
  CHECK(strcmp(text, want) == 0);
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_listener_release(one));
  CHECK_OK(kja_listener_release(other));
  runtime_close(runtime);
}

/* parity: NET-13 */
static void a_port_in_use_is_refused_with_its_os_error(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime), second = 1;
  kja_address_t address = 0;
  CHECK_OK(kja_listener_local_address(listener, &address));
  CHECK_IS(kja_address_listen(address, 0, &second), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EADDRINUSE);
  CHECK_U64(second, 0);
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_listen(address, 0, &second));
  CHECK_OK(kja_listener_release(second));
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

static void an_address_that_is_not_ours_cannot_be_listened_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_address_t address = address_of(runtime, "192.0.2.1:0", 0);
  kja_listener_t listener = 1;
  CHECK(kja_address_listen(address, 0, &listener) != KJA_OK);
  CHECK_U64(kja_last_error_os(), EADDRNOTAVAIL);
  CHECK_U64(listener, 0);
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

/* parity: NET-16 */
static void each_accept_takes_one_connection(void) {
  enum { MANY = 20 };
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t connecting[MANY];
  kja_connection_t clients[MANY];
  for (int i = 0; i < MANY; i++) connecting[i] = connect_start(listener);
  for (int i = 0; i < MANY; i++) {
    clients[i] = handle_from(connecting[i]);
    char hello[3] = {'c', (char)('a' + i), 0};
    write_text(clients[i], hello);
  }
  unsigned seen = 0;
  for (int i = 0; i < MANY; i++) {
    kja_connection_t server = handle_from(accept_start(listener));
    kja_promise_t reading = read_start(server, 2, 2);
    kja_bytes_t bytes = 0;
    const void *data = NULL;
    size_t size = 0;
    CHECK_OK(kja_promise_await(reading));
    CHECK_OK(kja_promise_bytes(reading, &bytes));
    CHECK_OK(kja_bytes_data(bytes, &data, &size));
    if (CHECK_U64(size, 2)) seen |= 1u << (((const char *)data)[1] - 'a');
    CHECK_OK(kja_bytes_release(bytes));
    CHECK_OK(kja_promise_release(reading));
    CHECK_OK(kja_connection_release(server));
  }
  CHECK_U64(seen, (1u << MANY) - 1);
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_connection_release(clients[i]));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: NET-16 */
static void several_accepts_may_wait_at_once(void) {
  enum { MANY = 5 };
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting[MANY];
  kja_connection_t clients[MANY];
  for (int i = 0; i < MANY; i++) accepting[i] = accept_start(listener);
  CHECK_OK(kja_promise_release(accepting[2]));
  for (int i = 1; i < MANY; i++) clients[i] = handle_from(connect_start(listener));
  for (int i = 0; i < MANY; i++)
    if (i != 2) CHECK_OK(kja_connection_release(handle_from(accepting[i])));
  for (int i = 1; i < MANY; i++) CHECK_OK(kja_connection_release(clients[i]));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: NET-23 */
static void close_ends_pending_accepts_and_frees_the_port(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime), again = 0;
  kja_address_t address = 0;
  kja_promise_t late = 0;
  unsigned fds = open_fds();
  CHECK_OK(kja_listener_local_address(listener, &address));
  kja_promise_t accepting = accept_start(listener);
  CHECK_OK(kja_listener_close(listener));
  CHECK(fds_come_back_to(fds - 1));
  expect(accepting, KJA_ERR_CANCELED);
  CHECK_OK(kja_listener_close(listener));
  if (kja_listener_accept_start(listener, &late) == KJA_OK) {
    CHECK(kja_promise_await(late) != KJA_OK);
    CHECK_OK(kja_promise_release(late));
  }
  CHECK_OK(kja_address_listen(address, 0, &again));
  CHECK_OK(kja_listener_release(again));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: NET-23 */
static void accepted_connections_outlive_their_listener(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  write_text(pair.client, "no listener");
  expect_text(read_start(pair.server, 11, 11), "no listener");
  pair_release(pair);
  runtime_close(runtime);
}

static void a_released_listener_is_kept_by_its_accept(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  unsigned fds = open_fds();
  uint16_t port = port_of(listener);
  CHECK_OK(kja_listener_release(listener));
  CHECK_U64(open_fds(), fds);
  int fd = plain_connect(port);
  CHECK_OK(kja_connection_release(handle_from(accepting)));
  close(fd);
  CHECK(fds_come_back_to(fds - 1));
  runtime_close(runtime);
}

static void accept_without_descriptors(kja_runtime_t runtime) {
  kja_listener_t listener = listen_on_loopback(runtime);
  shortage_t shortage;
  int client = plain_connect(port_of(listener));
  shortage_begin(&shortage);
  kja_promise_t accepting = accept_start(listener);
  uint64_t spent = cpu_nanos();
  kja_status_t status = kja_promise_await_for(accepting, 400 * MILLISECOND);
  spent = cpu_nanos() - spent;
  CHECK(status == KJA_ERR_TIMED_OUT || status == KJA_ERR_OVERLOADED);
  CHECK(spent < 200 * MILLISECOND);
  shortage_end(&shortage);
  if (status != KJA_ERR_TIMED_OUT) {
    CHECK_OK(kja_promise_release(accepting));
    accepting = accept_start(listener);
  }
  CHECK_OK(kja_connection_release(handle_from(accepting)));
  close(client);
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: NET-16 */
static void without_descriptors_accept_neither_spins_nor_dies(void) {
  accept_without_descriptors(runtime_open());
}

/* It waits for the system, which does not go by the runtime's clock. */
static void without_descriptors_accept_goes_on_while_virtual_time_stands_still(void) {
  accept_without_descriptors(virtual_open());
}

static void without_descriptors_connect_and_listen_are_errors(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime), second = 1;
  kja_address_t address = 0;
  kja_promise_t connecting = 0;
  shortage_t shortage;
  CHECK_OK(kja_listener_local_address(listener, &address));
  shortage_begin(&shortage);
  kja_status_t status = kja_address_connect_start(address, &connecting);
  if (status == KJA_OK) {
    status = kja_promise_await(connecting);
    CHECK_U64(kja_last_error_os(), EMFILE);
    CHECK_OK(kja_promise_release(connecting));
  }
  CHECK_IS(status, KJA_ERR_OVERLOADED);
  CHECK_IS(kja_address_listen(address, 0, &second), KJA_ERR_OVERLOADED);
  CHECK_U64(kja_last_error_os(), EMFILE);
  kja_runtime_t another = 1;
  CHECK(kja_runtime_new(NULL, &another) != KJA_OK);
  CHECK_U64(another, 0);
  shortage_end(&shortage);
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

#ifdef __linux__
static uint32_t backlog_of(kja_runtime_t runtime, uint32_t backlog) {
  kja_address_t address = address_of(runtime, "127.0.0.1:0", 0);
  kja_listener_t listener = 0;
  struct tcp_info info;
  memset(&info, 0, sizeof info);
  CHECK_OK(kja_address_listen(address, backlog, &listener));
  CHECK_OK(kja_listener_getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, sizeof info, NULL));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(address));
  /* What it tells of a socket that listens. */
  return info.tcpi_sacked;
}
/* parity: NET-13 */
static void the_backlog_is_the_systems_maximum_unless_said_otherwise(void) {
  kja_runtime_t runtime = runtime_open();
  unsigned most = 0;
  FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");
  CHECK(file && fscanf(file, "%u", &most) == 1);
  if (file) fclose(file);
  CHECK_U64(backlog_of(runtime, 0), most);
  CHECK_U64(backlog_of(runtime, 5), 5);
  runtime_close(runtime);
}
#endif

typedef struct greeter_t {
  count_t runs, destroyed;
  uint64_t last;
  kja_promise_t wait;
} greeter_t;

static greeter_t greeter_new(void) {
  greeter_t greeter;
  memset(&greeter, 0, sizeof greeter);
  return greeter;
}
/* Greets each connection and drops it; the last one ends it. */
static void greet(void *ctx, kja_call_t call) {
  greeter_t *greeter = (greeter_t *)ctx;
  kja_connection_t connection = 0;
  size_t written = 0;
  uint64_t run = count_add(&greeter->runs, 1);
  CHECK_OK(kja_call_handle(call, &connection));
  CHECK_OK(kja_connection_write_now(connection, "hi", 2, &written));
  CHECK_U64(written, 2);
  CHECK_OK(kja_connection_release(connection));
  if (run == greeter->last) CHECK_OK(kja_call_return_u64(call, run));
  else if (greeter->wait) CHECK_OK(kja_call_return_promise(call, greeter->wait));
}
static void greeter_destroy(void *ctx) {
  count_add(&((greeter_t *)ctx)->destroyed, 1);
}
static kja_promise_t greet_all(kja_listener_t listener, greeter_t *greeter) {
  kja_promise_t greeting = 0;
  CHECK_OK(kja_listener_accept_each_start(listener, greet, greeter, greeter_destroy, &greeting));
  return greeting;
}
static void is_greeted(kja_listener_t listener) {
  kja_connection_t client = handle_from(connect_start(listener));
  expect_text(read_start(client, 3, 9), "hi");
  CHECK_OK(kja_connection_release(client));
}

/* parity: NET-16 */
static void each_connection_has_its_callback_until_a_value_ends_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  greeter_t greeter = greeter_new();
  greeter.last = 3;
  kja_promise_t greeting = greet_all(listener, &greeter);
  for (int i = 0; i < 3; i++) is_greeted(listener);
  expect_u64(greeting, 3);
  CHECK_U64(count_get(&greeter.destroyed), 1);
  /* The listener goes on. */
  kja_promise_t accepting = accept_start(listener);
  CHECK_OK(kja_connection_release(handle_from(connect_start(listener))));
  CHECK_OK(kja_connection_release(handle_from(accepting)));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* And leaves later connections to others. */
static void a_promise_of_its_callback_comes_before_the_next_accept(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  greeter_t greeter = greeter_new(), closed = greeter_new(), ended = greeter_new();
  greeter.wait = pending_until_gone(runtime, &greeter.runs);
  kja_promise_t greeting = greet_all(listener, &greeter);
  is_greeted(listener);
  kja_promise_t accepting = accept_start(listener);
  CHECK_OK(kja_connection_release(handle_from(connect_start(listener))));
  CHECK_OK(kja_connection_release(handle_from(accepting)));
  CHECK_U64(count_get(&greeter.runs), 1);
  CHECK_OK(kja_promise_cancel(greeting));
  CHECK_U64(count_get(&greeter.runs), 2);
  CHECK_U64(count_get(&greeter.destroyed), 1);
  expect_already(greeting, KJA_ERR_CANCELED);
  greeting = greet_all(listener, &closed);
  is_greeted(listener);
  CHECK_OK(kja_listener_close(listener));
  expect(greeting, KJA_ERR_CANCELED);
  CHECK_OK(kja_listener_release(listener));
  listener = listen_on_loopback(runtime);
  greet_all(listener, &ended);
  is_greeted(listener);
  runtime_close(runtime);
  CHECK_U64(count_get(&ended.destroyed), 1);
}

int main(void) {
  RUN_IN_BOTH(port_0_becomes_a_port_that_can_be_connected_to);
  RUN_IN_BOTH(a_port_in_use_is_refused_with_its_os_error);
  RUN_IN_BOTH(an_address_that_is_not_ours_cannot_be_listened_on);
  RUN_IN_BOTH(each_accept_takes_one_connection);
  RUN_IN_BOTH(several_accepts_may_wait_at_once);
  RUN_IN_BOTH(close_ends_pending_accepts_and_frees_the_port);
  RUN_IN_BOTH(accepted_connections_outlive_their_listener);
  RUN_IN_BOTH(a_released_listener_is_kept_by_its_accept);
  if (!under_valgrind()) {
  #ifdef __linux__
  RUN_IN_BOTH(the_backlog_is_the_systems_maximum_unless_said_otherwise);
#endif
  RUN_IN_BOTH(without_descriptors_accept_neither_spins_nor_dies);
  RUN_IN_BOTH(without_descriptors_accept_goes_on_while_virtual_time_stands_still);
    RUN_IN_BOTH(without_descriptors_connect_and_listen_are_errors);
  }
  RUN_IN_BOTH(each_connection_has_its_callback_until_a_value_ends_it);
  RUN_IN_BOTH(a_promise_of_its_callback_comes_before_the_next_accept);
  return check_done();
}
