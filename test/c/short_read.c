/* Reads that the system cuts short though there is more: at an urgent byte, between the packets of a pipe. Each is started
 * by a callback, so that the loop makes its system calls, when all has arrived. */
#include "stream.h"

typedef struct ask_t {
  kja_connection_t from, into;
  kja_promise_t (*start)(struct ask_t *ask);
  char buffer[64];
  size_t seen;
} ask_t;

static void start_on_loop(void *ctx, kja_call_t call) {
  ask_t *ask = (ask_t *)ctx;
  CHECK_OK(kja_call_return_promise(call, ask->start(ask)));
}
/* What the read has ended with, if it ends at all. */
static kja_status_t outcome(kja_runtime_t runtime, ask_t *ask, kja_promise_t *reading) {
  kja_executor_t executor = 0;
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_start(executor, start_on_loop, ask, NULL, reading));
  CHECK_OK(kja_executor_release(executor));
  return kja_promise_await_for(*reading, 5 * SECOND);
}

static kja_promise_t six(ask_t *ask) {
  return read_start(ask->from, 6, 20);
}
static kja_promise_t six_required(ask_t *ask) {
  return read_required_start(ask->from, 6, 20);
}
static kja_promise_t all(ask_t *ask) {
  return read_all_start(ask->from, 20);
}
static kja_promise_t six_into(ask_t *ask) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_into_start(ask->from, ask->buffer, 6, 20, NULL, NULL, &reading));
  return reading;
}
static kja_promise_t six_with_control(ask_t *ask) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_with_control_start(ask->from, 6, 20, 64, &reading));
  return reading;
}
static kja_promise_t six_pumped(ask_t *ask) {
  return pump_start(ask->from, ask->into, 6);
}
static void until_six(ask_t *ask, size_t size, kja_call_t call) {
  ask->seen += size;
  if (ask->seen >= 6) CHECK_OK(kja_call_return_u64(call, ask->seen));
}
static void add_bytes(void *ctx, kja_call_t call) {
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK_OK(kja_bytes_release(bytes));
  until_six((ask_t *)ctx, size, call);
}
static void add_filled(void *ctx, kja_call_t call) {
  uint64_t size = 0;
  CHECK_OK(kja_call_u64(call, &size));
  until_six((ask_t *)ctx, (size_t)size, call);
}
static kja_promise_t each(ask_t *ask) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_each_start(ask->from, 1, 20, add_bytes, ask, NULL, &reading));
  return reading;
}
static kja_promise_t each_into(ask_t *ask) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_each_into_start(ask->from, ask->buffer, 1, 20, add_filled, ask, NULL, &reading));
  return reading;
}

static void send_urgent(int peer, const char *before, const char *after) {
  CHECK(send(peer, before, strlen(before), 0) == (ssize_t)strlen(before));
  CHECK(send(peer, "!", 1, MSG_OOB) == 1);
  CHECK(send(peer, after, strlen(after), 0) == (ssize_t)strlen(after));
}

/* The server's end of a connection, and a plain socket at the other. */
static kja_connection_t server_of(kja_runtime_t runtime, int *peer) {
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  *peer = plain_connect(port_of(listener));
  kja_connection_t server = handle_from(accepting);
  CHECK_OK(kja_listener_release(listener));
  return server;
}

static void read_past_urgent(kja_promise_t (*start)(ask_t *), int end) {
  kja_runtime_t runtime = runtime_open();
  ask_t ask;
  ends_t sink = os_pipe_open(runtime);
  kja_promise_t reading = 0;
  int peer = -1;
  memset(&ask, 0, sizeof ask);
  ask.from = server_of(runtime, &peer);
  ask.into = sink.writer;
  ask.start = start;
  send_urgent(peer, "abc", "def");
  if (end) shutdown(peer, SHUT_WR);
  CHECK_OK(outcome(runtime, &ask, &reading));
  CHECK_OK(kja_promise_release(reading));
  if (!end) {
    /* And whatever comes later. */
    CHECK(send(peer, "ghi", 3, 0) == 3);
    expect_text(read_start(ask.from, 3, 20), "ghi");
  }
  close(peer);
  ends_release(sink);
  CHECK_OK(kja_connection_release(ask.from));
  runtime_close(runtime);
}

static void an_urgent_byte_holds_up_no_read(void) {
  kja_promise_t (*const ways[])(ask_t *) = {six, six_required, six_into, six_with_control, six_pumped, each, each_into};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) read_past_urgent(ways[i], 0);
  read_past_urgent(all, 1);
}

static void expect_six(kja_runtime_t runtime, kja_connection_t from, const char *text) {
  ask_t ask;
  kja_promise_t reading = 0;
  memset(&ask, 0, sizeof ask);
  ask.from = from;
  ask.start = six;
  if (CHECK_OK(outcome(runtime, &ask, &reading))) expect_text(reading, text);
  else CHECK_OK(kja_promise_release(reading));
}

static void many_urgent_bytes_hold_up_no_read(void) {
  kja_runtime_t runtime = runtime_open();
  int peer = -1;
  kja_connection_t server = server_of(runtime, &peer);
  for (int i = 0; i < 3; i++) {
    send_urgent(peer, "abc", "def");
    expect_six(runtime, server, "abcdef");
    CHECK(send(peer, "ghijkl", 6, 0) == 6);
    expect_six(runtime, server, "ghijkl");
  }
  close(peer);
  CHECK_OK(kja_connection_release(server));
  runtime_close(runtime);
}

