#include "object.h"
#include <stdlib.h>
#include <string.h>

/* The options of a socket, from numbers in the order of `WebSocketOptions.numbers`. */
static kja_websocket_options_t options_of(b_lean_obj_arg numbers) {
    kja_websocket_options_t options;
    uint64_t given[9];
    for (size_t i = 0; i < 9; i++) given[i] = lean_uint64_of_nat(lean_array_get_core(numbers, i));
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.flags = (uint32_t)given[0];
    options.server_max_window_bits = (uint8_t)given[1];
    options.client_max_window_bits = (uint8_t)given[2];
    options.level = (uint8_t)given[3];
    options.compress_from = (size_t)given[4];
    options.max_message = (size_t)given[5];
    options.close_nanos = given[6];
    options.ping_nanos = given[7];
    options.idle_nanos = given[8];
    return options;
}

static lean_obj_res socket_result(kja_status_t status, const kja_websocket_t *id) {
    return kjasync_handle_result(status, kjasync_websocket_class, id);
}

lean_obj_res kjasync_http_request_accept_websocket(b_lean_obj_arg request, b_lean_obj_arg headers,
                                                   b_lean_obj_arg numbers) {
    kja_websocket_options_t options = options_of(numbers);
    kja_websocket_t id = 0;
    kja_status_t status = kja_http_request_accept_websocket(kjasync_id(request), kjasync_id(headers), &options, &id);
    return socket_result(status, &id);
}

lean_obj_res kjasync_http_client_websocket_start(b_lean_obj_arg client, b_lean_obj_arg url, b_lean_obj_arg headers,
                                                 b_lean_obj_arg numbers) {
    kja_websocket_options_t options = options_of(numbers);
    kja_promise_t id = 0;
    kja_status_t status = kja_http_client_websocket_start(
        kjasync_id(client), lean_string_cstr(url), kjasync_text_size(url), kjasync_id(headers), &options, &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_websocket_new(b_lean_obj_arg connection, uint32_t role, b_lean_obj_arg extensions,
                                   b_lean_obj_arg numbers) {
    kja_websocket_options_t options = options_of(numbers);
    kja_websocket_t id = 0;
    kja_status_t status = kja_websocket_new(kjasync_id(connection), role, lean_string_cstr(extensions),
                                            kjasync_text_size(extensions), &options, &id);
    return socket_result(status, &id);
}

lean_obj_res kjasync_websocket_pipe(b_lean_obj_arg runtime, b_lean_obj_arg numbers) {
    kja_websocket_options_t options = options_of(numbers);
    kja_websocket_t one = 0, other = 0;
    kja_status_t status = kja_websocket_pipe(kjasync_id(runtime), &options, &one, &other);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, kjasync_wrap(kjasync_websocket_class, one));
    lean_ctor_set(pair, 1, kjasync_wrap(kjasync_websocket_class, other));
    return lean_io_result_mk_ok(pair);
}

/* `none` if the handle is none of a socket: a server has answered otherwise. */
static lean_obj_res socket_or_none(kja_status_t status, kja_handle_t id) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *found = lean_box(0);
    if (kja_websocket_is(id)) {
        found = lean_alloc_ctor(1, 1, 0);
        lean_ctor_set(found, 0, kjasync_wrap(kjasync_websocket_class, id));
    } else {
        kja_http_response_release(id);
    }
    return lean_io_result_mk_ok(found);
}

lean_obj_res kjasync_promise_websocket(b_lean_obj_arg promise) {
    kja_handle_t id = 0;
    kja_status_t status = kja_promise_handle(kjasync_id(promise), &id);
    return socket_or_none(status, id);
}

lean_obj_res kjasync_call_websocket(b_lean_obj_arg call) {
    kja_handle_t id = 0;
    kja_status_t status = kja_call_handle(lean_uint64_of_nat(call), &id);
    return socket_or_none(status, id);
}

