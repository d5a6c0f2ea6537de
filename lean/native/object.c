#include "object.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Finalizers run wherever the last reference is dropped and never call into Lean. An id that is already
 * stale, because it was released, consumed or swept away by a shutdown, is refused by the library. */
#define HANDLE_CLASS_WITH(kind, release)                                                                    \
    lean_external_class *kjasync_##kind##_class;                                                            \
    static void finalize_##kind(void *id) { release((kja_##kind##_t)(uintptr_t)id); }
#define HANDLE_CLASS(kind) HANDLE_CLASS_WITH(kind, kja_##kind##_release)

HANDLE_CLASS(executor)
HANDLE_CLASS(fulfiller)
HANDLE_CLASS(error)
HANDLE_CLASS_WITH(task_set, kja_task_set_release_nowait)
HANDLE_CLASS_WITH(canceler, kja_canceler_release_nowait)
HANDLE_CLASS(queue)
HANDLE_CLASS(semaphore)
HANDLE_CLASS(permit)
HANDLE_CLASS(event)
HANDLE_CLASS(address)
HANDLE_CLASS(listener)
HANDLE_CLASS(connection)
HANDLE_CLASS(network)
HANDLE_CLASS(network_wrapper)
HANDLE_CLASS(peer)
HANDLE_CLASS(datagram)
HANDLE_CLASS(message)
HANDLE_CLASS(tls_context)
HANDLE_CLASS(tls_key_pair)
HANDLE_CLASS(http_headers)
HANDLE_CLASS(http_head)
HANDLE_CLASS(http_input)
HANDLE_CLASS(http_message)
HANDLE_CLASS(url)
HANDLE_CLASS(http_request)
HANDLE_CLASS(http_server)
HANDLE_CLASS(http_client)
HANDLE_CLASS(http_response)
HANDLE_CLASS(websocket)
HANDLE_CLASS(websocket_message)
HANDLE_CLASS(signal)
HANDLE_CLASS(fd_observer)
HANDLE_CLASS(coder)
HANDLE_CLASS(directory)
HANDLE_CLASS(file)
HANDLE_CLASS(file_mapping)
HANDLE_CLASS(replacer)
HANDLE_CLASS(process)
HANDLE_CLASS(process_output)
/* Whoever happens to drop the last reference does not wait for a callback that is running. */
HANDLE_CLASS_WITH(promise, kja_promise_release_nowait)

/* The end of a runtime joins its thread, which no callback of that thread can wait for and which would hold
 * up whoever happens to drop the last reference: a thread of its own does it. */
lean_external_class *kjasync_runtime_class;

static void *end_runtime(void *id) {
    kja_runtime_release((kja_runtime_t)(uintptr_t)id);
    return NULL;
}

static void finalize_runtime(void *id) {
    kja_runtime_t runtime = (kja_runtime_t)(uintptr_t)id;
    pthread_t thread;
    if (!kja_runtime_is_alive(runtime) && kja_runtime_release(runtime) != KJA_ERR_WOULD_DEADLOCK) return;
    if (pthread_create(&thread, NULL, end_runtime, id) == 0) pthread_detach(thread);
    else end_runtime(id);
}

/* The loop of a wait scope has no thread to be joined, and is its owner's to end. */
lean_external_class *kjasync_scope_class;

static void finalize_scope(void *id) { kja_runtime_release((kja_runtime_t)(uintptr_t)id); }

/* A handle that another object releases. */
lean_external_class *kjasync_unowned_class;

static void finalize_unowned(void *id) { (void)id; }

lean_external_class *kjasync_bytes_class;

static void finalize_bytes(void *data) {
    kjasync_bytes *bytes = data;
    if (bytes->owner != NULL) lean_dec(bytes->owner);
    else kja_bytes_release(bytes->id);
    free(bytes);
}

lean_external_class *kjasync_buffer_class;

void kjasync_buffer_release(void *data) {
    kjasync_buffer *buffer = data;
    if (atomic_fetch_sub(&buffer->holders, 1) > 1) return;
    lean_object *array = atomic_load(&buffer->array);
    if (array != NULL) lean_dec(array);
    free(buffer);
}

static void finalize_buffer(void *data) { kjasync_buffer_release(data); }

lean_external_class *kjasync_file_clock_class;

static void finalize_file_clock(void *clock) { kjasync_file_clock_release(clock); }

lean_external_class *kjasync_fd_class;

static void finalize_fd(void *data) {
    int fd = atomic_load((atomic_int *)data);
    if (fd >= 0) close(fd);
    free(data);
}

