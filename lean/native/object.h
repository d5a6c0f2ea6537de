/* Shared by the files of the shim: handles as external objects, statuses as IO results, closures as
 * callbacks. A function that neither this header declares nor its file keeps to itself is one that Lean calls by an
 * `@[extern]`; scripts/check_externs compares the two.
 *
 * Conventions. `b_lean_obj_arg` is borrowed (`@&` in Lean), `lean_obj_arg` is owned. A handle is an
 * external object whose payload is the native id; dropping the last reference releases the id. A function
 * of type IO returns an IO result, one of type BaseIO its bare value. Callbacks are closures of type
 * `Call -> BaseIO Unit`; a call is the number that names the running callback (`kja_call_t`), as a `Nat`. */
#ifndef KJASYNC_OBJECT_H
#define KJASYNC_OBJECT_H
#include "kjasync.h"
#include <lean/lean.h>
#include <stdatomic.h>
#include <stdint.h>

_Static_assert(sizeof(void *) == 8, "a handle is kept in the payload pointer of an external object");

extern lean_external_class *kjasync_runtime_class;
extern lean_external_class *kjasync_scope_class;
extern lean_external_class *kjasync_unowned_class;
extern lean_external_class *kjasync_executor_class;
extern lean_external_class *kjasync_promise_class;
extern lean_external_class *kjasync_fulfiller_class;
extern lean_external_class *kjasync_error_class;
extern lean_external_class *kjasync_task_set_class;
extern lean_external_class *kjasync_canceler_class;
extern lean_external_class *kjasync_queue_class;
extern lean_external_class *kjasync_semaphore_class;
extern lean_external_class *kjasync_permit_class;
extern lean_external_class *kjasync_event_class;
extern lean_external_class *kjasync_bytes_class;
extern lean_external_class *kjasync_address_class;
extern lean_external_class *kjasync_listener_class;
extern lean_external_class *kjasync_connection_class;
extern lean_external_class *kjasync_network_class;
extern lean_external_class *kjasync_network_wrapper_class;
extern lean_external_class *kjasync_peer_class;
extern lean_external_class *kjasync_datagram_class;
extern lean_external_class *kjasync_message_class;
extern lean_external_class *kjasync_tls_context_class;
extern lean_external_class *kjasync_tls_key_pair_class;
extern lean_external_class *kjasync_http_headers_class;
extern lean_external_class *kjasync_http_head_class;
extern lean_external_class *kjasync_http_input_class;
extern lean_external_class *kjasync_http_message_class;
extern lean_external_class *kjasync_url_class;
extern lean_external_class *kjasync_http_request_class;
extern lean_external_class *kjasync_http_server_class;
extern lean_external_class *kjasync_http_client_class;
extern lean_external_class *kjasync_http_response_class;
extern lean_external_class *kjasync_websocket_class;
extern lean_external_class *kjasync_websocket_message_class;
extern lean_external_class *kjasync_signal_class;
extern lean_external_class *kjasync_process_class;
extern lean_external_class *kjasync_process_output_class;
extern lean_external_class *kjasync_fd_observer_class;
extern lean_external_class *kjasync_coder_class;
extern lean_external_class *kjasync_directory_class;
extern lean_external_class *kjasync_file_class;
extern lean_external_class *kjasync_file_mapping_class;
extern lean_external_class *kjasync_replacer_class;
extern lean_external_class *kjasync_file_clock_class;
extern lean_external_class *kjasync_buffer_class;
extern lean_external_class *kjasync_fd_class;

/* To be called by whatever makes a handle that comes from no other. */
void kjasync_initialize(void);

static inline kja_handle_t kjasync_id(b_lean_obj_arg handle) {
    return (kja_handle_t)(uintptr_t)lean_get_external_data(handle);
}

/* The id of an `Option` of a handle; 0 for none. */
static inline kja_handle_t kjasync_optional_id(b_lean_obj_arg handle) {
    return lean_is_scalar(handle) ? 0 : kjasync_id(lean_ctor_get(handle, 0));
}

