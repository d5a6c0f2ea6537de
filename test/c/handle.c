#include "every_function.h"
#include "messages.h"
#include "nobody.h"

#include <signal.h>

/* One live handle of each family. */
typedef struct world_t {
  uint64_t handle[FAMILIES];
  kja_connection_t peer;
} world_t;

/* Keeps the request, which it has answered. */
static void keep_request(void *ctx, kja_call_t call) {
  kja_http_request_t *kept = (kja_http_request_t *)ctx;
  CHECK_OK(kja_call_handle(call, kept));
  CHECK_OK(kja_http_request_respond(*kept, 200, NULL, 0, 0, "x", 1));
}

static void http_input_open(uint64_t *h) {
  kja_connection_t reader = 0, writer = 0;
  kja_promise_t reading = 0;
  CHECK_OK(kja_pipe_new_os_one_way(h[RUNTIME], &reader, &writer));
  write_text(writer, "Content-Length: 5\r\n\r\nhello");
  CHECK_OK(kja_http_input_new(reader, NULL, &h[HTTP_INPUT]));
  CHECK_OK(kja_http_input_read_start(h[HTTP_INPUT], KJA_HTTP_HEAD_FIELDS, NULL, 0, &reading));
  h[HTTP_MESSAGE] = handle_from(reading);
  CHECK_OK(kja_connection_release(reader));
  CHECK_OK(kja_connection_release(writer));
}

static void http_open(uint64_t *h) {
  char url[40];
  kja_promise_t listening = 0, asked = 0;
  h[HTTP_REQUEST] = 0;
  CHECK_OK(kja_http_server_new(h[RUNTIME], NULL, keep_request, &h[HTTP_REQUEST], NULL, &h[HTTP_SERVER]));
  CHECK_OK(kja_http_headers_new(&h[HTTP_HEADERS]));
  CHECK_OK(kja_http_client_new(h[NETWORK], NULL, &h[HTTP_CLIENT]));
  CHECK_OK(kja_http_server_listen_start(h[HTTP_SERVER], h[LISTENER], &listening));
  int size = snprintf(url, sizeof url, "http://127.0.0.1:%u/", port_of(h[LISTENER]));
  CHECK_OK(kja_http_client_request_start(h[HTTP_CLIENT], "GET", 3, url, (size_t)size, 0, NULL, 0, &asked));
  h[HTTP_RESPONSE] = handle_from(asked);
  CHECK_OK(kja_promise_release(listening));
  CHECK_OK(kja_url_parse(url, (size_t)size, 0, 0, &h[URL]));
  CHECK_OK(kja_http_head_new_response(200, NULL, 0, KJA_HTTP_1_1, h[HTTP_HEADERS], &h[HTTP_HEAD]));
  http_input_open(h);
}

static void coder_open(uint64_t *h) {
  kja_coding_t coding;
  memset(&coding, 0, sizeof coding);
  coding.size = sizeof coding;
  coding.format = KJA_CODING_GZIP;
  CHECK_OK(kja_coder_new(&coding, &h[CODER]));
}

static void filesystem_open(uint64_t *h) {
  CHECK_OK(kja_directory_new_in_memory(NULL, NULL, NULL, &h[DIRECTORY]));
  CHECK_OK(kja_file_new_in_memory(NULL, NULL, NULL, &h[FILE_]));
  CHECK_OK(kja_file_map(h[FILE_], KJA_MAP_SHARED, 0, 0, &h[FILE_MAPPING]));
  CHECK_OK(kja_directory_replace_file(h[DIRECTORY], "new", 3, KJA_WRITE_CREATE, &h[REPLACER]));
}

static void tls_open(uint64_t *h) {
  CHECK_OK(kja_tls_key_pair_new(CERTIFICATE_OF_NOBODY, strlen(CERTIFICATE_OF_NOBODY), KEY_OF_NOBODY, strlen(KEY_OF_NOBODY),
                                NULL, 0, &h[TLS_KEY_PAIR]));
  CHECK_OK(kja_tls_context_new(h[RUNTIME], NULL, &h[TLS_CONTEXT]));
}

/* A socket over a connection of its own, and a message that it has received. */
static void websocket_open(uint64_t *h) {
  static const unsigned char frame[] = {0x82, 0x02, 'h', 'i'};
  pair_t pair = pair_open(h[RUNTIME]);
  kja_promise_t receiving = 0;
  CHECK_OK(kja_websocket_new(pair.client, KJA_WEBSOCKET_CLIENT, NULL, 0, NULL, &h[WEBSOCKET]));
  expect(write_start(pair.server, frame, sizeof frame), KJA_OK);
  CHECK_OK(kja_websocket_receive_start(h[WEBSOCKET], 0, &receiving));
  h[WEBSOCKET_MESSAGE] = handle_from(receiving);
  pair_release(pair);
}