static void urgent_bytes_may_be_asked_for_in_line(void) {
  kja_runtime_t runtime = runtime_open();
  int peer = -1, on = 1;
  kja_connection_t server = server_of(runtime, &peer);
  CHECK_OK(kja_connection_setsockopt(server, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on));
  send_urgent(peer, "ab", "cde");
  expect_six(runtime, server, "ab!cde");
  close(peer);
  CHECK_OK(kja_connection_release(server));
  runtime_close(runtime);
}

/* The system says that there is something to read from four bytes on, and does not count the urgent one. */
static void a_low_water_mark_and_an_urgent_byte_hold_up_no_read(void) {
  kja_runtime_t runtime = runtime_open();
  int peer = -1, least = 4;
  kja_connection_t server = server_of(runtime, &peer);
  CHECK_OK(kja_connection_setsockopt(server, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof least));
  send_urgent(peer, "abc", "def");
  expect_six(runtime, server, "abcdef");
  close(peer);
  CHECK_OK(kja_connection_release(server));
  runtime_close(runtime);
}

/* Once it is read the kernel no longer tells of it, and stops at its place all the same. */
static void an_urgent_byte_that_somebody_else_reads_holds_up_no_read(void) {
  kja_runtime_t runtime = runtime_open();
  int peer = -1, copy = -1;
  char urgent = 0;
  kja_connection_t server = server_of(runtime, &peer);
  CHECK_OK(kja_connection_dup_fd(server, &copy));
  send_urgent(peer, "abc", "def");
  CHECK(recv(copy, &urgent, 1, MSG_OOB) == 1);
  CHECK_U64(urgent, '!');
  expect_six(runtime, server, "abcdef");
  close(copy);
  close(peer);
  CHECK_OK(kja_connection_release(server));

  int ends[2] = {-1, -1};
  kja_listener_t listener = listen_on_loopback(runtime);
  ends[0] = plain_connect(port_of(listener));
  server = handle_from(accept_start(listener));
  CHECK_OK(kja_connection_dup_fd(server, &ends[1]));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_connection_from_fd(runtime, ends[1], KJA_FD_BORROW, &server));
  send_urgent(ends[0], "abc", "def");
  CHECK(recv(ends[1], &urgent, 1, MSG_OOB) == 1);
  expect_six(runtime, server, "abcdef");
  close(ends[0]);
  close(ends[1]);
  CHECK_OK(kja_connection_release(server));
  runtime_close(runtime);
}

#ifdef __linux__
/* Unix sockets have urgent bytes too, on some systems. */
static void an_urgent_byte_of_a_unix_socket_holds_up_no_read(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  kja_connection_t server = 0;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  CHECK_OK(kja_connection_from_fd(runtime, ends[0], KJA_FD_TAKE, &server));
  CHECK(send(ends[1], "abc", 3, 0) == 3);
  if (send(ends[1], "!", 1, MSG_OOB) == 1) {
    CHECK(send(ends[1], "def", 3, 0) == 3);
    expect_six(runtime, server, "abcdef");
  }
  close(ends[1]);
  CHECK_OK(kja_connection_release(server));
  runtime_close(runtime);
}

/* What its writer wants to be kept apart is read in as many calls. */
static void packets_of_a_pipe_hold_up_no_read(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  kja_connection_t reader = 0;
  CHECK(pipe2(ends, O_DIRECT) == 0);
  CHECK_OK(kja_connection_from_fd(runtime, ends[0], KJA_FD_TAKE, &reader));
  CHECK(write(ends[1], "abc", 3) == 3);
  CHECK(write(ends[1], "def", 3) == 3);
  expect_six(runtime, reader, "abcdef");
  close(ends[1]);
  CHECK_OK(kja_connection_release(reader));

  ends_t own = os_pipe_open(runtime);
  int writer = -1;
  CHECK_OK(kja_connection_dup_fd(own.writer, &writer));
  CHECK(fcntl(writer, F_SETFL, O_DIRECT | O_NONBLOCK) == 0);
  CHECK(write(writer, "abc", 3) == 3);
  CHECK(write(writer, "def", 3) == 3);
  expect_six(runtime, own.reader, "abcdef");
  close(writer);
  ends_release(own);
  runtime_close(runtime);
}
#endif

int main(void) {
  RUN_IN_BOTH(an_urgent_byte_holds_up_no_read);
  RUN_IN_BOTH(many_urgent_bytes_hold_up_no_read);
  RUN_IN_BOTH(urgent_bytes_may_be_asked_for_in_line);
  RUN_IN_BOTH(a_low_water_mark_and_an_urgent_byte_hold_up_no_read);
  RUN_IN_BOTH(an_urgent_byte_that_somebody_else_reads_holds_up_no_read);
#ifdef __linux__
  RUN_IN_BOTH(an_urgent_byte_of_a_unix_socket_holds_up_no_read);
  RUN_IN_BOTH(packets_of_a_pipe_hold_up_no_read);
#endif
  return check_done();
}
