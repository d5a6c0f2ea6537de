/* Aborting the writing, noticing that the other side has gone, reads that must not come short, lengths. */
#include "gate.h"
#include "stream.h"

#include <poll.h>
#if defined(__linux__)
#include <linux/net_tstamp.h>
#endif

static ends_t tcp_as_ends(kja_runtime_t runtime) {
  pair_t pair = pair_open(runtime);
  ends_t ends = {pair.server, pair.client};
  return ends;
}
static ends_t os_pair_as_ends(kja_runtime_t runtime) {
  pair_t pair = os_pair_open(runtime);
  ends_t ends = {pair.server, pair.client};
  return ends;
}
static ends_t two_way_as_ends(kja_runtime_t runtime) {
  pair_t pair = two_way_open(runtime);
  ends_t ends = {pair.server, pair.client};
  return ends;
}
typedef ends_t (*open_fn)(kja_runtime_t runtime);
/* The first two are in this process. */
static const open_fn OPENS[] = {pipe_open, two_way_as_ends, tcp_as_ends, os_pair_as_ends, os_pipe_open};
enum { KINDS = 5, IN_PROCESS = 2, TCP = 2, MUCH = 16 << 20 };

/* TCP says the same of a peer that has gone and of one that only ends its writing, until bytes come that nobody reads:
 * then the peer's system answers with a reset. */
static void leave_unread(kja_connection_t writer) {
  kja_promise_t writing = 0;
  CHECK_OK(kja_connection_write_start(writer, "unread", 6, &writing));
  CHECK_OK(kja_promise_status(writing));
  CHECK_OK(kja_promise_release(writing));
}

/* parity: STRM-14 */
static void abort_write_fails_pending_and_later_writes(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    count_t freed = {0};
    char *data = pattern_new(MUCH);
    kja_promise_t first = 0, ending, second;
    CHECK_OK(kja_connection_write_borrowed_start(ends.writer, data, MUCH, &freed, count_destroy, &first));
    second = write_text_start(ends.writer, "second");
    ending = shutdown_start(ends.writer);
    CHECK_OK(kja_connection_abort_write(ends.writer, KJA_ERR_OVERLOADED, 75, "too much", 8));
    expect_error(first, KJA_ERR_OVERLOADED, "too much");
    CHECK_U64(kja_last_error_os(), 75);
    CHECK_U64(count_get(&freed), 1);
    expect_error(second, KJA_ERR_OVERLOADED, "too much");
    expect_error(ending, KJA_ERR_OVERLOADED, "too much");
    expect_error(write_text_start(ends.writer, "third"), KJA_ERR_OVERLOADED, "too much");
    expect_error(write_start(ends.writer, NULL, 0), KJA_ERR_OVERLOADED, "too much");
    free(data);
    ends_release(ends);
    runtime_close(runtime);
  }
}

/* parity: STRM-14, PIPE-01, PIPE-02 */
static void the_other_end_in_this_process_gets_the_error(void) {
  for (int kind = 0; kind < IN_PROCESS; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    kja_promise_t reading = read_start(ends.reader, 4, 8);
    write_text(ends.writer, "abc");
    stays_pending(runtime, reading);
    CHECK_OK(kja_connection_abort_write(ends.writer, KJA_ERR_UNIMPLEMENTED, 38, "not here", 8));
    expect_error(reading, KJA_ERR_UNIMPLEMENTED, "not here");
    CHECK_U64(kja_last_error_os(), 38);
    expect_text(read_start(ends.reader, 1, 8), "abc");
    expect_error(read_start(ends.reader, 1, 8), KJA_ERR_UNIMPLEMENTED, "not here");
    expect_error(read_all_start(ends.reader, 8), KJA_ERR_UNIMPLEMENTED, "not here");
    CHECK_OK(kja_connection_release(ends.writer));
    expect_error(read_start(ends.reader, 1, 8), KJA_ERR_UNIMPLEMENTED, "not here");
    CHECK_OK(kja_connection_release(ends.reader));
    runtime_close(runtime);
  }
}

