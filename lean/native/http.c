#include "object.h"
#include <stdlib.h>
#include <string.h>

/* ---- headers ---- */

lean_obj_res kjasync_http_headers_new(void) {
    kjasync_initialize();
    kja_http_headers_t id = 0;
    return kjasync_handle_result(kja_http_headers_new(&id), kjasync_http_headers_class, &id);
}

lean_obj_res kjasync_http_headers_append(b_lean_obj_arg headers, b_lean_obj_arg name, b_lean_obj_arg value) {
    return kjasync_unit_result(kja_http_headers_append(kjasync_id(headers), lean_string_cstr(name),
                                                       kjasync_text_size(name), lean_string_cstr(value),
                                                       kjasync_text_size(value)));
}

/* A name and a value; bytes of a value that are not UTF-8 are replaced. */
static kja_status_t field_of(kja_http_headers_t headers, size_t index, lean_object **out) {
    size_t name_size = 0, value_size = 0;
    kja_status_t status = kja_http_headers_at(headers, index, NULL, 0, &name_size, NULL, 0, &value_size);
    if (status != KJA_OK) return status;
    char *name = malloc(name_size + value_size + 1);
    if (name == NULL) lean_internal_panic_out_of_memory();
    char *value = name + name_size;
    status = kja_http_headers_at(headers, index, name, name_size, NULL, value, value_size, NULL);
    if (status == KJA_OK) {
        *out = lean_alloc_ctor(0, 2, 0);
        lean_ctor_set(*out, 0, lean_mk_string_from_bytes(name, name_size));
        lean_ctor_set(*out, 1, lean_mk_string_from_bytes(value, value_size));
    }
    free(name);
    return status;
}

/* All fields as an array of pairs. */
lean_obj_res kjasync_http_headers_fields(b_lean_obj_arg owner) {
    kja_http_headers_t headers = kjasync_id(owner);
    size_t count = 0;
    kja_status_t status = kja_http_headers_count(headers, &count);
    lean_object *fields = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; status == KJA_OK && i < count; i++) {
        lean_object *pair = NULL;
        status = field_of(headers, i, &pair);
        if (status == KJA_OK) fields = lean_array_push(fields, pair);
    }
    if (status == KJA_OK) return lean_io_result_mk_ok(fields);
    lean_dec(fields);
    return kjasync_unit_result(status);
}

/* All fields of a message. */
static lean_obj_res fields_result(kja_status_t (*get)(kja_handle_t, kja_http_headers_t *), b_lean_obj_arg message) {
    kja_http_headers_t id = 0;
    kja_status_t status = get(kjasync_id(message), &id);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *headers = kjasync_wrap(kjasync_http_headers_class, id);
    lean_obj_res result = kjasync_http_headers_fields(headers);
    lean_dec(headers);
    return result;
}

lean_obj_res kjasync_http_headers_bytes(b_lean_obj_arg headers) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_http_headers_bytes(kjasync_id(headers), &id), &id);
}

/* ---- requests of a server ---- */

static kja_status_t method_of(kja_handle_t id, char *buffer, size_t capacity, size_t *length) {
    return kja_http_request_method(id, buffer, capacity, length);
}
static kja_status_t target_of(kja_handle_t id, char *buffer, size_t capacity, size_t *length) {
    return kja_http_request_target(id, buffer, capacity, length);
}

lean_obj_res kjasync_http_request_method(b_lean_obj_arg request) {
    return kjasync_text_result(method_of, kjasync_id(request));
}

lean_obj_res kjasync_http_request_target(b_lean_obj_arg request) {
    return kjasync_text_result(target_of, kjasync_id(request));
}

lean_obj_res kjasync_http_request_fields(b_lean_obj_arg request) {
    return fields_result(kja_http_request_headers, request);
}

lean_obj_res kjasync_http_request_trailers(b_lean_obj_arg request) {
    return fields_result(kja_http_request_trailers, request);
}

lean_obj_res kjasync_http_request_body_length(b_lean_obj_arg request) {
    uint64_t length = 0;
    return kjasync_u64_result(kja_http_request_body_length(kjasync_id(request), &length), &length);
}

lean_obj_res kjasync_http_request_body(b_lean_obj_arg request) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_http_request_body(kjasync_id(request), &id), kjasync_connection_class, &id);
}

lean_obj_res kjasync_http_request_connection(b_lean_obj_arg request) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_http_request_connection(kjasync_id(request), &id), kjasync_connection_class, &id);
}