static void no_children(void *id, b_lean_obj_arg visit) {
    (void)id;
    (void)visit;
}

static void register_classes(void) {
#define REGISTER(kind) kjasync_##kind##_class = lean_register_external_class(finalize_##kind, no_children)
    REGISTER(runtime);
    REGISTER(scope);
    REGISTER(unowned);
    REGISTER(executor);
    REGISTER(promise);
    REGISTER(fulfiller);
    REGISTER(error);
    REGISTER(task_set);
    REGISTER(canceler);
    REGISTER(queue);
    REGISTER(semaphore);
    REGISTER(permit);
    REGISTER(event);
    REGISTER(bytes);
    REGISTER(address);
    REGISTER(listener);
    REGISTER(connection);
    REGISTER(network);
    REGISTER(network_wrapper);
    REGISTER(peer);
    REGISTER(datagram);
    REGISTER(message);
    REGISTER(tls_context);
    REGISTER(tls_key_pair);
    REGISTER(http_headers);
    REGISTER(http_head);
    REGISTER(http_input);
    REGISTER(http_message);
    REGISTER(url);
    REGISTER(http_request);
    REGISTER(http_server);
    REGISTER(http_client);
    REGISTER(http_response);
    REGISTER(websocket);
    REGISTER(websocket_message);
    REGISTER(signal);
    REGISTER(fd_observer);
    REGISTER(coder);
    REGISTER(directory);
    REGISTER(file);
    REGISTER(file_mapping);
    REGISTER(replacer);
    REGISTER(file_clock);
    REGISTER(process);
    REGISTER(process_output);
    REGISTER(buffer);
    REGISTER(fd);
#undef REGISTER
}

/* A library that was exchanged for an older one may lack what the shim relies on, and nothing else would tell. */
static void initialize(void) {
    if (kja_abi_version() < KJA_ABI_VERSION) {
        static char text[160];
        snprintf(text, sizeof text,
                 "KjAsync was built for version %u of the interface of libkjasync, and the library that was loaded, %s, has version %u",
                 KJA_ABI_VERSION, kja_version(), kja_abi_version());
        lean_internal_panic(text);
    }
    register_classes();
}

/* Not an initializer of a Lean module: the editor would have to find it before the package is built. */
void kjasync_initialize(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize);
}

/* ---- errors ---- */

/* The code of an error whose kind its number alone does not tell; see lean/KjAsync/Error.lean. */
enum { CODES_PER_KIND = 10000 };

/* `KjAsync.Error.ofKind` does the same. */
static lean_obj_res error_of_kind(kja_status_t kind, uint32_t code, lean_obj_arg details) {
    switch (kind) {
    case KJA_ERR_OVERLOADED: return lean_mk_io_error_resource_exhausted(code, details);
    case KJA_ERR_DISCONNECTED: return lean_mk_io_error_resource_vanished(code, details);
    case KJA_ERR_UNIMPLEMENTED: return lean_mk_io_error_unsupported_operation(code, details);
    case KJA_ERR_TIMED_OUT: return lean_mk_io_error_time_expired(code, details);
    case KJA_ERR_BUSY: return lean_mk_io_error_resource_busy(code, details);
    case KJA_ERR_BAD_HANDLE:
    case KJA_ERR_WRONG_THREAD:
    case KJA_ERR_WOULD_DEADLOCK:
    case KJA_ERR_PENDING: return lean_mk_io_error_illegal_operation(code, details);
    case KJA_ERR_INVALID_ARGUMENT:
    case KJA_ERR_WRONG_TYPE: return lean_mk_io_error_invalid_argument(code, details);
    default: return lean_mk_io_error_other_error(code, details);
    }
}

/* For what has an error number and no kind of ours, Lean's own table chooses the constructor. Our text takes the place of
 * strerror's, the last field, and our code that of the number, which follows the fields. */
static lean_obj_res error_of_errno(int os_error, uint32_t code, lean_obj_arg details) {
    /* These two constructors have a file name that is not optional: the text stands in for it. */
    bool needs_name = os_error == ENOENT || os_error == EINTR;
    if (needs_name) lean_inc(details);
    lean_object *error = lean_decode_io_error(os_error, needs_name ? details : NULL);
    unsigned last = lean_ctor_num_objs(error) - 1;
    lean_dec(lean_ctor_get(error, last));
    lean_ctor_set(error, last, details);
    lean_ctor_set_uint32(error, sizeof(void *) * (last + 1), code);
    return error;
}

