/* Messages: what a receive brought, and what it is expected to be. */
#ifndef KJASYNC_TEST_MESSAGES_H
#define KJASYNC_TEST_MESSAGES_H

#include "loopback.h"

#include <sys/stat.h>

static inline void message_is(kja_message_t message, const void *data, size_t size) {
  kja_bytes_t bytes = 0;
  const void *got = NULL;
  size_t got_size = 0;
  CHECK_OK(kja_message_content(message, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &got, &got_size));
  if (CHECK_U64(got_size, size) && size) CHECK(memcmp(got, data, size) == 0);
  CHECK_OK(kja_bytes_release(bytes));
}
static inline void message_says(kja_message_t message, const char *text) {
  message_is(message, text, strlen(text));
}
static inline size_t fds_in(kja_message_t message) {
  size_t count = 0;
  CHECK_OK(kja_message_fd_count(message, &count));
  return count;
}
static inline size_t connections_in(kja_message_t message) {
  size_t count = 0;
  CHECK_OK(kja_message_connection_count(message, &count));
  return count;
}
static inline int taken_fd(kja_message_t message, size_t index) {
  int fd = -1;
  CHECK_OK(kja_message_take_fd(message, index, &fd));
  CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
  return fd;
}
static inline kja_connection_t taken_connection(kja_message_t message, size_t index) {
  kja_connection_t connection = 0;
  CHECK_OK(kja_message_take_connection(message, index, &connection));
  return connection;
}

/* Whether two descriptors are of the same file. */
static inline int same_file(int one, int other) {
  struct stat a, b;
  return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Two connections in this process over a pair of Unix sockets. */
static inline pair_t unix_pair_open(kja_runtime_t runtime) {
  pair_t pair;
  CHECK_OK(kja_pipe_new_os_two_way(runtime, &pair.client, &pair.server));
  return pair;
}

static inline kja_datagram_t port_on(kja_runtime_t runtime, const char *text) {
  kja_address_t address = address_of(runtime, text, 0);
  kja_datagram_t port = 0;
  CHECK_OK(kja_address_bind_datagram(address, &port));
  CHECK_OK(kja_address_release(address));
  return port;
}
static inline kja_address_t address_of_port(kja_datagram_t port) {
  kja_address_t address = 0;
  CHECK_OK(kja_datagram_local_address(port, &address));
  return address;
}
static inline kja_promise_t receive_start(kja_datagram_t port) {
  kja_promise_t receiving = 0;
  CHECK_OK(kja_datagram_receive_start(port, NULL, &receiving));
  return receiving;
}
static inline void send_datagram(kja_datagram_t port, const void *data, size_t size, kja_address_t to) {
  kja_promise_t sending = 0;
  CHECK_OK(kja_datagram_send_start(port, data, size, to, &sending));
  expect_u64(sending, size);
}
static inline void send_text(kja_datagram_t port, const char *text, kja_address_t to) {
  send_datagram(port, text, strlen(text), to);
}
static inline void expect_datagram(kja_promise_t receiving, const char *text) {
  kja_message_t message = handle_from(receiving);
  message_says(message, text);
  CHECK_OK(kja_message_release(message));
}
static inline kja_datagram_options_t room_for(size_t content, size_t ancillary) {
  kja_datagram_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.capacity = content;
  options.ancillary_capacity = ancillary;
  return options;
}

#endif
