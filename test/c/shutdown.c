/* What a shutdown ends: all that the runtime has made, whoever holds it. */
#include "gate.h"
#include "loopback.h"
#include "options.h"

static void return_never(void *ctx, kja_call_t call) {
  kja_promise_t never = 0;
  CHECK_OK(kja_promise_new_never(*(kja_runtime_t *)ctx, &never));
  CHECK_OK(kja_call_return_promise(call, never));
}

/* The kinds of pending operation; each leaves the handles that it needs to the shutdown. */
#define OPERATIONS(X)                                                                                             \
  X(never) X(sleeping) X(fulfilled) X(event) X(pop) X(push) X(acquire) X(pipe_read) X(os_read) X(accepting)        \
  X(receiving) X(each) X(timeout) X(attached) X(forked) X(chained) X(caught) X(both) X(guarded) X(canceler)         \
  X(all) X(any) X(race) X(joined) X(retried) X(called) X(disconnected) X(emptied) X(promised_read) X(tee_read) X(pump)
#define NAME(name) name##_,
#define TEXT(name) #name,
enum { OPERATIONS(NAME) OPERATION_COUNT };
static const char *const operation_names[] = {OPERATIONS(TEXT)};

static kja_promise_t never_of(kja_runtime_t runtime) {
  kja_promise_t never = 0;
  CHECK_OK(kja_promise_new_never(runtime, &never));
  return never;
}
static kja_promise_t operation(kja_runtime_t *own, int which) {
  kja_runtime_t runtime = *own;
  kja_promise_t made = 0, never = never_of(runtime);
  kja_handle_t one = 0, other = 0, third = 0;
  switch (which) {
  case never_: made = never_of(runtime); break;
  case sleeping_: made = sleep_start(runtime, 3600 * SECOND); break;
  case fulfilled_: CHECK_OK(kja_fulfiller_new(runtime, &one, &made)); break;
  case event_:
    CHECK_OK(kja_event_new(runtime, &one));
    CHECK_OK(kja_event_wait_start(one, &made));
    break;
  case pop_:
    CHECK_OK(kja_queue_new(runtime, 1, &one));
    CHECK_OK(kja_queue_pop_start(one, &made));
    break;
  case push_:
    CHECK_OK(kja_queue_new(runtime, 1, &one));
    CHECK_OK(kja_queue_push_u64_start(one, 1, &other));
    CHECK_OK(kja_queue_push_u64_start(one, 1, &made));
    break;
  case acquire_:
    CHECK_OK(kja_semaphore_new(runtime, 1, &one));
    CHECK_OK(kja_semaphore_acquire_start(one, 1, &other));
    CHECK_OK(kja_semaphore_acquire_start(one, 1, &made));
    break;
  case pipe_read_:
    CHECK_OK(kja_pipe_new_one_way(runtime, UINT64_MAX, &one, &other));
    CHECK_OK(kja_connection_read_start(one, 1, 9, &made));
    break;
  case os_read_:
    CHECK_OK(kja_pipe_new_os_two_way(runtime, &one, &other));
    CHECK_OK(kja_connection_read_start(one, 1, 9, &made));
    break;
  case accepting_:
    one = listen_on_loopback(runtime);
    CHECK_OK(kja_listener_accept_start(one, &made));
    break;
  case receiving_:
    CHECK_OK(kja_address_bind_datagram(address_of(runtime, "127.0.0.1:0", 0), &one));
    CHECK_OK(kja_datagram_receive_start(one, NULL, &made));
    break;
  case each_:
    CHECK_OK(kja_pipe_new_os_two_way(runtime, &one, &other));
    CHECK_OK(kja_connection_read_each_start(one, 1, 9, must_not_run, NULL, NULL, &made));
    break;
  case timeout_: CHECK_OK(kja_promise_timeout(never, 3600 * SECOND, &made)); break;
  case attached_: CHECK_OK(kja_promise_attach(never, NULL, NULL, &made)); break;
  case forked_: CHECK_OK(kja_promise_fork(never, &made)); break;
  case chained_: CHECK_OK(kja_promise_then(never, must_not_run, NULL, NULL, &made)); break;
  case caught_: CHECK_OK(kja_promise_catch(never, must_not_run, NULL, NULL, &made)); break;
  case both_: CHECK_OK(kja_promise_handle_both(never, must_not_run, NULL, NULL, &made)); break;
  case guarded_: CHECK_OK(kja_promise_finally(never, do_nothing, NULL, NULL, &made)); break;
  case canceler_:
    CHECK_OK(kja_canceler_new(runtime, &one));
    CHECK_OK(kja_canceler_wrap(one, never, &made));
    break;
  case all_: CHECK_OK(kja_promise_all(runtime, &never, 1, &made)); break;
  case any_: CHECK_OK(kja_promise_any(runtime, &never, 1, &made)); break;
  case race_: CHECK_OK(kja_promise_race(runtime, &never, 1, &made)); break;
  case joined_: CHECK_OK(kja_promise_join(runtime, &never, 1, &made)); break;
  case retried_: CHECK_OK(kja_promise_retry_start(runtime, return_never, own, NULL, NULL, &made)); break;
  case called_:
    CHECK_OK(kja_runtime_executor(runtime, &one));
    CHECK_OK(kja_executor_execute_start(one, return_never, own, NULL, &made));
    CHECK_OK(kja_executor_release(one));
    break;
  case disconnected_:
    CHECK_OK(kja_pipe_new_os_two_way(runtime, &one, &other));
    CHECK_OK(kja_connection_when_write_disconnected_start(one, &made));
    break;
  case emptied_:
    CHECK_OK(kja_task_set_new(runtime, 1, must_not_run, NULL, NULL, &one));
    CHECK_OK(kja_task_set_add(one, never));
    CHECK_OK(kja_task_set_on_empty_start(one, &made));
    never = 0;
    break;
  case promised_read_:
    CHECK_OK(kja_connection_new_promised(never, &one));
    CHECK_OK(kja_connection_read_start(one, 1, 9, &made));
    break;
  case tee_read_:
    CHECK_OK(kja_pipe_new_os_two_way(runtime, &one, &other));
    CHECK_OK(kja_pipe_tee(one, 9, &one, &third));
    CHECK_OK(kja_connection_read_start(one, 1, 9, &made));
    break;
  case pump_:
    CHECK_OK(kja_pipe_new_os_two_way(runtime, &one, &other));
    CHECK_OK(kja_connection_pump_start(one, other, UINT64_MAX, &made));
    break;
  }
  if (never) CHECK_OK(kja_promise_release(never));
  return made;
}