/* parity: STRM-14 */
static void the_other_direction_goes_on_after_abort_write(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pairs[3] = {two_way_open(runtime), os_pair_open(runtime), pair_open(runtime)};
  for (int i = 0; i < 3; i++) {
    kja_promise_t reading = read_start(pairs[i].client, 1, 8);
    abort_write(pairs[i].client, KJA_ERR_FAILED, "aborted");
    expect(write_text_start(pairs[i].server, "on"), KJA_OK);
    expect_text(reading, "on");
    pair_release(pairs[i]);
  }
  runtime_close(runtime);
}

/* parity: STRM-14 */
static void the_peer_of_a_socket_sees_a_reset(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t reading = read_start(pair.server, 1, 8), watching = disconnected_start(pair.server);
  abort_write(pair.client, KJA_ERR_FAILED, "aborted");
  stays_pending_for_a_while(reading);
  CHECK_OK(kja_connection_release(pair.client));
  CHECK_IS(kja_promise_await(reading), KJA_ERR_DISCONNECTED);
  CHECK_U64(kja_last_error_os(), ECONNRESET);
  CHECK_OK(kja_promise_release(reading));
  expect(watching, KJA_OK);
  CHECK_OK(kja_connection_release(pair.server));
  runtime_close(runtime);
}

static void the_last_abort_counts_and_close_ends_it(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  abort_write(ends.writer, KJA_ERR_FAILED, "one");
  abort_write(ends.writer, KJA_ERR_OVERLOADED, "two");
  expect_error(write_text_start(ends.writer, "x"), KJA_ERR_OVERLOADED, "two");
  /* Whoever reads has been told already. */
  expect_error(read_start(ends.reader, 1, 8), KJA_ERR_FAILED, "one");
  CHECK_IS(kja_connection_abort_write(ends.writer, KJA_OK, 0, "x", 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_abort_write(ends.writer, 9999, 0, "x", 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_abort_write(ends.writer, KJA_ERR_FAILED, 0, NULL, 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_connection_close(ends.writer));
  CHECK_IS(kja_connection_abort_write(ends.writer, KJA_ERR_FAILED, 0, "x", 1), KJA_ERR_CANCELED);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-14, PIPE-01 */
static void an_abort_after_the_end_leaves_the_end(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  shutdown_write(ends.writer);
  abort_write(ends.writer, KJA_ERR_FAILED, "too late");
  expect_end(ends.reader);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-13 */
static void everyone_who_asked_learns_that_the_other_side_has_gone(void) {
  enum { WATCHERS = 20 };
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    kja_promise_t watching[WATCHERS];
    for (int i = 0; i < WATCHERS; i++) watching[i] = disconnected_start(ends.writer);
    stays_pending_for_a_while(watching[0]);
    for (int i = 0; i < WATCHERS; i += 3) {
      CHECK_OK(kja_promise_cancel(watching[i]));
      expect_already(watching[i], KJA_ERR_CANCELED);
      watching[i] = disconnected_start(ends.writer);
    }
    if (kind == TCP) leave_unread(ends.writer);
    CHECK_OK(kja_connection_release(ends.reader));
    for (int i = 0; i < WATCHERS; i++) expect(watching[i], KJA_OK);
    expect(disconnected_start(ends.writer), KJA_OK);
    CHECK_OK(kja_connection_release(ends.writer));
    runtime_close(runtime);
  }
}

/* parity: STRM-13 */
static void a_reset_is_noticed_while_nothing_is_written(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  int fd = plain_connect(port_of(listener));
  kja_connection_t connection = handle_from(accepting);
  kja_promise_t watching = disconnected_start(connection);
  stays_pending_for_a_while(watching);
  plain_reset(fd);
  expect(watching, KJA_OK);
  expect(write_text_start(connection, "x"), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_connection_release(connection));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: STRM-13, STRM-15 */
static void a_peer_that_only_ends_its_writing_has_not_gone(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pairs[3] = {two_way_open(runtime), os_pair_open(runtime), pair_open(runtime)};
  for (int i = 0; i < 3; i++) {
    kja_promise_t watching = disconnected_start(pairs[i].client);
    shutdown_write(pairs[i].server);
    expect_end(pairs[i].client);
    stays_pending_for_a_while(watching);
    kja_promise_t writing = write_text_start(pairs[i].client, "still");
    expect_text(read_start(pairs[i].server, 5, 5), "still");
    expect(writing, KJA_OK);
    stays_pending_for_a_while(watching);
    CHECK_OK(kja_connection_release(pairs[i].server));
    if (i == 2) {
      /* Only what it answers to a write tells that a peer whose end came before has gone. */
      kja_status_t status = KJA_OK;
      while (status == KJA_OK) {
        writing = write_text_start(pairs[i].client, "x");
        status = kja_promise_await(writing);
        CHECK_OK(kja_promise_release(writing));
      }
    }
    expect(watching, KJA_OK);
    CHECK_OK(kja_connection_release(pairs[i].client));
  }
  runtime_close(runtime);
}

/* parity: STRM-13, STRM-21 */
#if defined(__linux__)
/* The time at which something was sent goes to the socket's error queue, which is no error of the connection. */
static void an_entry_in_the_error_queue_is_no_end(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  int stamps = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, fd = -1;
  kja_promise_t gone = 0;
  CHECK_OK(kja_connection_fd(pair.client, &fd));
  CHECK_OK(kja_connection_setsockopt(pair.client, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps));
  CHECK_OK(kja_connection_when_write_disconnected_start(pair.client, &gone));
  write_text(pair.client, "hi");
  struct pollfd errors = {fd, 0, 0};
  CHECK(poll(&errors, 1, 10000) == 1 && errors.revents == POLLERR);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(gone), KJA_ERR_PENDING);
  CHECK_OK(kja_connection_release(pair.server));
  expect(gone, KJA_OK);
  CHECK_OK(kja_connection_release(pair.client));
  runtime_close(runtime);
}
#endif

static void after_close_there_is_nothing_to_wait_for(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    unsigned fds = open_fds();
    ends_t ends = OPENS[kind](runtime);
    kja_promise_t one = disconnected_start(ends.writer), other = disconnected_start(ends.writer);
    stays_pending(runtime, one);
    CHECK_OK(kja_connection_close(ends.writer));
    expect(one, KJA_ERR_CANCELED);
    expect(other, KJA_ERR_CANCELED);
    expect(disconnected_start(ends.writer), KJA_ERR_CANCELED);
    /* The other side is not held by a copy of the descriptor. */
    expect_end(ends.reader);
    ends_release(ends);
    ends = OPENS[kind](runtime);
    CHECK_OK(kja_connection_close(ends.writer));
    expect(disconnected_start(ends.writer), KJA_ERR_CANCELED);
    ends_release(ends);
    CHECK(fds_come_back_to(fds));
    runtime_close(runtime);
  }
}

/* parity: STRM-13 */
static void waiting_keeps_the_connection(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    kja_promise_t watching = disconnected_start(ends.writer), reading = read_start(ends.reader, 1, 8);
    CHECK_OK(kja_connection_release(ends.writer));
    stays_pending_for_a_while(reading);
    CHECK_OK(kja_promise_release(watching));
    expect_text(reading, "");
    CHECK_OK(kja_connection_release(ends.reader));
    runtime_close(runtime);
  }
}

static void *release_it(void *arg) {
  CHECK_OK(kja_connection_release(*(kja_connection_t *)arg));
  return NULL;
}
static void *close_it(void *arg) {
  CHECK_OK(kja_connection_close(*(kja_connection_t *)arg));
  return NULL;
}

/* Whichever comes first, nobody is left waiting. */
static void the_other_side_may_go_at_any_moment(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    unsigned fds = open_fds();
    for (size_t i = 0, n = scaled(200); i < n; i++) {
      ends_t ends = OPENS[kind](runtime);
      int own = i % 2;
      if (kind == TCP && !own) leave_unread(ends.writer);
      pthread_t thread;
      pthread_create(&thread, NULL, own ? close_it : release_it, own ? &ends.writer : &ends.reader);
      kja_promise_t one = disconnected_start(ends.writer), other = disconnected_start(ends.writer);
      expect(one, own ? KJA_ERR_CANCELED : KJA_OK);
      expect(other, own ? KJA_ERR_CANCELED : KJA_OK);
      pthread_join(thread, NULL);
      if (own) {
        expect_end(ends.reader);
        CHECK_OK(kja_connection_release(ends.reader));
      }
      CHECK_OK(kja_connection_release(ends.writer));
    }
    CHECK(fds_come_back_to(fds));
    runtime_close(runtime);
  }
}

typedef struct inside_t {
  ends_t ends;
  kja_promise_t watching, reading;
  int is_tcp;
} inside_t;

static void watch_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  inside->watching = disconnected_start(inside->ends.writer);
  if (inside->is_tcp) leave_unread(inside->ends.writer);
  CHECK_OK(kja_connection_release(inside->ends.reader));
}
static void abort_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  inside->reading = read_start(inside->ends.reader, 1, 8);
  abort_write(inside->ends.writer, KJA_ERR_OVERLOADED, "inside");
}

