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

static inline void runtime_refuses(uint64_t h) {
  uint64_t out = 1;
  kja_promise_t p = 1;
  REFUSED(kja_runtime_shutdown(h));
  REFUSED(kja_runtime_release(h));
  CHECK(!kja_runtime_is_alive(h));
  CHECK(!kja_runtime_on_loop(h));
  REFUSED(kja_runtime_executor(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_runtime_poll(h, 0, &out));
  REFUSED(kja_runtime_run(h, 1, &out));
  REFUSED(kja_promise_new_unit(h, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_promise_new_u64(h, 1, &p));
  REFUSED(kja_promise_new_opaque(h, CTX, &p));
  REFUSED(kja_promise_new_error(h, KJA_ERR_FAILED, 0, "x", 1, &p));
  REFUSED(kja_promise_new_never(h, &p));
  REFUSED(kja_promise_all(h, NULL, 0, &p));
  REFUSED(kja_promise_race(h, &p, 1, &p));
  p = 1;
  REFUSED(kja_fulfiller_new(h, &out, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_timer_sleep_start(h, 1, &p));
  REFUSED(kja_timer_sleep_until_start(h, 1, &p));
  REFUSED(kja_timer_yield_start(h, &p));
  REFUSED(kja_address_parse_start(h, "127.0.0.1", 9, 1, &p));
  REFUSED(kja_connection_from_fd(h, 0, KJA_FD_BORROW, &out));
  REFUSED(kja_connection_from_connecting_fd_start(h, 0, KJA_FD_BORROW, 0, &p));
  REFUSED(kja_listener_from_fd(h, 0, KJA_FD_BORROW, &out));
  REFUSED(kja_datagram_from_fd(h, 0, KJA_FD_BORROW, &out));
  REFUSED(kja_pipe_new_capability(h, &out, &p));
}

static inline void executor_refuses(uint64_t h) {
  kja_executor_t clone = 1;
  kja_promise_t p = 1;
  REFUSED(kja_executor_clone(h, &clone));
  CHECK_U64(clone, 0);
  CHECK(!kja_executor_is_live(h));
  REFUSED(kja_executor_execute_start(h, never_called, CTX, &p));
  CHECK_U64(p, 0);
  REFUSED(kja_executor_execute(h, never_called, CTX));
  REFUSED(kja_executor_release(h));
}

static inline void call_refuses(uint64_t h) {
  uint64_t out = 1;
  void *pointer;
  REFUSED(kja_call_status(h));
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
}

static inline void promise_refuses(uint64_t h) {
  uint64_t out = 1;
  void *pointer;
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
  REFUSED(kja_promise_then(h, never_called, CTX, &out));
  REFUSED(kja_promise_catch(h, never_called, CTX, &out));
  REFUSED(kja_promise_handle_both(h, never_called, CTX, &out));
  REFUSED(kja_promise_finally(h, never_called, CTX, &out));
  REFUSED(kja_promise_timeout(h, 1, &out));
  REFUSED(kja_promise_fork(h, &out));
  REFUSED(kja_promise_attach(h, CTX, &out));
  REFUSED(kja_promise_detach(h, never_called, CTX));
}

static inline void fulfiller_refuses(uint64_t h) {
  REFUSED(kja_fulfiller_unit(h));
  REFUSED(kja_fulfiller_u64(h, 1));
  REFUSED(kja_fulfiller_bytes(h, 0));
  REFUSED(kja_fulfiller_handle(h, 0));
  REFUSED(kja_fulfiller_opaque(h, CTX));
  REFUSED(kja_fulfiller_promise(h, 0));
  REFUSED(kja_fulfiller_error(h, KJA_ERR_FAILED, 0, "x", 1));
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
  char text[8];
  size_t length;
  uint16_t port;
  REFUSED(kja_address_text(h, text, sizeof text, &length));
  REFUSED(kja_address_port(h, &port));
  REFUSED(kja_address_connect_start(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_address_listen(h, 0, &out));
  REFUSED(kja_address_bind_datagram(h, &out));
  REFUSED(kja_address_release(h));
}

static inline void listener_refuses(uint64_t h) {
  uint64_t out = 1;
  REFUSED(kja_listener_local_address(h, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_listener_accept_start(h, &out));
  REFUSED(kja_listener_close(h));
  REFUSED(kja_listener_release(h));
}

static inline void connection_refuses(uint64_t h) {
  uint64_t out = 1;
  char buffer[4];
  kja_slice_t slice;
  slice.data = "x";
  slice.size = 1;
  REFUSED(kja_connection_read_start(h, 1, 4, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_connection_read_into_start(h, buffer, 1, 4, CTX, &out));
  REFUSED(kja_connection_read_all_start(h, 4, &out));
  REFUSED(kja_connection_write_start(h, "x", 1, &out));
  REFUSED(kja_connection_write_borrowed_start(h, "x", 1, CTX, &out));
  REFUSED(kja_connection_write_bytes_start(h, 0, &out));
  REFUSED(kja_connection_writev_start(h, &slice, 1, &out));
  REFUSED(kja_connection_shutdown_write_start(h, &out));
  REFUSED(kja_connection_abort_read(h));
  REFUSED(kja_connection_pump_start(h, h, 1, &out));
  REFUSED(kja_connection_set_nodelay(h, true));
  REFUSED(kja_connection_local_address(h, &out));
  REFUSED(kja_connection_peer_address(h, &out));
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
  REFUSED(kja_datagram_send_start(h, "x", 1, 0, &out));
  CHECK_U64(out, 0);
  REFUSED(kja_datagram_sendv_start(h, NULL, 0, 0, &out));
  REFUSED(kja_datagram_receive_start(h, NULL, &out));
  REFUSED(kja_datagram_receive_many_start(h, NULL, 1, &out));
  REFUSED(kja_datagram_connect(h, 0));
  REFUSED(kja_datagram_local_address(h, &out));
  REFUSED(kja_datagram_getsockopt(h, 0, 0, &value, &size));
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

typedef void (*refuses_fn)(uint64_t handle);
enum { RUNTIME, EXECUTOR, PROMISE, FULFILLER, BYTES, ADDRESS, LISTENER, CONNECTION, DATAGRAM, MESSAGE, MESSAGES, FAMILIES };
static const refuses_fn REFUSES[FAMILIES] = {runtime_refuses, executor_refuses, promise_refuses,  fulfiller_refuses,
                                             bytes_refuses,   address_refuses,  listener_refuses, connection_refuses,
                                             datagram_refuses, message_refuses, message_list_refuses};

static inline void every_function_refuses(uint64_t handle) {
  for (int family = 0; family < FAMILIES; family++) REFUSES[family](handle);
  call_refuses(handle);
}

#endif