/* What is FAILED and has no errno is a plain user error: that is also how errors thrown by closures come back. */
lean_obj_res kjasync_io_error(kja_status_t kind, int os_error, const char *text, size_t text_len) {
    lean_object *details = lean_mk_string_from_bytes(text, text_len);
    /* Out of range is a number that somebody made up. */
    if (os_error < 0 || os_error >= CODES_PER_KIND) os_error = 0;
    if (kind == KJA_ERR_FAILED && os_error == 0) return lean_mk_io_user_error(details);
    bool follows = os_error != 0 && kind == kja_status_of_os_error(os_error);
    uint32_t code = (follows ? 0 : (uint32_t)kind * CODES_PER_KIND) + (uint32_t)os_error;
    return kind == KJA_ERR_FAILED ? error_of_errno(os_error, code, details) : error_of_kind(kind, code, details);
}

lean_obj_res kjasync_last_error(void) {
    size_t length = kja_last_error_text(NULL, 0);
    char *text = malloc(length + 1);
    if (text == NULL) lean_internal_panic_out_of_memory();
    kja_last_error_text(text, length + 1);
    lean_object *error = kjasync_io_error(kja_last_error_status(), kja_last_error_os(), text, length);
    free(text);
    return error;
}

/* ---- results ---- */

lean_obj_res kjasync_unit_result(kja_status_t status) {
    if (status != KJA_OK) return lean_io_result_mk_error(kjasync_last_error());
    return lean_io_result_mk_ok(lean_box(0));
}

lean_obj_res kjasync_u64_result(kja_status_t status, const uint64_t *value) {
    if (status != KJA_OK) return lean_io_result_mk_error(kjasync_last_error());
    return lean_io_result_mk_ok(lean_box_uint64(*value));
}

lean_obj_res kjasync_handle_result(kja_status_t status, lean_external_class *kind, const kja_handle_t *id) {
    if (status != KJA_OK) return lean_io_result_mk_error(kjasync_last_error());
    return lean_io_result_mk_ok(kjasync_wrap(kind, *id));
}

lean_obj_res kjasync_object_result(kja_status_t status, void *const *borrowed) {
    if (status != KJA_OK) return lean_io_result_mk_error(kjasync_last_error());
    lean_inc(*borrowed);
    return lean_io_result_mk_ok(*borrowed);
}

lean_obj_res kjasync_size_result(kja_status_t status, const size_t *value) {
    if (status != KJA_OK) return lean_io_result_mk_error(kjasync_last_error());
    return lean_io_result_mk_ok(lean_usize_to_nat(*value));
}

lean_obj_res kjasync_fd_result(kja_status_t status, const int32_t *fd) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    atomic_int *owned = malloc(sizeof *owned);
    if (owned == NULL) lean_internal_panic_out_of_memory();
    atomic_init(owned, *fd);
    return lean_io_result_mk_ok(lean_alloc_external(kjasync_fd_class, owned));
}

lean_obj_res kjasync_byte_array(const void *data, size_t size) {
    lean_object *array = lean_alloc_sarray(1, size, size);
    if (size > 0) memcpy(lean_sarray_cptr(array), data, size);
    return array;
}

kja_slice_t *kjasync_slices_of(b_lean_obj_arg pieces) {
    size_t count = lean_array_size(pieces);
    kja_slice_t *slices = malloc((count + 1) * sizeof *slices);
    if (slices == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < count; i++) {
        const kjasync_bytes *piece = kjasync_bytes_of(lean_array_get_core(pieces, i));
        slices[i] = (kja_slice_t){ piece->data, piece->size };
    }
    return slices;
}

/* A text may grow from one look to the next. */
lean_obj_res kjasync_text_result(kjasync_copy_fn copy, kja_handle_t id) {
    size_t capacity = 0, length = 0;
    char *text = NULL;
    kja_status_t status;
    do {
        capacity = length + 1;
        free(text);
        text = malloc(capacity);
        if (text == NULL) lean_internal_panic_out_of_memory();
        status = copy(id, text, capacity, &length);
    } while (status == KJA_OK && length >= capacity);
    lean_object *result = status == KJA_OK ? lean_io_result_mk_ok(lean_mk_string_from_bytes(text, length))
                                           : kjasync_unit_result(status);
    free(text);
    return result;
}

/* ---- callbacks ---- */

void kjasync_destroy(void *object) { lean_dec(object); }

void kjasync_run(void *ctx, kja_call_t call) {
    lean_inc(ctx);
    lean_dec(lean_apply_2(ctx, lean_uint64_to_nat(call), lean_box(0)));
}
