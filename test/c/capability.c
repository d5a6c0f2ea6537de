/* Capability streams: descriptors and connections that travel with bytes. */
#include "messages.h"

static kja_promise_t write_fds(kja_connection_t to, const char *text, const int *fds, size_t count) {
  kja_promise_t writing = 0;
  CHECK_OK(kja_connection_write_with_fds_start(to, text, strlen(text), fds, count, &writing));
  return writing;
}
static kja_promise_t read_fds(kja_connection_t from, size_t min, size_t max, size_t max_fds) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_with_fds_start(from, min, max, max_fds, &reading));
  return reading;
}

/* Both kinds of stream that carry descriptors. */
static pair_t carrier_open(kja_runtime_t runtime, int in_process) {
  pair_t pair;
  if (!in_process) return unix_pair_open(runtime);
  CHECK_OK(kja_pipe_new_capability(runtime, &pair.client, &pair.server));
  return pair;
}

static void descriptors_arrive(int in_process) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = carrier_open(runtime, in_process);
  int fds[3] = {open("/dev/null", O_RDONLY), open("/dev/zero", O_RDONLY), open("/", O_RDONLY)};
  kja_promise_t reading = read_fds(pair.server, 8, 100, 10);
  kja_promise_t first = write_fds(pair.client, "one", fds, 2), second = write_fds(pair.client, "three", fds + 2, 1);
  close(fds[0]);
  fds[0] = open("/dev/null", O_RDONLY);
  kja_message_t message = handle_from(reading);
  expect(first, KJA_OK);
  expect(second, KJA_OK);
  message_says(message, "onethree");
  if (CHECK_U64(fds_in(message), 3)) {
    for (size_t i = 0; i < 2; i++) {
      int fd = taken_fd(message, i);
      CHECK(same_file(fd, fds[i]) && fd != fds[i]);
      close(fd);
    }
  }
  CHECK_OK(kja_message_release(message));
  for (int i = 0; i < 3; i++) close(fds[i]);
  pair_release(pair);
  runtime_close(runtime);
}
/* parity: CAPS-01, CAPS-02, CAPS-08 */
static void descriptors_of_several_writes_are_put_together(void) {
  descriptors_arrive(0);
}
/* parity: CAPS-07 */
static void a_pipe_in_this_process_carries_descriptors(void) {
  descriptors_arrive(1);
}

static void too_many_are_closed(int in_process) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = carrier_open(runtime, in_process);
  unsigned before = open_fds();
  int fds[5] = {0, 0, 0, 0, 0};
  for (size_t max = 0; max < 4; max++) {
    kja_promise_t reading = read_fds(pair.server, 1, 8, max);
    expect(write_fds(pair.client, "x", fds, 5), KJA_OK);
    kja_message_t message = handle_from(reading);
    CHECK_U64(fds_in(message), max);
    CHECK(fds_come_back_to(before + (unsigned)max));
    CHECK_OK(kja_message_release(message));
    CHECK(fds_come_back_to(before));
  }
  pair_release(pair);
  runtime_close(runtime);
}
/* parity: CAPS-02 */
static void descriptors_beyond_the_limit_are_closed(void) {
  too_many_are_closed(0);
  too_many_are_closed(1);
}

static void plain_reads_close(int in_process) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = carrier_open(runtime, in_process);
  unsigned before = open_fds();
  int fds[2] = {0, 0};
  /* The system ends a read behind bytes that descriptors came with: the next ones must not be missed. */
  kja_promise_t reading = read_start(pair.server, 6, 100);
  kja_promise_t one = write_fds(pair.client, "ab", fds, 2), two = write_start(pair.client, "cd", 2);
  kja_promise_t three = write_fds(pair.client, "ef", fds, 1);
  expect_text(reading, "abcdef");
  expect(one, KJA_OK);
  expect(two, KJA_OK);
  expect(three, KJA_OK);
  CHECK(fds_come_back_to(before));
  reading = read_fds(pair.server, 1, 8, 8);
  expect(write_start(pair.client, "g", 1), KJA_OK);
  kja_message_t message = handle_from(reading);
  CHECK_U64(fds_in(message), 0);
  CHECK_OK(kja_message_release(message));
  pair_release(pair);
  runtime_close(runtime);
}
/* parity: CAPS-03 */
static void plain_reads_close_what_came(void) {
  plain_reads_close(0);
  plain_reads_close(1);
}

