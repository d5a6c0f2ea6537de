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
lean_obj_res kjasync_runtime_new(uint32_t mode, uint64_t shutdown_nanos, uint64_t look_nanos);
lean_obj_res kjasync_runtime_shutdown(b_lean_obj_arg runtime);
uint8_t kjasync_runtime_is_alive(b_lean_obj_arg runtime);
uint8_t kjasync_runtime_on_loop(b_lean_obj_arg runtime);
lean_obj_res kjasync_runtime_executor(b_lean_obj_arg runtime);
lean_obj_res kjasync_runtime_poll(b_lean_obj_arg runtime);
lean_obj_res kjasync_runtime_run(b_lean_obj_arg runtime, uint64_t nanos);
uint8_t kjasync_executor_is_live(b_lean_obj_arg executor);
lean_obj_res kjasync_executor_execute(b_lean_obj_arg executor, lean_obj_arg run);
lean_obj_res kjasync_executor_execute_start(b_lean_obj_arg executor, lean_obj_arg run);

/* Inside a callback. */
uint8_t kjasync_call_is_ok(b_lean_obj_arg call);
lean_obj_res kjasync_call_error(b_lean_obj_arg call);
lean_obj_res kjasync_call_unit(b_lean_obj_arg call);
lean_obj_res kjasync_call_u64(b_lean_obj_arg call);
lean_obj_res kjasync_call_bytes(b_lean_obj_arg call);
lean_obj_res kjasync_call_address(b_lean_obj_arg call);
lean_obj_res kjasync_call_connection(b_lean_obj_arg call);
lean_obj_res kjasync_call_object(b_lean_obj_arg call);
lean_obj_res kjasync_call_return_object(b_lean_obj_arg call, lean_obj_arg value);
lean_obj_res kjasync_call_return_promise(b_lean_obj_arg call, lean_obj_arg promise);
lean_obj_res kjasync_call_return_error(b_lean_obj_arg call, uint32_t kind, uint32_t os_error, b_lean_obj_arg text);

/* Promise. */
lean_obj_res kjasync_promise_new_unit(b_lean_obj_arg runtime);
lean_obj_res kjasync_promise_new_object(b_lean_obj_arg runtime, lean_obj_arg value);
lean_obj_res kjasync_promise_new_error(b_lean_obj_arg runtime, uint32_t kind, uint32_t os_error, b_lean_obj_arg text);
lean_obj_res kjasync_promise_new_never(b_lean_obj_arg runtime);
lean_obj_res kjasync_promise_await(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_await_for(b_lean_obj_arg promise, uint64_t nanos);
uint8_t kjasync_promise_is_settled(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_unit(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_u64(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_bytes(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_address(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_connection(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_object(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_cancel(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_release(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_then(b_lean_obj_arg promise, lean_obj_arg on_value);
lean_obj_res kjasync_promise_handle_both(b_lean_obj_arg promise, lean_obj_arg on_settled);
lean_obj_res kjasync_promise_finally(b_lean_obj_arg promise, lean_obj_arg on_done);
lean_obj_res kjasync_promise_all(b_lean_obj_arg runtime, b_lean_obj_arg promises);
lean_obj_res kjasync_promise_race(b_lean_obj_arg runtime, b_lean_obj_arg promises);
lean_obj_res kjasync_promise_timeout(b_lean_obj_arg promise, uint64_t nanos);
lean_obj_res kjasync_promise_fork(b_lean_obj_arg promise);
lean_obj_res kjasync_promise_attach(b_lean_obj_arg promise, lean_obj_arg object);
lean_obj_res kjasync_promise_detach(b_lean_obj_arg promise, lean_obj_arg on_error);

/* Fulfiller. */
lean_obj_res kjasync_fulfiller_new(b_lean_obj_arg runtime);
lean_obj_res kjasync_fulfiller_object(b_lean_obj_arg fulfiller, lean_obj_arg value);
lean_obj_res kjasync_fulfiller_promise(b_lean_obj_arg fulfiller, b_lean_obj_arg promise);
lean_obj_res kjasync_fulfiller_error(b_lean_obj_arg fulfiller, uint32_t kind, uint32_t os_error, b_lean_obj_arg text);
uint8_t kjasync_fulfiller_is_waiting(b_lean_obj_arg fulfiller);

/* Timer. */
lean_obj_res kjasync_timer_sleep_start(b_lean_obj_arg runtime, uint64_t nanos);
lean_obj_res kjasync_timer_sleep_until_start(b_lean_obj_arg runtime, uint64_t mono_nanos);
lean_obj_res kjasync_timer_yield_start(b_lean_obj_arg runtime);

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
lean_obj_res kjasync_address_listen(b_lean_obj_arg address, uint32_t backlog);
lean_obj_res kjasync_listener_local_address(b_lean_obj_arg listener);
lean_obj_res kjasync_listener_accept_start(b_lean_obj_arg listener);
lean_obj_res kjasync_listener_close(b_lean_obj_arg listener);

/* Connection. */
lean_obj_res kjasync_connection_read_start(b_lean_obj_arg connection, size_t min, size_t max);
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

#endif