static inline lean_obj_res kjasync_wrap(lean_external_class *kind, kja_handle_t id) {
    return lean_alloc_external(kind, (void *)(uintptr_t)id);
}

/* The bytes of a text, without its closing NUL. */
static inline size_t kjasync_text_size(b_lean_obj_arg text) { return lean_string_size(text) - 1; }

/* Bytes know where they are, so that reading them costs no look-up. Either the handle `id` keeps them
 * alive, or the Lean object `owner`: the byte array they are, or the bytes they are a part of. */
typedef struct kjasync_bytes {
    const uint8_t *data;
    size_t size;
    kja_bytes_t id;
    lean_object *owner;
} kjasync_bytes;

static inline const kjasync_bytes *kjasync_bytes_of(b_lean_obj_arg bytes) {
    return (const kjasync_bytes *)lean_get_external_data(bytes);
}

/* A byte array with a copy of these bytes. */
lean_obj_res kjasync_byte_array(const void *data, size_t size);

/* The pieces of an array of bytes, to be freed. */
kja_slice_t *kjasync_slices_of(b_lean_obj_arg pieces);

/* A byte array that a read fills. The read is one holder, the object that gives the array back the other. */
typedef struct kjasync_buffer {
    atomic_int holders;
    _Atomic(lean_object *) array;
} kjasync_buffer;

static inline kjasync_buffer *kjasync_buffer_of(b_lean_obj_arg buffer) {
    return (kjasync_buffer *)lean_get_external_data(buffer);
}
void kjasync_buffer_release(void *buffer);

/* A descriptor that is closed with its object; -1 once somebody has taken it. */
static inline atomic_int *kjasync_fd_of(b_lean_obj_arg owner) { return (atomic_int *)lean_get_external_data(owner); }
lean_obj_res kjasync_fd_result(kja_status_t status, const int32_t *fd);

/* Drops one holder of a clock of files. */
void kjasync_file_clock_release(void *clock);

/* Wraps the handle of bytes. */
lean_obj_res kjasync_bytes_result(kja_status_t status, const kja_bytes_t *id);

/* An `IO.Error` of this kind, OS error number (or 0) and text. */
lean_obj_res kjasync_io_error(kja_status_t kind, int os_error, const char *text, size_t text_len);

/* The calling thread's last error as an `IO.Error`. */
lean_obj_res kjasync_last_error(void);

/* The IO result that goes with a status. What is behind the pointers counts for KJA_OK only; pointers, because
 * C may look at an argument before it evaluates another one that is a call which sets it. */
lean_obj_res kjasync_unit_result(kja_status_t status);
lean_obj_res kjasync_u64_result(kja_status_t status, const uint64_t *value);
lean_obj_res kjasync_handle_result(kja_status_t status, lean_external_class *kind, const kja_handle_t *id);
static inline lean_obj_res kjasync_promise_result(kja_status_t status, const kja_promise_t *id) {
    return kjasync_handle_result(status, kjasync_promise_class, id);
}
static inline lean_obj_res kjasync_address_result(kja_status_t status, const kja_address_t *id) {
    return kjasync_handle_result(status, kjasync_address_class, id);
}
lean_obj_res kjasync_object_result(kja_status_t status, void *const *borrowed);
lean_obj_res kjasync_size_result(kja_status_t status, const size_t *value);

/* A text that a function of the library copies out, however long it is. */
typedef kja_status_t (*kjasync_copy_fn)(kja_handle_t id, char *buffer, size_t capacity, size_t *length);
lean_obj_res kjasync_text_result(kjasync_copy_fn copy, kja_handle_t id);

/* A Lean object on its way to native code: owned by it, and dropped by it on any thread. */
static inline void *kjasync_give(lean_obj_arg object) {
    lean_mark_mt(object);
    return object;
}
void kjasync_destroy(void *object);

/* Applies the closure `ctx` to the call. */
void kjasync_run(void *ctx, kja_call_t call);

#endif
