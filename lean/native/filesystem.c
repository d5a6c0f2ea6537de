#include "object.h"
#include <stdlib.h>
#include <string.h>

#define TEXT(text) lean_string_cstr(text), kjasync_text_size(text)

static lean_obj_res file_result(kja_status_t status, const kja_file_t *id) {
    return kjasync_handle_result(status, kjasync_file_class, id);
}

static lean_obj_res directory_result(kja_status_t status, const kja_directory_t *id) {
    return kjasync_handle_result(status, kjasync_directory_class, id);
}

static lean_obj_res replacer_result(kja_status_t status, const kja_replacer_t *id) {
    return kjasync_handle_result(status, kjasync_replacer_class, id);
}

static lean_obj_res bool_result(kja_status_t status, const bool *value) {
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box(*value)) : kjasync_unit_result(status);
}

static lean_obj_res number_result(kja_status_t status, const int32_t *fd) {
    return status == KJA_OK ? lean_io_result_mk_ok(lean_box_uint32((uint32_t)*fd)) : kjasync_unit_result(status);
}

/* `none` for no handle. */
static lean_obj_res optional_result(kja_status_t status, lean_external_class *kind, const kja_handle_t *id) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    if (*id == 0) return lean_io_result_mk_ok(lean_box(0));
    lean_object *some = lean_alloc_ctor(1, 1, 0);
    lean_ctor_set(some, 0, kjasync_wrap(kind, *id));
    return lean_io_result_mk_ok(some);
}

static kja_file_stat_t stat_new(void) { return (kja_file_stat_t){.size = sizeof(kja_file_stat_t)}; }

/* The numbers in their order; none if there is nothing. */
static lean_obj_res stat_result(kja_status_t status, const kja_file_stat_t *stat, const bool *found) {
    if (status != KJA_OK) return kjasync_unit_result(status);
    const uint64_t numbers[] = {stat->kind, stat->flags, stat->length, stat->space_used, stat->modified_nanos,
                                stat->link_count, stat->identity};
    size_t count = *found ? sizeof numbers / sizeof *numbers : 0;
    lean_object *array = lean_mk_empty_array_with_capacity(lean_box(count));
    for (size_t i = 0; i < count; i++) array = lean_array_push(array, lean_box_uint64(numbers[i]));
    return lean_io_result_mk_ok(array);
}

/* ---- clocks ---- */

/* A time that is set by hand. The object is one holder, each file system that goes by it another. */
struct kjasync_file_clock {
    atomic_int holders;
    _Atomic uint64_t nanos;
};

void kjasync_file_clock_release(void *data) {
    struct kjasync_file_clock *clock = data;
    if (atomic_fetch_sub(&clock->holders, 1) == 1) free(clock);
}

static uint64_t clock_now(void *data) { return atomic_load(&((struct kjasync_file_clock *)data)->nanos); }

lean_obj_res kjasync_file_clock_new(uint64_t nanos) {
    kjasync_initialize();
    struct kjasync_file_clock *clock = malloc(sizeof *clock);
    if (clock == NULL) lean_internal_panic_out_of_memory();
    atomic_init(&clock->holders, 1);
    atomic_init(&clock->nanos, nanos);
    return lean_io_result_mk_ok(lean_alloc_external(kjasync_file_clock_class, clock));
}

static struct kjasync_file_clock *clock_of(b_lean_obj_arg clock) { return lean_get_external_data(clock); }

lean_obj_res kjasync_file_clock_set(b_lean_obj_arg clock, uint64_t nanos) {
    atomic_store(&clock_of(clock)->nanos, nanos);
    return lean_io_result_mk_ok(lean_box(0));
}

/* One more holder of an optional clock, if there is one. */
static struct kjasync_file_clock *clock_held(b_lean_obj_arg clock) {
    kjasync_initialize();
    if (lean_is_scalar(clock)) return NULL;
    struct kjasync_file_clock *held = clock_of(lean_ctor_get(clock, 0));
    atomic_fetch_add(&held->holders, 1);
    return held;
}

/* ---- directories ---- */

lean_obj_res kjasync_filesystem_root(void) {
    kjasync_initialize();
    kja_directory_t id = 0;
    return directory_result(kja_filesystem_root(&id), &id);
}

