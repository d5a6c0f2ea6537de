/* What a worker of the soak does: each opens something, uses it for a while and leaves it in a random state. */
#ifndef KJASYNC_SOAK_ACTIVITIES_H
#define KJASYNC_SOAK_ACTIVITIES_H

#include "worker.h"

#include <sys/socket.h>

/* Two ends of any kind; through those in this process, which have no buffer, a write may never end. */
typedef struct ends_t {
  kja_connection_t writer, reader;
} ends_t;

static ends_t ends_of(worker_t *worker, uint64_t kind) {
  ends_t ends = {0, 0};
  switch (kind) {
    case 0: CHECK_OK(kja_pipe_new_one_way(worker->runtime, UINT64_MAX, &ends.reader, &ends.writer)); break;
    case 1: CHECK_OK(kja_pipe_new_two_way(worker->runtime, &ends.reader, &ends.writer)); break;
    case 2: CHECK_OK(kja_pipe_new_capability(worker->runtime, &ends.reader, &ends.writer)); break;
    case 3: CHECK_OK(kja_pipe_new_os_one_way(worker->runtime, &ends.reader, &ends.writer)); break;
    default: CHECK_OK(kja_pipe_new_os_two_way(worker->runtime, &ends.reader, &ends.writer)); break;
  }
  return ends;
}
static void leave(worker_t *worker, kja_connection_t connection) {
  if (chance(worker, 6)) {
    /* The system's pipe is closed by the end of either side. */
    kja_status_t status = kja_connection_abort_write(connection, KJA_ERR_FAILED, 0, "enough", 6);
    CHECK(status == KJA_OK || status == KJA_ERR_CANCELED);
  }
  if (chance(worker, 3)) CHECK_OK(kja_connection_close(connection));
  CHECK_OK(kja_connection_release(connection));
}
static kja_promise_t write_some(worker_t *worker, kja_connection_t connection) {
  kja_promise_t promise = 0;
  size_t size = below(worker, MOST_BYTES);
  if (chance(worker, 2))
    return STARTED(kja_connection_write_start(connection, data_of_soak, size, &promise), &promise);
  return STARTED(kja_connection_write_borrowed_start(connection, data_of_soak, size, NULL, NULL, &promise), &promise);
}
static kja_promise_t read_some(worker_t *worker, kja_connection_t connection) {
  kja_promise_t promise = 0;
  size_t max = below(worker, MOST_BYTES) + 1, min = chance(worker, 2) ? 1 : below(worker, max) + 1;
  return STARTED(kja_connection_read_start(connection, min, max, &promise), &promise);
}
static kja_promise_t sleep_some(worker_t *worker) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_timer_sleep_start(worker->runtime, below(worker, 2000000), &promise));
  return promise;
}

static void talk_over_a_pair(worker_t *worker) {
  ends_t ends = ends_of(worker, below(worker, 5));
  for (uint64_t i = below(worker, 4); i; i--) {
    kja_promise_t writing = write_some(worker, ends.writer), reading = read_some(worker, ends.reader), other = 0;
    if (chance(worker, 4))
      end(worker, STARTED(kja_connection_when_write_disconnected_start(ends.writer, &other), &other), "disconnected");
    if (chance(worker, 6))
      end(worker, STARTED(kja_connection_shutdown_write_start(ends.writer, &other), &other), "the end of a pair");
    if (chance(worker, 8)) CHECK_OK(kja_connection_abort_read(ends.reader));
    /* One of them may stay pending beyond the connections, until somebody else ends it. */
    if (chance(worker, 3)) hand_over(worker, reading);
    else end(worker, reading, "a read from a pair");
    if (chance(worker, 3)) hand_over(worker, writing);
    else end(worker, writing, "a write to a pair");
  }
  leave(worker, ends.writer);
  leave(worker, ends.reader);
}

static void split_with_a_tee(worker_t *worker) {
  ends_t ends = ends_of(worker, below(worker, 5));
  kja_connection_t one = 0, other = 0;
  kja_promise_t writing = write_some(worker, ends.writer), more = write_some(worker, ends.writer);
  CHECK_OK(kja_pipe_tee(ends.reader, 4096, &one, &other));
  CHECK_OK(kja_connection_release(ends.reader));
  end(worker, read_some(worker, one), "a branch");
  if (chance(worker, 2)) end(worker, read_some(worker, other), "the other branch");
  end(worker, writing, "a write to a tee");
  leave(worker, one);
  end(worker, more, "a write to half a tee");
  leave(worker, ends.writer);
  leave(worker, other);
}

