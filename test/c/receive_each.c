/* Receives of datagrams that follow one another with a callback for each, and sends that make no promise. */
#include "messages.h"
#include "options.h"

#ifdef __linux__
#include <sys/syscall.h>
#endif

typedef struct service_t {
  kja_datagram_t port;
  char last[32];
  count_t runs, destroyed;
  kja_promise_t wait; /* what the first datagram waits for */
} service_t;

static service_t service_new(void) {
  service_t service;
  memset(&service, 0, sizeof service);
  return service;
}
/* Answers each datagram with itself; "end" ends it. */
static void on_message(void *ctx, kja_call_t call) {
  service_t *service = (service_t *)ctx;
  kja_message_t message = 0;
  const void *data = NULL;
  size_t size = 0;
  bool sent = false;
  CHECK_OK(kja_call_handle(call, &message));
  CHECK_OK(kja_message_data(message, &data, &size));
  CHECK(size < sizeof service->last);
  memcpy(service->last, data, size);
  service->last[size] = 0;
  if (strcmp(service->last, "end") == 0) CHECK_OK(kja_call_return_u64(call, 3));
  else CHECK_OK(kja_datagram_reply_now(service->port, data, size, message, &sent));
  CHECK_OK(kja_message_release(message));
  if (count_add(&service->runs, 1) == 1 && service->wait) CHECK_OK(kja_call_return_promise(call, service->wait));
}
static void service_destroy(void *ctx) {
  count_add(&((service_t *)ctx)->destroyed, 1);
}
static kja_promise_t serve(kja_datagram_t port, service_t *service, const kja_datagram_options_t *options) {
  kja_promise_t serving = 0;
  service->port = port;
  CHECK_OK(kja_datagram_receive_each_start(port, options, on_message, service, service_destroy, &serving));
  return serving;
}
static void send_at_once(kja_datagram_t port, const char *text, kja_address_t to) {
  bool sent = false;
  CHECK_OK(kja_datagram_send_now(port, text, strlen(text), to, &sent));
  CHECK(sent);
}

/* parity: DGRAM-01, DGRAM-03, DGRAM-06 */
static void each_datagram_is_answered_until_one_ends_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t one = port_on(runtime, "127.0.0.1:0"), other = port_on(runtime, "127.0.0.1:0");
  kja_address_t of_other = address_of_port(other);
  service_t service = service_new();
  kja_promise_t serving = serve(other, &service, NULL);
  send_at_once(one, "first", of_other);
  expect_datagram(receive_start(one), "first");
  send_at_once(one, "", of_other);
  expect_datagram(receive_start(one), "");
  send_at_once(one, "end", of_other);
  expect_u64(serving, 3);
  CHECK_U64(count_get(&service.runs), 3);
  CHECK_U64(count_get(&service.destroyed), 1);
  send_at_once(one, "after", of_other);
  expect_datagram(receive_start(other), "after");
  CHECK_OK(kja_address_release(of_other));
  CHECK_OK(kja_datagram_release(one));
  CHECK_OK(kja_datagram_release(other));
  runtime_close(runtime);
}

/* A small datagram comes as a copy of its size, a large one in the block that it was received into. */
static void datagrams_of_every_size_come_whole(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t one = port_on(runtime, "127.0.0.1:0"), other = port_on(runtime, "127.0.0.1:0");
  kja_address_t of_other = address_of_port(other);
  const size_t sizes[] = {31, 4, 0, 20, 12, 13};
  kja_datagram_options_t options = room_for(50, 0);
  service_t service = service_new();
  kja_promise_t serving = serve(other, &service, &options);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char text[32] = "";
    memset(text, 'a' + (int)i, sizes[i]);
    send_text(one, text, of_other);
    expect_datagram(receive_start(one), text);
  }
  CHECK_OK(kja_promise_release(serving));
  CHECK_U64(count_get(&service.destroyed), 1);
  CHECK_OK(kja_address_release(of_other));
  CHECK_OK(kja_datagram_release(one));
  CHECK_OK(kja_datagram_release(other));
  runtime_close(runtime);
}