lean_obj_res kjasync_filesystem_current(void) {
    kjasync_initialize();
    kja_directory_t id = 0;
    return directory_result(kja_filesystem_current(&id), &id);
}

static kja_status_t copy_current_path(kja_handle_t none, char *buffer, size_t capacity, size_t *length) {
    (void)none;
    return kja_filesystem_current_path(buffer, capacity, length);
}

lean_obj_res kjasync_filesystem_current_path(void) { return kjasync_text_result(copy_current_path, 0); }

lean_obj_res kjasync_directory_from_fd(uint32_t fd, uint32_t flags) {
    kjasync_initialize();
    kja_directory_t id = 0;
    return directory_result(kja_directory_from_fd((int32_t)fd, flags, &id), &id);
}

lean_obj_res kjasync_directory_new_in_memory(b_lean_obj_arg clock) {
    struct kjasync_file_clock *held = clock_held(clock);
    kja_directory_t id = 0;
    return directory_result(kja_directory_new_in_memory(held ? clock_now : NULL, held,
                                                        held ? kjasync_file_clock_release : NULL, &id), &id);
}

lean_obj_res kjasync_directory_fd(b_lean_obj_arg directory) {
    int32_t fd = -1;
    return number_result(kja_directory_fd(kjasync_id(directory), &fd), &fd);
}

lean_obj_res kjasync_directory_stat(b_lean_obj_arg directory) {
    kja_file_stat_t stat = stat_new();
    bool found = true;
    return stat_result(kja_directory_stat(kjasync_id(directory), &stat), &stat, &found);
}

lean_obj_res kjasync_directory_sync(b_lean_obj_arg directory) {
    return kjasync_unit_result(kja_directory_sync(kjasync_id(directory)));
}

lean_obj_res kjasync_directory_sync_start(b_lean_obj_arg directory, b_lean_obj_arg runtime) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_directory_sync_start(kjasync_id(directory), kjasync_id(runtime), &id), &id);
}

lean_obj_res kjasync_directory_list(b_lean_obj_arg directory) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_directory_list(kjasync_id(directory), &id), &id);
}

lean_obj_res kjasync_directory_list_start(b_lean_obj_arg directory, b_lean_obj_arg runtime) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_directory_list_start(kjasync_id(directory), kjasync_id(runtime), &id), &id);
}

lean_obj_res kjasync_directory_lstat(b_lean_obj_arg directory, b_lean_obj_arg path) {
    kja_file_stat_t stat = stat_new();
    bool found = false;
    return stat_result(kja_directory_lstat(kjasync_id(directory), TEXT(path), &stat, &found), &stat, &found);
}

lean_obj_res kjasync_directory_readlink(b_lean_obj_arg directory, b_lean_obj_arg path) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_directory_readlink(kjasync_id(directory), TEXT(path), &id), &id);
}

lean_obj_res kjasync_directory_open_file(b_lean_obj_arg directory, b_lean_obj_arg path, uint32_t mode) {
    kja_file_t id = 0;
    return optional_result(kja_directory_open_file(kjasync_id(directory), TEXT(path), mode, &id), kjasync_file_class, &id);
}

lean_obj_res kjasync_directory_open_file_start(b_lean_obj_arg directory, b_lean_obj_arg runtime, b_lean_obj_arg path,
                                               uint32_t mode) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_directory_open_file_start(kjasync_id(directory), kjasync_id(runtime), TEXT(path),
                                                                mode, &id), &id);
}

lean_obj_res kjasync_directory_open_directory(b_lean_obj_arg directory, b_lean_obj_arg path, uint32_t mode) {
    kja_directory_t id = 0;
    return optional_result(kja_directory_open_directory(kjasync_id(directory), TEXT(path), mode, &id),
                           kjasync_directory_class, &id);
}

lean_obj_res kjasync_directory_open_directory_start(b_lean_obj_arg directory, b_lean_obj_arg runtime,
                                                    b_lean_obj_arg path, uint32_t mode) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_directory_open_directory_start(kjasync_id(directory), kjasync_id(runtime),
                                                                     TEXT(path), mode, &id), &id);
}

lean_obj_res kjasync_directory_create_temporary(b_lean_obj_arg directory) {
    kja_file_t id = 0;
    return file_result(kja_directory_create_temporary(kjasync_id(directory), &id), &id);
}

