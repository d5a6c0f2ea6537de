#include "object.h"
#include <stdlib.h>

/* ---- what to start ---- */

/* The texts of an array, and a null; to be freed. */
static const char **texts_of(b_lean_obj_arg texts) {
    size_t count = lean_array_size(texts);
    const char **pointers = malloc((count + 1) * sizeof *pointers);
    if (pointers == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < count; i++) pointers[i] = lean_string_cstr(lean_array_get_core(texts, i));
    pointers[count] = NULL;
    return pointers;
}

static uint32_t number_of(b_lean_obj_arg numbers, size_t index) {
    return lean_unbox_uint32(lean_array_get_core(numbers, index));
}

enum { OWN_ENVIRONMENT = 31, BEFORE_FDS = 7 };

/* Options that borrow from these objects; the three arrays in them are to be freed by `free_options`. */
static kja_process_options_t options_of(b_lean_obj_arg program, b_lean_obj_arg arguments, b_lean_obj_arg environment,
                                        b_lean_obj_arg folder, b_lean_obj_arg numbers) {
    uint32_t flags = number_of(numbers, 0);
    size_t fds = (lean_array_size(numbers) - BEFORE_FDS) / 2;
    kja_process_fd_t *further = malloc((fds + 1) * sizeof *further);
    if (further == NULL) lean_internal_panic_out_of_memory();
    for (size_t i = 0; i < fds; i++)
        further[i] = (kja_process_fd_t){ (int32_t)number_of(numbers, BEFORE_FDS + 2 * i),
                                         (int32_t)number_of(numbers, BEFORE_FDS + 2 * i + 1) };
    kja_process_options_t options = {
        .size = sizeof options,
        .program = lean_string_cstr(program),
        .arguments = texts_of(arguments),
        .environment = flags >> OWN_ENVIRONMENT ? texts_of(environment) : NULL,
        .folder = kjasync_text_size(folder) > 0 ? lean_string_cstr(folder) : NULL,
        .flags = flags & ~(1u << OWN_ENVIRONMENT),
        .fds = further,
        .fd_count = fds,
    };
    for (size_t i = 0; i < 3; i++) {
        options.stdio[i] = number_of(numbers, 1 + i);
        options.stdio_fds[i] = (int32_t)number_of(numbers, 4 + i);
    }
    return options;
}

static void free_options(const kja_process_options_t *options) {
    free((void *)options->arguments);
    free((void *)options->environment);
    free((void *)options->fds);
}

lean_obj_res kjasync_process_spawn(b_lean_obj_arg runtime, b_lean_obj_arg program, b_lean_obj_arg arguments,
                                   b_lean_obj_arg environment, b_lean_obj_arg folder, b_lean_obj_arg numbers) {
    kja_process_options_t options = options_of(program, arguments, environment, folder, numbers);
    kja_process_t id = 0;
    kja_status_t status = kja_process_spawn(kjasync_id(runtime), &options, &id);
    free_options(&options);
    return kjasync_handle_result(status, kjasync_process_class, &id);
}

lean_obj_res kjasync_process_run_start(b_lean_obj_arg runtime, b_lean_obj_arg program, b_lean_obj_arg arguments,
                                       b_lean_obj_arg environment, b_lean_obj_arg folder, b_lean_obj_arg numbers,
                                       b_lean_obj_arg input, size_t limit) {
    kja_process_options_t options = options_of(program, arguments, environment, folder, numbers);
    const kjasync_bytes *from = kjasync_bytes_of(input);
    kja_promise_t id = 0;
    kja_status_t status = kja_process_run_start(kjasync_id(runtime), &options, from->data, from->size, limit, &id);
    free_options(&options);
    return kjasync_promise_result(status, &id);
}

/* ---- processes ---- */

lean_obj_res kjasync_process_watch(b_lean_obj_arg runtime, uint32_t pid) {
    kja_process_t id = 0;
    return kjasync_handle_result(kja_process_watch(kjasync_id(runtime), (int32_t)pid, &id), kjasync_process_class, &id);
}

static lean_obj_res number_result(kja_status_t status, const int32_t *number) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_box_uint32((uint32_t)*number));
}

lean_obj_res kjasync_process_pid(b_lean_obj_arg process) {
    int32_t pid = 0;
    return number_result(kja_process_pid(kjasync_id(process), &pid), &pid);
}

lean_obj_res kjasync_process_stream(b_lean_obj_arg process, uint32_t number) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_process_stream(kjasync_id(process), number, &id), kjasync_connection_class, &id);
}

lean_obj_res kjasync_process_wait_start(b_lean_obj_arg process) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_process_wait_start(kjasync_id(process), &id), &id);
}

lean_obj_res kjasync_process_kill(b_lean_obj_arg process, uint32_t signal) {
    return kjasync_unit_result(kja_process_kill(kjasync_id(process), (int32_t)signal));
}

lean_obj_res kjasync_process_kill_group(b_lean_obj_arg process, uint32_t signal) {
    return kjasync_unit_result(kja_process_kill_group(kjasync_id(process), (int32_t)signal));
}

lean_obj_res kjasync_process_stop_start(b_lean_obj_arg process, uint64_t grace_nanos) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_process_stop_start(kjasync_id(process), grace_nanos, &id), &id);
}

lean_obj_res kjasync_process_release(b_lean_obj_arg process) {
    return kjasync_unit_result(kja_process_release(kjasync_id(process)));
}

/* ---- what a program has said ---- */

static lean_obj_res output_result(kja_status_t status, const kja_process_output_t *id) {
    return kjasync_handle_result(status, kjasync_process_output_class, id);
}

lean_obj_res kjasync_promise_process_output(b_lean_obj_arg promise) {
    kja_process_output_t id = 0;
    return output_result(kja_promise_handle(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_call_process_output(b_lean_obj_arg call) {
    kja_process_output_t id = 0;
    return output_result(kja_call_handle(lean_uint64_of_nat(call), &id), &id);
}

lean_obj_res kjasync_process_output_status(b_lean_obj_arg output) {
    int32_t status = 0;
    return number_result(kja_process_output_status(kjasync_id(output), &status), &status);
}

lean_obj_res kjasync_process_output_stdout(b_lean_obj_arg output) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_process_output_stdout(kjasync_id(output), &id), &id);
}

lean_obj_res kjasync_process_output_stderr(b_lean_obj_arg output) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_process_output_stderr(kjasync_id(output), &id), &id);
}
