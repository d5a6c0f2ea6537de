#include "object.h"
#include <string.h>

/* The ctx is a `Native.NetworkWrapper.Callbacks`: its closures in their order. */
enum { CLIENT, SERVER, FAILED };

static lean_object *closure_of(void *ctx, unsigned index) {
    lean_object *closure = lean_ctor_get(ctx, index);
    lean_inc(closure);
    return closure;
}

static void wrap_client(void *ctx, kja_call_t call, kja_connection_t connection, const char *host, size_t host_len) {
    lean_dec(lean_apply_4(closure_of(ctx, CLIENT), lean_uint64_to_nat(call),
                          kjasync_wrap(kjasync_connection_class, connection),
                          lean_mk_string_from_bytes(host, host_len), lean_box(0)));
}

static void wrap_server(void *ctx, kja_call_t call, kja_connection_t connection) {
    lean_dec(lean_apply_3(closure_of(ctx, SERVER), lean_uint64_to_nat(call),
                          kjasync_wrap(kjasync_connection_class, connection), lean_box(0)));
}

static void on_accept_error(void *ctx, kja_call_t call) {
    lean_dec(lean_apply_2(closure_of(ctx, FAILED), lean_uint64_to_nat(call), lean_box(0)));
}

lean_obj_res kjasync_network_wrapper_new(b_lean_obj_arg runtime, b_lean_obj_arg name, uint64_t accept_timeout,
                                         size_t max_handshakes, lean_obj_arg callbacks) {
    kja_network_wrapper_options_t options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.wrap_client = wrap_client;
    options.wrap_server = wrap_server;
    options.on_accept_error = on_accept_error;
    options.ctx = kjasync_give(callbacks);
    options.destroy = kjasync_destroy;
    options.name = lean_string_cstr(name);
    options.name_len = kjasync_text_size(name);
    options.accept_timeout_nanos = accept_timeout;
    options.max_handshakes = max_handshakes;
    kja_network_wrapper_t id = 0;
    kja_status_t status = kja_network_wrapper_new(kjasync_id(runtime), &options, &id);
    return kjasync_handle_result(status, kjasync_network_wrapper_class, &id);
}

lean_obj_res kjasync_network_wrapper_wrap_client_start(b_lean_obj_arg wrapper, b_lean_obj_arg connection,
                                                       b_lean_obj_arg host) {
    kja_promise_t id = 0;
    kja_status_t status = kja_network_wrapper_wrap_client_start(kjasync_id(wrapper), kjasync_id(connection),
                                                                lean_string_cstr(host), kjasync_text_size(host), &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_network_wrapper_wrap_server_start(b_lean_obj_arg wrapper, b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(
        kja_network_wrapper_wrap_server_start(kjasync_id(wrapper), kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_network_wrapper_wrap_listener(b_lean_obj_arg wrapper, b_lean_obj_arg listener) {
    kja_listener_t id = 0;
    return kjasync_handle_result(kja_network_wrapper_wrap_listener(kjasync_id(wrapper), kjasync_id(listener), &id),
                                 kjasync_listener_class, &id);
}

lean_obj_res kjasync_network_wrapper_wrap_address(b_lean_obj_arg wrapper, b_lean_obj_arg address, b_lean_obj_arg host) {
    kja_address_t id = 0;
    kja_status_t status = kja_network_wrapper_wrap_address(kjasync_id(wrapper), kjasync_id(address),
                                                           lean_string_cstr(host), kjasync_text_size(host), &id);
    return kjasync_address_result(status, &id);
}

lean_obj_res kjasync_network_wrapper_wrap_network(b_lean_obj_arg wrapper, b_lean_obj_arg network) {
    kja_network_t id = 0;
    return kjasync_handle_result(kja_network_wrapper_wrap_network(kjasync_id(wrapper), kjasync_id(network), &id),
                                 kjasync_network_class, &id);
}