static void pump_between_pairs(worker_t *worker) {
  ends_t from = ends_of(worker, below(worker, 5)), to = ends_of(worker, below(worker, 5));
  kja_promise_t pumping = 0, writing;
  uint64_t limit = chance(worker, 2) ? UINT64_MAX : below(worker, MOST_BYTES);
  STARTED(kja_connection_pump_start(from.reader, to.writer, limit, &pumping), &pumping);
  writing = write_some(worker, from.writer);
  end(worker, read_some(worker, to.reader), "what was pumped");
  leave(worker, from.reader);
  end(worker, pumping, "a pump");
  end(worker, writing, "what is to be pumped");
  leave(worker, to.reader);
  leave(worker, from.writer);
  leave(worker, to.writer);
}

static void ignore(void *ctx, kja_call_t call) {
  (void)ctx;
  (void)call;
}
static void send_datagrams(worker_t *worker) {
  kja_promise_t parsing = 0, promise = 0;
  kja_address_t address = 0, bound = 0;
  kja_datagram_t port = 0;
  if (!CHECK_OK(kja_address_parse_start(worker->runtime, "127.0.0.1:0", 11, 0, &parsing))) return;
  CHECK_OK(kja_promise_handle(parsing, &address));
  CHECK_OK(kja_promise_release(parsing));
  if (kja_address_bind_datagram(address, &port) == KJA_OK) {
    CHECK_OK(kja_datagram_local_address(port, &bound));
    for (uint64_t i = below(worker, 8); i; i--) {
      size_t size = below(worker, 9000);
      end(worker, STARTED(kja_datagram_send_start(port, data_of_soak, size, bound, &promise), &promise), "a send");
    }
    bool sent = false;
    kja_status_t now = kja_datagram_send_now(port, data_of_soak, below(worker, 9000), bound, &sent);
    CHECK(now == KJA_OK);
    if (chance(worker, 2))
      end(worker, STARTED(kja_datagram_receive_each_start(port, NULL, ignore, NULL, NULL, &promise), &promise), "receives");
    for (uint64_t i = below(worker, 4); i; i--) {
      kja_status_t status = chance(worker, 2) ? kja_datagram_receive_start(port, NULL, &promise)
                                              : kja_datagram_receive_many_start(port, NULL, 8, &promise);
      end(worker, STARTED(status, &promise), "a receive");
    }
    if (chance(worker, 2)) CHECK_OK(kja_datagram_close(port));
    CHECK_OK(kja_datagram_release(port));
    CHECK_OK(kja_address_release(bound));
  }
  CHECK_OK(kja_address_release(address));
}

static void take_what_came(worker_t *worker, kja_promise_t receiving, int connection) {
  kja_handle_t came = 0;
  int fd = -1;
  if (!worker->on_loop) kja_promise_await_for(receiving, below(worker, 1000000));
  if (chance(worker, 2) && kja_promise_handle(receiving, &came) == KJA_OK) {
    if (connection) leave(worker, came);
    else {
      if (chance(worker, 2) && kja_message_take_fd(came, 0, &fd) == KJA_OK) CHECK(close(fd) == 0);
      CHECK_OK(kja_message_release(came));
    }
  }
  end(worker, receiving, "a receive of a descriptor");
}
static void pass_descriptors(worker_t *worker) {
  ends_t ends = ends_of(worker, chance(worker, 3) ? 2 : 4);
  kja_promise_t sending = 0, receiving = 0;
  for (uint64_t i = below(worker, 3); i; i--) {
    if (chance(worker, 2)) {
      int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
      STARTED(kja_connection_send_fd_start(ends.writer, fd, &sending), &sending);
      CHECK(close(fd) == 0);
      if (chance(worker, 3)) end(worker, sending, "the sending of a descriptor");
      else {
        STARTED(kja_connection_receive_fd_start(ends.reader, &receiving), &receiving);
        if (receiving) take_what_came(worker, receiving, 0);
        end(worker, sending, "the sending of a descriptor");
      }
    } else {
      ends_t moved = ends_of(worker, 4);
      STARTED(kja_connection_send_connection_start(ends.writer, moved.writer, &sending), &sending);
      if (!sending) kja_connection_release(moved.writer); /* stale if it was taken */
      if (chance(worker, 2)) {
        STARTED(kja_connection_receive_connection_start(ends.reader, &receiving), &receiving);
        if (receiving) take_what_came(worker, receiving, 1);
      }
      end(worker, sending, "the sending of a connection");
      end(worker, read_some(worker, moved.reader), "a read from what was sent");
      leave(worker, moved.reader);
    }
  }
  leave(worker, ends.reader);
  leave(worker, ends.writer);
}