static void a_promise_of_the_callback_comes_before_the_next_datagram(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t one = port_on(runtime, "127.0.0.1:0"), other = port_on(runtime, "127.0.0.1:0");
  kja_address_t of_other = address_of_port(other);
  service_t service = service_new();
  service.wait = pending_until_gone(runtime, &service.runs);
  kja_promise_t serving = serve(other, &service, NULL);
  send_text(one, "first", of_other);
  expect_datagram(receive_start(one), "first");
  send_text(one, "second", of_other);
  let_loop_rest(runtime);
  CHECK(strcmp(service.last, "first") == 0);
  /* Another receive is behind this one in the line. */
  kja_promise_t behind = receive_start(other);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(behind), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_cancel(serving));
  CHECK_U64(count_get(&service.runs), 2);
  expect_already(serving, KJA_ERR_CANCELED);
  expect_datagram(behind, "second");
  CHECK_OK(kja_address_release(of_other));
  CHECK_OK(kja_datagram_release(one));
  CHECK_OK(kja_datagram_release(other));
  runtime_close(runtime);
}

static void a_close_and_a_shutdown_end_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t one = port_on(runtime, "127.0.0.1:0"), other = port_on(runtime, "127.0.0.1:0");
  service_t closed = service_new(), ended = service_new(), refused = service_new();
  kja_promise_t serving = serve(one, &closed, NULL), none = 1;
  CHECK_OK(kja_datagram_close(one));
  expect(serving, KJA_ERR_CANCELED);
  CHECK_IS(kja_datagram_receive_each_start(other, NULL, NULL, &refused, service_destroy, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&refused.destroyed), 1);
  CHECK_U64(none, 0);
  serve(other, &ended, NULL);
  CHECK_OK(kja_datagram_release(one));
  runtime_close(runtime);
  CHECK_U64(count_get(&closed.destroyed), 1);
  CHECK_U64(count_get(&ended.destroyed), 1);
}

/* parity: DGRAM-01 */
static void a_send_that_cannot_go_says_why(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0");
  kja_address_t own = address_of_port(port);
  kja_promise_t sending = 0;
  char *data = (char *)calloc(1, 70000);
  bool sent = true;
  CHECK_IS(kja_datagram_send_now(port, data, 70000, own, &sent), KJA_ERR_FAILED);
  CHECK(!sent && kja_last_error_os() == EMSGSIZE);
  CHECK_IS(kja_datagram_send_now(port, "x", 1, 0, &sent), KJA_ERR_FAILED);
  CHECK(kja_last_error_os() == EDESTADDRREQ);
  CHECK_IS(kja_datagram_send_now(port, NULL, 1, own, &sent), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_datagram_reply_now(port, "x", 1, own, &sent), KJA_ERR_BAD_HANDLE);
  /* What came over a connection has no sender to reply to. */
  pair_t pair = unix_pair_open(runtime);
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_with_fds_start(pair.server, 1, 4, 1, &reading));
  write_text(pair.client, "x");
  kja_message_t message = handle_from(reading);
  CHECK_IS(kja_datagram_reply_now(port, "x", 1, message, &sent), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_datagram_reply_start(port, "x", 1, message, &sending), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(sending, 0);
  CHECK_OK(kja_message_release(message));
  pair_release(pair);
  free(data);
  CHECK_OK(kja_address_release(own));
  CHECK_OK(kja_datagram_release(port));
  runtime_close(runtime);
}

