/* Every function of the header that takes a handle, called with one that it must refuse. */
#ifndef KJASYNC_TEST_EVERY_FUNCTION_H
#define KJASYNC_TEST_EVERY_FUNCTION_H

#include "check.h"

/* Calls that were given a ctx to destroy, and how many did. */
static uint64_t lent_;
static count_t returned_;

#define REFUSED(call) CHECK_IS(call, KJA_ERR_BAD_HANDLE)
#define CTX (lent_++, (void *)&returned_), count_destroy

static inline void never_called(void *ctx, kja_call_t call) {
  (void)ctx;
  (void)call;
  CHECK(!"a refused callback was called");
}

static inline void makes_no_wrapper(uint64_t h) {
  kja_network_wrapper_options_t options;
  kja_network_wrapper_t out = 1;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.ctx = &returned_;
  options.destroy = count_destroy;
  lent_++;
  REFUSED(kja_network_wrapper_new(h, &options, &out));
  CHECK_U64(out, 0);
}

static inline void runtime_refuses(uint64_t h) {
  uint64_t out = 1;
  kja_promise_t p = 1;
  kja_runtime_stats_t stats;
  REFUSED(kja_runtime_shutdown(h));
  REFUSED(kja_runtime_release(h));
  CHECK(!kja_runtime_is_alive(h));
  CHECK(!kja_runtime_on_loop(h));
  REFUSED(kja_runtime_executor(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_runtime_poll(h, 0, &out));
  REFUSED(kja_runtime_run(h, 1, &out));
  REFUSED(kja_runtime_turn(h, 1, &out));
  REFUSED(kja_runtime_wake(h));
  CHECK(!kja_runtime_is_runnable(h));
  REFUSED(kja_runtime_cancel_detached(h));
  stats.size = sizeof stats;
  REFUSED(kja_runtime_stats(h, &stats));
  REFUSED(kja_promise_new_unit(h, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_promise_new_u64(h, 1, &p));
  REFUSED(kja_promise_new_opaque(h, CTX, &p));
  REFUSED(kja_promise_new_error(h, KJA_ERR_FAILED, 0, "x", 1, &p));
  REFUSED(kja_promise_new_never(h, &p));
  REFUSED(kja_promise_new_bytes(h, 0, &p));
  REFUSED(kja_promise_new_handle(h, 0, &p));
  REFUSED(kja_promise_new_error_object(h, 0, &p));
  REFUSED(kja_promise_all(h, NULL, 0, &p));
  REFUSED(kja_promise_race(h, &p, 1, &p));
  REFUSED(kja_promise_join(h, NULL, 0, &p));
  REFUSED(kja_promise_all_settled(h, NULL, 0, &p));
  REFUSED(kja_promise_any(h, &p, 1, &p));
  REFUSED(kja_promise_eval_now(h, never_called, CTX, &p));
  REFUSED(kja_promise_retry_start(h, never_called, CTX, NULL, &p));
  p = 1;
  REFUSED(kja_fulfiller_new(h, &out, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_timer_sleep_start(h, 1, &p));
  REFUSED(kja_timer_sleep_until_start(h, 1, &p));
  REFUSED(kja_timer_yield_start(h, &p));
  REFUSED(kja_timer_yield_until_queue_empty_start(h, &p));
  REFUSED(kja_timer_yield_until_would_sleep_start(h, &p));
  REFUSED(kja_timer_now(h, &out));
  REFUSED(kja_timer_advance(h, 1));
  REFUSED(kja_timer_next(h, &out));
  REFUSED(kja_timer_timeout_to_next(h, 1, 1, &out));
  REFUSED(kja_address_parse_start(h, "127.0.0.1", 9, 1, &p));
  REFUSED(kja_connection_from_fd(h, 0, KJA_FD_BORROW, &out));
  REFUSED(kja_connection_from_connecting_fd_start(h, 0, KJA_FD_BORROW, 0, &p));
  REFUSED(kja_listener_from_fd(h, 0, KJA_FD_BORROW, &out));
  REFUSED(kja_datagram_from_fd(h, 0, KJA_FD_BORROW, &out));
  REFUSED(kja_pipe_new_capability(h, &out, &p));
  REFUSED(kja_connection_from_file(h, 0, KJA_FD_BORROW, 0, &out));
}

/* What a runtime makes besides promises. */
static inline void runtime_makes_nothing(uint64_t h) {
  uint64_t out = 1, other = 1;
  void *kept;
  REFUSED(kja_task_set_new(h, 0, never_called, CTX, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_canceler_new(h, &out));
  REFUSED(kja_queue_new(h, 1, &out));
  REFUSED(kja_semaphore_new(h, 1, &out));
  REFUSED(kja_event_new(h, &out));
  out = 1;
  REFUSED(kja_pipe_new_one_way(h, UINT64_MAX, &out, &other));
  CHECK_U64(out | other, 0);
  REFUSED(kja_pipe_new_two_way(h, &out, &other));
  REFUSED(kja_pipe_new_os_one_way(h, &out, &other));
  REFUSED(kja_pipe_new_os_two_way(h, &out, &other));
  REFUSED(kja_connection_new_null(h, &out));
  REFUSED(kja_address_from_sockaddr(h, "x", 1, &out));
  REFUSED(kja_network_new(h, &out));
  makes_no_wrapper(h);
  CHECK_U64(out, 0);
  REFUSED(kja_local_get(h, 1, &kept));
  REFUSED(kja_local_get_or_set(h, 1, CTX, &kept));
}

static inline void executor_refuses(uint64_t h) {
  kja_executor_t clone = 1;
  kja_promise_t p = 1;
  REFUSED(kja_executor_clone(h, &clone));
  CHECK_U64(clone, 0);
  CHECK(!kja_executor_is_live(h));
  REFUSED(kja_executor_execute_start(h, never_called, CTX, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_executor_execute_last_start(h, never_called, CTX, &p));
  REFUSED(kja_executor_execute(h, never_called, CTX));
  REFUSED(kja_executor_release(h));
}

static inline void call_refuses(uint64_t h) {
  uint64_t out = 1;
  void *pointer;
  uint32_t type;
  REFUSED(kja_call_status(h));
  REFUSED(kja_call_outcome_type(h, &type));
  REFUSED(kja_call_u64(h, &out));
  REFUSED(kja_call_bytes(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_call_handle(h, &out));
  REFUSED(kja_call_opaque(h, &pointer));
  REFUSED(kja_call_return_u64(h, 1));
  REFUSED(kja_call_return_bytes(h, 0));
  REFUSED(kja_call_return_handle(h, 0));
  REFUSED(kja_call_return_opaque(h, CTX));
  REFUSED(kja_call_return_promise(h, 0));
  REFUSED(kja_call_return_error(h, KJA_ERR_FAILED, 0, "x", 1));
  out = 1;
  REFUSED(kja_call_error_object(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_call_return_error_object(h, 0));
}

static inline void promise_refuses(uint64_t h) {
  uint64_t out = 1;
  void *pointer;
  char text[8];
  size_t length;
  uint32_t type;
  REFUSED(kja_promise_outcome_type(h, &type));
  REFUSED(kja_promise_await(h));
  REFUSED(kja_promise_await_for(h, SECOND));
  REFUSED(kja_promise_status(h));
  REFUSED(kja_promise_u64(h, &out));
  REFUSED(kja_promise_bytes(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_promise_handle(h, &out));
  REFUSED(kja_promise_opaque(h, &pointer));
  REFUSED(kja_promise_cancel(h));
  REFUSED(kja_promise_release(h));
  REFUSED(kja_promise_release_nowait(h));
  CHECK(!kja_promise_has_branches(h));
  REFUSED(kja_promise_then(h, never_called, CTX, &out));
  REFUSED(kja_promise_catch(h, never_called, CTX, &out));
  REFUSED(kja_promise_handle_both(h, never_called, CTX, &out));
  REFUSED(kja_promise_finally(h, never_called, CTX, &out));
  REFUSED(kja_promise_timeout(h, 1, &out));
  REFUSED(kja_promise_fork(h, &out));
  REFUSED(kja_promise_attach(h, CTX, &out));
  REFUSED(kja_promise_detach(h, never_called, CTX));
  REFUSED(kja_promise_deadline(h, 1, &out));
  REFUSED(kja_promise_trace(h, text, sizeof text, &length));
  REFUSED(kja_promise_error_object(h, &out));
  REFUSED(kja_connection_new_promised(h, &out));
}

static inline void fulfiller_refuses(uint64_t h) {
  REFUSED(kja_fulfiller_unit(h));
  REFUSED(kja_fulfiller_u64(h, 1));
  REFUSED(kja_fulfiller_bytes(h, 0));
  REFUSED(kja_fulfiller_handle(h, 0));
  REFUSED(kja_fulfiller_opaque(h, CTX));
  REFUSED(kja_fulfiller_promise(h, 0));
  REFUSED(kja_fulfiller_error(h, KJA_ERR_FAILED, 0, "x", 1));
  REFUSED(kja_fulfiller_error_object(h, 0));
  CHECK(!kja_fulfiller_is_waiting(h));
  REFUSED(kja_fulfiller_release(h));
}

static inline void bytes_refuses(uint64_t h) {
  const void *data;
  size_t size;
  kja_bytes_t out = 1;
  REFUSED(kja_bytes_data(h, &data, &size));
  REFUSED(kja_bytes_slice(h, 0, 0, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_bytes_release(h));
}

static inline void address_refuses(uint64_t h) {
  uint64_t out = 1;
  uint32_t family;
  bool yes;
  char text[8];
  size_t length;
  uint16_t port;
  REFUSED(kja_address_text(h, text, sizeof text, &length));
  REFUSED(kja_address_port(h, &port));
  REFUSED(kja_address_connect_start(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_address_listen(h, 0, &out));
  REFUSED(kja_address_listen_with(h, NULL, &out));
  REFUSED(kja_address_clone(h, &out));
  REFUSED(kja_address_get(h, 0, &out));
  REFUSED(kja_address_count(h, &length));
  REFUSED(kja_address_family(h, &family));
  REFUSED(kja_address_sockaddr(h, text, sizeof text, &length));
  REFUSED(kja_cidr_matches("::/0", 4, h, &yes));
  REFUSED(kja_peer_new_network(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_address_bind_datagram(h, &out));
  REFUSED(kja_address_release(h));
}

static inline void network_refuses(uint64_t h) {
  uint64_t out = 1;
  bool yes;
  REFUSED(kja_network_restrict(h, NULL, 0, NULL, 0, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_network_parse_address_start(h, "127.0.0.1", 9, 1, &out));
  REFUSED(kja_network_address_from_sockaddr(h, "x", 1, &out));
  REFUSED(kja_network_allows(h, 0, &yes));
  REFUSED(kja_network_listener_from_fd(h, 0, KJA_FD_BORROW, &out));
  REFUSED(kja_network_datagram_from_fd(h, 0, KJA_FD_BORROW, &out));
  REFUSED(kja_network_release(h));
}

static inline void network_wrapper_refuses(uint64_t h) {
  uint64_t out = 1;
  REFUSED(kja_network_wrapper_wrap_client_start(h, 0, "x", 1, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_network_wrapper_wrap_server_start(h, 0, &out));
  REFUSED(kja_network_wrapper_wrap_listener(h, 0, &out));
  REFUSED(kja_network_wrapper_wrap_address(h, 0, "x", 1, &out));
  REFUSED(kja_network_wrapper_wrap_network(h, 0, &out));
  REFUSED(kja_network_wrapper_release(h));
}

static inline void peer_refuses(uint64_t h) {
  uint64_t out = 1;
  uint32_t kind;
  char text[8];
  REFUSED(kja_peer_kind(h, &kind));
  REFUSED(kja_peer_text(h, text, sizeof text, NULL));
  REFUSED(kja_peer_address(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_peer_credentials(h, NULL, NULL, NULL));
  REFUSED(kja_peer_release(h));
}

static inline void listener_refuses(uint64_t h) {
  uint64_t out = 1;
  uint16_t port;
  char option[4] = {0};
  size_t size;
  REFUSED(kja_listener_port(h, &port));
  REFUSED(kja_listener_getsockopt(h, 1, 1, option, sizeof option, &size));
  REFUSED(kja_listener_setsockopt(h, 1, 1, option, sizeof option));
  REFUSED(kja_listener_aggregate_new(&h, 1, &out));
  REFUSED(kja_listener_local_address(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_listener_accept_start(h, &out));
  REFUSED(kja_listener_accept_each_start(h, never_called, CTX, &out));
  REFUSED(kja_listener_close(h));
  REFUSED(kja_listener_release(h));
}

static inline void connection_refuses(uint64_t h) {
  uint64_t out = 1, other = 1;
  char buffer[4];
  kja_slice_t slice;
  slice.data = "x";
  slice.size = 1;
  REFUSED(kja_connection_read_start(h, 1, 4, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_connection_read_into_start(h, buffer, 1, 4, CTX, &out));
  REFUSED(kja_listener_from_connection(h, &out));
  REFUSED(kja_address_from_connection(h, &out));
  REFUSED(kja_connection_read_all_start(h, 4, &out));
  REFUSED(kja_connection_read_each_start(h, 1, 4, never_called, CTX, &out));
  REFUSED(kja_connection_read_each_into_start(h, buffer, 1, 4, never_called, CTX, &out));
  REFUSED(kja_connection_write_now(h, "x", 1, (size_t *)&other));
  REFUSED(kja_connection_write_start(h, "x", 1, &out));
  REFUSED(kja_connection_write_borrowed_start(h, "x", 1, CTX, &out));
  REFUSED(kja_connection_write_bytes_start(h, 0, &out));
  REFUSED(kja_connection_writev_start(h, &slice, 1, &out));
  REFUSED(kja_connection_shutdown_write_start(h, &out));
  REFUSED(kja_connection_abort_read(h));
  REFUSED(kja_connection_abort_write_error_object(h, 0));
  REFUSED(kja_connection_abort_write(h, KJA_ERR_FAILED, 0, "x", 1));
  REFUSED(kja_connection_read_required_start(h, 1, 4, &out));
  REFUSED(kja_connection_when_write_disconnected_start(h, &out));
  REFUSED(kja_connection_length(h, &other));
  REFUSED(kja_pipe_tee(h, 1, &out, &other));
  CHECK_U64(other, 0);
  REFUSED(kja_connection_pump_start(h, h, 1, &out));
  REFUSED(kja_connection_set_nodelay(h, true));
  REFUSED(kja_connection_local_address(h, &out));
  REFUSED(kja_connection_peer_address(h, &out));
  REFUSED(kja_connection_peer(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_connection_getsockopt(h, 1, 1, buffer, sizeof buffer, NULL));
  REFUSED(kja_connection_setsockopt(h, 1, 1, "abcd", 4));
  int fd = 0;
  REFUSED(kja_connection_write_with_fds_start(h, "x", 1, &fd, 1, &out));
  REFUSED(kja_connection_read_with_fds_start(h, 1, 4, 1, &out));
  REFUSED(kja_connection_write_with_connections_start(h, "x", 1, &h, 1, &out));
  REFUSED(kja_connection_read_with_connections_start(h, 1, 4, 1, &out));
  REFUSED(kja_connection_read_with_control_start(h, 1, 4, 1, &out));
  REFUSED(kja_connection_send_fd_start(h, 0, &out));
  REFUSED(kja_connection_receive_fd_start(h, &out));
  REFUSED(kja_connection_try_receive_fd_start(h, &out));
  REFUSED(kja_connection_send_connection_start(h, h, &out));
  REFUSED(kja_connection_receive_connection_start(h, &out));
  REFUSED(kja_connection_try_receive_connection_start(h, &out));
  REFUSED(kja_connection_fd(h, &fd));
  CHECK(fd == -1);
  REFUSED(kja_connection_dup_fd(h, &fd));
  REFUSED(kja_connection_close(h));
  REFUSED(kja_connection_release(h));
}

static inline void datagram_refuses(uint64_t h) {
  uint64_t out = 1;
  int value = 0;
  size_t size = sizeof value;
  bool sent;
  REFUSED(kja_datagram_send_start(h, "x", 1, 0, &out));
  REFUSED(kja_datagram_send_now(h, "x", 1, 0, &sent));
  REFUSED(kja_datagram_reply_start(h, "x", 1, h, &out));
  REFUSED(kja_datagram_reply_now(h, "x", 1, h, &sent));
  REFUSED(kja_datagram_receive_each_start(h, NULL, never_called, CTX, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_datagram_sendv_start(h, NULL, 0, 0, &out));
  REFUSED(kja_datagram_receive_start(h, NULL, &out));
  REFUSED(kja_datagram_receive_many_start(h, NULL, 1, &out));
  REFUSED(kja_datagram_connect(h, 0));
  REFUSED(kja_datagram_local_address(h, &out));
  REFUSED(kja_datagram_getsockopt(h, 0, 0, &value, size, &size));
  REFUSED(kja_datagram_setsockopt(h, 0, 0, &value, size));
  REFUSED(kja_datagram_close(h));
  REFUSED(kja_datagram_release(h));
}

static inline void message_refuses(uint64_t h) {
  uint64_t out = 1;
  int number = 0;
  bool truncated;
  size_t size;
  const void *data;
  REFUSED(kja_message_content(h, &out));
  REFUSED(kja_message_data(h, NULL, NULL));
  CHECK_U64(out, 0);
  REFUSED(kja_message_is_truncated(h, &truncated));
  REFUSED(kja_message_control_count(h, &size));
  REFUSED(kja_message_control(h, 0, &number, &number, &data, &size));
  REFUSED(kja_message_is_control_truncated(h, &truncated));
  REFUSED(kja_message_source(h, &out));
  REFUSED(kja_message_fd_count(h, &size));
  REFUSED(kja_message_take_fd(h, 0, &number));
  REFUSED(kja_message_connection_count(h, &size));
  REFUSED(kja_message_take_connection(h, 0, &out));
  REFUSED(kja_message_release(h));
}

static inline void message_list_refuses(uint64_t h) {
  uint64_t out = 1;
  size_t count;
  REFUSED(kja_message_list_count(h, &count));
  REFUSED(kja_message_list_get(h, 0, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_message_list_release(h));
}

static inline void task_set_refuses(uint64_t h) {
  kja_promise_t p = 1;
  char text[8];
  size_t size;
  REFUSED(kja_task_set_add(h, 0));
  REFUSED(kja_task_set_size(h, &size));
  REFUSED(kja_task_set_on_empty_start(h, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_task_set_clear(h));
  REFUSED(kja_task_set_trace(h, text, sizeof text, &size));
  REFUSED(kja_task_set_release_nowait(h));
  REFUSED(kja_task_set_release(h));
}

static inline void canceler_refuses(uint64_t h) {
  kja_promise_t p = 1;
  REFUSED(kja_canceler_wrap(h, 0, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_canceler_cancel_error_object(h, 0));
  REFUSED(kja_canceler_cancel(h, KJA_ERR_FAILED, 0, "x", 1));
  REFUSED(kja_canceler_forget(h));
  CHECK(!kja_canceler_is_empty(h));
  REFUSED(kja_canceler_release_nowait(h));
  REFUSED(kja_canceler_release(h));
}

static inline void queue_refuses(uint64_t h) {
  kja_promise_t p = 1;
  size_t size;
  REFUSED(kja_queue_push_u64_start(h, 1, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_queue_push_handle_start(h, 0, &p));
  REFUSED(kja_queue_push_opaque_start(h, CTX, &p));
  REFUSED(kja_queue_try_push_u64(h, 1));
  REFUSED(kja_queue_try_push_opaque(h, CTX));
  REFUSED(kja_queue_pop_start(h, &p));
  REFUSED(kja_queue_reject_all_error_object(h, 0));
  REFUSED(kja_queue_reject_all(h, KJA_ERR_FAILED, 0, "x", 1));
  REFUSED(kja_queue_reject_oldest_error_object(h, 0));
  REFUSED(kja_queue_reject_oldest(h, KJA_ERR_FAILED, 0, "x", 1));
  REFUSED(kja_queue_close(h));
  REFUSED(kja_queue_size(h, &size));
  REFUSED(kja_queue_release(h));
}

static inline void semaphore_refuses(uint64_t h) {
  uint64_t out = 1;
  REFUSED(kja_semaphore_acquire_start(h, 1, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_semaphore_try_acquire(h, 1, &out));
  REFUSED(kja_semaphore_free(h, &out));
  REFUSED(kja_semaphore_release(h));
}

static inline void permit_refuses(uint64_t h) {
  REFUSED(kja_permit_release(h));
}

static inline void event_refuses(uint64_t h) {
  kja_promise_t p = 1;
  REFUSED(kja_event_set(h));
  CHECK(!kja_event_is_set(h));
  REFUSED(kja_event_wait_start(h, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_event_release(h));
}

static inline void error_refuses(uint64_t h) {
  uint64_t out = 1;
  char text[8];
  size_t size;
  kja_status_t kind;
  int32_t os_error;
  REFUSED(kja_error_kind(h, &kind, &os_error));
  REFUSED(kja_error_text(h, text, sizeof text, &size));
  REFUSED(kja_error_with_context(h, "f", 1, 1, "x", 1, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_error_context(h, text, sizeof text, &size));
  REFUSED(kja_error_with_detail(h, 1, "x", 1, &out));
  REFUSED(kja_error_without_detail(h, 1, &out));
  REFUSED(kja_error_detail(h, 1, &out));
  REFUSED(kja_error_detail_ids(h, &out, 1, &size));
  REFUSED(kja_error_clone(h, &out));
  REFUSED(kja_error_release(h));
}

typedef void (*refuses_fn)(uint64_t handle);
enum {
  RUNTIME, EXECUTOR, PROMISE, FULFILLER, BYTES, ADDRESS, LISTENER, CONNECTION, TASK_SET, CANCELER, QUEUE, SEMAPHORE,
  PERMIT, EVENT, ERROR, NETWORK, PEER, DATAGRAM, MESSAGE, MESSAGES, WRAPPER, FAMILIES
};
static const refuses_fn REFUSES[FAMILIES] = {runtime_refuses,  executor_refuses, promise_refuses,    fulfiller_refuses,
                                             bytes_refuses,    address_refuses,  listener_refuses,   connection_refuses,
                                             task_set_refuses, canceler_refuses, queue_refuses,      semaphore_refuses,
                                             permit_refuses,   event_refuses,    error_refuses,      network_refuses,
                                             peer_refuses,     datagram_refuses, message_refuses,    message_list_refuses,
                                             network_wrapper_refuses};

#include "every_http_function.h"

static inline void every_function_refuses(uint64_t handle) {
  for (int family = 0; family < FAMILIES; family++) REFUSES[family](handle);
  runtime_makes_nothing(handle);
  call_refuses(handle);
  every_http_function_refuses(handle);
}

#endif