lean_obj_res kjasync_directory_symlink(b_lean_obj_arg directory, b_lean_obj_arg path, b_lean_obj_arg target,
                                       uint32_t mode) {
    bool done = false;
    return bool_result(kja_directory_symlink(kjasync_id(directory), TEXT(path), TEXT(target), mode, &done), &done);
}

lean_obj_res kjasync_directory_transfer(b_lean_obj_arg directory, b_lean_obj_arg path, uint32_t mode,
                                        b_lean_obj_arg from, b_lean_obj_arg from_path, uint32_t how) {
    bool done = false;
    return bool_result(kja_directory_transfer(kjasync_id(directory), TEXT(path), mode, kjasync_id(from), TEXT(from_path),
                                              how, &done), &done);
}

lean_obj_res kjasync_directory_transfer_start(b_lean_obj_arg directory, b_lean_obj_arg runtime, b_lean_obj_arg path,
                                              uint32_t mode, b_lean_obj_arg from, b_lean_obj_arg from_path,
                                              uint32_t how) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_directory_transfer_start(kjasync_id(directory), kjasync_id(runtime), TEXT(path),
                                                               mode, kjasync_id(from), TEXT(from_path), how, &id), &id);
}

lean_obj_res kjasync_directory_remove(b_lean_obj_arg directory, b_lean_obj_arg path) {
    bool done = false;
    return bool_result(kja_directory_remove(kjasync_id(directory), TEXT(path), &done), &done);
}

lean_obj_res kjasync_directory_remove_start(b_lean_obj_arg directory, b_lean_obj_arg runtime, b_lean_obj_arg path) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_directory_remove_start(kjasync_id(directory), kjasync_id(runtime), TEXT(path), &id),
                                  &id);
}

lean_obj_res kjasync_directory_replace_file(b_lean_obj_arg directory, b_lean_obj_arg path, uint32_t mode) {
    kja_replacer_t id = 0;
    return replacer_result(kja_directory_replace_file(kjasync_id(directory), TEXT(path), mode, &id), &id);
}

lean_obj_res kjasync_directory_replace_directory(b_lean_obj_arg directory, b_lean_obj_arg path, uint32_t mode) {
    kja_replacer_t id = 0;
    return replacer_result(kja_directory_replace_directory(kjasync_id(directory), TEXT(path), mode, &id), &id);
}

/* ---- replacers ---- */

lean_obj_res kjasync_replacer_file(b_lean_obj_arg replacer) {
    kja_file_t id = 0;
    return file_result(kja_replacer_file(kjasync_id(replacer), &id), &id);
}

lean_obj_res kjasync_replacer_directory(b_lean_obj_arg replacer) {
    kja_directory_t id = 0;
    return directory_result(kja_replacer_directory(kjasync_id(replacer), &id), &id);
}

lean_obj_res kjasync_replacer_commit(b_lean_obj_arg replacer) {
    bool done = false;
    return bool_result(kja_replacer_commit(kjasync_id(replacer), &done), &done);
}

lean_obj_res kjasync_replacer_commit_start(b_lean_obj_arg replacer, b_lean_obj_arg runtime) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_replacer_commit_start(kjasync_id(replacer), kjasync_id(runtime), &id), &id);
}

lean_obj_res kjasync_replacer_release(b_lean_obj_arg replacer) {
    return kjasync_unit_result(kja_replacer_release(kjasync_id(replacer)));
}

/* ---- files and directories that promises bring ---- */

