/* A wrapper that has both ends send one byte before anything else: 'c' who connected, 's' who was connected to. */
#ifndef KJASYNC_TEST_GREETER_H
#define KJASYNC_TEST_GREETER_H

#include "names.h"
#include "options.h"

typedef struct greeter_t {
  kja_runtime_t runtime;
  kja_network_wrapper_t wrapper;
  count_t clients, servers, failures, destroyed;
  kja_status_t failure; /* the last */
  char host[80];        /* the last */
} greeter_t;

typedef struct greeting_t {
  kja_connection_t connection;
  char wanted;
} greeting_t;

static inline void greeting_end(void *ctx) {
  greeting_t *greeting = (greeting_t *)ctx;
  kja_status_t status = kja_connection_release(greeting->connection);
  /* A shutdown has taken the handle. */
  if (status != KJA_ERR_BAD_HANDLE) CHECK_OK(status);
  free(greeting);
}
static inline void greeting_came(void *ctx, kja_call_t call) {
  greeting_t *greeting = (greeting_t *)ctx;
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  if (size == 1 && *(const char *)data == greeting->wanted) CHECK_OK(kja_call_return_handle(call, greeting->connection));
  else CHECK_OK(kja_call_return_error(call, KJA_ERR_FAILED, 0, "no greeting", 11));
  CHECK_OK(kja_bytes_release(bytes));
}
static inline void greet(kja_call_t call, kja_connection_t connection, char own, char wanted) {
  greeting_t *greeting = (greeting_t *)malloc(sizeof *greeting);
  kja_promise_t reading = 0, writing = 0, greeted = 0;
  greeting->connection = connection;
  greeting->wanted = wanted;
  /* The buffer of a new socket has room. */
  CHECK_OK(kja_connection_write_start(connection, &own, 1, &writing));
  CHECK_OK(kja_promise_release(writing));
  CHECK_OK(kja_connection_read_required_start(connection, 1, 1, &reading));
  CHECK_OK(kja_promise_then(reading, greeting_came, greeting, greeting_end, &greeted));
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_call_return_promise(call, greeted));
}

static inline void greet_as_client(void *ctx, kja_call_t call, kja_connection_t connection, const char *host,
                                   size_t host_len) {
  greeter_t *greeter = (greeter_t *)ctx;
  CHECK(kja_runtime_on_loop(greeter->runtime));
  snprintf(greeter->host, sizeof greeter->host, "%.*s", (int)host_len, host);
  count_add(&greeter->clients, 1);
  greet(call, connection, 'c', 's');
}
static inline void greet_as_server(void *ctx, kja_call_t call, kja_connection_t connection) {
  greeter_t *greeter = (greeter_t *)ctx;
  CHECK(kja_runtime_on_loop(greeter->runtime));
  count_add(&greeter->servers, 1);
  greet(call, connection, 's', 'c');
}
static inline void greeter_failed(void *ctx, kja_call_t call) {
  greeter_t *greeter = (greeter_t *)ctx;
  greeter->failure = kja_call_status(call);
  count_add(&greeter->failures, 1);
}
static inline void greeter_destroy(void *ctx) {
  count_add(&((greeter_t *)ctx)->destroyed, 1);
}

static inline kja_network_wrapper_options_t greeter_options(greeter_t *greeter) {
  kja_network_wrapper_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.wrap_client = greet_as_client;
  options.wrap_server = greet_as_server;
  options.on_accept_error = greeter_failed;
  options.ctx = greeter;
  options.destroy = greeter_destroy;
  return options;
}
static inline kja_network_wrapper_t wrapper_new(kja_runtime_t runtime, const kja_network_wrapper_options_t *options) {
  kja_network_wrapper_t wrapper = 0;
  CHECK_OK(kja_network_wrapper_new(runtime, options, &wrapper));
  return wrapper;
}
/* Of at most `most` handshakes a listener, 0 for the default; its time is virtual. */
static inline void greeter_open(greeter_t *greeter, size_t most) {
  memset(greeter, 0, sizeof *greeter);
  kja_network_wrapper_options_t options = greeter_options(greeter);
  options.max_handshakes = most;
  greeter->runtime = virtual_open();
  greeter->wrapper = wrapper_new(greeter->runtime, &options);
}
/* With nothing wrapped left, that is the end of its ctx. */
static inline void greeter_close(greeter_t *greeter) {
  CHECK_U64(count_get(&greeter->destroyed), 0);
  CHECK_OK(kja_network_wrapper_release(greeter->wrapper));
  CHECK_U64(count_get(&greeter->destroyed), 1);
  runtime_close(greeter->runtime);
}

static inline kja_promise_t wrap_client(const greeter_t *greeter, kja_connection_t connection, const char *host) {
  kja_promise_t wrapping = 0;
  CHECK_OK(kja_network_wrapper_wrap_client_start(greeter->wrapper, connection, host, strlen(host), &wrapping));
  return wrapping;
}
static inline kja_promise_t wrap_server(const greeter_t *greeter, kja_connection_t connection) {
  kja_promise_t wrapping = 0;
  CHECK_OK(kja_network_wrapper_wrap_server_start(greeter->wrapper, connection, &wrapping));
  return wrapping;
}
static inline kja_listener_t wrap_listener(const greeter_t *greeter, kja_listener_t inner) {
  kja_listener_t listener = 0;
  CHECK_OK(kja_network_wrapper_wrap_listener(greeter->wrapper, inner, &listener));
  return listener;
}
static inline kja_address_t wrap_address(const greeter_t *greeter, kja_address_t inner, const char *host) {
  kja_address_t address = 0;
  CHECK_OK(kja_network_wrapper_wrap_address(greeter->wrapper, inner, host, strlen(host), &address));
  return address;
}

/* A peer that is a plain socket says this. */
static inline void plain_say(int fd, const char *text) {
  CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}
/* The other end has been closed; before that it sent its greeting, or nothing. */
static inline void plain_expect_end(int fd) {
  char byte;
  ssize_t size = read(fd, &byte, 1);
  if (size == 1) size = read(fd, &byte, 1);
  CHECK(size == 0 || errno == ECONNRESET);
}

#endif
