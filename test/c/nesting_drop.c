/* What holds something that holds the next of its kind, very many times: all of it goes, once, and takes little stack. */
#include "small_stack.h"
#include "stream.h"

enum { DEEP = 100000 };

/* What a pointer with a destructor stands for here: a handle, which goes with it. */
typedef struct link_t {
  kja_handle_t held;
  kja_status_t (*release)(kja_handle_t held);
} link_t;

static count_t links_made, links_gone;
/* A shutdown takes handles away itself, some of them before the destructor that releases them runs. */
static bool shutting_down;
/* Does not happen. */
static kja_event_t never;

static void link_destroy(void *ctx) {
  link_t *link = (link_t *)ctx;
  if (link->held) {
    kja_status_t status = link->release(link->held);
    CHECK(status == KJA_OK || (shutting_down && status == KJA_ERR_BAD_HANDLE));
  }
  free(link);
  count_add(&links_gone, 1);
}

/* A handle, and how it is released. */
typedef struct top_t {
  kja_handle_t handle;
  kja_status_t (*release)(kja_handle_t handle);
} top_t;

/* Something new that holds this link. */
typedef top_t (*holder_fn)(kja_runtime_t runtime, link_t *link);


static kja_promise_t pending_of(kja_runtime_t runtime) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_timer_sleep_start(runtime, 3600 * SECOND, &promise));
  return promise;
}

static top_t settled_value(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_promise_release};
  CHECK_OK(kja_promise_new_opaque(runtime, link, link_destroy, &top.handle));
  return top;
}
static top_t fulfilled_value(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_promise_release};
  kja_fulfiller_t fulfiller = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &top.handle));
  CHECK_OK(kja_fulfiller_opaque(fulfiller, link, link_destroy));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  return top;
}
static top_t attachment(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_promise_release};
  kja_promise_t pending = pending_of(runtime);
  CHECK_OK(kja_promise_attach(pending, link, link_destroy, &top.handle));
  CHECK_OK(kja_promise_release(pending));
  return top;
}
static top_t context_of_then(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_promise_release};
  kja_promise_t pending = pending_of(runtime);
  CHECK_OK(kja_promise_then(pending, do_nothing, link, link_destroy, &top.handle));
  CHECK_OK(kja_promise_release(pending));
  return top;
}
static top_t context_of_event_wait(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_promise_release};
  kja_promise_t waiting = 0;
  (void)runtime;
  CHECK_OK(kja_event_wait_start(never, &waiting));
  CHECK_OK(kja_promise_then(waiting, do_nothing, link, link_destroy, &top.handle));
  CHECK_OK(kja_promise_release(waiting));
  return top;
}
static top_t context_of_coroutine(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_promise_release};
  kja_promise_t pending = pending_of(runtime);
  CHECK_OK(kja_coroutine_start(runtime, pending, 0, do_nothing, link, link_destroy, &top.handle));
  CHECK_OK(kja_promise_release(pending));
  return top;
}
static top_t stored_value(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_queue_release};
  CHECK_OK(kja_queue_new(runtime, 1, &top.handle));
  CHECK_OK(kja_queue_try_push_opaque(top.handle, link, link_destroy));
  return top;
}
static top_t push_that_waits(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_promise_release};
  kja_queue_t queue = 0;
  CHECK_OK(kja_queue_new(runtime, 1, &queue));
  CHECK_OK(kja_queue_try_push_u64(queue, 1));
  CHECK_OK(kja_queue_push_opaque_start(queue, link, link_destroy, &top.handle));
  CHECK_OK(kja_queue_release(queue));
  return top;
}
static top_t task(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_task_set_release};
  top_t pending = attachment(runtime, link);
  CHECK_OK(kja_task_set_new(runtime, 0, do_nothing, NULL, NULL, &top.handle));
  CHECK_OK(kja_task_set_add(top.handle, pending.handle));
  return top;
}
static top_t context_of_task_set(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_task_set_release};
  CHECK_OK(kja_task_set_new(runtime, 0, do_nothing, link, link_destroy, &top.handle));
  return top;
}
static top_t wrapped_promise(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_promise_release};
  top_t pending = attachment(runtime, link);
  kja_canceler_t canceler = 0;
  CHECK_OK(kja_canceler_new(runtime, &canceler));
  CHECK_OK(kja_canceler_wrap(canceler, pending.handle, &top.handle));
  CHECK_OK(kja_promise_release(pending.handle));
  CHECK_OK(kja_canceler_forget(canceler));
  CHECK_OK(kja_canceler_release(canceler));
  return top;
}
static top_t borrowed_bytes(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_bytes_release};
  (void)runtime;
  CHECK_OK(kja_bytes_new_borrowed(link, sizeof *link, link, link_destroy, &top.handle));
  return top;
}
static top_t context_of_wrapper(kja_runtime_t runtime, link_t *link) {
  top_t top = {0, kja_network_wrapper_release};
  kja_network_wrapper_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.ctx = link;
  options.destroy = link_destroy;
  CHECK_OK(kja_network_wrapper_new(runtime, &options, &top.handle));
  return top;
}
/* A coroutine, the last of them, cleans up after itself on the loop; with the others all is gone when the outermost is. */
static const holder_fn holders[] = {
    settled_value,    fulfilled_value, attachment,          context_of_then, context_of_event_wait, stored_value,
    push_that_waits,  task,            context_of_task_set, wrapped_promise, borrowed_bytes,        context_of_wrapper,
    context_of_coroutine,
};
enum { HOLDERS = sizeof holders / sizeof *holders, AT_ONCE = HOLDERS - 1 };

