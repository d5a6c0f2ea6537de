/* What every workload of the driver uses: arguments, measured spans, latency samples, the JSON line of a case. */
#ifndef KJASYNC_BENCH_H
#define KJASYNC_BENCH_H

#include <kjasync.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { SMALL = 64, LARGE = 65536 };

/* ---- arguments: WORKLOAD [--scale FACTOR] [--case PREFIX[,PREFIX]] ---- */

const char *bench_arguments(int argc, char **argv); /* gives the workload */
bool bench_wants(const char *name);
size_t bench_count(double at_full_scale);
uint64_t bench_nanos(double seconds_at_full_scale);

/* ---- latencies ---- */

typedef struct samples_t {
  uint32_t *nanos;
  size_t count, capacity;
} samples_t;

samples_t samples_new(size_t capacity); /* its memory has been touched before any clock starts */
void samples_add(samples_t *samples, uint64_t nanos);
void samples_free(samples_t *samples);

/* ---- a measured phase: time, and the whole process's CPU ---- */

typedef struct span_t {
  uint64_t begin, end;
  struct rusage used_before, used_after;
} span_t;

void span_begin(span_t *span);
void span_end(span_t *span);

/* Prints the line. `bytes` 0 and `samples` NULL leave their members out; `more` is further members, or NULL. */
void report(const char *name, const span_t *span, double operations, double bytes, samples_t *samples, const char *more);

size_t resident_bytes(void);
void report_memory(const char *name, span_t *span, size_t things, size_t resident_before);

/* ---- the library ---- */

/* Ends the driver, with the library's account of why, unless the status is KJA_OK. */
void must(kja_status_t status, const char *what);
#define MUST(call) must(call, #call)

kja_runtime_t runtime_new(uint32_t mode, uint64_t look_nanos);
kja_executor_t executor_of(kja_runtime_t runtime);
void runtime_end(kja_runtime_t runtime);
void await_and_release(kja_promise_t promise);
kja_handle_t handle_of(kja_promise_t promise); /* awaits and releases it */
void do_nothing(void *ctx, kja_call_t call);

/* ---- servers on a loop of their own ---- */

kja_listener_t listen_on_loopback(kja_runtime_t runtime);
kja_connection_t connect_to(kja_listener_t listener, kja_runtime_t runtime);

typedef struct server_t server_t;

server_t *server_new(bool echo, bool large); /* answers with what it gets; otherwise counts it and throws it away */
kja_connection_t server_connect(server_t *server, kja_runtime_t runtime);
uint64_t server_await_end(server_t *server); /* of one connection; gives how many bytes it brought */
void server_free(server_t *server);

/* ---- workloads ---- */

void calls(void);    /* W1 */
void timers(void);   /* W2 */
void echo(void);     /* W3 */
void bulk(void);     /* W4 */
void datagrams(void); /* W5 */
void http(void);      /* W6 */
void websockets(void); /* W7 */
void tls(void);       /* W8 */
void promises(void); /* W9 */
void memory(void);   /* W10 */
void beside(void);   /* W11 */

#endif