static void wait_for_timers(worker_t *worker) {
  kja_promise_t timers[8], joined = 0, timed = 0, never = 0;
  size_t count = below(worker, 8) + 1;
  for (size_t i = 0; i < count; i++) timers[i] = sleep_some(worker);
  switch (below(worker, 4)) {
    case 0: CHECK_OK(kja_promise_all(worker->runtime, timers, count, &joined)); break;
    case 1: CHECK_OK(kja_promise_race(worker->runtime, timers, count, &joined)); break;
    case 2: CHECK_OK(kja_promise_any(worker->runtime, timers, count, &joined)); break;
    default: CHECK_OK(kja_promise_all_settled(worker->runtime, timers, count, &joined)); break;
  }
  for (size_t i = 0; i < count; i++) end(worker, timers[i], "a timer");
  if (chance(worker, 4)) CHECK_OK(kja_promise_detach(joined, NULL, NULL, NULL));
  else end(worker, joined, "several timers");
  CHECK_OK(kja_promise_new_never(worker->runtime, &never));
  CHECK_OK(kja_promise_timeout(never, below(worker, 1000000), &timed));
  CHECK_OK(kja_promise_release(never));
  end(worker, timed, "a timeout");
}

static void continue_at_random(void *ctx, kja_call_t call) {
  uint64_t way = (uint64_t)(uintptr_t)ctx;
  if (way == 0) kja_call_return_u64(call, 1);
  else if (way == 1) kja_call_return_error(call, KJA_ERR_FAILED, 0, "soak", 4);
  else kja_call_return_opaque(call, malloc(way), free);
}
static void chain_promises(worker_t *worker) {
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0, next = 0;
  kja_canceler_t canceler = 0;
  CHECK_OK(kja_fulfiller_new(worker->runtime, &fulfiller, &promise));
  CHECK_OK(kja_canceler_new(worker->runtime, &canceler));
  for (uint64_t i = below(worker, 12); i; i--) {
    void *way = (void *)(uintptr_t)below(worker, 100);
    switch (below(worker, 5)) {
      case 0: CHECK_OK(kja_promise_then(promise, continue_at_random, way, NULL, &next)); break;
      case 1: CHECK_OK(kja_promise_catch(promise, continue_at_random, way, NULL, &next)); break;
      case 2: CHECK_OK(kja_promise_handle_both(promise, continue_at_random, way, NULL, &next)); break;
      case 3: CHECK_OK(kja_promise_attach(promise, malloc(100), free, &next)); break;
      default: CHECK_OK(kja_canceler_wrap(canceler, promise, &next)); break;
    }
    end(worker, promise, "a link of a chain");
    promise = next;
  }
  switch (below(worker, 5)) {
    case 0: CHECK_OK(kja_fulfiller_unit(fulfiller)); break;
    case 1: CHECK_OK(kja_fulfiller_error(fulfiller, KJA_ERR_OVERLOADED, 0, "soak", 4)); break;
    case 2: CHECK_OK(kja_canceler_cancel(canceler, KJA_ERR_CANCELED, 0, "soak", 4)); break;
    case 3: CHECK_OK(kja_fulfiller_opaque(fulfiller, malloc(100), free)); break;
    default: break;
  }
  end(worker, promise, "a chain");
  CHECK_OK(kja_canceler_release(canceler));
  CHECK_OK(kja_fulfiller_release(fulfiller));
}

static void coordinate(worker_t *worker) {
  kja_task_set_t tasks = 0;
  kja_queue_t queue = 0;
  kja_semaphore_t semaphore = 0;
  kja_permit_t permit = 0;
  kja_event_t event = 0;
  kja_promise_t promise = 0;
  CHECK_OK(kja_task_set_new(worker->runtime, 0, ignore, NULL, NULL, &tasks));
  CHECK_OK(kja_queue_new(worker->runtime, 2, &queue));
  CHECK_OK(kja_semaphore_new(worker->runtime, 2, &semaphore));
  CHECK_OK(kja_event_new(worker->runtime, &event));
  for (uint64_t i = below(worker, 6); i; i--) {
    CHECK_OK(kja_task_set_add(tasks, sleep_some(worker)));
    end(worker, STARTED(kja_queue_push_opaque_start(queue, malloc(100), free, &promise), &promise), "a push");
    if (chance(worker, 2)) end(worker, STARTED(kja_queue_pop_start(queue, &promise), &promise), "a pop");
    end(worker, STARTED(kja_semaphore_acquire_start(semaphore, 2, &promise), &promise), "an acquire");
    end(worker, STARTED(kja_event_wait_start(event, &promise), &promise), "an event");
  }
  if (kja_semaphore_try_acquire(semaphore, 1, &permit) == KJA_OK) CHECK_OK(kja_permit_release(permit));
  if (chance(worker, 2)) CHECK_OK(kja_event_set(event));
  if (chance(worker, 2)) CHECK_OK(kja_queue_close(queue));
  if (chance(worker, 3)) CHECK_OK(kja_task_set_clear(tasks));
  CHECK_OK(kja_event_release(event));
  CHECK_OK(kja_task_set_release(tasks));
  CHECK_OK(kja_semaphore_release(semaphore));
  CHECK_OK(kja_queue_release(queue));
}

#endif