/* Another loop, and how it holds a promise. */
enum { BY_RACE, BY_FULFILLER, BY_ALL, BY_CONTINUATION, HOLDERS };
static const char *const holder_names[] = {"race", "fulfiller", "all", "continuation"};
typedef struct holder_t {
  kja_runtime_t other;
  kja_promise_t promise, held;
} holder_t;
static void continue_there(void *ctx, kja_call_t call) {
  holder_t *holder = (holder_t *)ctx;
  (void)call;
  CHECK_OK(kja_promise_then(holder->promise, must_not_run, NULL, NULL, &holder->held));
}
static kja_promise_t held_by_another(kja_runtime_t other, kja_promise_t promise, int how) {
  holder_t holder = {other, promise, 0};
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t fork = 0;
  switch (how) {
  case BY_RACE: CHECK_OK(kja_promise_race(other, &promise, 1, &holder.held)); break;
  case BY_FULFILLER:
    CHECK_OK(kja_fulfiller_new(other, &fulfiller, &holder.held));
    CHECK_OK(kja_promise_fork(promise, &fork));
    CHECK_OK(kja_fulfiller_promise(fulfiller, fork));
    break;
  case BY_ALL: CHECK_OK(kja_promise_all(other, &promise, 1, &holder.held)); break;
  case BY_CONTINUATION: run_on_loop(other, continue_there, &holder); break;
  }
  return holder.held;
}
static kja_runtime_t thread_open(void) {
  kja_runtime_options_t options = options_of(KJA_RUNTIME_THREAD);
  return runtime_with(&options);
}

