/* What the Lean package KjAsync calls: one function per `@[extern]` of lean/KjAsync that is not a
 * function of kjasync.h itself. scripts/check_externs compares the two; compile the C that Lean emits
 * with `-include kjasync.h -include kjasync_shim.h` and the compiler compares them as well.
 *
 * Conventions. `b_lean_obj_arg` is borrowed (`@&` in Lean), `lean_obj_arg` is owned. A handle is an
 * external object whose payload is the native id; dropping the last reference releases the id. A function
 * of type IO returns an IO result, one of type BaseIO its bare value. Callbacks are closures of type
 * `Call -> BaseIO Unit`; a call is the number that names the running callback (`kja_call_t`), as a `Nat`. */
#ifndef KJASYNC_SHIM_H
#define KJASYNC_SHIM_H
#include <lean/lean.h>
#include <stdint.h>

/* Runtime and executor. */
lean_obj_res kjasync_runtime_new(uint32_t mode, uint32_t flags, uint64_t shutdown_nanos, uint64_t look_nanos,
                                 uint64_t turns_per_look, uint64_t slow_turn_nanos, lean_obj_arg on_slow_turn,
                                 lean_obj_arg on_runnable);
lean_obj_res kjasync_runtime_shutdown(b_lean_obj_arg runtime);
uint8_t kjasync_runtime_is_alive(b_lean_obj_arg runtime);
uint8_t kjasync_runtime_on_loop(b_lean_obj_arg runtime);
lean_obj_res kjasync_runtime_executor(b_lean_obj_arg runtime);
lean_obj_res kjasync_runtime_poll(b_lean_obj_arg runtime, uint64_t most);
lean_obj_res kjasync_runtime_turn(b_lean_obj_arg runtime, uint64_t most);
lean_obj_res kjasync_runtime_run(b_lean_obj_arg runtime, uint64_t nanos);
lean_obj_res kjasync_runtime_wake(b_lean_obj_arg runtime);
uint8_t kjasync_runtime_is_runnable(b_lean_obj_arg runtime);
lean_obj_res kjasync_runtime_cancel_detached(b_lean_obj_arg runtime);
lean_obj_res kjasync_runtime_stats(b_lean_obj_arg runtime);
lean_obj_res kjasync_local_get(b_lean_obj_arg runtime, uint64_t key);
lean_obj_res kjasync_local_get_or_set(b_lean_obj_arg runtime, uint64_t key, lean_obj_arg value);
uint8_t kjasync_executor_is_live(b_lean_obj_arg executor);
lean_obj_res kjasync_executor_execute(b_lean_obj_arg executor, lean_obj_arg run);
lean_obj_res kjasync_executor_execute_start(b_lean_obj_arg executor, lean_obj_arg run);
lean_obj_res kjasync_executor_execute_last_start(b_lean_obj_arg executor, lean_obj_arg run);

/* Inside a callback. */
uint8_t kjasync_call_is_ok(b_lean_obj_arg call);
uint8_t kjasync_call_is_unit(b_lean_obj_arg call);
lean_obj_res kjasync_call_unit(b_lean_obj_arg call);
lean_obj_res kjasync_call_u64(b_lean_obj_arg call);
lean_obj_res kjasync_call_bytes(b_lean_obj_arg call);
lean_obj_res kjasync_call_address(b_lean_obj_arg call);
lean_obj_res kjasync_call_connection(b_lean_obj_arg call);
lean_obj_res kjasync_call_object(b_lean_obj_arg call);
lean_obj_res kjasync_call_return_object(b_lean_obj_arg call, lean_obj_arg value);
lean_obj_res kjasync_call_return_promise(b_lean_obj_arg call, lean_obj_arg promise);
lean_obj_res kjasync_call_permit(b_lean_obj_arg call);
lean_obj_res kjasync_call_error_object(b_lean_obj_arg call);
lean_obj_res kjasync_call_return_error_object(b_lean_obj_arg call, b_lean_obj_arg error);

