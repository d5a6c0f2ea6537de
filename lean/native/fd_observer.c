#include "object.h"

lean_obj_res kjasync_fd_observer_new(b_lean_obj_arg runtime, uint32_t fd, uint32_t flags) {
    kja_fd_observer_t id = 0;
    return kjasync_handle_result(kja_fd_observer_new(kjasync_id(runtime), (int32_t)fd, flags, &id),
                                 kjasync_fd_observer_class, &id);
}

lean_obj_res kjasync_fd_observer_when_start(b_lean_obj_arg observer, uint32_t what) {
    kja_promise_t id = 0;
    return kjasync_promise_result(kja_fd_observer_when_start(kjasync_id(observer), what, &id), &id);
}

lean_obj_res kjasync_fd_observer_at_end(b_lean_obj_arg observer) {
    uint32_t at_end = 0;
    kja_status_t status = kja_fd_observer_at_end(kjasync_id(observer), &at_end);
    if (status != KJA_OK) return kjasync_unit_result(status);
    return lean_io_result_mk_ok(lean_box_uint32(at_end));
}