lean_obj_res kjasync_websocket_send_text_start(b_lean_obj_arg socket, b_lean_obj_arg text) {
    kja_promise_t id = 0;
    kja_status_t status = kja_websocket_send_start(kjasync_id(socket), KJA_WEBSOCKET_TEXT, lean_string_cstr(text),
                                                   kjasync_text_size(text), &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_websocket_send_binary_start(b_lean_obj_arg socket, b_lean_obj_arg bytes) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    kja_promise_t id = 0;
    kja_status_t status =
        from->id ? kja_websocket_send_bytes_start(kjasync_id(socket), KJA_WEBSOCKET_BINARY, from->id, &id)
                 : kja_websocket_send_start(kjasync_id(socket), KJA_WEBSOCKET_BINARY, from->data, from->size, &id);
    return kjasync_promise_result(status, &id);
}

static lean_obj_res bool_result(kja_status_t status, bool value) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_box(value));
}

lean_obj_res kjasync_websocket_send_text_now(b_lean_obj_arg socket, b_lean_obj_arg text) {
    bool sent = false;
    kja_status_t status = kja_websocket_send_now(kjasync_id(socket), KJA_WEBSOCKET_TEXT, lean_string_cstr(text),
                                                 kjasync_text_size(text), &sent);
    return bool_result(status, sent);
}

lean_obj_res kjasync_websocket_send_binary_now(b_lean_obj_arg socket, b_lean_obj_arg bytes) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    bool sent = false;
    kja_status_t status =
        kja_websocket_send_now(kjasync_id(socket), KJA_WEBSOCKET_BINARY, from->data, from->size, &sent);
    return bool_result(status, sent);
}

/* A promise and the connection to write the message to. */
lean_obj_res kjasync_websocket_send_stream_start(b_lean_obj_arg socket, uint32_t kind) {
    kja_promise_t promise = 0;
    kja_connection_t body = 0;
    kja_status_t status = kja_websocket_send_stream_start(kjasync_id(socket), kind, &body, &promise);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, kjasync_wrap(kjasync_promise_class, promise));
    lean_ctor_set(pair, 1, kjasync_wrap(kjasync_connection_class, body));
    return lean_io_result_mk_ok(pair);
}

lean_obj_res kjasync_websocket_receive_start(b_lean_obj_arg socket, size_t limit) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_websocket_receive_start(kjasync_id(socket), limit, &id), &id);
}

lean_obj_res kjasync_websocket_receive_piece_start(b_lean_obj_arg socket) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_websocket_receive_piece_start(kjasync_id(socket), &id), &id);
}

lean_obj_res kjasync_websocket_receive_each_start(b_lean_obj_arg socket, size_t limit, lean_obj_arg on_message) {
    kja_promise_t id = 0;
    kja_status_t status = kja_websocket_receive_each_start(kjasync_id(socket), limit, kjasync_run,
                                                           kjasync_give(on_message), kjasync_destroy, &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_websocket_close_start(b_lean_obj_arg socket, uint32_t code, b_lean_obj_arg reason) {
    kja_promise_t id = 0;
    kja_status_t status = kja_websocket_close_start(kjasync_id(socket), code, lean_string_cstr(reason),
                                                    kjasync_text_size(reason), &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_websocket_finish_start(b_lean_obj_arg socket, uint32_t code, b_lean_obj_arg reason) {
    kja_promise_t id = 0;
    kja_status_t status = kja_websocket_finish_start(kjasync_id(socket), code, lean_string_cstr(reason),
                                                     kjasync_text_size(reason), &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_websocket_disconnect(b_lean_obj_arg socket) {
    return kjasync_unit_result(kja_websocket_disconnect(kjasync_id(socket)));
}

lean_obj_res kjasync_websocket_abort(b_lean_obj_arg socket) {
    return kjasync_unit_result(kja_websocket_abort(kjasync_id(socket)));
}

lean_obj_res kjasync_websocket_when_aborted_start(b_lean_obj_arg socket) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_websocket_when_aborted_start(kjasync_id(socket), &id), &id);
}

lean_obj_res kjasync_websocket_ping_start(b_lean_obj_arg socket, b_lean_obj_arg bytes) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_websocket_ping_start(kjasync_id(socket), from->data, from->size, &id), &id);
}

lean_obj_res kjasync_websocket_pong_start(b_lean_obj_arg socket, b_lean_obj_arg bytes) {
    const kjasync_bytes *from = kjasync_bytes_of(bytes);
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_websocket_pong_start(kjasync_id(socket), from->data, from->size, &id), &id);
}

lean_obj_res kjasync_websocket_pump_start(b_lean_obj_arg from, b_lean_obj_arg to) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_websocket_pump_start(kjasync_id(from), kjasync_id(to), &id), &id);
}

