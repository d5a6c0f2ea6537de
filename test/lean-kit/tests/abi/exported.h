/* Functions that the shared library exports and lean.h does not declare, as far as the tests call them. */
#ifndef LEAN_KIT_EXPORTED_H
#define LEAN_KIT_EXPORTED_H
#include <lean/lean.h>

double lean_float_of_nat(b_lean_obj_arg a);
lean_obj_res lean_byte_array_copy_slice(b_lean_obj_arg src, lean_obj_arg src_off, lean_obj_arg dest, lean_obj_arg dest_off, lean_obj_arg len, uint8_t exact);
lean_obj_res lean_string_utf8_get_opt(b_lean_obj_arg s, b_lean_obj_arg i);
uint32_t lean_string_utf8_get_bang(b_lean_obj_arg s, b_lean_obj_arg i);
uint8_t lean_string_is_valid_pos(b_lean_obj_arg s, b_lean_obj_arg i);
uint8_t lean_string_validate_utf8(b_lean_obj_arg bytes);
lean_obj_res lean_string_from_utf8_unchecked(lean_obj_arg bytes);
lean_obj_res lean_string_to_utf8(b_lean_obj_arg s);
lean_obj_res lean_io_error_to_string(lean_obj_arg err);
uint8_t lean_st_ref_ptr_eq(b_lean_obj_arg a, b_lean_obj_arg b);
lean_obj_res lean_closure_max_args(lean_obj_arg unit);
lean_obj_res lean_max_small_nat(lean_obj_arg unit);
lean_obj_res lean_system_platform_nbits(lean_obj_arg unit);
void lean_initialize_runtime_module(void);
void lean_initialize_thread(void);
void lean_finalize_thread(void);

/* What `BaseIO.asTask` and its relatives call. The closures take the argument
   of an IO action (a boxed zero) last. */
lean_obj_res lean_io_as_task(lean_obj_arg act, lean_obj_arg prio);
lean_obj_res lean_io_map_task(lean_obj_arg f, lean_obj_arg t, lean_obj_arg prio, uint8_t sync);
lean_obj_res lean_io_bind_task(lean_obj_arg t, lean_obj_arg f, lean_obj_arg prio, uint8_t sync);
lean_obj_res lean_io_cancel(b_lean_obj_arg t);
uint8_t lean_io_check_canceled(void);
uint8_t lean_io_get_task_state(b_lean_obj_arg t);
lean_obj_res lean_io_wait(lean_obj_arg t);
lean_obj_res lean_io_wait_any(b_lean_obj_arg tasks);

/* `lean_io_promise_result_opt` yields the task that holds `some v` once the
   promise is resolved with `v`, or `none` once it was dropped unresolved. */
lean_obj_res lean_io_promise_new(void);
lean_obj_res lean_io_promise_resolve(lean_obj_arg value, b_lean_obj_arg promise);
lean_obj_res lean_io_promise_result_opt(b_lean_obj_arg promise);

#endif
