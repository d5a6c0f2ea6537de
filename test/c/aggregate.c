#include "names.h"

enum { LISTENERS = 3 };

typedef struct several_t {
  kja_runtime_t runtime;
  kja_listener_t single[LISTENERS], all;
  uint16_t port[LISTENERS];
} several_t;

static several_t several_open(void) {
  several_t several;
  several.runtime = runtime_open();
  for (int i = 0; i < LISTENERS; i++) {
    several.single[i] = listen_on_loopback(several.runtime);
    several.port[i] = port_of(several.single[i]);
  }
  CHECK_OK(kja_listener_aggregate_new(several.single, LISTENERS, &several.all));
  return several;
}
static void several_close(const several_t *several) {
  for (int i = 0; i < LISTENERS; i++) CHECK_OK(kja_listener_release(several->single[i]));
  CHECK_OK(kja_listener_release(several->all));
  runtime_close(several->runtime);
}

/* A peer that says which it is. */
static int plain_hello(uint16_t port, char name) {
  int fd = plain_connect(port);
  CHECK(write(fd, &name, 1) == 1);
  return fd;
}
static void expect_hello(kja_promise_t accepting, char name) {
  kja_connection_t server = handle_from(accepting);
  expect_bytes(read_start(server, 1, 1), &name, 1);
  CHECK_OK(kja_connection_release(server));
}

/* parity: NET-20 */
static void it_accepts_from_any_and_serves_waiters_in_order(void) {
  several_t several = several_open();
  kja_promise_t accepting[LISTENERS];
  int fds[LISTENERS];
  for (int i = 0; i < LISTENERS; i++) accepting[i] = accept_start(several.all);
  for (int i = 0; i < LISTENERS; i++) {
    /* One at a time, so that there is an order. */
    fds[i] = plain_hello(several.port[LISTENERS - 1 - i], (char)('a' + i));
    CHECK_OK(kja_promise_await(accepting[i]));
  }
  for (int i = 0; i < LISTENERS; i++) expect_hello(accepting[i], (char)('a' + i));
  for (int i = 0; i < LISTENERS; i++) close(fds[i]);
  several_close(&several);
}

/* parity: NET-16, NET-20 */
static void what_comes_before_a_waiter_waits_in_the_backlog(void) {
  several_t several = several_open();
  int fds[2 * LISTENERS];
  unsigned seen = 0;
  for (int i = 0; i < 2 * LISTENERS; i++) fds[i] = plain_hello(several.port[i % LISTENERS], (char)i);
  let_loop_catch_up(several.runtime);
  for (int i = 0; i < 2 * LISTENERS; i++) {
    kja_connection_t server = handle_from(accept_start(several.all));
    kja_promise_t reading = read_start(server, 1, 1);
    kja_bytes_t bytes = 0;
    const void *data = NULL;
    size_t size = 0;
    CHECK_OK(kja_promise_await(reading));
    CHECK_OK(kja_promise_bytes(reading, &bytes));
    CHECK_OK(kja_bytes_data(bytes, &data, &size));
    if (CHECK_U64(size, 1)) seen |= 1u << *(const char *)data;
    CHECK_OK(kja_bytes_release(bytes));
    CHECK_OK(kja_promise_release(reading));
    CHECK_OK(kja_connection_release(server));
    close(fds[i]);
  }
  CHECK_U64(seen, (1u << 2 * LISTENERS) - 1);
  several_close(&several);
}

/* parity: NET-16, NET-20 */
static void a_dropped_accept_takes_nothing(void) {
  several_t several = several_open();
  kja_promise_t first = accept_start(several.all), second = accept_start(several.all);
  CHECK_OK(kja_promise_release(first));
  int fd = plain_hello(several.port[1], 'x');
  expect_hello(second, 'x');
  close(fd);

  first = accept_start(several.all);
  fd = plain_hello(several.port[2], 'y');
  CHECK_OK(kja_promise_release(first));
  close(fd);
  several_close(&several);
}

/* The line is one, whichever handle an accept was started on. */
/* parity: NET-20 */
static void its_listeners_stay_usable(void) {
  several_t several = several_open();
  kja_promise_t of_all = accept_start(several.all), of_one = accept_start(several.single[0]);
  int first = plain_hello(several.port[0], '1');
  expect_hello(of_all, '1');
  CHECK_IS(kja_promise_status(of_one), KJA_ERR_PENDING);
  int second = plain_hello(several.port[0], '2');
  expect_hello(of_one, '2');
  close(first);
  close(second);
  several_close(&several);
}

