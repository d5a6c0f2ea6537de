#include "object.h"
#include <string.h>

/* `limits` are numbers in the order of `Http.HeadLimits.numbers`. */
lean_obj_res kjasync_http_input_new(b_lean_obj_arg connection, b_lean_obj_arg limits) {
    kja_http_head_options_t options;
    kja_http_input_t id = 0;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.max_head = (size_t)lean_uint64_of_nat(lean_array_get_core(limits, 0));
    options.max_headers = (size_t)lean_uint64_of_nat(lean_array_get_core(limits, 1));
    options.max_target = (size_t)lean_uint64_of_nat(lean_array_get_core(limits, 2));
    return kjasync_handle_result(kja_http_input_new(kjasync_id(connection), &options, &id), kjasync_http_input_class, &id);
}

lean_obj_res kjasync_http_input_read_start(b_lean_obj_arg input, uint32_t kind, b_lean_obj_arg method) {
    kja_promise_t id = 0;
    kja_status_t status = kja_http_input_read_start(kjasync_id(input), kind, lean_string_cstr(method),
                                                    kjasync_text_size(method), &id);
    return kjasync_promise_result(status, &id);
}

lean_obj_res kjasync_http_input_when_next_start(b_lean_obj_arg input) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_http_input_when_next_start(kjasync_id(input), &id), &id);
}

lean_obj_res kjasync_promise_http_message(b_lean_obj_arg promise) {
    kja_http_message_t id = 0;
    return kjasync_handle_result(kja_promise_handle(kjasync_id(promise), &id), kjasync_http_message_class, &id);
}

lean_obj_res kjasync_call_http_message(b_lean_obj_arg call) {
    kja_http_message_t id = 0;
    return kjasync_handle_result(kja_call_handle(lean_uint64_of_nat(call), &id), kjasync_http_message_class, &id);
}

lean_obj_res kjasync_http_message_head(b_lean_obj_arg message) {
    kja_http_head_t id = 0;
    return kjasync_handle_result(kja_http_message_head(kjasync_id(message), &id), kjasync_http_head_class, &id);
}

lean_obj_res kjasync_http_message_body(b_lean_obj_arg message) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_http_message_body(kjasync_id(message), &id), kjasync_connection_class, &id);
}

lean_obj_res kjasync_http_message_body_length(b_lean_obj_arg message) {
    uint64_t length = 0;
    return kjasync_u64_result(kja_http_message_body_length(kjasync_id(message), &length), &length);
}

lean_obj_res kjasync_http_message_trailers(b_lean_obj_arg message) {
    kja_http_headers_t id = 0;
    return kjasync_handle_result(kja_http_message_trailers(kjasync_id(message), &id), kjasync_http_headers_class, &id);
}
