/* Descriptors and connections that come while the process has no descriptor left. Not under valgrind, which has limits of
 * its own. */
#include "messages.h"
#include "options.h"
#include "shortage.h"

static kja_promise_t receive_fd_start(kja_connection_t from) {
  kja_promise_t receiving = 0;
  CHECK_OK(kja_connection_receive_fd_start(from, &receiving));
  return receiving;
}
static void send_one_fd(kja_connection_t to, int fd) {
  kja_promise_t sending = 0;
  CHECK_OK(kja_connection_send_fd_start(to, fd, &sending));
  expect(sending, KJA_OK);
}
/* Sends one end of a pair of plain sockets; the other end. */
static int send_gift(kja_runtime_t runtime, kja_connection_t over) {
  int ends[2] = {-1, -1};
  kja_connection_t gift = 0;
  kja_promise_t sending = 0;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  CHECK_OK(kja_connection_from_fd(runtime, ends[0], KJA_FD_TAKE, &gift));
  CHECK_OK(kja_connection_send_connection_start(over, gift, &sending));
  expect(sending, KJA_OK);
  return ends[1];
}
/* What is written at the other end arrives here: it was not lost. */
static void expect_gift(kja_connection_t gift, int other) {
  CHECK(send(other, "alive", 5, 0) == 5);
  expect_text(read_start(gift, 5, 5), "alive");
  CHECK_OK(kja_connection_release(gift));
  close(other);
}
static void is_short(kja_promise_t receiving) {
  CHECK_IS(kja_promise_await_for(receiving, 5 * SECOND), KJA_ERR_OVERLOADED);
  CHECK_U64(kja_last_error_os(), EMFILE);
  CHECK_OK(kja_promise_release(receiving));
}

/* parity: CAPS-05 */
static void a_descriptor_for_which_there_is_no_room_waits(void) {
  if (under_valgrind()) return;
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  shortage_t shortage;
  send_one_fd(pair.client, 0);
  shortage_begin(&shortage);
  is_short(receive_fd_start(pair.server));
  is_short(receive_fd_start(pair.server));
  shortage_end(&shortage);
  kja_message_t message = handle_from(receive_fd_start(pair.server));
  int fd = taken_fd(message, 0);
  CHECK(same_file(fd, 0));
  close(fd);
  CHECK_OK(kja_message_release(message));
  /* It was taken once. */
  kja_promise_t nothing = receive_fd_start(pair.server);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(nothing), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(nothing));
  pair_release(pair);
  runtime_close(runtime);
}

/* It notices the shortage in the middle of its wait, and the end of the stream all the same. */
static void a_receive_that_waits_is_told_of_a_shortage(void) {
  if (under_valgrind()) return;
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  shortage_t shortage;
  kja_promise_t receiving = receive_fd_start(pair.server), sending = 0;
  CHECK_OK(kja_connection_send_fd_start(pair.client, 0, &sending));
  /* Not yet looked at on a wait scope; taken already with a loop. */
  if (test_mode == KJA_RUNTIME_WAIT_SCOPE) {
    shortage_begin(&shortage);
    is_short(receiving);
    shortage_end(&shortage);
    receiving = receive_fd_start(pair.server);
  }
  CHECK_OK(kja_message_release(handle_from(receiving)));
  expect(sending, KJA_OK);
  shortage_begin(&shortage);
  CHECK_OK(kja_connection_close(pair.client));
  expect(receive_fd_start(pair.server), KJA_ERR_DISCONNECTED);
  shortage_end(&shortage);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-06 */
static void a_connection_for_which_there_is_no_room_waits(void) {
  if (under_valgrind()) return;
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  shortage_t shortage;
  kja_promise_t receiving = 0;
  int other = send_gift(runtime, pair.client);
  shortage_begin(&shortage);
  CHECK_OK(kja_connection_receive_connection_start(pair.server, &receiving));
  is_short(receiving);
  shortage_end(&shortage);
  CHECK_OK(kja_connection_receive_connection_start(pair.server, &receiving));
  expect_gift(handle_from(receiving), other);
  pair_release(pair);
  runtime_close(runtime);
}

static void accept_gift(kja_runtime_t (*open)(void)) {
  if (under_valgrind()) return;
  kja_runtime_t runtime = open();
  pair_t pair = unix_pair_open(runtime);
  shortage_t shortage;
  kja_listener_t listener = 0;
  kja_promise_t accepting = 0;
  CHECK_OK(kja_listener_from_connection(pair.server, &listener));
  int other = send_gift(runtime, pair.client);
  shortage_begin(&shortage);
  CHECK_OK(kja_listener_accept_start(listener, &accepting));
  waits_idly(accepting);
  shortage_end(&shortage);
  CHECK_IS(kja_promise_await_for(accepting, 5 * SECOND), KJA_OK);
  expect_gift(handle_from(accepting), other);

  /* The wait can be given up, and what came is the next accept's. */
  other = send_gift(runtime, pair.client);
  shortage_begin(&shortage);
  CHECK_OK(kja_listener_accept_start(listener, &accepting));
  CHECK_IS(kja_promise_await_for(accepting, 20 * MILLISECOND), KJA_ERR_TIMED_OUT);
  CHECK_OK(kja_promise_release(accepting));
  shortage_end(&shortage);
  expect_gift(handle_from(accept_start(listener)), other);

  shortage_begin(&shortage);
  CHECK_OK(kja_listener_accept_start(listener, &accepting));
  CHECK_OK(kja_listener_close(listener));
  CHECK_IS(kja_promise_await_for(accepting, 5 * SECOND), KJA_ERR_CANCELED);
  shortage_end(&shortage);
  CHECK_OK(kja_promise_release(accepting));
  CHECK_OK(kja_listener_release(listener));
  pair_release(pair);
  runtime_close(runtime);
}
/* parity: CAPS-09 */
static void a_listener_on_a_connection_outlives_a_shortage(void) {
  accept_gift(runtime_open);
}
static void so_it_does_while_virtual_time_stands_still(void) {
  accept_gift(virtual_open);
}

/* parity: CAPS-02 */
static void a_read_tells_that_descriptors_are_missing(void) {
  if (under_valgrind()) return;
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  const int three[3] = {0, 1, 2};
  shortage_t shortage;
  kja_promise_t promise = 0;
  bool truncated = false;
  CHECK_OK(kja_connection_write_with_fds_start(pair.client, "abc", 3, three, 3, &promise));
  expect(promise, KJA_OK);
  shortage_begin(&shortage);
  shortage_free_one(&shortage);
  CHECK_OK(kja_connection_read_with_fds_start(pair.server, 1, 10, 3, &promise));
  kja_message_t message = handle_from(promise);
  message_says(message, "abc");
  CHECK_U64(fds_in(message), 1);
  CHECK_OK(kja_message_is_control_truncated(message, &truncated));
  CHECK(truncated);
  CHECK_OK(kja_message_release(message));
  shortage_end(&shortage);
  pair_release(pair);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_descriptor_for_which_there_is_no_room_waits);
  RUN_IN_BOTH(a_receive_that_waits_is_told_of_a_shortage);
  RUN_IN_BOTH(a_connection_for_which_there_is_no_room_waits);
  RUN_IN_BOTH(a_listener_on_a_connection_outlives_a_shortage);
  RUN_IN_BOTH(so_it_does_while_virtual_time_stands_still);
  RUN_IN_BOTH(a_read_tells_that_descriptors_are_missing);
  return check_done();
}