/* An empty text is none. */
static const char *reason_of(b_lean_obj_arg reason) {
    return kjasync_text_size(reason) ? lean_string_cstr(reason) : NULL;
}

lean_obj_res kjasync_http_request_respond(b_lean_obj_arg request, uint32_t status, b_lean_obj_arg reason,
                                          b_lean_obj_arg headers, b_lean_obj_arg body) {
    const kjasync_bytes *bytes = kjasync_bytes_of(body);
    return kjasync_unit_result(kja_http_request_respond(kjasync_id(request), status, reason_of(reason),
                                                        kjasync_text_size(reason), kjasync_id(headers), bytes->data,
                                                        bytes->size));
}

lean_obj_res kjasync_http_request_respond_stream(b_lean_obj_arg request, uint32_t status, b_lean_obj_arg reason,
                                                 b_lean_obj_arg headers, uint64_t length) {
    kja_connection_t id = 0;
    kja_status_t done = kja_http_request_respond_stream(kjasync_id(request), status, reason_of(reason),
                                                        kjasync_text_size(reason), kjasync_id(headers), length, &id);
    return kjasync_handle_result(done, kjasync_connection_class, &id);
}

lean_obj_res kjasync_http_request_compress(b_lean_obj_arg request) {
    return kjasync_unit_result(kja_http_request_compress(kjasync_id(request)));
}

lean_obj_res kjasync_http_request_set_trailers(b_lean_obj_arg request, b_lean_obj_arg headers) {
    return kjasync_unit_result(kja_http_request_set_trailers(kjasync_id(request), kjasync_id(headers)));
}

lean_obj_res kjasync_http_request_accept_tunnel(b_lean_obj_arg request, uint32_t status, b_lean_obj_arg reason,
                                                b_lean_obj_arg headers) {
    kja_connection_t id = 0;
    kja_status_t done = kja_http_request_accept_tunnel(kjasync_id(request), status, reason_of(reason),
                                                       kjasync_text_size(reason), kjasync_id(headers), &id);
    return kjasync_handle_result(done, kjasync_connection_class, &id);
}

lean_obj_res kjasync_http_request_suspend(b_lean_obj_arg request) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_http_request_suspend(kjasync_id(request), &id), kjasync_connection_class, &id);
}

lean_obj_res kjasync_http_request_summary(b_lean_obj_arg request) {
    kja_http_request_summary_t summary = {.size = sizeof summary};
    kja_status_t status = kja_http_request_summary(kjasync_id(request), &summary);
    if (status != KJA_OK) return kjasync_unit_result(status);
    const uint64_t numbers[] = {summary.status, summary.whole, summary.received, summary.sent, summary.nanos};
    size_t count = sizeof numbers / sizeof *numbers;
    lean_object *all = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; i < count; i++) all = lean_array_push(all, lean_uint64_to_nat(numbers[i]));
    return lean_io_result_mk_ok(all);
}

lean_obj_res kjasync_call_http_request(b_lean_obj_arg call) {
    kja_http_request_t id = 0;
    return kjasync_handle_result(kja_call_handle(lean_uint64_of_nat(call), &id), kjasync_http_request_class, &id);
}

/* ---- servers ---- */

/* `limits` are numbers in the order of the structure. */
static uint64_t limit_at(b_lean_obj_arg limits, size_t index) {
    return lean_uint64_of_nat(lean_array_get_core(limits, index));
}

/* The ctx of hooks is a `Native.HttpServer.Hooks`: its closures in their order. */
enum { CONNECTION, PROTOCOL_ERROR, SERVICE_FAILED, NO_ANSWER, CONNECTION_FAILED, SHOULD_CLOSE, REQUEST_END };