static void all_of_it_works_inside_a_callback(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    inside_t inside = {OPENS[kind](runtime), 0, 0, kind == TCP};
    run_on_loop(runtime, watch_inside, &inside);
    expect(inside.watching, KJA_OK);
    CHECK_OK(kja_connection_release(inside.ends.writer));
    if (kind < IN_PROCESS) {
      inside.ends = OPENS[kind](runtime);
      run_on_loop(runtime, abort_inside, &inside);
      expect_error(inside.reading, KJA_ERR_OVERLOADED, "inside");
      ends_release(inside.ends);
    }
    runtime_close(runtime);
  }
}

/* parity: STRM-02, STRM-03 */
static void a_required_read_is_whole_or_an_error(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    kja_promise_t reading = read_required_start(ends.reader, 4, 4), writing;
    write_text(ends.writer, "ab");
    stays_pending_for_a_while(reading);
    writing = write_text_start(ends.writer, "cdefg");
    expect_text(reading, "abcd");
    expect_text(read_required_start(ends.reader, 1, 2), "ef");
    reading = read_required_start(ends.reader, 2, 8);
    expect(writing, KJA_OK);
    shutdown_write(ends.writer);
    expect_error(reading, KJA_ERR_DISCONNECTED, "1 of 2");
    expect_text(read_required_start(ends.reader, 1, 8), "g");
    /* Nothing was required. */
    expect_text(read_required_start(ends.reader, 0, 8), "");
    expect_error(read_required_start(ends.reader, 1, 8), KJA_ERR_DISCONNECTED, "0 of 1");
    kja_promise_t refused = 1;
    CHECK_IS(kja_connection_read_required_start(ends.reader, 3, 2, &refused), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(refused, 0);
    CHECK_IS(kja_connection_read_required_start(ends.reader, 0, 0, &refused), KJA_ERR_INVALID_ARGUMENT);
    ends_release(ends);
    runtime_close(runtime);
  }
}