/* A subscription with a signal that has come, a child, what another one said, and a watch over a descriptor. */
static void system_open(uint64_t *h) {
  int32_t numbers[] = {SIGUSR2};
  kja_promise_t next = 0, running = 0;
  CHECK_OK(kja_signal_new(h[RUNTIME], numbers, 1, &h[SIGNAL]));
  CHECK_OK(kja_signal_next_start(h[SIGNAL], &next));
  CHECK(raise(SIGUSR2) == 0);
  h[SIGNAL_INFO] = handle_from(next);
  kja_process_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.program = "true";
  CHECK_OK(kja_process_spawn(h[RUNTIME], &options, &h[PROCESS]));
  CHECK_OK(kja_process_run_start(h[RUNTIME], &options, NULL, 0, 100, &running));
  h[PROCESS_OUTPUT] = handle_from(running);
  int32_t fd = -1;
  CHECK_OK(kja_connection_fd(h[CONNECTION], &fd));
  CHECK_OK(kja_fd_observer_new(h[RUNTIME], fd, 0, &h[FD_OBSERVER]));
}

static world_t world_open(void) {
  world_t world;
  uint64_t *h = world.handle;
  kja_promise_t fulfilled = 0;
  memset(&world, 0, sizeof world);
  h[RUNTIME] = runtime_open();
  CHECK_OK(kja_runtime_executor(h[RUNTIME], &h[EXECUTOR]));
  CHECK_OK(kja_promise_new_never(h[RUNTIME], &h[PROMISE]));
  CHECK_OK(kja_fulfiller_new(h[RUNTIME], &h[FULFILLER], &fulfilled));
  CHECK_OK(kja_promise_release(fulfilled));
  CHECK_OK(kja_bytes_new("bytes", 5, &h[BYTES]));
  CHECK_OK(kja_task_set_new(h[RUNTIME], 0, never_called, NULL, NULL, &h[TASK_SET]));
  CHECK_OK(kja_canceler_new(h[RUNTIME], &h[CANCELER]));
  CHECK_OK(kja_queue_new(h[RUNTIME], 1, &h[QUEUE]));
  CHECK_OK(kja_semaphore_new(h[RUNTIME], 3, &h[SEMAPHORE]));
  CHECK_OK(kja_semaphore_try_acquire(h[SEMAPHORE], 1, &h[PERMIT]));
  CHECK_OK(kja_event_new(h[RUNTIME], &h[EVENT]));
  CHECK_OK(kja_error_new(KJA_ERR_OVERLOADED, 12, "full", 4, &h[ERROR]));
  h[ADDRESS] = address_of(h[RUNTIME], "127.0.0.1:0", 0);
  CHECK_OK(kja_address_listen(h[ADDRESS], 0, &h[LISTENER]));
  pair_t pair = pair_open(h[RUNTIME]);
  h[CONNECTION] = pair.client;
  CHECK_OK(kja_network_new(h[RUNTIME], &h[NETWORK]));
  kja_network_wrapper_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  CHECK_OK(kja_network_wrapper_new(h[RUNTIME], &options, &h[NETWORK_WRAPPER]));
  CHECK_OK(kja_peer_new_local(1, 2, 3, &h[PEER]));
  world.peer = pair.server;
  http_open(h);
  coder_open(h);
  filesystem_open(h);
  tls_open(h);
  websocket_open(h);
  system_open(h);
  kja_promise_t receiving = 0;
  h[DATAGRAM] = port_on(h[RUNTIME], "127.0.0.1:0");
  kja_address_t own = address_of_port(h[DATAGRAM]);
  send_text(h[DATAGRAM], "message", own);
  CHECK_OK(kja_datagram_receive_many_start(h[DATAGRAM], NULL, 1, &receiving));
  CHECK_OK(kja_address_release(own));
  h[MESSAGE_LIST] = handle_from(receiving);
  CHECK_OK(kja_message_list_get(h[MESSAGE_LIST], 0, &h[MESSAGE]));
  /* A kind of handle that is new wants one here. */
  for (int family = 0; family < FAMILIES; family++) CHECK(h[family] != 0);
  return world;
}