/* Applies a closure to the call and an object, whose handle is the closure's. */
static lean_object *run_about(void *ctx, unsigned index, kja_call_t call, lean_external_class *kind, kja_handle_t id) {
    lean_object *closure = lean_ctor_get(ctx, index);
    lean_inc(closure);
    return lean_apply_3(closure, lean_uint64_to_nat(call), kjasync_wrap(kind, id), lean_box(0));
}
static void run_about_request(void *ctx, unsigned index, kja_call_t call, kja_http_request_t request) {
    lean_dec(run_about(ctx, index, call, kjasync_http_request_class, request));
}
static void on_connection(void *ctx, kja_call_t call, kja_connection_t connection, kja_http_service_t *service) {
    lean_object *made = run_about(ctx, CONNECTION, call, kjasync_connection_class, connection);
    if (!lean_is_scalar(made)) {
        lean_object *run = lean_ctor_get(made, 0);
        lean_inc(run);
        service->run = kjasync_run;
        service->ctx = kjasync_give(run);
        service->destroy = kjasync_destroy;
    }
    lean_dec(made);
}
static void on_protocol_error(void *ctx, kja_call_t call, kja_http_request_t request) {
    run_about_request(ctx, PROTOCOL_ERROR, call, request);
}
static void on_service_failed(void *ctx, kja_call_t call, kja_http_request_t request) {
    run_about_request(ctx, SERVICE_FAILED, call, request);
}
static void on_no_answer(void *ctx, kja_call_t call, kja_http_request_t request) {
    run_about_request(ctx, NO_ANSWER, call, request);
}
static void on_connection_failed(void *ctx, kja_call_t call) {
    lean_object *closure = lean_ctor_get(ctx, CONNECTION_FAILED);
    lean_inc(closure);
    lean_dec(lean_apply_2(closure, lean_uint64_to_nat(call), lean_box(0)));
}
static void should_close(void *ctx, kja_call_t call, kja_http_request_t request) {
    run_about_request(ctx, SHOULD_CLOSE, call, request);
}
static void on_request_end(void *ctx, kja_call_t call, kja_http_request_t request) {
    run_about_request(ctx, REQUEST_END, call, request);
}

lean_obj_res kjasync_http_server_new(b_lean_obj_arg runtime, uint32_t flags, uint32_t wanted, b_lean_obj_arg limits,
                                     b_lean_obj_arg tls, lean_obj_arg callbacks, lean_obj_arg service) {
    kja_http_server_hooks_t hooks = {
        .size = sizeof hooks,
        .on_connection = wanted >> CONNECTION & 1 ? on_connection : NULL,
        .on_protocol_error = wanted >> PROTOCOL_ERROR & 1 ? on_protocol_error : NULL,
        .on_service_failed = wanted >> SERVICE_FAILED & 1 ? on_service_failed : NULL,
        .on_no_answer = wanted >> NO_ANSWER & 1 ? on_no_answer : NULL,
        .on_connection_failed = wanted >> CONNECTION_FAILED & 1 ? on_connection_failed : NULL,
        .should_close = wanted >> SHOULD_CLOSE & 1 ? should_close : NULL,
        .on_request_end = wanted >> REQUEST_END & 1 ? on_request_end : NULL,
        .ctx = kjasync_give(callbacks),
        .destroy = kjasync_destroy,
    };
    kja_http_server_options_t options;
    kja_http_server_t id = 0;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.flags = flags;
    options.max_head = (size_t)limit_at(limits, 0);
    options.max_headers = (size_t)limit_at(limits, 1);
    options.max_target = (size_t)limit_at(limits, 2);
    options.max_body = limit_at(limits, 3);
    options.head_nanos = limit_at(limits, 4);
    options.idle_nanos = limit_at(limits, 5);
    options.body_nanos = limit_at(limits, 6);
    options.request_nanos = limit_at(limits, 7);
    options.max_connections = (size_t)limit_at(limits, 8);
    options.max_requests = limit_at(limits, 9);
    options.unread_bytes = limit_at(limits, 10);
    options.unread_nanos = limit_at(limits, 11);
    options.tls = kjasync_optional_id(tls);
    options.hooks = &hooks;
    kja_status_t status = kja_http_server_new(kjasync_id(runtime), &options, kjasync_run, kjasync_give(service),
                                              kjasync_destroy, &id);
    return kjasync_handle_result(status, kjasync_http_server_class, &id);
}

lean_obj_res kjasync_http_server_listen_start(b_lean_obj_arg server, b_lean_obj_arg listener) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_http_server_listen_start(kjasync_id(server), kjasync_id(listener), &id), &id);
}

lean_obj_res kjasync_http_server_serve_start(b_lean_obj_arg server, b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_http_server_serve_start(kjasync_id(server), kjasync_id(connection), &id), &id);
}

lean_obj_res kjasync_http_server_serve_until_drained_start(b_lean_obj_arg server, b_lean_obj_arg connection) {
    kja_promise_t id = 0;
    kja_status_t status =
        kja_http_server_serve_until_drained_start(kjasync_id(server), kjasync_id(connection), &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_http_server_drain_start(b_lean_obj_arg server) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_http_server_drain_start(kjasync_id(server), &id), &id);
}

lean_obj_res kjasync_http_server_connections(b_lean_obj_arg server) {
    size_t count = 0;
    return kjasync_size_result(kja_http_server_connections(kjasync_id(server), &count), &count);
}