/* parity: STRM-04 */
static void only_some_streams_know_their_length(void) {
  kja_runtime_t runtime = runtime_open();
  for (int kind = 0; kind < KINDS; kind++) {
    ends_t ends = OPENS[kind](runtime);
    expect_no_length(ends.reader);
    expect_no_length(ends.writer);
    ends_release(ends);
  }
  ends_t ends = pipe_of_length(runtime, UINT64_MAX - 1);
  expect_length(ends.reader, UINT64_MAX - 1);
  CHECK_IS(kja_connection_length(ends.reader, NULL), KJA_ERR_INVALID_ARGUMENT);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: LOOP-06 */
static void a_shutdown_ends_all_waiting(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    for (int i = 0; i < 5; i++) disconnected_start(ends.writer);
    read_required_start(ends.reader, 3, 3);
    runtime_close(runtime);
  }
}

/* parity: STRM-15 */
static void after_its_end_nothing_more_can_be_written(void) {
  kja_runtime_t runtime = runtime_open();
  kja_slice_t slice = {"x", 1};
  for (size_t i = 0; i < sizeof OPENS / sizeof *OPENS; i++) {
    ends_t ends = OPENS[i](runtime);
    kja_promise_t writing = 0;
    shutdown_write(ends.writer);
    shutdown_write(ends.writer);
    expect(write_text_start(ends.writer, "x"), KJA_ERR_FAILED);
    CHECK_OK(kja_connection_writev_start(ends.writer, &slice, 1, &writing));
    expect(writing, KJA_ERR_FAILED);
    expect_end(ends.reader);
    ends_release(ends);
  }
  kja_connection_t null = 0;
  CHECK_OK(kja_connection_new_null(runtime, &null));
  shutdown_write(null);
  expect(write_text_start(null, "x"), KJA_ERR_FAILED);
  CHECK_OK(kja_connection_release(null));
  runtime_close(runtime);
}