lean_obj_res kjasync_promise_file(b_lean_obj_arg promise) {
    kja_handle_t id = 0;
    return file_result(kja_promise_handle(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_call_file(b_lean_obj_arg call) {
    kja_handle_t id = 0;
    return file_result(kja_call_handle(lean_uint64_of_nat(call), &id), &id);
}

lean_obj_res kjasync_promise_directory(b_lean_obj_arg promise) {
    kja_handle_t id = 0;
    return directory_result(kja_promise_handle(kjasync_id(promise), &id), &id);
}

lean_obj_res kjasync_call_directory(b_lean_obj_arg call) {
    kja_handle_t id = 0;
    return directory_result(kja_call_handle(lean_uint64_of_nat(call), &id), &id);
}

/* ---- files ---- */

lean_obj_res kjasync_file_from_fd(uint32_t fd, uint32_t flags) {
    kjasync_initialize();
    kja_file_t id = 0;
    return file_result(kja_file_from_fd((int32_t)fd, flags, &id), &id);
}

lean_obj_res kjasync_file_new_in_memory(b_lean_obj_arg clock) {
    struct kjasync_file_clock *held = clock_held(clock);
    kja_file_t id = 0;
    return file_result(kja_file_new_in_memory(held ? clock_now : NULL, held, held ? kjasync_file_clock_release : NULL,
                                              &id), &id);
}

lean_obj_res kjasync_file_new_anonymous(void) {
    kjasync_initialize();
    kja_file_t id = 0;
    return file_result(kja_file_new_anonymous(&id), &id);
}

lean_obj_res kjasync_file_fd(b_lean_obj_arg file) {
    int32_t fd = -1;
    return number_result(kja_file_fd(kjasync_id(file), &fd), &fd);
}

lean_obj_res kjasync_file_stat(b_lean_obj_arg file) {
    kja_file_stat_t stat = stat_new();
    bool found = true;
    return stat_result(kja_file_stat(kjasync_id(file), &stat), &stat, &found);
}

lean_obj_res kjasync_file_sync(b_lean_obj_arg file, uint8_t data_only) {
    return kjasync_unit_result(kja_file_sync(kjasync_id(file), data_only != 0));
}

lean_obj_res kjasync_file_sync_start(b_lean_obj_arg file, b_lean_obj_arg runtime, uint8_t data_only) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_file_sync_start(kjasync_id(file), kjasync_id(runtime), data_only != 0, &id), &id);
}

/* Not much more room is made than the file has bytes; one that does not know its size may have some. */
lean_obj_res kjasync_file_read(b_lean_obj_arg file, uint64_t offset, size_t size) {
    kja_file_stat_t stat = stat_new();
    kja_status_t status = kja_file_stat(kjasync_id(file), &stat);
    if (status != KJA_OK) return kjasync_unit_result(status);
    uint64_t left = stat.length > offset ? stat.length - offset : 0;
    if (left < 65536) left = 65536;
    if (size > left) size = left;
    lean_object *array = lean_alloc_sarray(1, size, size);
    size_t length = 0;
    status = kja_file_read(kjasync_id(file), offset, lean_sarray_cptr(array), size, &length);
    if (status != KJA_OK) {
        lean_dec(array);
        return kjasync_unit_result(status);
    }
    lean_sarray_set_size(array, length);
    return lean_io_result_mk_ok(array);
}

lean_obj_res kjasync_file_read_start(b_lean_obj_arg file, b_lean_obj_arg runtime, uint64_t offset, size_t size) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_file_read_start(kjasync_id(file), kjasync_id(runtime), offset, size, &id), &id);
}

lean_obj_res kjasync_file_read_all(b_lean_obj_arg file, size_t limit) {
    kja_bytes_t id = 0;
    return kjasync_bytes_result(kja_file_read_all(kjasync_id(file), limit, &id), &id);
}

lean_obj_res kjasync_file_read_all_start(b_lean_obj_arg file, b_lean_obj_arg runtime, size_t limit) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_file_read_all_start(kjasync_id(file), kjasync_id(runtime), limit, &id), &id);
}

lean_obj_res kjasync_file_write(b_lean_obj_arg file, uint64_t offset, b_lean_obj_arg data) {
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    return kjasync_unit_result(kja_file_write(kjasync_id(file), offset, bytes->data, bytes->size));
}

lean_obj_res kjasync_file_write_start(b_lean_obj_arg file, b_lean_obj_arg runtime, uint64_t offset, b_lean_obj_arg data) {
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_file_write_start(kjasync_id(file), kjasync_id(runtime), offset, bytes->data,
                                                       bytes->size, &id), &id);
}

lean_obj_res kjasync_file_write_all(b_lean_obj_arg file, b_lean_obj_arg data) {
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    return kjasync_unit_result(kja_file_write_all(kjasync_id(file), bytes->data, bytes->size));
}

