/* What keeps what alive, and when memory is given back. */
#include "gate.h"
#include "loopback.h"

static void a_small_borrowed_write_gives_its_data_back_inside_the_call(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t writing = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_connection_write_borrowed_start(pair.client, "small", 5, &destroyed, count_destroy, &writing));
  CHECK_U64(count_get(&destroyed), 1);
  expect_already(writing, KJA_OK);
  expect_text(read_start(pair.server, 5, 5), "small");
  pair_release(pair);
  runtime_close(runtime);
}

/* Fills the connection until nothing more goes out. */
static kja_promise_t stuck_write(kja_connection_t connection, size_t size) {
  char *data = (char *)calloc(1, size);
  kja_promise_t writing = write_start(connection, data, size);
  free(data);
  CHECK_IS(kja_promise_status(writing), KJA_ERR_PENDING);
  return writing;
}

static void bytes_being_written_are_held_by_the_write(void) {
  static const char text[] = "held";
  enum { SIZE = 16 << 20 };
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_bytes_t bytes = 0;
  kja_promise_t writing[2], stuck = stuck_write(pair.client, SIZE), reading = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_bytes_new_borrowed(text, 4, &destroyed, count_destroy, &bytes));
  for (int i = 0; i < 2; i++) CHECK_OK(kja_connection_write_bytes_start(pair.client, bytes, &writing[i]));
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_promise_cancel(writing[0]));
  CHECK_U64(count_get(&destroyed), 0);
  CHECK_OK(kja_connection_read_start(pair.server, SIZE + 4, SIZE + 4, &reading));
  CHECK_OK(kja_promise_await(reading));
  CHECK_OK(kja_promise_await(writing[1]));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_promise_release(writing[0]));
  expect(writing[1], KJA_OK);
  expect(stuck, KJA_OK);
  pair_release(pair);
  runtime_close(runtime);
}

static void pieces_are_the_callers_again_when_the_call_returns(void) {
  enum { SIZE = 16 << 20 };
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t stuck = stuck_write(pair.client, SIZE), writing = 0, reading = 0;
  char piece[] = "piece";
  kja_slice_t slices[2];
  slices[0].data = slices[1].data = piece;
  slices[0].size = slices[1].size = 5;
  CHECK_OK(kja_connection_writev_start(pair.client, slices, 2, &writing));
  memset(piece, '#', 5);
  memset(slices, 0, sizeof slices);
  CHECK_OK(kja_connection_read_start(pair.server, SIZE, SIZE, &reading));
  expect(reading, KJA_OK);
  expect_text(read_start(pair.server, 10, 10), "piecepiece");
  expect(stuck, KJA_OK);
  expect(writing, KJA_OK);
  pair_release(pair);
  runtime_close(runtime);
}

static void each_handle_of_a_connection_keeps_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  kja_connection_t client = handle_from(connect_start(listener));
  kja_handle_t one = 0, other = 0;
  CHECK_OK(kja_promise_await(accepting));
  CHECK_OK(kja_promise_handle(accepting, &one));
  CHECK_OK(kja_promise_handle(accepting, &other));
  CHECK(one != other);
  unsigned fds = open_fds();
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_promise_release(accepting));
  write_text(client, "here");
  expect_text(read_start(other, 4, 4), "here");
  CHECK_U64(open_fds(), fds);
  CHECK_OK(kja_connection_release(other));
  CHECK(fds_come_back_to(fds - 1));
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

static void a_promise_keeps_the_connection_it_carries(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t carrier = 0;
  unsigned fds = open_fds();
  CHECK_OK(kja_promise_new_handle(runtime, pair.server, &carrier));
  CHECK_OK(kja_connection_release(pair.server));
  CHECK_U64(open_fds(), fds);
  CHECK_OK(kja_promise_release(carrier));
  CHECK(fds_come_back_to(fds - 1));
  CHECK_OK(kja_connection_release(pair.client));
  runtime_close(runtime);
}

static void a_fulfiller_does_not_keep_the_promise(void) {
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0, attached = 0;
  count_t gone = {0};
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK_OK(kja_promise_attach(promise, &gone, count_destroy, &attached));
  CHECK_OK(kja_promise_release(promise));
  CHECK(kja_fulfiller_is_waiting(fulfiller));
  CHECK_OK(kja_promise_release(attached));
  CHECK_U64(count_get(&gone), 1);
  CHECK(!kja_fulfiller_is_waiting(fulfiller));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

static void releasing_a_runtime_shuts_it_down(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t never = 0, attached = 0;
  count_t gone = {0};
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_attach(never, &gone, count_destroy, &attached));
  CHECK_OK(kja_runtime_release(runtime));
  CHECK_U64(count_get(&gone), 1);
  CHECK_IS(kja_promise_status(attached), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(never), KJA_ERR_BAD_HANDLE);
}

static void an_address_is_needed_only_for_the_call(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_address_t address = 0;
  kja_promise_t connecting = 0, late = 1;
  CHECK_OK(kja_listener_local_address(listener, &address));
  CHECK_OK(kja_address_connect_start(address, &connecting));
  CHECK_OK(kja_address_release(address));
  CHECK_IS(kja_address_connect_start(address, &late), KJA_ERR_BAD_HANDLE);
  CHECK_U64(late, 0);
  CHECK_OK(kja_connection_release(handle_from(connecting)));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_small_borrowed_write_gives_its_data_back_inside_the_call);
  RUN_IN_BOTH(bytes_being_written_are_held_by_the_write);
  RUN_IN_BOTH(pieces_are_the_callers_again_when_the_call_returns);
  RUN_IN_BOTH(each_handle_of_a_connection_keeps_it);
  RUN_IN_BOTH(a_promise_keeps_the_connection_it_carries);
  RUN_IN_BOTH(a_fulfiller_does_not_keep_the_promise);
  RUN_IN_BOTH(releasing_a_runtime_shuts_it_down);
  RUN_IN_BOTH(an_address_is_needed_only_for_the_call);
  return check_done();
}
