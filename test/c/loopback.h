/* Listeners and connected pairs on the loopback interface, always on a port the system chose. */
#ifndef KJASYNC_TEST_LOOPBACK_H
#define KJASYNC_TEST_LOOPBACK_H

#include "expect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static inline kja_address_t address_of(kja_runtime_t runtime, const char *text, uint16_t default_port) {
  kja_promise_t parsing = 0;
  CHECK_OK(kja_address_parse_start(runtime, text, strlen(text), default_port, &parsing));
  return handle_from(parsing);
}

static inline kja_listener_t listen_on_loopback(kja_runtime_t runtime) {
  kja_address_t address = address_of(runtime, "127.0.0.1:0", 0);
  kja_listener_t listener = 0;
  CHECK_OK(kja_address_listen(address, 0, &listener));
  CHECK_OK(kja_address_release(address));
  return listener;
}

static inline uint16_t port_of(kja_listener_t listener) {
  kja_address_t address = 0;
  uint16_t port = 0;
  CHECK_OK(kja_listener_local_address(listener, &address));
  CHECK_OK(kja_address_port(address, &port));
  CHECK_OK(kja_address_release(address));
  return port;
}

static inline kja_promise_t connect_start(kja_listener_t listener) {
  kja_address_t address = 0;
  kja_promise_t connecting = 0;
  CHECK_OK(kja_listener_local_address(listener, &address));
  CHECK_OK(kja_address_connect_start(address, &connecting));
  CHECK_OK(kja_address_release(address));
  return connecting;
}

static inline kja_promise_t accept_start(kja_listener_t listener) {
  kja_promise_t accepting = 0;
  CHECK_OK(kja_listener_accept_start(listener, &accepting));
  return accepting;
}

/* The two ends of one TCP connection. */
typedef struct pair_t {
  kja_connection_t client, server;
} pair_t;

static inline pair_t pair_open(kja_runtime_t runtime) {
  pair_t pair;
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  pair.client = handle_from(connect_start(listener));
  pair.server = handle_from(accepting);
  CHECK_OK(kja_listener_release(listener));
  return pair;
}
static inline void pair_release(pair_t pair) {
  CHECK_OK(kja_connection_release(pair.client));
  CHECK_OK(kja_connection_release(pair.server));
}

/* A peer that is no more than a blocking socket, for what the library would not do by itself. */
static inline int plain_connect(uint16_t port) {
  struct sockaddr_in to;
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0);
  CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
  return fd;
}
/* Closes with a reset instead of an orderly end. */
static inline void plain_reset(int fd) {
  struct linger now;
  now.l_onoff = 1;
  now.l_linger = 0;
  CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  CHECK(close(fd) == 0);
}

static inline kja_promise_t read_start(kja_connection_t connection, size_t min, size_t max) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_start(connection, min, max, &reading));
  return reading;
}
static inline kja_promise_t write_start(kja_connection_t connection, const void *data, size_t size) {
  kja_promise_t writing = 0;
  CHECK_OK(kja_connection_write_start(connection, data, size, &writing));
  return writing;
}
static inline void write_text(kja_connection_t connection, const char *text) {
  expect(write_start(connection, text, strlen(text)), KJA_OK);
}

#endif