lean_obj_res kjasync_file_append(b_lean_obj_arg file, b_lean_obj_arg data) {
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    return kjasync_unit_result(kja_file_append(kjasync_id(file), bytes->data, bytes->size));
}

lean_obj_res kjasync_file_append_start(b_lean_obj_arg file, b_lean_obj_arg runtime, b_lean_obj_arg data) {
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_file_append_start(kjasync_id(file), kjasync_id(runtime), bytes->data, bytes->size,
                                                        &id), &id);
}

lean_obj_res kjasync_file_zero(b_lean_obj_arg file, uint64_t offset, uint64_t size) {
    return kjasync_unit_result(kja_file_zero(kjasync_id(file), offset, size));
}

lean_obj_res kjasync_file_truncate(b_lean_obj_arg file, uint64_t size) {
    return kjasync_unit_result(kja_file_truncate(kjasync_id(file), size));
}

lean_obj_res kjasync_file_copy(b_lean_obj_arg file, uint64_t offset, b_lean_obj_arg from, uint64_t from_offset,
                               uint64_t size) {
    uint64_t copied = 0;
    return kjasync_u64_result(kja_file_copy(kjasync_id(file), offset, kjasync_id(from), from_offset, size, &copied),
                              &copied);
}

lean_obj_res kjasync_file_copy_start(b_lean_obj_arg file, b_lean_obj_arg runtime, uint64_t offset, b_lean_obj_arg from,
                                     uint64_t from_offset, uint64_t size) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_file_copy_start(kjasync_id(file), kjasync_id(runtime), offset, kjasync_id(from),
                                                      from_offset, size, &id), &id);
}

lean_obj_res kjasync_file_connection(b_lean_obj_arg file, b_lean_obj_arg runtime, uint64_t offset) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_file_connection(kjasync_id(file), kjasync_id(runtime), offset, &id),
                                 kjasync_connection_class, &id);
}

/* ---- files as memory ---- */

lean_obj_res kjasync_file_map(b_lean_obj_arg file, uint32_t kind, uint64_t offset, size_t size) {
    kja_file_mapping_t id = 0;
    return kjasync_handle_result(kja_file_map(kjasync_id(file), kind, offset, size, &id), kjasync_file_mapping_class, &id);
}

lean_obj_res kjasync_file_mapping_size(b_lean_obj_arg mapping) {
    size_t size = 0;
    return kjasync_size_result(kja_file_mapping_data(kjasync_id(mapping), NULL, &size), &size);
}

lean_obj_res kjasync_file_mapping_read(b_lean_obj_arg mapping, size_t offset, size_t size) {
    void *data = NULL;
    size_t whole = 0;
    kja_status_t status = kja_file_mapping_data(kjasync_id(mapping), &data, &whole);
    if (status != KJA_OK) return kjasync_unit_result(status);
    if (offset > whole) offset = whole;
    if (size > whole - offset) size = whole - offset;
    return lean_io_result_mk_ok(kjasync_byte_array((const char *)data + offset, size));
}

lean_obj_res kjasync_file_mapping_write(b_lean_obj_arg mapping, size_t offset, b_lean_obj_arg data, uint8_t is_private) {
    static const char OUTSIDE[] = "what is written goes beyond the mapping";
    const kjasync_bytes *bytes = kjasync_bytes_of(data);
    void *memory = NULL;
    size_t whole = 0;
    kja_status_t status = kja_file_mapping_data(kjasync_id(mapping), &memory, &whole);
    if (status != KJA_OK) return kjasync_unit_result(status);
    if (offset > whole || bytes->size > whole - offset)
        return lean_io_result_mk_error(kjasync_io_error(KJA_ERR_INVALID_ARGUMENT, 0, OUTSIDE, sizeof OUTSIDE - 1));
    if (bytes->size > 0) memcpy((char *)memory + offset, bytes->data, bytes->size);
    if (is_private) return lean_io_result_mk_ok(lean_box(0));
    return kjasync_unit_result(kja_file_mapping_changed(kjasync_id(mapping), offset, bytes->size));
}

lean_obj_res kjasync_file_mapping_sync(b_lean_obj_arg mapping, size_t offset, size_t size) {
    return kjasync_unit_result(kja_file_mapping_sync(kjasync_id(mapping), offset, size));
}