lean_obj_res kjasync_http_server_release(b_lean_obj_arg server) {
    return kjasync_unit_result(kja_http_server_release(kjasync_id(server)));
}

/* ---- clients ---- */

/* The options of a client, from numbers in the order of `Http.ClientOptions.numbers`. */
static kja_http_client_options_t client_options(b_lean_obj_arg limits, b_lean_obj_arg tls) {
    kja_http_client_options_t options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.max_head = (size_t)limit_at(limits, 0);
    options.max_headers = (size_t)limit_at(limits, 1);
    options.max_body = limit_at(limits, 2);
    options.connect_nanos = limit_at(limits, 3);
    options.head_nanos = limit_at(limits, 4);
    options.body_nanos = limit_at(limits, 5);
    options.idle_nanos = limit_at(limits, 6);
    options.max_idle_per_host = (size_t)limit_at(limits, 7);
    options.max_per_host = (size_t)limit_at(limits, 8);
    options.max_waiting_per_host = (size_t)limit_at(limits, 9);
    options.total_nanos = limit_at(limits, 10);
    options.max_redirects = (uint32_t)limit_at(limits, 11);
    options.flags = (uint32_t)limit_at(limits, 12);
    options.tls = kjasync_optional_id(tls);
    return options;
}

static lean_obj_res client_result(kja_status_t status, const kja_http_client_t *id) {
    return kjasync_handle_result(status, kjasync_http_client_class, id);
}

typedef kja_status_t client_new_fn(kja_handle_t place, const kja_http_client_options_t *options, kja_http_client_t *out);

static lean_obj_res client_of(client_new_fn *make, b_lean_obj_arg place, b_lean_obj_arg limits, b_lean_obj_arg tls) {
    kja_http_client_options_t options = client_options(limits, tls);
    kja_http_client_t id = 0;
    return client_result(make(kjasync_id(place), &options, &id), &id);
}

/* A text that may be left out. */
static const char *optional_text(b_lean_obj_arg text, size_t *size) {
    if (lean_is_scalar(text)) return NULL;
    *size = kjasync_text_size(lean_ctor_get(text, 0));
    return lean_string_cstr(lean_ctor_get(text, 0));
}

lean_obj_res kjasync_http_client_new(b_lean_obj_arg network, b_lean_obj_arg limits, b_lean_obj_arg tls,
                                     b_lean_obj_arg proxy, b_lean_obj_arg no_proxy) {
    kja_http_client_options_t options = client_options(limits, tls);
    kja_http_client_t id = 0;
    options.proxy = optional_text(proxy, &options.proxy_len);
    options.no_proxy = optional_text(no_proxy, &options.no_proxy_len);
    return client_result(kja_http_client_new(kjasync_id(network), &options, &id), &id);
}

lean_obj_res kjasync_http_client_new_address(b_lean_obj_arg address, b_lean_obj_arg limits, b_lean_obj_arg tls) {
    return client_of(kja_http_client_new_address, address, limits, tls);
}

lean_obj_res kjasync_http_client_new_connection(b_lean_obj_arg connection, b_lean_obj_arg limits, b_lean_obj_arg tls) {
    return client_of(kja_http_client_new_connection, connection, limits, tls);
}

lean_obj_res kjasync_http_client_new_service(b_lean_obj_arg server, b_lean_obj_arg limits, b_lean_obj_arg tls) {
    return client_of(kja_http_client_new_service, server, limits, tls);
}

lean_obj_res kjasync_http_client_new_limited(b_lean_obj_arg client, size_t running, size_t waiting, uint32_t flags,
                                             lean_obj_arg changed) {
    kja_http_limit_options_t options;
    kja_http_client_t id = 0;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.max_running = running;
    options.max_waiting = waiting;
    options.flags = flags;
    kja_status_t status = kja_http_client_new_limited(kjasync_id(client), &options, kjasync_run, kjasync_give(changed),
                                                      kjasync_destroy, &id);
    return client_result(status, &id);
}

/* How many requests run and how many wait. */
lean_obj_res kjasync_http_client_counts(b_lean_obj_arg client) {
    size_t running = 0, waiting = 0;
    kja_status_t status = kja_http_client_counts(kjasync_id(client), &running, &waiting);
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, lean_usize_to_nat(running));
    lean_ctor_set(pair, 1, lean_usize_to_nat(waiting));
    return lean_io_result_mk_ok(pair);
}

/* A promise and a connection that belongs to it. */
static lean_obj_res promise_and_connection(kja_status_t status, kja_promise_t promise, kja_connection_t connection) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    lean_ctor_set(pair, 0, kjasync_wrap(kjasync_promise_class, promise));
    lean_ctor_set(pair, 1, kjasync_wrap(kjasync_connection_class, connection));
    return lean_io_result_mk_ok(pair);
}