/* So many in each other, of the kinds in turn; the outermost. */
static top_t stack_of(kja_runtime_t runtime, const holder_fn *kinds, size_t count, size_t deep) {
  top_t top = {0, NULL};
  count_set(&links_made, scaled(deep));
  count_set(&links_gone, 0);
  CHECK_OK(kja_event_new(runtime, &never));
  for (size_t i = 0; i < count_get(&links_made); i++) {
    link_t *link = (link_t *)malloc(sizeof *link);
    link->held = top.handle;
    link->release = top.release;
    top = kinds[i % count](runtime, link);
  }
  CHECK_U64(count_get(&links_gone), 0);
  return top;
}

static void release_stack(kja_runtime_t runtime, top_t top, bool at_once) {
  CHECK_OK(top.release(top.handle));
  while (!at_once && count_get(&links_gone) < count_get(&links_made)) let_loop_catch_up(runtime);
  CHECK_U64(count_get(&links_gone), count_get(&links_made));
  CHECK_OK(kja_event_release(never));
}

static void drop_each(kja_runtime_t runtime) {
  for (size_t kind = 0; kind < HOLDERS; kind++) {
    top_t top = stack_of(runtime, &holders[kind], 1, DEEP);
    release_stack(runtime, top, kind < AT_ONCE);
  }
}
/* parity: PROM-17 */
static void each_kind_in_itself_is_gone_when_the_outermost_is_released(void) {
  small(drop_each);
}

static void drop_mixed(kja_runtime_t runtime) {
  top_t top = stack_of(runtime, holders, AT_ONCE, DEEP);
  release_stack(runtime, top, true);
}
static void the_kinds_in_each_other_are_gone_when_the_outermost_is_released(void) {
  small(drop_mixed);
}

static void leave_each(kja_runtime_t runtime) {
  (void)runtime;
  for (size_t kind = 0; kind < HOLDERS; kind++) {
    kja_runtime_t other = runtime_open();
    top_t top = stack_of(other, &holders[kind], 1, DEEP / 10);
    if (holders[kind] == borrowed_bytes) CHECK_OK(top.release(top.handle));
    shutting_down = true;
    CHECK_OK(kja_runtime_release(other));
    shutting_down = false;
    CHECK_U64(count_get(&links_gone), count_get(&links_made));
  }
}
static void a_shutdown_ends_each_kind_in_itself(void) {
  small(leave_each);
}