static void others_are_intact(const uint64_t *h) {
  size_t size = 1;
  uint64_t count = 0;
  kja_status_t kind = KJA_OK;
  CHECK_OK(kja_task_set_size(h[TASK_SET], &size));
  CHECK_U64(size, 0);
  CHECK(kja_canceler_is_empty(h[CANCELER]));
  CHECK_OK(kja_queue_size(h[QUEUE], &size));
  CHECK_U64(size, 0);
  CHECK_OK(kja_semaphore_free(h[SEMAPHORE], &count));
  CHECK_U64(count, 2);
  CHECK(!kja_event_is_set(h[EVENT]));
  CHECK_OK(kja_error_kind(h[ERROR], &kind, NULL));
  CHECK_IS(kind, KJA_ERR_OVERLOADED);
  kja_network_t part = 0;
  uint32_t peer = 0;
  CHECK_OK(kja_network_restrict(h[NETWORK], NULL, 0, NULL, 0, &part));
  CHECK_OK(kja_network_release(part));
  CHECK_OK(kja_network_wrapper_wrap_network(h[NETWORK_WRAPPER], h[NETWORK], &part));
  CHECK_OK(kja_network_release(part));
  CHECK_OK(kja_peer_kind(h[PEER], &peer));
  CHECK_U64(peer, KJA_PEER_LOCAL);
}

static void world_is_intact(const world_t *world) {
  const void *data;
  size_t size = 0;
  CHECK(kja_runtime_is_alive(world->handle[RUNTIME]));
  CHECK(kja_executor_is_live(world->handle[EXECUTOR]));
  CHECK_IS(kja_promise_status(world->handle[PROMISE]), KJA_ERR_PENDING);
  CHECK_OK(kja_fulfiller_unit(world->handle[FULFILLER]));
  CHECK_OK(kja_bytes_data(world->handle[BYTES], &data, &size));
  CHECK_U64(size, 5);
  others_are_intact(world->handle);
  CHECK(port_of(world->handle[LISTENER]) != 0);
  message_says(world->handle[MESSAGE], "message");
  write_text(world->handle[CONNECTION], "still here");
  expect_text(read_start(world->peer, 10, 10), "still here");
}

static void world_release(const world_t *world) {
  CHECK_OK(kja_tls_context_release(world->handle[TLS_CONTEXT]));
  CHECK_OK(kja_tls_key_pair_release(world->handle[TLS_KEY_PAIR]));
  CHECK_OK(kja_websocket_message_release(world->handle[WEBSOCKET_MESSAGE]));
  CHECK_OK(kja_websocket_release(world->handle[WEBSOCKET]));
  CHECK_OK(kja_url_release(world->handle[URL]));
  CHECK_OK(kja_coder_release(world->handle[CODER]));
  CHECK_OK(kja_replacer_release(world->handle[REPLACER]));
  CHECK_OK(kja_file_mapping_release(world->handle[FILE_MAPPING]));
  CHECK_OK(kja_file_release(world->handle[FILE_]));
  CHECK_OK(kja_directory_release(world->handle[DIRECTORY]));
  CHECK_OK(kja_http_response_release(world->handle[HTTP_RESPONSE]));
  CHECK_OK(kja_http_request_release(world->handle[HTTP_REQUEST]));
  CHECK_OK(kja_http_client_release(world->handle[HTTP_CLIENT]));
  CHECK_OK(kja_http_server_release(world->handle[HTTP_SERVER]));
  CHECK_OK(kja_http_headers_release(world->handle[HTTP_HEADERS]));
  CHECK_OK(kja_http_head_release(world->handle[HTTP_HEAD]));
  CHECK_OK(kja_http_message_release(world->handle[HTTP_MESSAGE]));
  CHECK_OK(kja_http_input_release(world->handle[HTTP_INPUT]));
  CHECK_OK(kja_message_list_release(world->handle[MESSAGE_LIST]));
  CHECK_OK(kja_message_release(world->handle[MESSAGE]));
  CHECK_OK(kja_datagram_release(world->handle[DATAGRAM]));
  CHECK_OK(kja_connection_release(world->handle[CONNECTION]));
  CHECK_OK(kja_connection_release(world->peer));
  CHECK_OK(kja_listener_release(world->handle[LISTENER]));
  CHECK_OK(kja_address_release(world->handle[ADDRESS]));
  CHECK_OK(kja_error_release(world->handle[ERROR]));
  CHECK_OK(kja_network_wrapper_release(world->handle[NETWORK_WRAPPER]));
  CHECK_OK(kja_network_release(world->handle[NETWORK]));
  CHECK_OK(kja_peer_release(world->handle[PEER]));
  CHECK_OK(kja_event_release(world->handle[EVENT]));
  CHECK_OK(kja_permit_release(world->handle[PERMIT]));
  CHECK_OK(kja_semaphore_release(world->handle[SEMAPHORE]));
  CHECK_OK(kja_queue_release(world->handle[QUEUE]));
  CHECK_OK(kja_canceler_release(world->handle[CANCELER]));
  CHECK_OK(kja_task_set_release(world->handle[TASK_SET]));
  CHECK_OK(kja_bytes_release(world->handle[BYTES]));
  CHECK_OK(kja_fulfiller_release(world->handle[FULFILLER]));
  CHECK_OK(kja_promise_release(world->handle[PROMISE]));
  CHECK_OK(kja_executor_release(world->handle[EXECUTOR]));
  CHECK_OK(kja_runtime_release(world->handle[RUNTIME]));
}