lean_obj_res kjasync_http_client_connect_start(b_lean_obj_arg client, b_lean_obj_arg host, b_lean_obj_arg headers,
                                               b_lean_obj_arg tls) {
    kja_http_connect_options_t options;
    kja_promise_t promise = 0;
    kja_connection_t tunnel = 0;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.tls = kjasync_optional_id(tls);
    kja_status_t status = kja_http_client_connect_start(kjasync_id(client), lean_string_cstr(host),
                                                        kjasync_text_size(host), kjasync_id(headers), &options,
                                                        &tunnel, &promise);
    return promise_and_connection(status, promise, tunnel);
}

lean_obj_res kjasync_http_client_request_start(b_lean_obj_arg client, b_lean_obj_arg method, b_lean_obj_arg url,
                                               b_lean_obj_arg headers, b_lean_obj_arg body) {
    const kjasync_bytes *bytes = kjasync_bytes_of(body);
    kja_promise_t id = 0;
    kja_status_t status = kja_http_client_request_start(
        kjasync_id(client), lean_string_cstr(method), kjasync_text_size(method), lean_string_cstr(url),
        kjasync_text_size(url), kjasync_id(headers), bytes->data, bytes->size, &id);
    return kjasync_promise_result(status, &id);
}

/* A promise and the connection to write the body to. */
lean_obj_res kjasync_http_client_request_stream_start(b_lean_obj_arg client, b_lean_obj_arg method, b_lean_obj_arg url,
                                                      b_lean_obj_arg headers, uint64_t length) {
    kja_promise_t promise = 0;
    kja_connection_t body = 0;
    kja_status_t status = kja_http_client_request_stream_start(
        kjasync_id(client), lean_string_cstr(method), kjasync_text_size(method), lean_string_cstr(url),
        kjasync_text_size(url), kjasync_id(headers), length, &body, &promise);
    return promise_and_connection(status, promise, body);
}

lean_obj_res kjasync_http_client_forward_start(b_lean_obj_arg client, b_lean_obj_arg request, b_lean_obj_arg url,
                                               b_lean_obj_arg headers) {
    kja_http_forward_options_t options;
    kja_promise_t id = 0;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.url = optional_text(url, &options.url_len);
    options.headers = kjasync_optional_id(headers);
    kja_status_t status = kja_http_client_forward_start(kjasync_id(client), kjasync_id(request), &options, &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_http_client_idle_connections(b_lean_obj_arg client) {
    size_t count = 0;
    return kjasync_size_result(kja_http_client_idle_connections(kjasync_id(client), &count), &count);
}

lean_obj_res kjasync_promise_http_response(b_lean_obj_arg promise) {
    kja_http_response_t id = 0;
    return kjasync_handle_result(kja_promise_handle(kjasync_id(promise), &id), kjasync_http_response_class, &id);
}

lean_obj_res kjasync_call_http_response(b_lean_obj_arg call) {
    kja_http_response_t id = 0;
    return kjasync_handle_result(kja_call_handle(lean_uint64_of_nat(call), &id), kjasync_http_response_class, &id);
}

/* ---- responses ---- */

lean_obj_res kjasync_http_response_status(b_lean_obj_arg response) {
    uint32_t status = 0;
    kja_status_t done = kja_http_response_status(kjasync_id(response), &status);
    uint64_t wide = status;
    return kjasync_u64_result(done, &wide);
}

static kja_status_t reason_text(kja_handle_t id, char *buffer, size_t capacity, size_t *length) {
    return kja_http_response_reason(id, buffer, capacity, length);
}

lean_obj_res kjasync_http_response_reason(b_lean_obj_arg response) {
    return kjasync_text_result(reason_text, kjasync_id(response));
}

lean_obj_res kjasync_http_response_fields(b_lean_obj_arg response) {
    return fields_result(kja_http_response_headers, response);
}

lean_obj_res kjasync_http_response_trailers(b_lean_obj_arg response) {
    return fields_result(kja_http_response_trailers, response);
}

lean_obj_res kjasync_http_response_body_length(b_lean_obj_arg response) {
    uint64_t length = 0;
    return kjasync_u64_result(kja_http_response_body_length(kjasync_id(response), &length), &length);
}

lean_obj_res kjasync_http_response_body(b_lean_obj_arg response) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_http_response_body(kjasync_id(response), &id), kjasync_connection_class, &id);
}