/* parity: LOOP-06, EXEC-08 */
static void whatever_another_loop_waits_for_ends_with_shutdown(void) {
  kja_runtime_t other = thread_open();
  for (int which = 0; which < OPERATION_COUNT; which++) {
    for (int how = 0; how < HOLDERS; how++) {
      for (int keep = 0; keep < 2; keep++) {
        kja_runtime_t runtime = runtime_open();
        kja_promise_t promise = operation(&runtime, which), held = held_by_another(other, promise, how);
        kja_status_t status;
        if (!keep) CHECK_OK(kja_promise_release(promise));
        let_loop_catch_up(runtime);
        CHECK_IS(kja_promise_status(held), KJA_ERR_PENDING);
        CHECK_OK(kja_runtime_shutdown(runtime));
        status = kja_promise_await_for(held, 10 * SECOND);
        if (!CHECK_IS(status, KJA_ERR_SHUTDOWN))
          fprintf(stderr, "  that was %s, held by a %s, %s\n", operation_names[which], holder_names[how],
                  keep ? "with its handle" : "its handle released");
        CHECK_OK(kja_promise_release(held));
        CHECK_OK(kja_runtime_release(runtime));
      }
    }
  }
  runtime_close(other);
}

/* What ends in the same shutdown has no say in it: no reader sees the end of a stream, and no permit comes free. */
static void nothing_that_ends_in_a_shutdown_settles_anything_else(void) {
  kja_runtime_t other = thread_open();
  for (size_t round = 0; round < scaled(100); round++) {
    kja_runtime_t runtime = runtime_open();
    kja_connection_t one[4], far[4];
    kja_promise_t promises[6], held[6], there = 0, permit = 0;
    kja_semaphore_t semaphore = 0;
    CHECK_OK(kja_pipe_new_two_way(runtime, &one[0], &far[0]));
    CHECK_OK(kja_pipe_new_os_two_way(runtime, &one[1], &far[1]));
    CHECK_OK(kja_pipe_new_capability(runtime, &one[2], &far[2]));
    pair_t pair = pair_open(runtime);
    one[3] = pair.client;
    far[3] = pair.server;
    for (int i = 0; i < 4; i++) {
      CHECK_OK(kja_connection_read_start(one[i], 1, 9, &promises[i]));
      /* The other end is kept by a read of its own alone. */
      CHECK_OK(kja_connection_read_start(far[i], 1, 9, &there));
      CHECK_OK(kja_connection_release(far[i]));
      if (round & 1) CHECK_OK(kja_promise_detach(there, NULL, NULL, NULL));
    }
    CHECK_OK(kja_semaphore_new(runtime, 1, &semaphore));
    CHECK_OK(kja_semaphore_acquire_start(semaphore, 1, &permit));
    CHECK_OK(kja_promise_await(permit));
    CHECK_OK(kja_semaphore_acquire_start(semaphore, 1, &promises[4]));
    CHECK_OK(kja_promise_catch(promises[4], must_not_run, NULL, NULL, &promises[5]));
    for (int i = 0; i < 6; i++) {
      CHECK_OK(kja_promise_race(other, &promises[i], 1, &held[i]));
      if (round & 2) CHECK_OK(kja_promise_release(promises[i]));
    }
    let_loop_catch_up(runtime);
    CHECK_OK(kja_runtime_shutdown(runtime));
    for (int i = 0; i < 6; i++) expect(held[i], KJA_ERR_SHUTDOWN);
    CHECK_OK(kja_runtime_release(runtime));
  }
  runtime_close(other);
}

/* What holds itself is freed by the shutdown, and what it holds besides: once each. */
typedef struct left_t {
  kja_runtime_t runtime;
  kja_promise_t self;
  count_t freed;
} left_t;