/* parity: CAPS-03 */
static void a_read_does_not_wait_behind_a_descriptor(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  int fd = 0;
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_required_start(pair.server, 4, 4, &reading));
  let_loop_catch_up(runtime);
  expect(write_fds(pair.client, "ab", &fd, 1), KJA_OK);
  expect(write_start(pair.client, "cd", 2), KJA_OK);
  CHECK_OK(kja_promise_await_for(reading, 5 * SECOND));
  expect_text(reading, "abcd");
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-01 */
static void what_cannot_be_sent_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime), tcp = pair_open(runtime);
  int fds[254], closed = dup(0);
  kja_promise_t promise = 1;
  memset(fds, 0, sizeof fds);
  close(closed);
  CHECK_IS(kja_connection_write_with_fds_start(pair.client, "x", 1, &closed, 1, &promise), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EBADF);
  CHECK_U64(promise, 0);
  closed = -1;
  CHECK_IS(kja_connection_write_with_fds_start(pair.client, "x", 1, &closed, 1, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_write_with_fds_start(pair.client, NULL, 0, fds, 1, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_write_with_fds_start(pair.client, "x", 1, fds, 254, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_write_with_fds_start(pair.client, "x", 1, NULL, 1, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_write_with_fds_start(tcp.client, "x", 1, fds, 1, &promise), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_read_with_fds_start(tcp.client, 1, 1, 1, &promise), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_read_with_fds_start(pair.server, 2, 1, 1, &promise), KJA_ERR_INVALID_ARGUMENT);
  expect(write_fds(pair.client, "all", fds, 253), KJA_OK);
  kja_message_t message = handle_from(read_fds(pair.server, 1, 8, SIZE_MAX));
  CHECK_U64(fds_in(message), 253);
  CHECK_OK(kja_message_release(message));
  pair_release(tcp);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-01 */
static void descriptors_wait_with_their_bytes_and_are_kept_meanwhile(void) {
  enum { MUCH = 4 << 20 };
  static char data[MUCH];
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  unsigned before = open_fds();
  int fd = open("/dev/null", O_RDONLY);
  kja_promise_t filling = write_start(pair.client, data, sizeof data);
  CHECK_IS(kja_promise_status(filling), KJA_ERR_PENDING);
  kja_promise_t cancelled = write_fds(pair.client, "no", &fd, 1), kept = write_fds(pair.client, "yes", &fd, 1);
  close(fd);
  CHECK_OK(kja_promise_release(cancelled));
  kja_promise_t draining = 0, reading = 0;
  CHECK_OK(kja_connection_read_required_start(pair.server, MUCH, MUCH, &draining));
  expect(draining, KJA_OK);
  expect(filling, KJA_OK);
  reading = read_fds(pair.server, 3, 8, 8);
  kja_message_t message = handle_from(reading);
  expect(kept, KJA_OK);
  message_says(message, "yes");
  CHECK_U64(fds_in(message), 1);
  CHECK_OK(kja_message_release(message));
  CHECK(fds_come_back_to(before));
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-05 */
static void one_descriptor_is_sent_and_received(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  int fd = open("/dev/null", O_RDONLY), got;
  kja_promise_t promise = 0;
  for (int required = 0; required < 2; required++) {
    CHECK_OK(kja_connection_send_fd_start(pair.client, fd, &promise));
    expect(promise, KJA_OK);
    CHECK_OK(required ? kja_connection_receive_fd_start(pair.server, &promise)
                      : kja_connection_try_receive_fd_start(pair.server, &promise));
    kja_message_t message = handle_from(promise);
    message_is(message, "", 1);
    if (CHECK_U64(fds_in(message), 1)) {
      got = taken_fd(message, 0);
      CHECK(same_file(fd, got));
      close(got);
    }
    CHECK_OK(kja_message_release(message));
  }
  write_text(pair.client, "x");
  CHECK_OK(kja_connection_try_receive_fd_start(pair.server, &promise));
  expect(promise, KJA_ERR_FAILED);
  CHECK_OK(kja_connection_close(pair.client));
  CHECK_OK(kja_connection_try_receive_fd_start(pair.server, &promise));
  kja_message_t message = handle_from(promise);
  CHECK_U64(fds_in(message), 0);
  CHECK_OK(kja_message_release(message));
  CHECK_OK(kja_connection_receive_fd_start(pair.server, &promise));
  expect(promise, KJA_ERR_DISCONNECTED);
  close(fd);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-06 */
static void a_connection_moves(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process), moved = pair_open(runtime);
    kja_promise_t sending = 0, receiving = 0;
    kja_handle_t none = 1;
    write_text(moved.client, "sent before");
    CHECK_OK(kja_connection_receive_connection_start(pair.server, &receiving));
    CHECK_OK(kja_connection_send_connection_start(pair.client, moved.server, &sending));
    CHECK_IS(kja_connection_close(moved.server), KJA_ERR_BAD_HANDLE);
    moved.server = handle_from(receiving);
    expect(sending, KJA_OK);
    expect_text(read_start(moved.server, 11, 11), "sent before");
    write_text(moved.server, "and back");
    expect_text(read_start(moved.client, 8, 8), "and back");
    CHECK_OK(kja_connection_close(pair.client));
    CHECK_OK(kja_connection_try_receive_connection_start(pair.server, &receiving));
    CHECK_OK(kja_promise_await(receiving));
    CHECK_IS(kja_promise_handle(receiving, &none), KJA_ERR_WRONG_TYPE);
    CHECK_OK(kja_promise_release(receiving));
    CHECK_OK(kja_connection_receive_connection_start(pair.server, &receiving));
    expect(receiving, KJA_ERR_DISCONNECTED);
    pair_release(moved);
    pair_release(pair);
  }
  runtime_close(runtime);
}

/* parity: CAPS-04, CAPS-07 */
static void connections_of_any_kind_pass_through_a_pipe_in_this_process(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = carrier_open(runtime, 1), inner, tcp = pair_open(runtime);
  kja_promise_t reading = 0, writing = 0;
  CHECK_OK(kja_pipe_new_two_way(runtime, &inner.client, &inner.server));
  kja_connection_t moved[2] = {inner.server, tcp.server};
  CHECK_OK(kja_connection_read_with_connections_start(pair.server, 1, 8, 8, &reading));
  CHECK_OK(kja_connection_write_with_connections_start(pair.client, "two", 3, moved, 2, &writing));
  kja_message_t message = handle_from(reading);
  expect(writing, KJA_OK);
  message_says(message, "two");
  if (CHECK_U64(connections_in(message), 2)) {
    kja_connection_t none = 1;
    inner.server = taken_connection(message, 0);
    CHECK_IS(kja_message_take_connection(message, 0, &none), KJA_ERR_FAILED);
    CHECK_U64(none, 0);
    kja_promise_t inside = read_start(inner.client, 5, 5);
    write_text(inner.server, "inner");
    expect_text(inside, "inner");
    CHECK_OK(kja_connection_release(inner.server));
  }
  CHECK_OK(kja_message_release(message));
  expect_text(read_start(tcp.client, 1, 1), "");
  CHECK_OK(kja_connection_release(tcp.client));
  CHECK_OK(kja_connection_release(inner.client));
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-04 */
static void connections_go_over_a_socket_as_descriptors(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = carrier_open(runtime, 0), one = pair_open(runtime), other = unix_pair_open(runtime), inner;
  kja_promise_t promise = 0;
  kja_connection_t moved[2] = {one.server, other.server};
  CHECK_OK(kja_connection_write_with_connections_start(pair.client, "x", 1, moved, 2, &promise));
  expect(promise, KJA_OK);
  CHECK_OK(kja_connection_read_with_connections_start(pair.server, 1, 8, 8, &promise));
  kja_message_t message = handle_from(promise);
  if (CHECK_U64(connections_in(message), 2)) {
    one.server = taken_connection(message, 0);
    other.server = taken_connection(message, 1);
    write_text(one.server, "tcp");
    expect_text(read_start(one.client, 3, 3), "tcp");
    write_text(other.server, "unix");
    expect_text(read_start(other.client, 4, 4), "unix");
  }
  CHECK_OK(kja_message_release(message));
  CHECK_OK(kja_pipe_new_two_way(runtime, &inner.client, &inner.server));
  CHECK_IS(kja_connection_send_connection_start(pair.client, inner.server, &promise), KJA_ERR_UNIMPLEMENTED);
  expect_text(read_start(inner.client, 1, 1), "");
  CHECK_IS(kja_connection_send_connection_start(pair.client, 0, &promise), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_connection_release(inner.client));
  pair_release(one);
  pair_release(other);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-07 */
static void a_pipe_in_this_process_turns_neither_into_the_other(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = carrier_open(runtime, 1), moved = unix_pair_open(runtime);
  kja_promise_t reading = read_fds(pair.server, 1, 8, 8), writing = 0;
  int fd = 0;
  CHECK_OK(kja_connection_send_connection_start(pair.client, moved.server, &writing));
  expect(reading, KJA_ERR_FAILED);
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_read_with_connections_start(pair.server, 1, 8, 8, &reading));
  expect(write_fds(pair.client, "x", &fd, 1), KJA_OK);
  expect(reading, KJA_ERR_FAILED);
  expect_text(read_start(moved.client, 1, 1), "");
  CHECK_OK(kja_connection_release(moved.client));
  pair_release(pair);
  runtime_close(runtime);
}

static void what_is_not_delivered_is_closed(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process), moved = unix_pair_open(runtime);
    kja_promise_t sending = 0;
    CHECK_OK(kja_connection_send_connection_start(pair.client, moved.server, &sending));
    if (in_process) CHECK_IS(kja_promise_status(sending), KJA_ERR_PENDING);
    CHECK_OK(kja_connection_release(pair.server));
    expect(sending, in_process ? KJA_ERR_DISCONNECTED : KJA_OK);
    expect_text(read_start(moved.client, 1, 1), "");
    CHECK_OK(kja_connection_release(moved.client));
    CHECK_OK(kja_connection_release(pair.client));
  }
  runtime_close(runtime);
}

static void a_cancelled_receive_takes_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process);
    int fd = 0;
    CHECK_OK(kja_promise_release(read_fds(pair.server, 1, 8, 8)));
    kja_promise_t writing = write_fds(pair.client, "x", &fd, 1);
    kja_promise_t reading = read_fds(pair.server, 1, 8, 8), second = 1;
    kja_status_t status = kja_connection_read_with_fds_start(pair.server, 1, 8, 8, &second);
    /* With a thread of its own the loop may have ended the first one in the pipe by now. */
    if (in_process && test_mode == KJA_RUNTIME_WAIT_SCOPE) CHECK_IS(status, KJA_ERR_BUSY);
    else CHECK(status == KJA_OK || (in_process && status == KJA_ERR_BUSY));
    if (second) CHECK_OK(kja_promise_release(second));
    kja_message_t message = handle_from(reading);
    expect(writing, KJA_OK);
    CHECK_U64(fds_in(message), 1);
    CHECK_OK(kja_message_release(message));
    pair_release(pair);
  }
  runtime_close(runtime);
}

