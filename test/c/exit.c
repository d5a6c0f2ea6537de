/* The end of the process while runtimes live: `exit` in a callback, and handlers that run after thread-locals are gone. Each case
 * ends a process of its own, which was forked before there was a runtime in it. */
#include "gate.h"
#include "options.h"

#include <sys/wait.h>

static kja_runtime_t left;
static count_t cleaned_up;

/* Ends in `exit`; its status must be 0. */
static void run_to_exit(void (*run)(void)) {
  int status = -1;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    run();
    _exit(99);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0))
    fprintf(stderr, "  ended by %s %d\n", WIFEXITED(status) ? "exit" : "signal",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}
static void exit_with_failures(void) {
  fflush(NULL);
  _exit(__atomic_load_n(&check_failures_, __ATOMIC_SEQ_CST) != 0);
}

static void exit_in_callback(void *ctx, kja_call_t call) {
  (void)ctx;
  (void)call;
  exit(0);
}

/* The loop's thread runs this: it cannot wait for its own end. */
static void release_is_refused(void) {
  kja_promise_t never = 0;
  CHECK(kja_runtime_on_loop(left));
  CHECK_IS(kja_runtime_release(left), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_shutdown(left), KJA_ERR_WOULD_DEADLOCK);
  CHECK_OK(kja_promise_new_never(left, &never));
  CHECK_IS(kja_promise_await(never), KJA_ERR_WOULD_DEADLOCK);
  exit_with_failures();
}
static void exit_on_the_loop(void) {
  kja_executor_t executor = 0;
  kja_promise_t running = 0;
  left = runtime_open();
  CHECK_OK(kja_runtime_executor(left, &executor));
  CHECK(atexit(release_is_refused) == 0);
  CHECK_OK(kja_executor_execute_start(executor, exit_in_callback, NULL, NULL, &running));
  kja_promise_await(running);
  for (;;) pause();
}
/* parity: LOOP-06 */
static void exit_in_a_callback_does_not_hang(void) {
  run_to_exit(exit_on_the_loop);
}

/* An ordinary end: thread-locals of the main thread are gone by then, and clean-ups run all the same. */
static void count_clean_up(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_IS(kja_call_status(call), KJA_ERR_SHUTDOWN);
  count_add(&cleaned_up, 1);
}
static kja_promise_t guard(kja_promise_t promise) {
  kja_promise_t guarded = 0;
  CHECK_OK(kja_promise_finally(promise, count_clean_up, NULL, NULL, &guarded));
  CHECK_OK(kja_promise_release(promise));
  return guarded;
}
static void release_ends_everything(void) {
  CHECK_OK(kja_runtime_release(left));
  CHECK_U64(count_get(&cleaned_up), 2);
  CHECK_U64(kja_handle_count(), 0);
  exit_with_failures();
}
static void exit_from_main(void) {
  kja_promise_t never = 0;
  left = runtime_open();
  CHECK_OK(kja_promise_new_never(left, &never));
  guard(guard(never));
  /* This thread has used what it has of its own before. */
  let_loop_catch_up(left);
  CHECK(atexit(release_ends_everything) == 0);
  exit(0);
}
static void a_runtime_may_be_released_at_exit(void) {
  run_to_exit(exit_from_main);
}

int main(void) {
  RUN_IN_BOTH(exit_in_a_callback_does_not_hang);
  RUN_IN_BOTH(a_runtime_may_be_released_at_exit);
  return check_done();
}