static void a_queue_in_itself(left_t *left) {
  kja_queue_t queue = 0;
  kja_connection_t one = 0, other = 0;
  kja_promise_t pushed = 0;
  CHECK_OK(kja_queue_new(left->runtime, 5, &queue));
  CHECK_OK(kja_pipe_new_os_two_way(left->runtime, &one, &other));
  CHECK_OK(kja_queue_push_handle_start(queue, queue, &pushed));
  expect(pushed, KJA_OK);
  CHECK_OK(kja_queue_push_handle_start(queue, one, &pushed));
  expect(pushed, KJA_OK);
  CHECK_OK(kja_queue_try_push_opaque(queue, &left->freed, count_destroy));
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(other));
  CHECK_OK(kja_queue_release(queue));
}
static void two_queues_in_each_other(left_t *left) {
  kja_queue_t one = 0, other = 0;
  kja_promise_t pushed = 0;
  CHECK_OK(kja_queue_new(left->runtime, 5, &one));
  CHECK_OK(kja_queue_new(left->runtime, 5, &other));
  CHECK_OK(kja_queue_push_handle_start(one, other, &pushed));
  expect(pushed, KJA_OK);
  CHECK_OK(kja_queue_push_handle_start(other, one, &pushed));
  expect(pushed, KJA_OK);
  CHECK_OK(kja_queue_try_push_opaque(one, &left->freed, count_destroy));
  CHECK_OK(kja_queue_release(one));
  CHECK_OK(kja_queue_release(other));
}
/* Two fulfillers that forward to each other, with an attachment and the read of a socket behind them. */
static void a_ring_of_fulfillers(left_t *left) {
  kja_fulfiller_t first = 0, second = 0;
  kja_promise_t one = 0, other = 0, branch[2] = {0, 0}, all = 0, attached = 0;
  kja_connection_t here = 0, there = 0;
  CHECK_OK(kja_fulfiller_new(left->runtime, &first, &one));
  CHECK_OK(kja_fulfiller_new(left->runtime, &second, &other));
  CHECK_OK(kja_pipe_new_os_two_way(left->runtime, &here, &there));
  CHECK_OK(kja_connection_read_start(here, 1, 1, &branch[0]));
  CHECK_OK(kja_promise_fork(one, &branch[1]));
  CHECK_OK(kja_promise_all(left->runtime, branch, 2, &all));
  CHECK_OK(kja_promise_attach(all, &left->freed, count_destroy, &attached));
  CHECK_OK(kja_promise_release(all));
  for (int i = 0; i < 2; i++) CHECK_OK(kja_promise_release(branch[i]));
  CHECK_OK(kja_fulfiller_promise(second, attached));
  CHECK_OK(kja_fulfiller_promise(first, other));
  CHECK_OK(kja_promise_release(one));
  CHECK_OK(kja_fulfiller_release(first));
  CHECK_OK(kja_fulfiller_release(second));
  CHECK_OK(kja_connection_release(here));
  CHECK_OK(kja_connection_release(there));
}
static void return_what_waits_for_itself(void *ctx, kja_call_t call) {
  left_t *left = (left_t *)ctx;
  kja_promise_t waits = 0;
  CHECK_OK(kja_promise_then(left->self, must_not_run, &left->freed, count_destroy, &waits));
  CHECK_OK(kja_call_return_promise(call, waits));
}
static void a_promise_that_waits_for_itself(left_t *left) {
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t unit = 0;
  CHECK_OK(kja_fulfiller_new(left->runtime, &fulfiller, &unit));
  CHECK_OK(kja_promise_then(unit, return_what_waits_for_itself, left, NULL, &left->self));
  /* Not before, for the callback uses what the call has given. */
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_promise_release(unit));
  let_loop_catch_up(left->runtime);
  CHECK_IS(kja_promise_status(left->self), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(left->self));
}
static void a_pipe_with_its_own_end_inside(left_t *left) {
  kja_connection_t one = 0, other = 0, here = 0, there = 0;
  kja_promise_t sent = 0;
  CHECK_OK(kja_pipe_new_capability(left->runtime, &one, &other));
  CHECK_OK(kja_pipe_new_os_two_way(left->runtime, &here, &there));
  CHECK_OK(kja_connection_send_connection_start(one, other, &sent));
  CHECK_OK(kja_promise_attach(sent, &left->freed, count_destroy, &left->self));
  CHECK_OK(kja_promise_release(sent));
  CHECK_OK(kja_promise_detach(left->self, NULL, NULL, NULL));
  CHECK_OK(kja_connection_send_connection_start(one, here, &sent));
  CHECK_OK(kja_promise_detach(sent, NULL, NULL, NULL));
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(there));
}
static void a_promised_connection_that_carries_itself(left_t *left) {
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  kja_connection_t connection = 0;
  CHECK_OK(kja_fulfiller_new(left->runtime, &fulfiller, &promise));
  CHECK_OK(kja_connection_new_promised(promise, &connection));
  CHECK_OK(kja_fulfiller_handle(fulfiller, connection));
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_connection_release(connection));
  count_add(&left->freed, 1);
}
static void a_pending_push_of_its_own_queue(left_t *left) {
  kja_queue_t queue = 0;
  kja_promise_t pushed = 0, attached = 0;
  CHECK_OK(kja_queue_new(left->runtime, 1, &queue));
  CHECK_OK(kja_queue_try_push_u64(queue, 1));
  CHECK_OK(kja_queue_push_handle_start(queue, queue, &pushed));
  CHECK_OK(kja_promise_attach(pushed, &left->freed, count_destroy, &attached));
  CHECK_OK(kja_promise_release(pushed));
  CHECK_OK(kja_promise_detach(attached, NULL, NULL, NULL));
  CHECK_OK(kja_queue_release(queue));
}
static void an_event_and_a_permit_in_a_queue_in_itself(left_t *left) {
  kja_event_t event = 0;
  kja_semaphore_t semaphore = 0;
  kja_promise_t pushed = 0, acquired = 0, waits = 0, attached = 0;
  kja_queue_t queue = 0;
  kja_handle_t permit = 0;
  CHECK_OK(kja_queue_new(left->runtime, 9, &queue));
  CHECK_OK(kja_event_new(left->runtime, &event));
  CHECK_OK(kja_semaphore_new(left->runtime, 1, &semaphore));
  CHECK_OK(kja_semaphore_acquire_start(semaphore, 1, &acquired));
  permit = handle_from(acquired);
  kja_handle_t inside[] = {queue, event, semaphore, permit};
  for (size_t i = 0; i < 4; i++) {
    CHECK_OK(kja_queue_push_handle_start(queue, inside[i], &pushed));
    expect(pushed, KJA_OK);
  }
  CHECK_OK(kja_event_wait_start(event, &waits));
  CHECK_OK(kja_promise_attach(waits, &left->freed, count_destroy, &attached));
  CHECK_OK(kja_promise_release(waits));
  CHECK_OK(kja_promise_detach(attached, NULL, NULL, NULL));
  CHECK_OK(kja_event_release(event));
  CHECK_OK(kja_semaphore_release(semaphore));
  CHECK_OK(kja_permit_release(permit));
  CHECK_OK(kja_queue_release(queue));
}
static void release_queue(void *ctx) {
  left_t *left = (left_t *)ctx;
  count_add(&left->freed, 1);
  CHECK_IS(kja_queue_release(left->self), KJA_ERR_BAD_HANDLE);
}
/* The runtime keeps a value whose destructor is what would release the queue that keeps the runtime's executor. */
static void a_local_value_that_keeps_a_queue(left_t *left) {
  void *kept = NULL;
  kja_promise_t pushed = 0;
  kja_executor_t executor = 0;
  CHECK_OK(kja_queue_new(left->runtime, 1, &left->self));
  CHECK_OK(kja_runtime_executor(left->runtime, &executor));
  CHECK_OK(kja_queue_push_handle_start(left->self, executor, &pushed));
  expect(pushed, KJA_OK);
  CHECK_OK(kja_executor_release(executor));
  CHECK_OK(kja_local_get_or_set(left->runtime, kja_local_new_key(), left, release_queue, &kept));
}

