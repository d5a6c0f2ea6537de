#include "object.h"
#include <string.h>

static lean_object *closure_of(void *ctx, unsigned index) {
    lean_object *closure = lean_ctor_get(ctx, index);
    lean_inc(closure);
    return closure;
}

static void run(void *ctx, unsigned index, kja_call_t call) {
    lean_dec(lean_apply_2(closure_of(ctx, index), lean_uint64_to_nat(call), lean_box(0)));
}

/* ---- connection ---- */

/* The ctx is a `Native.Connection.Callbacks`: its closures in their order. */
enum { READ, WRITE, SHUTDOWN_WRITE, ABORT_READ, ABORT_WRITE, WHEN_WRITE_DISCONNECTED, LENGTH };

static void read_some(void *ctx, kja_call_t call, size_t min, size_t max) {
    lean_dec(lean_apply_4(closure_of(ctx, READ), lean_uint64_to_nat(call), lean_usize_to_nat(min),
                          lean_usize_to_nat(max), lean_box(0)));
}

static void write_all(void *ctx, kja_call_t call) { run(ctx, WRITE, call); }
static void shutdown_write(void *ctx, kja_call_t call) { run(ctx, SHUTDOWN_WRITE, call); }
static void abort_read(void *ctx, kja_call_t call) { run(ctx, ABORT_READ, call); }
static void abort_write(void *ctx, kja_call_t call) { run(ctx, ABORT_WRITE, call); }
static void when_write_disconnected(void *ctx, kja_call_t call) { run(ctx, WHEN_WRITE_DISCONNECTED, call); }

static uint64_t length(void *ctx) {
    lean_object *boxed = lean_apply_1(closure_of(ctx, LENGTH), lean_box(0));
    uint64_t length = lean_unbox_uint64(boxed);
    lean_dec(boxed);
    return length;
}

lean_obj_res kjasync_connection_from_callbacks(b_lean_obj_arg runtime, b_lean_obj_arg below, lean_obj_arg callbacks) {
    kja_connection_callbacks_t given;
    memset(&given, 0, sizeof given);
    given.size = sizeof given;
    given.ctx = kjasync_give(callbacks);
    given.destroy = kjasync_destroy;
    given.below = kjasync_optional_id(below);
    given.read = read_some;
    given.write = write_all;
    given.shutdown_write = shutdown_write;
    given.abort_read = abort_read;
    given.abort_write = abort_write;
    given.when_write_disconnected = when_write_disconnected;
    given.length = length;
    kja_connection_t id = 0;
    kja_status_t status = kja_connection_from_callbacks(kjasync_id(runtime), &given, &id);
    return kjasync_handle_result(status, kjasync_connection_class, &id);
}

lean_obj_res kjasync_call_return_bytes(b_lean_obj_arg call, lean_obj_arg bytes) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    kja_bytes_t id = 0;
    kja_status_t status =
        kja_bytes_new_borrowed(from->data, from->size, kjasync_give(bytes), kjasync_destroy, &id);
    if (status == KJA_OK) {
        status = kja_call_return_bytes(lean_uint64_of_nat(call), id);
        kja_bytes_release(id);
    }
    return kjasync_unit_result(status);
}

/* ---- listener, address, network ---- */

lean_obj_res kjasync_listener_from_callbacks(b_lean_obj_arg runtime, lean_obj_arg accept) {
    kja_listener_callbacks_t given;
    memset(&given, 0, sizeof given);
    given.size = sizeof given;
    given.ctx = kjasync_give(accept);
    given.destroy = kjasync_destroy;
    given.accept = kjasync_run;
    kja_listener_t id = 0;
    kja_status_t status = kja_listener_from_callbacks(kjasync_id(runtime), &given, &id);
    return kjasync_handle_result(status, kjasync_listener_class, &id);
}

/* The ctx is a `Native.Address.Callbacks`. */
enum { CONNECT, ACCEPT };

static void connect_to(void *ctx, kja_call_t call) { run(ctx, CONNECT, call); }
static void accept_from(void *ctx, kja_call_t call) { run(ctx, ACCEPT, call); }

lean_obj_res kjasync_address_from_callbacks(b_lean_obj_arg runtime, b_lean_obj_arg text, uint8_t listens,
                                            lean_obj_arg callbacks) {
    kja_address_callbacks_t given;
    memset(&given, 0, sizeof given);
    given.size = sizeof given;
    given.ctx = kjasync_give(callbacks);
    given.destroy = kjasync_destroy;
    given.connect = connect_to;
    given.accept = listens ? accept_from : NULL;
    given.text = lean_string_cstr(text);
    given.text_len = kjasync_text_size(text);
    kja_address_t id = 0;
    return kjasync_address_result(kja_address_from_callbacks(kjasync_id(runtime), &given, &id), &id);
}

static void parse(void *ctx, kja_call_t call, const char *text, size_t text_len, uint16_t default_port) {
    lean_inc((lean_object *)ctx);
    lean_dec(lean_apply_4(ctx, lean_uint64_to_nat(call), lean_mk_string_from_bytes(text, text_len),
                          lean_box(default_port), lean_box(0)));
}

lean_obj_res kjasync_network_from_callbacks(b_lean_obj_arg runtime, lean_obj_arg on_parse) {
    kja_network_callbacks_t given;
    memset(&given, 0, sizeof given);
    given.size = sizeof given;
    given.ctx = kjasync_give(on_parse);
    given.destroy = kjasync_destroy;
    given.parse = parse;
    kja_network_t id = 0;
    kja_status_t status = kja_network_from_callbacks(kjasync_id(runtime), &given, &id);
    return kjasync_handle_result(status, kjasync_network_class, &id);
}

lean_obj_res kjasync_call_return_address(b_lean_obj_arg call, b_lean_obj_arg address) {
    return kjasync_unit_result(kja_call_return_handle(lean_uint64_of_nat(call), kjasync_id(address)));
}