static void pumps_close(int in_process) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = carrier_open(runtime, in_process), onward = unix_pair_open(runtime);
  unsigned before = open_fds();
  int fds[2] = {0, 0};
  kja_promise_t pumping = 0;
  CHECK_OK(kja_connection_pump_start(pair.server, onward.client, 4, &pumping));
  kja_promise_t one = write_fds(pair.client, "ab", fds, 2), two = write_fds(pair.client, "cd", fds, 1);
  expect_u64(pumping, 4);
  expect(one, KJA_OK);
  expect(two, KJA_OK);
  kja_message_t message = handle_from(read_fds(onward.server, 4, 4, 8));
  message_says(message, "abcd");
  CHECK_U64(fds_in(message), 0);
  CHECK_OK(kja_message_release(message));
  CHECK(fds_come_back_to(before));
  pair_release(onward);
  pair_release(pair);
  runtime_close(runtime);
}
/* parity: CAPS-03 */
static void pumps_close_what_came(void) {
  pumps_close(0);
  pumps_close(1);
}

int main(void) {
  RUN_IN_BOTH(descriptors_of_several_writes_are_put_together);
  RUN_IN_BOTH(a_pipe_in_this_process_carries_descriptors);
  RUN_IN_BOTH(descriptors_beyond_the_limit_are_closed);
  RUN_IN_BOTH(plain_reads_close_what_came);
  RUN_IN_BOTH(a_read_does_not_wait_behind_a_descriptor);
  RUN_IN_BOTH(what_cannot_be_sent_is_refused);
  RUN_IN_BOTH(descriptors_wait_with_their_bytes_and_are_kept_meanwhile);
  RUN_IN_BOTH(one_descriptor_is_sent_and_received);
  RUN_IN_BOTH(a_connection_moves);
  RUN_IN_BOTH(connections_of_any_kind_pass_through_a_pipe_in_this_process);
  RUN_IN_BOTH(connections_go_over_a_socket_as_descriptors);
  RUN_IN_BOTH(a_pipe_in_this_process_turns_neither_into_the_other);
  RUN_IN_BOTH(what_is_not_delivered_is_closed);
  RUN_IN_BOTH(a_cancelled_receive_takes_nothing);
  RUN_IN_BOTH(pumps_close_what_came);
  return check_done();
}