/* parity: LOOP-06 */
static void what_holds_itself_is_freed(void) {
  static void (*const rings[])(left_t *) = {a_queue_in_itself,
                                            two_queues_in_each_other,
                                            a_ring_of_fulfillers,
                                            a_promise_that_waits_for_itself,
                                            a_pipe_with_its_own_end_inside,
                                            a_promised_connection_that_carries_itself,
                                            a_pending_push_of_its_own_queue,
                                            an_event_and_a_permit_in_a_queue_in_itself,
                                            a_local_value_that_keeps_a_queue};
  for (size_t i = 0; i < sizeof rings / sizeof *rings; i++) {
    unsigned fds = open_fds();
    left_t left;
    kja_runtime_stats_t stats;
    memset(&left, 0, sizeof left);
    stats.size = sizeof stats;
    left.runtime = runtime_open();
    rings[i](&left);
    CHECK_OK(kja_runtime_shutdown(left.runtime));
    CHECK_OK(kja_runtime_stats(left.runtime, &stats));
    if (!(CHECK_U64(stats.promises, 0) & CHECK_U64(count_get(&left.freed), 1) & CHECK(fds_come_back_to(fds))))
      fprintf(stderr, "  that was ring %zu\n", i);
    CHECK_OK(kja_runtime_release(left.runtime));
  }
}

