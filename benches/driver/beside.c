/* W11: round trips beside another connection's bulk, on one loop. The clients are plain sockets on threads of their own. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PUSH = 1 << 18 };

typedef struct loop_t {
  kja_runtime_t runtime;
  kja_listener_t listener;
  uint16_t port;
  bool have_echo;
  uint64_t sunk;
} loop_t;

typedef struct flow_t {
  loop_t *loop;
  kja_connection_t connection;
  bool echo;
  char buffer[LARGE];
} flow_t;

static void came(void *ctx, kja_call_t call) {
  flow_t *flow = ctx;
  uint64_t size;
  size_t written;
  MUST(kja_call_u64(call, &size));
  if (flow->echo) MUST(kja_connection_write_now(flow->connection, flow->buffer, size, &written));
  else __atomic_add_fetch(&flow->loop->sunk, size, __ATOMIC_RELAXED);
}

static void flow_free(void *ctx) {
  flow_t *flow = ctx;
  kja_connection_release(flow->connection);
  free(flow);
}

/* The first is answered, the others are thrown away. */
static void accepted(void *ctx, kja_call_t call) {
  loop_t *loop = ctx;
  flow_t *flow = malloc(sizeof *flow);
  kja_promise_t reading, owned;
  flow->loop = loop;
  flow->echo = !loop->have_echo;
  loop->have_echo = true;
  MUST(kja_call_handle(call, &flow->connection));
  MUST(kja_connection_read_each_into_start(flow->connection, flow->buffer, 1, flow->echo ? SMALL : LARGE, came, flow, NULL, &reading));
  MUST(kja_promise_attach(reading, flow, flow_free, &owned));
  MUST(kja_promise_release(reading));
  MUST(kja_promise_detach(owned, NULL, NULL, NULL));
}

static void loop_begin(loop_t *loop) {
  kja_promise_t parsing, accepting;
  kja_address_t bound;
  loop->runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  MUST(kja_address_parse_start(loop->runtime, "127.0.0.1:0", 11, 0, &parsing));
  kja_address_t address = handle_of(parsing);
  MUST(kja_address_listen(address, 0, &loop->listener));
  MUST(kja_address_release(address));
  MUST(kja_listener_local_address(loop->listener, &bound));
  MUST(kja_address_port(bound, &loop->port));
  MUST(kja_address_release(bound));
  MUST(kja_listener_accept_each_start(loop->listener, accepted, loop, NULL, &accepting));
  MUST(kja_promise_detach(accepting, NULL, NULL, NULL));
}

static int dial(uint16_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) perror("connect"), exit(3);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void *push(void *ctx) {
  static char block[PUSH];
  while (send(*(int *)ctx, block, PUSH, MSG_NOSIGNAL) > 0) continue;
  return NULL;
}

static void round_trip(int fd) {
  char message[SMALL] = "";
  if (send(fd, message, SMALL, MSG_NOSIGNAL) != SMALL || recv(fd, message, SMALL, MSG_WAITALL) != SMALL) perror("round trip"), exit(3);
}

void beside(void) {
  const char *name = "w11_beside_bulk";
  if (!bench_wants(name)) return;
  loop_t loop = {0};
  loop_begin(&loop);
  int pinging = dial(loop.port);
  round_trip(pinging);
  int pushing = dial(loop.port);
  pthread_t pusher;
  pthread_create(&pusher, NULL, push, &pushing);
  usleep(100000); /* until the bulk is under way */
  samples_t samples = samples_new(1 << 16);
  span_t span;
  struct timespec pause = {0, 200000};
  uint64_t before = __atomic_load_n(&loop.sunk, __ATOMIC_RELAXED);
  span_begin(&span);
  for (uint64_t end = span.begin + bench_nanos(3), now; now = kja_timer_now_nanos(), now < end; nanosleep(&pause, NULL)) {
    round_trip(pinging);
    samples_add(&samples, kja_timer_now_nanos() - now);
  }
  span_end(&span);
  double bytes = (double)(__atomic_load_n(&loop.sunk, __ATOMIC_RELAXED) - before);
  report(name, &span, (double)samples.count, bytes, &samples, NULL);
  samples_free(&samples);
  shutdown(pushing, SHUT_RDWR);
  pthread_join(pusher, NULL);
  close(pushing);
  close(pinging);
  runtime_end(loop.runtime);
}
