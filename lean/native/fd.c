#define _POSIX_C_SOURCE 200809L
#include "object.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- descriptors that somebody owns ---- */

static lean_obj_res errno_result(void) {
    int code = errno;
    const char *text = strerror(code);
    return lean_io_result_mk_error(kjasync_io_error(KJA_ERR_FAILED, code, text, strlen(text)));
}

static lean_obj_res owned_result(int fd) {
    kjasync_initialize();
    int32_t number = fd;
    return fd < 0 ? errno_result() : kjasync_fd_result(KJA_OK, &number);
}

lean_obj_res kjasync_fd_dup(uint32_t fd) { return owned_result(fcntl((int)fd, F_DUPFD_CLOEXEC, 0)); }

/* The end to read from and the end to write to. */
lean_obj_res kjasync_fd_pipe(void) {
    int ends[2];
    kjasync_initialize();
    if (pipe(ends) != 0) return errno_result();
    lean_object *pair = lean_alloc_ctor(0, 2, 0);
    for (unsigned i = 0; i < 2; i++) {
        int32_t number = ends[i];
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        lean_object *owned = kjasync_fd_result(KJA_OK, &number);
        lean_ctor_set(pair, i, lean_io_result_take_value(owned));
    }
    return lean_io_result_mk_ok(pair);
}

/* The modes are those of `IO.FS.Mode`, in their order. */
lean_obj_res kjasync_fd_open(b_lean_obj_arg path, uint8_t mode) {
    static const int flags[] = { O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_EXCL, O_RDWR,
                                 O_WRONLY | O_CREAT };
    if (strlen(lean_string_cstr(path)) != kjasync_text_size(path) || mode >= sizeof flags / sizeof *flags) {
        errno = EINVAL;
        return errno_result();
    }
    return owned_result(open(lean_string_cstr(path), flags[mode] | O_CLOEXEC, 0666));
}

static lean_obj_res no_fd(void) {
    errno = EBADF;
    return errno_result();
}

lean_obj_res kjasync_fd_number(b_lean_obj_arg owner) {
    int fd = atomic_load(kjasync_fd_of(owner));
    return fd < 0 ? no_fd() : lean_io_result_mk_ok(lean_box_uint32((uint32_t)fd));
}

lean_obj_res kjasync_fd_take(b_lean_obj_arg owner) {
    int fd = atomic_exchange(kjasync_fd_of(owner), -1);
    return fd < 0 ? no_fd() : lean_io_result_mk_ok(lean_box_uint32((uint32_t)fd));
}

lean_obj_res kjasync_fd_close(b_lean_obj_arg owner) {
    int fd = atomic_exchange(kjasync_fd_of(owner), -1);
    if (fd >= 0) close(fd);
    return lean_io_result_mk_ok(lean_box(0));
}

/* ---- from and to the objects of the library ---- */

lean_obj_res kjasync_connection_from_fd(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags) {
    kja_connection_t id = 0;
    return kjasync_handle_result(kja_connection_from_fd(kjasync_id(runtime), (int32_t)fd, flags, &id),
                                 kjasync_connection_class, &id);
}

lean_obj_res kjasync_connection_from_connecting_fd_start(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags,
                                                         b_lean_obj_arg to) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_connection_from_connecting_fd_start(kjasync_id(runtime), (int32_t)fd, flags,
                                                                          kjasync_id(to), &id), &id);
}

lean_obj_res kjasync_listener_from_fd(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags) {
    kja_listener_t id = 0;
    return kjasync_handle_result(kja_listener_from_fd(kjasync_id(runtime), (int32_t)fd, flags, &id),
                                 kjasync_listener_class, &id);
}

lean_obj_res kjasync_network_listener_from_fd(b_lean_obj_arg network, uint32_t fd, uint32_t flags) {
    kja_listener_t id = 0;
    return kjasync_handle_result(kja_network_listener_from_fd(kjasync_id(network), (int32_t)fd, flags, &id),
                                 kjasync_listener_class, &id);
}

lean_obj_res kjasync_network_datagram_from_fd(b_lean_obj_arg network, uint32_t fd, uint32_t flags) {
    kja_datagram_t id = 0;
    return kjasync_handle_result(kja_network_datagram_from_fd(kjasync_id(network), (int32_t)fd, flags, &id),
                                 kjasync_datagram_class, &id);
}

lean_obj_res kjasync_connection_fd(b_lean_obj_arg connection) {
    int32_t fd = -1;
    kja_status_t status = kja_connection_fd(kjasync_id(connection), &fd);
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_box_uint32((uint32_t)fd));
}

lean_obj_res kjasync_connection_dup_fd(b_lean_obj_arg connection) {
    int32_t fd = -1;
    return kjasync_fd_result(kja_connection_dup_fd(kjasync_id(connection), &fd), &fd);
}