/* A value that only another loop's promise or queue holds: the socket in it is closed all the same. */
static void sockets_that_another_loop_holds_are_closed(void) {
  kja_runtime_t other = thread_open();
  unsigned fds = open_fds();
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = 0;
  kja_promise_t pushed = 0;
  CHECK_OK(kja_queue_new(other, 4, &queue));
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener), connecting = connect_start(listener);
  kja_handle_t held[3] = {listener, handle_from(connecting), handle_from(accepting)};
  for (int i = 0; i < 3; i++) {
    CHECK_OK(kja_queue_push_handle_start(queue, held[i], &pushed));
    expect(pushed, KJA_OK);
  }
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK(fds_come_back_to(fds));
  CHECK_OK(kja_runtime_release(runtime));
  CHECK_OK(kja_queue_release(queue));
  runtime_close(other);
}

static void return_handle(void *ctx, kja_call_t call, kja_connection_t connection) {
  (void)ctx;
  CHECK_OK(kja_call_return_handle(call, connection));
}

/* The contexts of callbacks come back, though another loop holds the objects that would run them. */
static void what_was_lent_comes_back_though_another_loop_holds_the_object(void) {
  kja_runtime_t other = thread_open(), runtime = runtime_open();
  count_t freed = {0};
  kja_network_wrapper_options_t wraps;
  kja_handle_t held[3] = {0, 0, 0};
  kja_queue_t queue = 0;
  kja_promise_t pushed = 0;
  memset(&wraps, 0, sizeof wraps);
  wraps.size = sizeof wraps;
  wraps.wrap_server = return_handle;
  wraps.ctx = &freed;
  wraps.destroy = count_destroy;
  CHECK_OK(kja_task_set_new(runtime, 1, must_not_run, &freed, count_destroy, &held[0]));
  CHECK_OK(kja_http_server_new(runtime, NULL, must_not_run, &freed, count_destroy, &held[1]));
  CHECK_OK(kja_network_wrapper_new(runtime, &wraps, &held[2]));
  CHECK_OK(kja_queue_new(other, 3, &queue));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(kja_queue_push_handle_start(queue, held[i], &pushed));
    expect(pushed, KJA_OK);
  }
  CHECK_OK(kja_task_set_release(held[0]));
  CHECK_OK(kja_http_server_release(held[1]));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&freed), 3);
  CHECK_OK(kja_queue_release(queue));
  CHECK_OK(kja_runtime_release(runtime));
  runtime_close(other);
  CHECK_U64(count_get(&freed), 3);
}

/* It is its own value that no pop has taken for good. */
static void a_queue_that_a_pop_gives_itself_back_to_ends(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = 0;
  kja_promise_t pushed[2] = {0, 0}, popped[2] = {0, 0};
  count_t destroyed = {0};
  CHECK_OK(kja_queue_new(runtime, 2, &queue));
  CHECK_OK(kja_queue_push_handle_start(queue, queue, &pushed[0]));
  CHECK_OK(kja_queue_push_opaque_start(queue, &destroyed, count_destroy, &pushed[1]));
  for (int i = 0; i < 2; i++) CHECK_OK(kja_queue_pop_start(queue, &popped[i]));
  for (int i = 0; i < 2; i++) {
    CHECK_OK(kja_promise_release(popped[i]));
    CHECK_OK(kja_promise_release(pushed[i]));
  }
  CHECK_OK(kja_queue_release(queue));
  CHECK_U64(count_get(&destroyed), 0);
  runtime_close(runtime);
  CHECK_U64(count_get(&destroyed), 1);
}

int main(void) {
  RUN_IN_BOTH(whatever_another_loop_waits_for_ends_with_shutdown);
  RUN_IN_BOTH(nothing_that_ends_in_a_shutdown_settles_anything_else);
  RUN_IN_BOTH(what_holds_itself_is_freed);
  RUN_IN_BOTH(sockets_that_another_loop_holds_are_closed);
  RUN_IN_BOTH(what_was_lent_comes_back_though_another_loop_holds_the_object);
  RUN_IN_BOTH(a_queue_that_a_pop_gives_itself_back_to_ends);
  return check_done();
}