/* Whatever came before, an abort of a connection that nobody closed succeeds. */
static void an_abort_after_any_other_end_succeeds(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof OPENS / sizeof *OPENS; i++) {
    ends_t ends = OPENS[i](runtime);
    shutdown_write(ends.writer);
    abort_write(ends.writer, KJA_ERR_OVERLOADED, "late");
    expect(write_text_start(ends.writer, "x"), KJA_ERR_FAILED);
    ends_release(ends);
    ends = OPENS[i](runtime);
    abort_write(ends.writer, KJA_ERR_OVERLOADED, "one");
    abort_write(ends.writer, KJA_ERR_DISCONNECTED, "two");
    expect(write_text_start(ends.writer, "x"), KJA_ERR_DISCONNECTED);
    CHECK_OK(kja_connection_close(ends.writer));
    CHECK_IS(kja_connection_abort_write(ends.writer, KJA_ERR_FAILED, 0, "x", 1), KJA_ERR_CANCELED);
    ends_release(ends);
  }
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(abort_write_fails_pending_and_later_writes);
  RUN_IN_BOTH(the_other_end_in_this_process_gets_the_error);
  RUN_IN_BOTH(the_other_direction_goes_on_after_abort_write);
  RUN_IN_BOTH(the_peer_of_a_socket_sees_a_reset);
  RUN_IN_BOTH(the_last_abort_counts_and_close_ends_it);
  RUN_IN_BOTH(an_abort_after_the_end_leaves_the_end);
  RUN_IN_BOTH(after_its_end_nothing_more_can_be_written);
  RUN_IN_BOTH(an_abort_after_any_other_end_succeeds);
  RUN_IN_BOTH(everyone_who_asked_learns_that_the_other_side_has_gone);
  RUN_IN_BOTH(a_reset_is_noticed_while_nothing_is_written);
  RUN_IN_BOTH(a_peer_that_only_ends_its_writing_has_not_gone);
#if defined(__linux__)
  RUN_IN_BOTH(an_entry_in_the_error_queue_is_no_end);
#endif
  RUN_IN_BOTH(after_close_there_is_nothing_to_wait_for);
  RUN_IN_BOTH(waiting_keeps_the_connection);
  RUN(the_other_side_may_go_at_any_moment);
  RUN_IN_BOTH(all_of_it_works_inside_a_callback);
  RUN_IN_BOTH(a_required_read_is_whole_or_an_error);
  RUN_IN_BOTH(only_some_streams_know_their_length);
  RUN_IN_BOTH(a_shutdown_ends_all_waiting);
  return check_done();
}