lean_obj_res kjasync_websocket_sent_bytes(b_lean_obj_arg socket) {
    uint64_t count = 0;
    return kjasync_u64_result(kja_websocket_byte_counts(kjasync_id(socket), &count, NULL), &count);
}

lean_obj_res kjasync_websocket_received_bytes(b_lean_obj_arg socket) {
    uint64_t count = 0;
    return kjasync_u64_result(kja_websocket_byte_counts(kjasync_id(socket), NULL, &count), &count);
}

static kja_status_t protocol_of(kja_handle_t id, char *buffer, size_t capacity, size_t *length) {
    return kja_websocket_protocol(id, buffer, capacity, length);
}
static kja_status_t extensions_of(kja_handle_t id, char *buffer, size_t capacity, size_t *length) {
    return kja_websocket_extensions(id, buffer, capacity, length);
}

lean_obj_res kjasync_websocket_protocol(b_lean_obj_arg socket) {
    return kjasync_text_result(protocol_of, kjasync_id(socket));
}

lean_obj_res kjasync_websocket_extensions(b_lean_obj_arg socket) {
    return kjasync_text_result(extensions_of, kjasync_id(socket));
}

lean_obj_res kjasync_websocket_matching_options(b_lean_obj_arg socket) {
    kja_websocket_options_t options = {.size = sizeof options};
    kja_status_t status = kja_websocket_matching_options(kjasync_id(socket), &options);
    uint64_t numbers = options.flags | (uint64_t)options.server_max_window_bits << 8 |
                       (uint64_t)options.client_max_window_bits << 16;
    return kjasync_u64_result(status, &numbers);
}

lean_obj_res kjasync_websocket_connection(b_lean_obj_arg socket) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_websocket_connection(kjasync_id(socket), &id), kjasync_connection_class, &id);
}

/* ---- messages ---- */

lean_obj_res kjasync_promise_websocket_message(b_lean_obj_arg promise) {
    kja_websocket_message_t id = 0;
    return kjasync_handle_result(kja_promise_handle(kjasync_id(promise), &id), kjasync_websocket_message_class, &id);
}

lean_obj_res kjasync_call_websocket_message(b_lean_obj_arg call) {
    kja_websocket_message_t id = 0;
    return kjasync_handle_result(kja_call_handle(lean_uint64_of_nat(call), &id), kjasync_websocket_message_class, &id);
}

lean_obj_res kjasync_websocket_message_kind(b_lean_obj_arg message) {
    uint32_t kind = 0;
    kja_status_t status = kja_websocket_message_kind(kjasync_id(message), &kind);
    uint64_t wide = kind;
    return kjasync_u64_result(status, &wide);
}

/* The library has found a text, and the reason of a close, to be UTF-8; a piece of a text may end within a character. */
lean_obj_res kjasync_websocket_message_text(b_lean_obj_arg message) {
    const void *data = NULL;
    size_t size = 0;
    kja_status_t status = kja_websocket_message_data(kjasync_id(message), &data, &size);
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_mk_string_from_bytes((const char *)data, size));
}

lean_obj_res kjasync_websocket_message_bytes(b_lean_obj_arg message) {
    kja_bytes_t id = 0;
    kja_status_t status = kja_websocket_message_bytes(kjasync_id(message), &id);
    return kjasync_bytes_result(status, &id);
}

lean_obj_res kjasync_websocket_message_close_code(b_lean_obj_arg message) {
    uint32_t code = 0;
    kja_status_t status = kja_websocket_message_close_code(kjasync_id(message), &code);
    uint64_t wide = code;
    return kjasync_u64_result(status, &wide);
}

lean_obj_res kjasync_websocket_message_is_last(b_lean_obj_arg message) {
    bool last = false;
    kja_status_t status = kja_websocket_message_is_last(kjasync_id(message), &last);
    return bool_result(status, last);
}