/* parity: NET-20, NET-23 */
static void it_keeps_released_listeners_and_outlives_closed_ones(void) {
  several_t several = several_open();
  kja_promise_t accepting = accept_start(several.all);
  CHECK_OK(kja_listener_release(several.single[0]));
  CHECK_OK(kja_listener_close(several.single[1]));
  let_loop_catch_up(several.runtime);
  CHECK_IS(kja_promise_status(accepting), KJA_ERR_PENDING);
  int fd = plain_hello(several.port[0], 'k');
  expect_hello(accepting, 'k');
  close(fd);

  accepting = accept_start(several.all);
  CHECK_OK(kja_listener_close(several.all));
  expect(accepting, KJA_ERR_CANCELED);
  CHECK_OK(kja_listener_accept_start(several.single[2], &accepting));
  expect(accepting, KJA_ERR_CANCELED);
  several.single[0] = listen_on_loopback(several.runtime);
  several_close(&several);
}

/* parity: NET-18, NET-19, NET-20 */
static void name_and_port_are_the_first_ones_and_options_are_set_on_all(void) {
  several_t several = several_open();
  uint16_t port = 0;
  int on = 1;
  CHECK_OK(kja_listener_port(several.all, &port));
  CHECK_U64(port, several.port[0]);
  CHECK_U64(port_of(several.all), several.port[0]);
  CHECK_OK(kja_listener_setsockopt(several.all, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
  for (int i = 0; i < LISTENERS; i++) {
    int value = 0;
    CHECK_OK(kja_listener_getsockopt(several.single[i], SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value, NULL));
    CHECK(value != 0);
  }
  several_close(&several);
}

/* parity: NET-20 */
static void bad_aggregates_are_refused(void) {
  kja_runtime_t one = runtime_open();
  kja_listener_t listeners[2] = {listen_on_loopback(one), 0}, all = 1;
  CHECK_IS(kja_listener_aggregate_new(NULL, 0, &all), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_listener_aggregate_new(NULL, 1, &all), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_listener_aggregate_new(listeners, 2, &all), KJA_ERR_BAD_HANDLE);
  CHECK_U64(all, 0);
  kja_runtime_t other = runtime_open();
  listeners[1] = listen_on_loopback(other);
  CHECK_IS(kja_listener_aggregate_new(listeners, 2, &all), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_listener_release(listeners[1]));
  runtime_close(other);
  /* Twice the same is once. */
  listeners[1] = listeners[0];
  CHECK_OK(kja_listener_aggregate_new(listeners, 2, &all));
  kja_promise_t accepting = accept_start(all);
  int fd = plain_hello(port_of(all), 'z');
  expect_hello(accepting, 'z');
  close(fd);
  CHECK_OK(kja_listener_release(all));
  CHECK_OK(kja_listener_release(listeners[0]));
  runtime_close(one);
}

/* parity: NET-13, NET-20 */
static void an_address_with_several_sockets_is_one_listener(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on(runtime, "[::1]:0,127.0.0.1:0");
  uint16_t port = port_of(listener);
  kja_promise_t accepting = accept_start(listener);
  char text[40];
  /* On one port, though the system chose it. */
  int fd = plain_hello(port, '4');
  expect_hello(accepting, '4');
  close(fd);
  accepting = accept_start(listener);
  snprintf(text, sizeof text, "[::1]:%u", (unsigned)port);
  kja_connection_t client = handle_from(connect_to_start(runtime, text));
  write_text(client, "6");
  expect_hello(accepting, '6');
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: NET-13, NET-20 */
static void kinds_of_sockets_mix(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "socket");
  kja_listener_t parts[2] = {listen_on_loopback(runtime), listen_on(runtime, text)}, all = 0;
  CHECK_OK(kja_listener_aggregate_new(parts, 2, &all));
  for (int i = 0; i < 2; i++) CHECK_OK(kja_listener_release(parts[i]));
  CHECK(exists(text + strlen("unix:")));
  kja_connection_t client = handle_from(connect_to_start(runtime, text));
  kja_connection_t server = handle_from(accept_start(all));
  expect_connected(client, server);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  int fd = plain_hello(port_of(all), 't');
  expect_hello(accept_start(all), 't');
  close(fd);
  CHECK_OK(kja_listener_release(all));
  CHECK(!exists(text + strlen("unix:")));
  folder_remove(folder);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(it_accepts_from_any_and_serves_waiters_in_order);
  RUN_IN_BOTH(what_comes_before_a_waiter_waits_in_the_backlog);
  RUN_IN_BOTH(a_dropped_accept_takes_nothing);
  RUN_IN_BOTH(its_listeners_stay_usable);
  RUN_IN_BOTH(it_keeps_released_listeners_and_outlives_closed_ones);
  RUN_IN_BOTH(name_and_port_are_the_first_ones_and_options_are_set_on_all);
  RUN(bad_aggregates_are_refused);
  RUN_IN_BOTH(an_address_with_several_sockets_is_one_listener);
  RUN_IN_BOTH(kinds_of_sockets_mix);
  return check_done();
}