/* A value that is a queue with a value in it that is a queue. */
static kja_queue_t queues_in_queues(kja_runtime_t runtime) {
  top_t lowest = stored_value(runtime, (link_t *)calloc(1, sizeof(link_t)));
  kja_queue_t queue = lowest.handle;
  count_set(&links_gone, 0);
  for (size_t i = 0; i < scaled(DEEP); i++) {
    kja_queue_t outer = 0;
    kja_promise_t pushing = 0;
    CHECK_OK(kja_queue_new(runtime, 1, &outer));
    CHECK_OK(kja_queue_push_handle_start(outer, queue, &pushing));
    expect_already(pushing, KJA_OK);
    CHECK_OK(kja_queue_release(queue));
    queue = outer;
  }
  return queue;
}
static void drop_queues(kja_runtime_t runtime) {
  kja_queue_t queue = queues_in_queues(runtime);
  CHECK_OK(kja_queue_release(queue));
  CHECK_U64(count_get(&links_gone), 1);
}
static void leave_queues(kja_runtime_t runtime) {
  (void)runtime;
  kja_runtime_t other = runtime_open();
  queues_in_queues(other);
  CHECK_OK(kja_runtime_release(other));
  CHECK_U64(count_get(&links_gone), 1);
}
/* Used: each is popped out of the one around it. */
static void unpack_queues(kja_runtime_t runtime) {
  kja_queue_t queue = queues_in_queues(runtime);
  for (size_t i = 0; i < scaled(DEEP); i++) {
    kja_promise_t popping = 0;
    CHECK_OK(kja_queue_pop_start(queue, &popping));
    CHECK_OK(kja_queue_release(queue));
    queue = handle_from(popping);
  }
  CHECK_U64(count_get(&links_gone), 0);
  CHECK_OK(kja_queue_release(queue));
  CHECK_U64(count_get(&links_gone), 1);
}
/* parity: QUEUE-03 */
static void queues_in_queues_are_used_and_dropped(void) {
  small(unpack_queues);
  small(drop_queues);
  small(leave_queues);
}

/* Connections that nobody has received yet, each on its way through the next: in the pipe, with a byte that was handed over to a
 * read that is gone. The loop of a wait scope does not turn meanwhile. */
static void drop_connections(kja_runtime_t runtime) {
  kja_connection_t inner = 0, one = 0, other = 0;
  (void)runtime;
  test_mode = KJA_RUNTIME_WAIT_SCOPE;
  kja_runtime_t own = runtime_open();
  test_mode = KJA_RUNTIME_THREAD;
  CHECK_OK(kja_connection_new_null(own, &inner));
  for (size_t i = 0; i < scaled(DEEP); i++) {
    kja_promise_t sending = 0, reading = 0;
    CHECK_OK(kja_pipe_new_capability(own, &one, &other));
    reading = read_start(other, 1, 1);
    CHECK_OK(kja_connection_send_connection_start(one, inner, &sending));
    expect_already(sending, KJA_OK);
    CHECK_OK(kja_promise_release(reading));
    CHECK_OK(kja_connection_release(one));
    inner = other;
  }
  CHECK_OK(kja_connection_release(inner));
  runtime_close(own);
}
/* parity: CAPS-07 */
static void connections_on_their_way_in_each_other_are_dropped(void) {
  small(drop_connections);
}

/* Runs when its promise is released, and releases the next. */
static void release_next(void *ctx, kja_call_t call) {
  link_t *link = (link_t *)ctx;
  (void)call;
  if (link->held) CHECK_OK(kja_promise_release(link->held));
  link->held = 0;
}
static kja_promise_t finally_in_finally(kja_runtime_t runtime) {
  kja_promise_t top = 0;
  for (size_t i = 0; i < scaled(DEEP); i++) {
    link_t *link = (link_t *)malloc(sizeof *link);
    kja_promise_t pending = pending_of(runtime);
    link->held = top;
    link->release = kja_promise_release;
    CHECK_OK(kja_promise_finally(pending, release_next, link, link_destroy, &top));
    CHECK_OK(kja_promise_release(pending));
  }
  return top;
}
static void drop_finally(kja_runtime_t runtime) {
  count_set(&links_gone, 0);
  CHECK_OK(kja_promise_release(finally_in_finally(runtime)));
  while (count_get(&links_gone) < scaled(DEEP)) let_loop_catch_up(runtime);
  CHECK_U64(count_get(&links_gone), scaled(DEEP));
}
static void callbacks_that_release_each_other_run_in_turn(void) {
  small(drop_finally);
}

int main(void) {
  RUN(each_kind_in_itself_is_gone_when_the_outermost_is_released);
  RUN(the_kinds_in_each_other_are_gone_when_the_outermost_is_released);
  RUN_IN_BOTH(a_shutdown_ends_each_kind_in_itself);
  RUN(queues_in_queues_are_used_and_dropped);
  RUN(connections_on_their_way_in_each_other_are_dropped);
  RUN(callbacks_that_release_each_other_run_in_turn);
  return check_done();
}