static void zero_is_refused_by_every_function(void) {
  every_function_refuses(0);
  world_t world = world_open();
  every_function_refuses(0);
  world_is_intact(&world);
  world_release(&world);
}

static void a_released_handle_is_refused_by_every_function(void) {
  world_t world = world_open();
  world_release(&world);
  for (int family = 0; family < FAMILIES; family++) every_function_refuses(world.handle[family]);
}

static void a_released_handle_never_names_its_slots_next_tenant(void) {
  kja_bytes_t old = 0;
  CHECK_OK(kja_bytes_new("old", 3, &old));
  CHECK_OK(kja_bytes_release(old));
  for (size_t i = 0, n = scaled(100000); i < n; i++) {
    kja_bytes_t next = 0;
    CHECK_OK(kja_bytes_new("next", 4, &next));
    CHECK(next != old);
    CHECK_IS(kja_bytes_release(old), KJA_ERR_BAD_HANDLE);
    CHECK_OK(kja_bytes_release(next));
    old = next;
  }
}

static void a_handle_of_one_kind_is_refused_as_any_other(void) {
  world_t world = world_open();
  for (int family = 0; family < FAMILIES; family++) {
    for (int taken_for = 0; taken_for < FAMILIES; taken_for++)
      if (taken_for != family) REFUSES[taken_for](world.handle[family]);
    call_refuses(world.handle[family]);
  }
  world_is_intact(&world);
  world_release(&world);
}

static int is_live(const world_t *world, uint64_t handle) {
  for (int family = 0; family < FAMILIES; family++)
    if (world->handle[family] == handle) return 1;
  return world->peer == handle;
}

static void a_live_handle_with_one_bit_changed_is_refused(void) {
  world_t world = world_open();
  for (int family = 0; family < FAMILIES; family++)
    for (int bit = 0; bit < 64; bit++) {
      uint64_t near = world.handle[family] ^ (uint64_t)1 << bit;
      if (!is_live(&world, near)) every_function_refuses(near);
    }
  world_is_intact(&world);
  world_release(&world);
}

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void random_bits_are_refused_by_every_function(void) {
  world_t world = world_open();
  uint64_t seed = 0x9e3779b97f4a7c15;
  for (size_t i = 0, n = scaled(20000); i < n; i++) {
    uint64_t bits = next_random(&seed);
    /* Small numbers and pointers are what a confused caller passes. */
    if (i % 4 == 1) bits &= 0xfff;
    if (i % 4 == 2) bits = (uint64_t)(uintptr_t)&world + (bits & 0xfff);
    if (i % 4 == 3) bits = (bits & 0xfff) << 32 | (bits >> 52);
    if (!is_live(&world, bits)) every_function_refuses(bits);
  }
  world_is_intact(&world);
  world_release(&world);
}

static void a_bad_second_handle_is_refused_and_costs_nothing(void) {
  world_t world = world_open();
  const uint64_t bad[] = {1, UINT64_MAX, world.handle[LISTENER] ^ (uint64_t)1 << 40};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) every_second_handle_is_refused(world.handle, bad[i]);
  world_is_intact(&world);
  world_release(&world);
}