/* A Unix socket's receiver that does not read: the port waits for room on a descriptor of its own, and gives it back. */
static void what_has_to_wait_goes_out_in_order(void) {
  kja_runtime_t runtime = runtime_open();
  int fds[2];
  kja_datagram_t port = 0;
  kja_promise_t first = 0, second = 0, third = 0;
  char block[4096], got[4096];
  bool sent = true;
  memset(block, '-', sizeof block);
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0);
  CHECK_OK(kja_datagram_from_fd(runtime, fds[0], 0, &port));
  unsigned before = open_fds();
  size_t count = 0;
  for (; sent; count += sent) CHECK_OK(kja_datagram_send_now(port, block, sizeof block, 0, &sent));
  CHECK_OK(kja_datagram_send_start(port, "one", 3, 0, &first));
  CHECK_OK(kja_datagram_send_start(port, "two", 3, 0, &second));
  CHECK_OK(kja_datagram_send_now(port, "not", 3, 0, &sent));
  CHECK(!sent);
  CHECK_OK(kja_datagram_send_start(port, "out", 3, 0, &third));
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(first), KJA_ERR_PENDING);
  /* Who leaves the line takes nothing from who waits for room. */
  CHECK_OK(kja_promise_cancel(third));
  expect_already(third, KJA_ERR_CANCELED);
  let_loop_rest(runtime);
  for (; count; count--) CHECK(read(fds[1], got, sizeof got) == (ssize_t)sizeof block);
  /* By the loop, without the help of an await. */
  for (uint64_t end = kja_timer_now_nanos() + 5 * SECOND; kja_timer_now_nanos() < end; let_loop_rest(runtime))
    if (kja_promise_status(first) != KJA_ERR_PENDING) break;
  CHECK_OK(kja_promise_status(first));
  expect_u64(first, 3);
  expect_u64(second, 3);
  CHECK(read(fds[1], got, sizeof got) == 3 && memcmp(got, "one", 3) == 0);
  CHECK(read(fds[1], got, sizeof got) == 3 && memcmp(got, "two", 3) == 0);
  CHECK(fds_come_back_to(before));
  send_at_once(port, "free", 0);
  CHECK(read(fds[1], got, sizeof got) == 4);
  /* Cancelled while it waits. */
  for (sent = true; sent;) CHECK_OK(kja_datagram_send_now(port, block, sizeof block, 0, &sent));
  CHECK_OK(kja_datagram_send_start(port, "one", 3, 0, &first));
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_cancel(first));
  expect_already(first, KJA_ERR_CANCELED);
  CHECK(fds_come_back_to(before));
  /* Closed while it waits. */
  for (sent = true; sent;) CHECK_OK(kja_datagram_send_now(port, block, sizeof block, 0, &sent));
  CHECK_OK(kja_datagram_send_start(port, "one", 3, 0, &first));
  CHECK_OK(kja_datagram_close(port));
  expect(first, KJA_ERR_CANCELED);
  CHECK_OK(kja_datagram_release(port));
  CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
  runtime_close(runtime);
}

#ifdef __linux__
static void note_thread(void *ctx, kja_call_t call) {
  (void)call;
  count_set((count_t *)ctx, (uint64_t)syscall(SYS_gettid));
}
/* How often a thread of this process has gone to sleep. */
static uint64_t sleeps_of(uint64_t thread) {
  char path[64], line[128];
  uint64_t sleeps = 0;
  snprintf(path, sizeof path, "/proc/self/task/%" PRIu64 "/status", thread);
  FILE *status = fopen(path, "r");
  if (!CHECK(status != NULL)) return 0;
  while (fgets(line, sizeof line, status))
    if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &sleeps) == 1) break;
  fclose(status);
  return sleeps;
}
/* The kernel tells of room after each datagram that has left; a loop that nobody waits for room on sleeps on. */
static void a_send_does_not_wake_the_loop(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0");
  count_t thread = {0};
  char block[64] = "";
  bool sent = true;
  int peer = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in name;
  socklen_t size = sizeof name;
  memset(&name, 0, sizeof name);
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(peer, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(getsockname(peer, (struct sockaddr *)&name, &size) == 0);
  kja_address_t to = 0;
  CHECK_OK(kja_address_from_sockaddr(runtime, &name, size, &to));
  run_on_loop(runtime, note_thread, &thread);
  let_loop_rest(runtime);
  uint64_t before = sleeps_of(count_get(&thread));
  for (int i = 0; i < 500; i++) {
    CHECK_OK(kja_datagram_send_now(port, block, sizeof block, to, &sent));
    CHECK(sent && recv(peer, block, sizeof block, 0) == sizeof block);
    sched_yield();
  }
  CHECK(sleeps_of(count_get(&thread)) - before < 10);
  CHECK(close(peer) == 0);
  CHECK_OK(kja_address_release(to));
  CHECK_OK(kja_datagram_release(port));
  runtime_close(runtime);
}
#endif

int main(void) {
  RUN_IN_BOTH(each_datagram_is_answered_until_one_ends_it);
  RUN_IN_BOTH(datagrams_of_every_size_come_whole);
  RUN_IN_BOTH(a_promise_of_the_callback_comes_before_the_next_datagram);
  RUN_IN_BOTH(a_close_and_a_shutdown_end_it);
  RUN_IN_BOTH(a_send_that_cannot_go_says_why);
  RUN_IN_BOTH(what_has_to_wait_goes_out_in_order);
#ifdef __linux__
  RUN(a_send_does_not_wake_the_loop);
#endif
  return check_done();
}