/* Promise. */
lean_obj_res kjasync_promise_new_unit(b_lean_obj_arg runtime);
lean_obj_res kjasync_promise_new_object(b_lean_obj_arg runtime, lean_obj_arg value);
lean_obj_res kjasync_promise_new_error_object(b_lean_obj_arg runtime, b_lean_obj_arg error);
lean_obj_res kjasync_promise_new_never(b_lean_obj_arg runtime);
lean_obj_res kjasync_promise_await(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_await_for(b_lean_obj_arg promise, uint64_t nanos);
uint8_t kjasync_promise_is_settled(b_lean_obj_arg promise);
uint8_t kjasync_promise_is_unit(b_lean_obj_arg promise);
uint8_t kjasync_promise_has_branches(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_unit(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_u64(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_bytes(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_address(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_connection(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_permit(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_object(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_error_object(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_trace(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_cancel(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_release(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_then(b_lean_obj_arg promise, lean_obj_arg on_value);
lean_obj_res kjasync_promise_catch(b_lean_obj_arg promise, lean_obj_arg on_error);
lean_obj_res kjasync_promise_handle_both(b_lean_obj_arg promise, lean_obj_arg on_settled);
lean_obj_res kjasync_promise_finally(b_lean_obj_arg promise, lean_obj_arg on_done);
lean_obj_res kjasync_promise_all(b_lean_obj_arg runtime, b_lean_obj_arg promises);
lean_obj_res kjasync_promise_race(b_lean_obj_arg runtime, b_lean_obj_arg promises);
lean_obj_res kjasync_promise_join(b_lean_obj_arg runtime, b_lean_obj_arg promises);
lean_obj_res kjasync_promise_all_settled(b_lean_obj_arg runtime, b_lean_obj_arg promises);
lean_obj_res kjasync_promise_any(b_lean_obj_arg runtime, b_lean_obj_arg promises);
lean_obj_res kjasync_promise_timeout(b_lean_obj_arg promise, uint64_t nanos);
lean_obj_res kjasync_promise_deadline(b_lean_obj_arg promise, uint64_t mono_nanos);
lean_obj_res kjasync_promise_fork(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_attach(b_lean_obj_arg promise, lean_obj_arg object);
lean_obj_res kjasync_promise_detach(b_lean_obj_arg promise, lean_obj_arg on_error);

/* Fulfiller. */
lean_obj_res kjasync_fulfiller_new(b_lean_obj_arg runtime);
lean_obj_res kjasync_fulfiller_object(b_lean_obj_arg fulfiller, lean_obj_arg value);
lean_obj_res kjasync_fulfiller_promise(b_lean_obj_arg fulfiller, b_lean_obj_arg promise);
lean_obj_res kjasync_fulfiller_error_object(b_lean_obj_arg fulfiller, b_lean_obj_arg error);
uint8_t kjasync_fulfiller_is_waiting(b_lean_obj_arg fulfiller);

/* Error. */
lean_obj_res kjasync_error_new(uint32_t kind, uint32_t os_error, b_lean_obj_arg text);
lean_obj_res kjasync_last_error_object(void);
lean_obj_res kjasync_error_to_io_error(b_lean_obj_arg error);
uint32_t kjasync_error_kind(b_lean_obj_arg error);
uint32_t kjasync_error_os(b_lean_obj_arg error);
uint32_t kjasync_error_kind_of_os(uint32_t os_error);
lean_obj_res kjasync_error_text(b_lean_obj_arg error);
lean_obj_res kjasync_error_with_context(b_lean_obj_arg error, b_lean_obj_arg file, uint32_t line, b_lean_obj_arg text);
lean_obj_res kjasync_error_context(b_lean_obj_arg error);
lean_obj_res kjasync_error_with_detail(b_lean_obj_arg error, uint64_t id, b_lean_obj_arg data);
lean_obj_res kjasync_error_without_detail(b_lean_obj_arg error, uint64_t id);
lean_obj_res kjasync_error_detail(b_lean_obj_arg error, uint64_t id);
lean_obj_res kjasync_error_detail_ids(b_lean_obj_arg error);

/* Task set, canceler, queue, semaphore, event. */
lean_obj_res kjasync_task_set_new(b_lean_obj_arg runtime, size_t limit, lean_obj_arg on_error);
lean_obj_res kjasync_task_set_add(b_lean_obj_arg tasks, b_lean_obj_arg promise);
lean_obj_res kjasync_task_set_size(b_lean_obj_arg tasks);
lean_obj_res kjasync_task_set_on_empty_start(b_lean_obj_arg tasks);
lean_obj_res kjasync_task_set_clear(b_lean_obj_arg tasks);
lean_obj_res kjasync_task_set_trace(b_lean_obj_arg tasks);
lean_obj_res kjasync_canceler_new(b_lean_obj_arg runtime);
lean_obj_res kjasync_canceler_wrap(b_lean_obj_arg canceler, b_lean_obj_arg promise);
lean_obj_res kjasync_canceler_cancel(b_lean_obj_arg canceler, b_lean_obj_arg error);
lean_obj_res kjasync_canceler_forget(b_lean_obj_arg canceler);
uint8_t kjasync_canceler_is_empty(b_lean_obj_arg canceler);
lean_obj_res kjasync_queue_new(b_lean_obj_arg runtime, size_t capacity);
lean_obj_res kjasync_queue_push_start(b_lean_obj_arg queue, lean_obj_arg value);
lean_obj_res kjasync_queue_try_push(b_lean_obj_arg queue, lean_obj_arg value);
lean_obj_res kjasync_queue_pop_start(b_lean_obj_arg queue);
lean_obj_res kjasync_queue_reject_all(b_lean_obj_arg queue, b_lean_obj_arg error);
lean_obj_res kjasync_queue_reject_oldest(b_lean_obj_arg queue, b_lean_obj_arg error);
lean_obj_res kjasync_queue_close(b_lean_obj_arg queue);
lean_obj_res kjasync_queue_size(b_lean_obj_arg queue);
lean_obj_res kjasync_semaphore_new(b_lean_obj_arg runtime, uint64_t permits);
lean_obj_res kjasync_semaphore_acquire_start(b_lean_obj_arg semaphore, uint64_t count);
lean_obj_res kjasync_semaphore_try_acquire(b_lean_obj_arg semaphore, uint64_t count);
lean_obj_res kjasync_semaphore_free(b_lean_obj_arg semaphore);
lean_obj_res kjasync_permit_release(b_lean_obj_arg permit);
lean_obj_res kjasync_event_new(b_lean_obj_arg runtime);
lean_obj_res kjasync_event_set(b_lean_obj_arg event);
uint8_t kjasync_event_is_set(b_lean_obj_arg event);
lean_obj_res kjasync_event_wait_start(b_lean_obj_arg event);

/* Timer. */
lean_obj_res kjasync_timer_sleep_start(b_lean_obj_arg runtime, uint64_t nanos);
lean_obj_res kjasync_timer_sleep_until_start(b_lean_obj_arg runtime, uint64_t mono_nanos);
lean_obj_res kjasync_timer_yield_start(b_lean_obj_arg runtime);
lean_obj_res kjasync_timer_yield_until_queue_empty_start(b_lean_obj_arg runtime);
lean_obj_res kjasync_timer_yield_until_would_sleep_start(b_lean_obj_arg runtime);
lean_obj_res kjasync_timer_now(b_lean_obj_arg runtime);
lean_obj_res kjasync_timer_advance(b_lean_obj_arg runtime, uint64_t nanos);
lean_obj_res kjasync_timer_next(b_lean_obj_arg runtime);
lean_obj_res kjasync_timer_timeout_to_next(b_lean_obj_arg runtime, uint64_t unit, uint64_t most);
uint64_t kjasync_clock_now_nanos(uint32_t clock);

/* Bytes. */
lean_obj_res kjasync_bytes_of_byte_array(lean_obj_arg data);
lean_obj_res kjasync_bytes_to_byte_array(b_lean_obj_arg bytes);
size_t kjasync_bytes_size(b_lean_obj_arg bytes);
uint8_t kjasync_bytes_get(b_lean_obj_arg bytes, size_t index);
lean_obj_res kjasync_bytes_slice(b_lean_obj_arg bytes, size_t start, size_t end);
uint8_t kjasync_bytes_compare(b_lean_obj_arg left, b_lean_obj_arg right);
size_t kjasync_bytes_index_of(b_lean_obj_arg bytes, b_lean_obj_arg wanted, size_t start);

/* Address and listener. */
lean_obj_res kjasync_address_parse_start(b_lean_obj_arg runtime, b_lean_obj_arg text, uint16_t default_port);
lean_obj_res kjasync_address_text(b_lean_obj_arg address);
lean_obj_res kjasync_address_port(b_lean_obj_arg address);
lean_obj_res kjasync_address_connect_start(b_lean_obj_arg address);
lean_obj_res kjasync_address_listen(b_lean_obj_arg address, uint32_t backlog, uint32_t flags);
lean_obj_res kjasync_listener_local_address(b_lean_obj_arg listener);
lean_obj_res kjasync_listener_accept_start(b_lean_obj_arg listener);
lean_obj_res kjasync_listener_accept_each_start(b_lean_obj_arg listener, lean_obj_arg on_connection);
lean_obj_res kjasync_listener_close(b_lean_obj_arg listener);

/* Connection. */
lean_obj_res kjasync_connection_read_start(b_lean_obj_arg connection, size_t min, size_t max);
lean_obj_res kjasync_connection_read_each_start(b_lean_obj_arg connection, size_t min, size_t max, lean_obj_arg on_bytes);
lean_obj_res kjasync_connection_write_now(b_lean_obj_arg connection, b_lean_obj_arg bytes);
lean_obj_res kjasync_connection_read_all_start(b_lean_obj_arg connection, size_t limit);
lean_obj_res kjasync_connection_write_start(b_lean_obj_arg connection, lean_obj_arg bytes);
lean_obj_res kjasync_connection_writev_start(b_lean_obj_arg connection, b_lean_obj_arg pieces);
lean_obj_res kjasync_connection_shutdown_write_start(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_abort_read(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_pump_start(b_lean_obj_arg from, b_lean_obj_arg to, uint64_t limit);
lean_obj_res kjasync_connection_set_nodelay(b_lean_obj_arg connection, uint8_t on);
lean_obj_res kjasync_connection_local_address(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_peer_address(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_close(b_lean_obj_arg connection);

/* Pipes, and more of connections. */
lean_obj_res kjasync_pipe_new_one_way(b_lean_obj_arg runtime, uint64_t length);
lean_obj_res kjasync_pipe_new_two_way(b_lean_obj_arg runtime);
lean_obj_res kjasync_pipe_new_os_one_way(b_lean_obj_arg runtime);
lean_obj_res kjasync_pipe_new_os_two_way(b_lean_obj_arg runtime);
lean_obj_res kjasync_pipe_new_capability(b_lean_obj_arg runtime);
lean_obj_res kjasync_pipe_tee(b_lean_obj_arg source, size_t limit);
lean_obj_res kjasync_connection_new_promised(b_lean_obj_arg promise);
lean_obj_res kjasync_call_return_connection(b_lean_obj_arg call, b_lean_obj_arg connection);
lean_obj_res kjasync_connection_new_null(b_lean_obj_arg runtime);
lean_obj_res kjasync_connection_from_file(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags, uint64_t offset);
lean_obj_res kjasync_connection_read_required_start(b_lean_obj_arg connection, size_t min, size_t max);
lean_obj_res kjasync_connection_abort_write(b_lean_obj_arg connection, b_lean_obj_arg error);
lean_obj_res kjasync_connection_when_write_disconnected_start(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_length(b_lean_obj_arg connection);
lean_obj_res kjasync_buffer_take(b_lean_obj_arg buffer);
lean_obj_res kjasync_connection_read_into_start(b_lean_obj_arg connection, lean_obj_arg array, size_t start,
                                                size_t stop, size_t min);

/* Networks, addresses, listeners, peers and blocks. */
lean_obj_res kjasync_address_from_sockaddr(b_lean_obj_arg runtime, b_lean_obj_arg bytes);
lean_obj_res kjasync_address_sockaddr(b_lean_obj_arg address);
lean_obj_res kjasync_address_family(b_lean_obj_arg address);
lean_obj_res kjasync_address_count(b_lean_obj_arg address);
lean_obj_res kjasync_address_get(b_lean_obj_arg address, size_t index);
lean_obj_res kjasync_network_new(b_lean_obj_arg runtime);
lean_obj_res kjasync_network_restrict(b_lean_obj_arg network, b_lean_obj_arg allow, b_lean_obj_arg deny);
lean_obj_res kjasync_network_parse_address_start(b_lean_obj_arg network, b_lean_obj_arg text,
                                                 uint16_t default_port);
lean_obj_res kjasync_network_address_from_sockaddr(b_lean_obj_arg network, b_lean_obj_arg bytes);
lean_obj_res kjasync_network_allows(b_lean_obj_arg network, b_lean_obj_arg address);
lean_obj_res kjasync_address_from_connection(b_lean_obj_arg connection);
lean_obj_res kjasync_listener_from_connection(b_lean_obj_arg connection);
lean_obj_res kjasync_listener_aggregate_new(b_lean_obj_arg listeners);
lean_obj_res kjasync_listener_port(b_lean_obj_arg listener);
lean_obj_res kjasync_connection_peer(b_lean_obj_arg connection);
lean_obj_res kjasync_peer_kind(b_lean_obj_arg peer);
lean_obj_res kjasync_peer_text(b_lean_obj_arg peer);
lean_obj_res kjasync_peer_address(b_lean_obj_arg peer);
lean_obj_res kjasync_peer_credentials(b_lean_obj_arg peer);
lean_obj_res kjasync_peer_new_network(b_lean_obj_arg address);
lean_obj_res kjasync_peer_new_local(uint64_t pid, uint64_t uid, uint64_t gid);
lean_obj_res kjasync_peer_new_unknown(void);
lean_obj_res kjasync_cidr_text(b_lean_obj_arg text);
lean_obj_res kjasync_cidr_text_of(b_lean_obj_arg ip, uint8_t prefix);
lean_obj_res kjasync_cidr_family(b_lean_obj_arg text);
lean_obj_res kjasync_cidr_specificity(b_lean_obj_arg text);
lean_obj_res kjasync_cidr_matches(b_lean_obj_arg text, b_lean_obj_arg address);
lean_obj_res kjasync_cidr_matches_text(b_lean_obj_arg text, b_lean_obj_arg ip);
lean_obj_res kjasync_connection_getsockopt(b_lean_obj_arg object, uint32_t level, uint32_t option,
                                           size_t capacity);
lean_obj_res kjasync_connection_setsockopt(b_lean_obj_arg object, uint32_t level, uint32_t option,
                                           b_lean_obj_arg value);
lean_obj_res kjasync_listener_getsockopt(b_lean_obj_arg object, uint32_t level, uint32_t option, size_t capacity);
lean_obj_res kjasync_listener_setsockopt(b_lean_obj_arg object, uint32_t level, uint32_t option,
                                         b_lean_obj_arg value);
lean_obj_res kjasync_datagram_getsockopt(b_lean_obj_arg object, uint32_t level, uint32_t option, size_t capacity);
lean_obj_res kjasync_datagram_setsockopt(b_lean_obj_arg object, uint32_t level, uint32_t option,
                                         b_lean_obj_arg value);

/* Network wrappers. */
lean_obj_res kjasync_network_wrapper_new(b_lean_obj_arg runtime, b_lean_obj_arg name, uint64_t accept_timeout,
                                         size_t max_handshakes, lean_obj_arg callbacks);
lean_obj_res kjasync_network_wrapper_wrap_client_start(b_lean_obj_arg wrapper, b_lean_obj_arg connection,
                                                       b_lean_obj_arg host);
lean_obj_res kjasync_network_wrapper_wrap_server_start(b_lean_obj_arg wrapper, b_lean_obj_arg connection);
lean_obj_res kjasync_network_wrapper_wrap_listener(b_lean_obj_arg wrapper, b_lean_obj_arg listener);
lean_obj_res kjasync_network_wrapper_wrap_address(b_lean_obj_arg wrapper, b_lean_obj_arg address, b_lean_obj_arg host);
lean_obj_res kjasync_network_wrapper_wrap_network(b_lean_obj_arg wrapper, b_lean_obj_arg network);

/* Datagrams. */
lean_obj_res kjasync_address_bind_datagram(b_lean_obj_arg address);
lean_obj_res kjasync_datagram_send_start(b_lean_obj_arg port, b_lean_obj_arg bytes, b_lean_obj_arg to);
lean_obj_res kjasync_datagram_send_now(b_lean_obj_arg port, b_lean_obj_arg bytes, b_lean_obj_arg to);
lean_obj_res kjasync_datagram_reply_start(b_lean_obj_arg port, b_lean_obj_arg bytes, b_lean_obj_arg to);
lean_obj_res kjasync_datagram_reply_now(b_lean_obj_arg port, b_lean_obj_arg bytes, b_lean_obj_arg to);
lean_obj_res kjasync_datagram_receive_each_start(b_lean_obj_arg port, size_t capacity, size_t control_capacity,
                                                 lean_obj_arg on_message);
lean_obj_res kjasync_datagram_sendv_start(b_lean_obj_arg port, b_lean_obj_arg pieces, b_lean_obj_arg to);
lean_obj_res kjasync_datagram_receive_start(b_lean_obj_arg port, size_t capacity, size_t control_capacity);
lean_obj_res kjasync_datagram_receive_many_start(b_lean_obj_arg port, size_t capacity, size_t control_capacity,
                                                 size_t max);
lean_obj_res kjasync_datagram_connect(b_lean_obj_arg port, b_lean_obj_arg to);
lean_obj_res kjasync_datagram_local_address(b_lean_obj_arg port);
lean_obj_res kjasync_datagram_close(b_lean_obj_arg port);
lean_obj_res kjasync_datagram_from_fd(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags);

/* Messages. */
lean_obj_res kjasync_promise_message(b_lean_obj_arg promise);
lean_obj_res kjasync_call_message(b_lean_obj_arg call);
lean_obj_res kjasync_promise_messages(b_lean_obj_arg promise);
lean_obj_res kjasync_call_messages(b_lean_obj_arg call);
lean_obj_res kjasync_message_content(b_lean_obj_arg message);
lean_obj_res kjasync_message_is_truncated(b_lean_obj_arg message);
lean_obj_res kjasync_message_is_control_truncated(b_lean_obj_arg message);
lean_obj_res kjasync_message_control_count(b_lean_obj_arg message);
lean_obj_res kjasync_message_control(b_lean_obj_arg message, size_t index);
lean_obj_res kjasync_message_source(b_lean_obj_arg message);
lean_obj_res kjasync_message_fd_count(b_lean_obj_arg message);
lean_obj_res kjasync_message_take_fd(b_lean_obj_arg message, size_t index);
lean_obj_res kjasync_message_connection_count(b_lean_obj_arg message);
lean_obj_res kjasync_message_take_connection(b_lean_obj_arg message, size_t index);

/* Descriptors and connections beside bytes. */
lean_obj_res kjasync_connection_write_with_fds_start(b_lean_obj_arg connection, b_lean_obj_arg bytes,
                                                     b_lean_obj_arg fds);
lean_obj_res kjasync_connection_read_with_fds_start(b_lean_obj_arg connection, size_t min, size_t max,
                                                    size_t max_fds);
lean_obj_res kjasync_connection_write_with_connections_start(b_lean_obj_arg connection, b_lean_obj_arg bytes,
                                                             b_lean_obj_arg moved);
lean_obj_res kjasync_connection_read_with_connections_start(b_lean_obj_arg connection, size_t min, size_t max,
                                                            size_t max_connections);
lean_obj_res kjasync_connection_read_with_control_start(b_lean_obj_arg connection, size_t min, size_t max,
                                                        size_t capacity);
lean_obj_res kjasync_connection_send_fd_start(b_lean_obj_arg connection, uint32_t fd);
lean_obj_res kjasync_connection_receive_fd_start(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_try_receive_fd_start(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_send_connection_start(b_lean_obj_arg connection, b_lean_obj_arg moved);
lean_obj_res kjasync_connection_receive_connection_start(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_try_receive_connection_start(b_lean_obj_arg connection);

/* Descriptors. */
lean_obj_res kjasync_fd_dup(uint32_t fd);
lean_obj_res kjasync_fd_open(b_lean_obj_arg path, uint8_t mode);
lean_obj_res kjasync_fd_number(b_lean_obj_arg owner);
lean_obj_res kjasync_fd_take(b_lean_obj_arg owner);
lean_obj_res kjasync_fd_close(b_lean_obj_arg owner);
lean_obj_res kjasync_connection_from_fd(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags);
lean_obj_res kjasync_connection_from_connecting_fd_start(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags,
                                                         b_lean_obj_arg to);
lean_obj_res kjasync_listener_from_fd(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags);
lean_obj_res kjasync_network_listener_from_fd(b_lean_obj_arg network, uint32_t fd, uint32_t flags);
lean_obj_res kjasync_network_datagram_from_fd(b_lean_obj_arg network, uint32_t fd, uint32_t flags);
lean_obj_res kjasync_connection_fd(b_lean_obj_arg connection);
lean_obj_res kjasync_connection_dup_fd(b_lean_obj_arg connection);

/* http.c */
lean_obj_res kjasync_http_headers_new(void);
lean_obj_res kjasync_http_headers_append(b_lean_obj_arg headers, b_lean_obj_arg name, b_lean_obj_arg value);
lean_obj_res kjasync_http_request_method(b_lean_obj_arg request);
lean_obj_res kjasync_http_request_target(b_lean_obj_arg request);
lean_obj_res kjasync_http_request_fields(b_lean_obj_arg request);
lean_obj_res kjasync_http_request_trailers(b_lean_obj_arg request);
lean_obj_res kjasync_http_request_body_length(b_lean_obj_arg request);
lean_obj_res kjasync_http_request_body(b_lean_obj_arg request);
lean_obj_res kjasync_http_request_connection(b_lean_obj_arg request);
lean_obj_res kjasync_http_request_respond(b_lean_obj_arg request, uint32_t status, b_lean_obj_arg reason,
    b_lean_obj_arg headers, b_lean_obj_arg body);
lean_obj_res kjasync_http_request_respond_stream(b_lean_obj_arg request, uint32_t status, b_lean_obj_arg
    reason, b_lean_obj_arg headers, uint64_t length);
lean_obj_res kjasync_http_request_accept_tunnel(b_lean_obj_arg request, uint32_t status, b_lean_obj_arg
    reason, b_lean_obj_arg headers);
lean_obj_res kjasync_call_http_request(b_lean_obj_arg call);
lean_obj_res kjasync_http_server_new(b_lean_obj_arg runtime, uint32_t flags, b_lean_obj_arg limits,
    lean_obj_arg service);
lean_obj_res kjasync_http_server_listen_start(b_lean_obj_arg server, b_lean_obj_arg listener);
lean_obj_res kjasync_http_server_serve_start(b_lean_obj_arg server, b_lean_obj_arg connection);
lean_obj_res kjasync_http_server_drain_start(b_lean_obj_arg server);
lean_obj_res kjasync_http_server_connections(b_lean_obj_arg server);
lean_obj_res kjasync_http_server_release(b_lean_obj_arg server);
lean_obj_res kjasync_http_client_new(b_lean_obj_arg network, b_lean_obj_arg limits);
lean_obj_res kjasync_http_client_request_start(b_lean_obj_arg client, b_lean_obj_arg method, b_lean_obj_arg
    url, b_lean_obj_arg headers, b_lean_obj_arg body);
lean_obj_res kjasync_http_client_request_stream_start(b_lean_obj_arg client, b_lean_obj_arg method,
    b_lean_obj_arg url, b_lean_obj_arg headers, uint64_t length);
lean_obj_res kjasync_http_client_idle_connections(b_lean_obj_arg client);
lean_obj_res kjasync_promise_http_response(b_lean_obj_arg promise);
lean_obj_res kjasync_call_http_response(b_lean_obj_arg call);
lean_obj_res kjasync_http_response_status(b_lean_obj_arg response);
lean_obj_res kjasync_http_response_reason(b_lean_obj_arg response);
lean_obj_res kjasync_http_response_fields(b_lean_obj_arg response);
lean_obj_res kjasync_http_response_trailers(b_lean_obj_arg response);
lean_obj_res kjasync_http_response_body_length(b_lean_obj_arg response);
lean_obj_res kjasync_http_response_body(b_lean_obj_arg response);

#endif