static void a_null_pointer_is_refused(void) {
  world_t world = world_open();
  const uint64_t *h = world.handle;
  kja_promise_t p = 1;
  kja_runtime_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.ctx = &returned_;
  options.destroy = count_destroy;
#define INVALID(call) CHECK_IS(call, KJA_ERR_INVALID_ARGUMENT)
  INVALID(kja_runtime_new(NULL, NULL));
  lent_++;
  INVALID(kja_runtime_new(&options, NULL));
  INVALID(kja_runtime_executor(h[RUNTIME], NULL));
  INVALID(kja_executor_execute(h[EXECUTOR], NULL, CTX));
  INVALID(kja_executor_execute_start(h[EXECUTOR], NULL, CTX, &p));
  CHECK_U64(p, 0);
  INVALID(kja_executor_execute_start(h[EXECUTOR], never_called, CTX, NULL));
  INVALID(kja_promise_new_unit(h[RUNTIME], NULL));
  INVALID(kja_promise_new_opaque(h[RUNTIME], CTX, NULL));
  INVALID(kja_promise_then(h[PROMISE], NULL, CTX, &p));
  INVALID(kja_promise_then(h[PROMISE], never_called, CTX, NULL));
  INVALID(kja_promise_finally(h[PROMISE], never_called, CTX, NULL));
  INVALID(kja_bytes_new_borrowed("x", 1, CTX, NULL));
  INVALID(kja_connection_read_into_start(h[CONNECTION], &options, 1, 4, CTX, NULL));
  INVALID(kja_connection_write_borrowed_start(h[CONNECTION], "x", 1, CTX, NULL));
  INVALID(kja_promise_attach(h[PROMISE], CTX, NULL));
  INVALID(kja_promise_all(h[RUNTIME], NULL, 3, &p));
  INVALID(kja_promise_race(h[RUNTIME], NULL, 3, &p));
  INVALID(kja_bytes_new(NULL, 3, &p));
  INVALID(kja_bytes_new("x", 1, NULL));
  INVALID(kja_bytes_new_borrowed(NULL, 3, CTX, &p));
  INVALID(kja_address_parse_start(h[RUNTIME], NULL, 3, 0, &p));
  INVALID(kja_listener_accept_start(h[LISTENER], NULL));
  INVALID(kja_connection_read_start(h[CONNECTION], 1, 1, NULL));
  INVALID(kja_connection_read_into_start(h[CONNECTION], NULL, 1, 4, CTX, &p));
  INVALID(kja_connection_write_start(h[CONNECTION], NULL, 4, &p));
  INVALID(kja_connection_write_borrowed_start(h[CONNECTION], NULL, 4, CTX, &p));
  INVALID(kja_connection_writev_start(h[CONNECTION], NULL, 2, &p));
#undef INVALID
  world_is_intact(&world);
  world_release(&world);
}

/* Of a task set and its kin. */
static void a_null_pointer_is_refused_by_the_others_too(void) {
  world_t world = world_open();
  const uint64_t *h = world.handle;
  uint64_t out = 1;
#define INVALID(call) CHECK_IS(call, KJA_ERR_INVALID_ARGUMENT)
  INVALID(kja_task_set_new(h[RUNTIME], 0, never_called, CTX, NULL));
  INVALID(kja_task_set_new(h[RUNTIME], 0, NULL, CTX, &out));
  CHECK_U64(out, 0);
  INVALID(kja_task_set_size(h[TASK_SET], NULL));
  INVALID(kja_task_set_on_empty_start(h[TASK_SET], NULL));
  INVALID(kja_canceler_new(h[RUNTIME], NULL));
  INVALID(kja_canceler_wrap(h[CANCELER], h[PROMISE], NULL));
  INVALID(kja_canceler_cancel(h[CANCELER], KJA_ERR_FAILED, 0, NULL, 1));
  INVALID(kja_queue_new(h[RUNTIME], 1, NULL));
  INVALID(kja_queue_push_u64_start(h[QUEUE], 1, NULL));
  INVALID(kja_queue_push_handle_start(h[QUEUE], h[BYTES], NULL));
  INVALID(kja_queue_push_opaque_start(h[QUEUE], CTX, NULL));
  INVALID(kja_queue_pop_start(h[QUEUE], NULL));
  INVALID(kja_queue_size(h[QUEUE], NULL));
  INVALID(kja_queue_reject_all(h[QUEUE], KJA_ERR_FAILED, 0, NULL, 1));
  INVALID(kja_queue_reject_oldest(h[QUEUE], KJA_ERR_FAILED, 0, NULL, 1));
  INVALID(kja_semaphore_new(h[RUNTIME], 1, NULL));
  INVALID(kja_semaphore_acquire_start(h[SEMAPHORE], 1, NULL));
  INVALID(kja_semaphore_try_acquire(h[SEMAPHORE], 1, NULL));
  INVALID(kja_semaphore_free(h[SEMAPHORE], NULL));
  INVALID(kja_event_new(h[RUNTIME], NULL));
  INVALID(kja_event_wait_start(h[EVENT], NULL));
  INVALID(kja_error_new(KJA_ERR_FAILED, 0, "x", 1, NULL));
  INVALID(kja_error_clone(h[ERROR], NULL));
  INVALID(kja_error_with_context(h[ERROR], NULL, 1, 1, "x", 1, &out));
  INVALID(kja_error_with_context(h[ERROR], "f", 1, 1, NULL, 1, &out));
  INVALID(kja_error_with_context(h[ERROR], "f", 1, 1, "x", 1, NULL));
  INVALID(kja_error_with_detail(h[ERROR], 1, NULL, 1, &out));
  INVALID(kja_error_with_detail(h[ERROR], 1, "x", 1, NULL));
  INVALID(kja_error_without_detail(h[ERROR], 1, NULL));
  INVALID(kja_error_detail(h[ERROR], 1, NULL));
  INVALID(kja_error_detail_ids(h[ERROR], NULL, 0, NULL));
  INVALID(kja_last_error_object(NULL));
  INVALID(kja_promise_error_object(h[PROMISE], NULL));
  INVALID(kja_promise_new_error_object(h[RUNTIME], h[ERROR], NULL));
#undef INVALID
  world_is_intact(&world);
  world_release(&world);
}

