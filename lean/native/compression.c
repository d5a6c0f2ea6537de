#include "object.h"
#include <stdlib.h>
#include <string.h>

/* A coding as Lean passes it: what is no coding has format 0. */
static kja_coding_t coding_of(uint32_t format, uint32_t flags, uint32_t level, uint32_t window_bits,
                              uint64_t max_output, uint32_t max_ratio) {
    return (kja_coding_t){.size = sizeof(kja_coding_t),
                          .format = format,
                          .flags = flags,
                          .level = (int32_t)level,
                          .window_bits = window_bits,
                          .max_output = max_output,
                          .max_ratio = max_ratio};
}

lean_obj_res kjasync_coding_run(uint32_t format, uint32_t flags, uint32_t level, uint32_t window_bits,
                                uint64_t max_output, uint32_t max_ratio, b_lean_obj_arg data, size_t limit) {
    kjasync_initialize();
    kja_coding_t coding = coding_of(format, flags, level, window_bits, max_output, max_ratio);
    const kjasync_bytes *from = kjasync_bytes_of(data);
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_coding_run(&coding, from->data, from->size, limit, &id), &id);
}

lean_obj_res kjasync_coding_layer(b_lean_obj_arg connection, uint32_t format, uint32_t flags, uint32_t level,
                                  uint32_t window_bits, uint64_t max_output, uint32_t max_ratio, uint32_t write_format,
                                  uint32_t write_flags, uint32_t write_level, uint32_t write_window_bits,
                                  uint64_t write_max_output, uint32_t write_max_ratio, uint32_t layer_flags) {
    kja_coding_t read = coding_of(format, flags, level, window_bits, max_output, max_ratio);
    kja_coding_t write = coding_of(write_format, write_flags, write_level, write_window_bits, write_max_output,
                                   write_max_ratio);
    kja_connection_t id = 0;
    kja_status_t status = kja_coding_layer(kjasync_id(connection), format ? &read : NULL, write_format ? &write : NULL,
                                           layer_flags, &id);
    return kjasync_handle_result(status, kjasync_connection_class, &id);
}

lean_obj_res kjasync_coder_new(uint32_t format, uint32_t flags, uint32_t level, uint32_t window_bits,
                               uint64_t max_output, uint32_t max_ratio) {
    kjasync_initialize();
    kja_coding_t coding = coding_of(format, flags, level, window_bits, max_output, max_ratio);
    kja_coder_t id = 0;
    return kjasync_handle_result(kja_coder_new(&coding, &id), kjasync_coder_class, &id);
}

/* Goes on until that is done, in a buffer that grows. */
lean_obj_res kjasync_coder_run(b_lean_obj_arg coder, b_lean_obj_arg data, uint32_t until, size_t limit) {
    static const char TOO_LONG[] = "the result is longer than the limit";
    const kjasync_bytes *from = kjasync_bytes_of(data);
    size_t capacity = from->size / 2 + 256, at = 0, size = 0;
    uint8_t *out = NULL;
    bool done = false;
    kja_status_t status = KJA_OK;
    while (status == KJA_OK && !done && size <= limit) {
        uint8_t *grown = out == NULL || size == capacity ? realloc(out, out == NULL ? capacity : 2 * capacity) : out;
        if (grown == NULL) lean_internal_panic_out_of_memory();
        if (out != NULL && size == capacity) capacity *= 2;
        out = grown;
        size_t used = 0, written = 0;
        status = kja_coder_run(kjasync_id(coder), from->data + at, from->size - at, until, out + size, capacity - size,
                               &used, &written, &done);
        at += used;
        size += written;
    }
    lean_obj_res result;
    if (status != KJA_OK) result = kjasync_unit_result(status);
    else if (size > limit) result = lean_io_result_mk_error(kjasync_io_error(KJA_ERR_OVERLOADED, 0, TOO_LONG, sizeof TOO_LONG - 1));
    else result = lean_io_result_mk_ok(kjasync_byte_array(out, size));
    free(out);
    return result;
}