static void a_null_pointer_is_refused_by_combinators_and_timers(void) {
  world_t world = world_open();
  const uint64_t *h = world.handle;
  uint64_t out = 1;
#define INVALID(call) CHECK_IS(call, KJA_ERR_INVALID_ARGUMENT)
  INVALID(kja_promise_join(h[RUNTIME], NULL, 3, &out));
  CHECK_U64(out, 0);
  INVALID(kja_promise_join(h[RUNTIME], NULL, 0, NULL));
  INVALID(kja_promise_all_settled(h[RUNTIME], NULL, 3, &out));
  INVALID(kja_promise_any(h[RUNTIME], NULL, 3, &out));
  INVALID(kja_promise_any(h[RUNTIME], &h[PROMISE], 1, NULL));
  INVALID(kja_promise_deadline(h[PROMISE], 1, NULL));
  INVALID(kja_promise_eval_now(h[RUNTIME], NULL, CTX, &out));
  INVALID(kja_promise_eval_now(h[RUNTIME], never_called, CTX, NULL));
  INVALID(kja_promise_retry_start(h[RUNTIME], NULL, CTX, NULL, &out));
  INVALID(kja_promise_retry_start(h[RUNTIME], never_called, CTX, NULL, NULL));
  INVALID(kja_executor_execute_last_start(h[EXECUTOR], NULL, CTX, &out));
  INVALID(kja_executor_execute_last_start(h[EXECUTOR], never_called, CTX, NULL));
  INVALID(kja_timer_yield_until_queue_empty_start(h[RUNTIME], NULL));
  INVALID(kja_timer_yield_until_would_sleep_start(h[RUNTIME], NULL));
  INVALID(kja_timer_now(h[RUNTIME], NULL));
  INVALID(kja_timer_next(h[RUNTIME], NULL));
  INVALID(kja_timer_timeout_to_next(h[RUNTIME], 1, 1, NULL));
  INVALID(kja_clock_now_nanos(KJA_CLOCK_MONOTONIC, NULL));
  INVALID(kja_runtime_stats(h[RUNTIME], NULL));
  INVALID(kja_local_get(h[RUNTIME], 1, NULL));
#undef INVALID
  world_is_intact(&world);
  world_release(&world);
}

/* Runs last: every refused call above had to give its ctx back. */
static void a_refused_call_destroys_its_ctx_once(void) {
  CHECK(every_ctx_is_back());
}

int main(void) {
  RUN(zero_is_refused_by_every_function);
  RUN(a_released_handle_is_refused_by_every_function);
  RUN(a_released_handle_never_names_its_slots_next_tenant);
  RUN(a_handle_of_one_kind_is_refused_as_any_other);
  RUN(a_live_handle_with_one_bit_changed_is_refused);
  RUN(random_bits_are_refused_by_every_function);
  RUN(a_bad_second_handle_is_refused_and_costs_nothing);
  RUN(a_null_pointer_is_refused);
  RUN(a_null_pointer_is_refused_by_the_others_too);
  RUN(a_null_pointer_is_refused_by_combinators_and_timers);
  RUN(a_refused_call_destroys_its_ctx_once);
  return check_done();
}
