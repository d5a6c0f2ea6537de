/* raw: plain system calls; the floor this machine allows.
 * Blocking sockets where one connection is enough, epoll elsewhere. The "ffi"
 * cases use a minimal runtime: an epoll loop on its own thread, a lock-free
 * submission stack with an eventfd wake, and a futex per operation. */
#include "../common/bench.h"
#include <arpa/inet.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define K64 65536

/* ------------------------------------------------------------ sockets */
static void nodelay(int fd) { int one = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); }
static void nonblock(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }
static struct sockaddr_in lo_addr(int port) {
  struct sockaddr_in a;
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_port = htons((uint16_t)port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}
static int tcp_listen(int port, int *out) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = lo_addr(port);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096)) die("listen");
  socklen_t l = sizeof a;
  getsockname(fd, (struct sockaddr *)&a, &l);
  if (out) *out = ntohs(a.sin_port);
  return fd;
}
static int tcp_connect(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in a = lo_addr(port);
  if (connect(fd, (struct sockaddr *)&a, sizeof a)) die("connect");
  nodelay(fd);
  return fd;
}
static int send_all(int fd, const char *b, size_t n) {
  while (n) {
    ssize_t r = send(fd, b, n, MSG_NOSIGNAL);
    if (r <= 0) return -1;
    b += r; n -= (size_t)r;
  }
  return 0;
}
static int recv_all(int fd, char *b, size_t n) {
  while (n) {
    ssize_t r = recv(fd, b, n, 0);
    if (r <= 0) return -1;
    b += r; n -= (size_t)r;
  }
  return 0;
}

/* ------------------------------------------------------------ echo servers */
static void *echo_blocking(void *arg) {
  int lfd = (int)(intptr_t)arg;
  int fd = accept(lfd, NULL, NULL);
  nodelay(fd);
  char *b = malloc(K64);
  for (;;) {
    ssize_t r = recv(fd, b, K64, 0);
    if (r <= 0 || send_all(fd, b, (size_t)r)) break;
  }
  free(b); close(fd); close(lfd);
  return NULL;
}
typedef struct { int fd; size_t off, len; int want_out; char b[K64]; } econn;
static void *echo_epoll(void *arg) { /* ends when every connection has closed */
  int lfd = (int)(intptr_t)arg, ep = epoll_create1(0), live = 0, seen = 0;
  nonblock(lfd);
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, evs[128];
  epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev);
  while (!seen || live) {
    int n = epoll_wait(ep, evs, 128, -1);
    for (int i = 0; i < n; i++) {
      econn *c = evs[i].data.ptr;
      if (!c) {
        int fd;
        while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          nodelay(fd);
          c = calloc(1, sizeof *c);
          c->fd = fd; live++; seen = 1;
          ev.events = EPOLLIN; ev.data.ptr = c;
          epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
        }
        continue;
      }
      for (;;) {
        while (c->off < c->len) {
          ssize_t w = send(c->fd, c->b + c->off, c->len - c->off, MSG_NOSIGNAL);
          if (w < 0) break;
          c->off += (size_t)w;
        }
        int blocked = c->off < c->len;
        if (blocked != c->want_out) {
          c->want_out = blocked;
          ev.events = blocked ? EPOLLOUT : EPOLLIN; ev.data.ptr = c;
          epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
        }
        if (blocked) break;
        ssize_t r = recv(c->fd, c->b, K64, 0);
        if (r < 0 && errno == EAGAIN) break;
        if (r <= 0) { close(c->fd); free(c); live--; break; }
        c->off = 0; c->len = (size_t)r;
        if (r < K64) { /* short read: send, then back to epoll */
          ssize_t w = send(c->fd, c->b, c->len, MSG_NOSIGNAL);
          if (w == (ssize_t)c->len) { c->off = c->len; break; }
          if (w > 0) c->off = (size_t)w;
        }
      }
    }
  }
  close(ep); close(lfd);
  return NULL;
}

/* ------------------------------------------------------------ minimal runtime */
enum { OP_NOP, OP_WRITE, OP_READ, OP_COUNT };
struct rconn;
typedef struct rop {
  struct rop *next;
  int kind;
  struct rconn *c;
  char *buf;
  size_t len, off;
  _Atomic int state; /* 0 pending, 1 a thread sleeps on it, 2 done */
} rop;
typedef struct rconn { int fd; rop *rd, *wr; } rconn;
typedef struct {
  _Atomic(rop *) head;
  _Atomic int sleeping, stop;
  int ep, evfd;
  uint64_t spin_ns;
  pthread_t th;
} rrt;

static void futex_wait(_Atomic int *p, int v) { syscall(SYS_futex, p, FUTEX_WAIT_PRIVATE, v, NULL, NULL, 0); }
static void futex_wake(_Atomic int *p) { syscall(SYS_futex, p, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }
static void op_done(rop *o) {
  if (atomic_exchange(&o->state, 2) == 1) futex_wake(&o->state);
}
static int conn_read(rop *o) {
  while (o->off < o->len) {
    ssize_t r = recv(o->c->fd, o->buf + o->off, o->len - o->off, 0);
    if (r < 0 && errno == EAGAIN) return 0;
    if (r <= 0) return 1;
    o->off += (size_t)r;
  }
  return 1;
}
static int conn_write(rop *o) {
  while (o->off < o->len) {
    ssize_t r = send(o->c->fd, o->buf + o->off, o->len - o->off, MSG_NOSIGNAL);
    if (r < 0 && errno == EAGAIN) return 0;
    if (r <= 0) return 1;
    o->off += (size_t)r;
  }
  return 1;
}
static void op_run(rop *o) {
  switch (o->kind) {
    case OP_NOP: op_done(o); break;
    case OP_WRITE: if (conn_write(o)) op_done(o); else o->c->wr = o; break;
    case OP_READ: if (conn_read(o)) op_done(o); else o->c->rd = o; break;
    case OP_COUNT: (*(size_t *)o->buf)++; if (*(size_t *)o->buf == o->len) op_done(o); break;
  }
}
static void *rrt_main(void *arg) {
  rrt *r = arg;
  struct epoll_event evs[128];
  while (!atomic_load(&r->stop)) {
    int timeout = 0;
    if (r->spin_ns) {
      uint64_t t = now_ns() + r->spin_ns;
      int k = 0;
      while (!atomic_load_explicit(&r->head, memory_order_relaxed) && now_ns() < t)
        for (k = 0; k < 64; k++) __builtin_ia32_pause();
    }
    if (!atomic_load(&r->head)) {
      atomic_store(&r->sleeping, 1);
      if (!atomic_load(&r->head)) timeout = -1;
      else atomic_store(&r->sleeping, 0);
    }
    int n = timeout ? epoll_wait(r->ep, evs, 128, timeout) : 0;
    atomic_store(&r->sleeping, 0);
    for (int i = 0; i < n; i++) {
      rconn *c = evs[i].data.ptr;
      if (!c) { uint64_t v; ssize_t q = read(r->evfd, &v, 8); (void)q; continue; }
      if (c->rd && (evs[i].events & (EPOLLIN | EPOLLHUP)) && conn_read(c->rd)) { rop *o = c->rd; c->rd = NULL; op_done(o); }
      if (c->wr && (evs[i].events & EPOLLOUT) && conn_write(c->wr)) { rop *o = c->wr; c->wr = NULL; op_done(o); }
    }
    rop *o = atomic_exchange(&r->head, NULL), *rev = NULL;
    while (o) { rop *nx = o->next; o->next = rev; rev = o; o = nx; }
    while (rev) { rop *nx = rev->next; op_run(rev); rev = nx; }
  }
  return NULL;
}
static void rrt_kick(rrt *r) {
  if (atomic_exchange(&r->sleeping, 0)) { uint64_t one = 1; ssize_t q = write(r->evfd, &one, 8); (void)q; }
}
static void rrt_post(rrt *r, rop *o) {
  atomic_store_explicit(&o->state, 0, memory_order_relaxed);
  o->off = 0;
  o->next = atomic_load_explicit(&r->head, memory_order_relaxed);
  while (!atomic_compare_exchange_weak(&r->head, &o->next, o)) {}
  rrt_kick(r);
}
static void rrt_wait(rrt *r, rop *o) {
  if (r->spin_ns) {
    uint64_t t = now_ns() + r->spin_ns;
    while (atomic_load_explicit(&o->state, memory_order_acquire) != 2 && now_ns() < t)
      for (int k = 0; k < 64; k++) __builtin_ia32_pause();
  }
  int z = 0;
  if (atomic_compare_exchange_strong(&o->state, &z, 1))
    while (atomic_load(&o->state) != 2) futex_wait(&o->state, 1);
}
static void rrt_start(rrt *r, uint64_t spin_ns) {
  memset(r, 0, sizeof *r);
  r->spin_ns = spin_ns;
  r->ep = epoll_create1(0);
  r->evfd = eventfd(0, EFD_NONBLOCK);
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(r->ep, EPOLL_CTL_ADD, r->evfd, &ev);
  pthread_create(&r->th, NULL, rrt_main, r);
}
static void rrt_stop(rrt *r) {
  atomic_store(&r->stop, 1);
  uint64_t one = 1;
  ssize_t q = write(r->evfd, &one, 8); (void)q;
  pthread_join(r->th, NULL);
  close(r->ep); close(r->evfd);
}

/* ------------------------------------------------------------ W1 */
static struct { pthread_mutex_t m; pthread_cond_t c; int v; } Q = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0},
                                                       A = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
static void *condvar_worker(void *x) {
  (void)x;
  for (;;) {
    pthread_mutex_lock(&Q.m);
    while (!Q.v) pthread_cond_wait(&Q.c, &Q.m);
    int v = Q.v; Q.v = 0;
    pthread_mutex_unlock(&Q.m);
    if (v == 2) return NULL;
    pthread_mutex_lock(&A.m); A.v = 1; pthread_mutex_unlock(&A.m);
    pthread_cond_signal(&A.c);
  }
}
static void condvar_post(int v) { pthread_mutex_lock(&Q.m); Q.v = v; pthread_mutex_unlock(&Q.m); pthread_cond_signal(&Q.c); }
static _Atomic int spin_a, spin_stop;
static void *spin_worker(void *x) {
  (void)x;
  while (!atomic_load_explicit(&spin_stop, memory_order_relaxed)) {
    if (atomic_load_explicit(&spin_a, memory_order_acquire) == 1) atomic_store_explicit(&spin_a, 2, memory_order_release);
    else __builtin_ia32_pause();
  }
  return NULL;
}
static void w1_call(const char *name, uint64_t spin) {
  rrt r; lat_t l; meas_t m; rop o;
  memset(&o, 0, sizeof o);
  o.kind = OP_NOP;
  rrt_start(&r, spin);
  lat_init(&l, 1 << 20);
  for (int i = 0; i < 2000; i++) { rrt_post(&r, &o); rrt_wait(&r, &o); }
  meas_begin(&m);
  uint64_t end = m.t0 + dur_ns(1.5), t = m.t0;
  while (t < end) {
    rrt_post(&r, &o); rrt_wait(&r, &o);
    uint64_t n = now_ns(); lat_add(&l, n - t); t = n;
  }
  meas_end(&m);
  meas_emit(name, &m, (double)l.n, 0, &l, NULL);
  lat_free(&l); rrt_stop(&r);
}
static void W1(void) {
  meas_t m; lat_t l;
  if (want("w1_call_latency")) w1_call("w1_call_latency", 0);
  if (want("w1_call_spin50us")) w1_call("w1_call_spin50us", 50000);
  if (want("w1_call_condvar")) {
    pthread_t t; pthread_create(&t, NULL, condvar_worker, NULL);
    lat_init(&l, 1 << 20);
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1.5), x = m.t0;
    while (x < end) {
      condvar_post(1);
      pthread_mutex_lock(&A.m); while (!A.v) pthread_cond_wait(&A.c, &A.m); A.v = 0; pthread_mutex_unlock(&A.m);
      uint64_t n = now_ns(); lat_add(&l, n - x); x = n;
    }
    meas_end(&m); meas_emit("w1_call_condvar", &m, (double)l.n, 0, &l, NULL);
    lat_free(&l); condvar_post(2); pthread_join(t, NULL);
  }
  if (want("w1_call_busyspin")) {
    pthread_t t; pthread_create(&t, NULL, spin_worker, NULL);
    lat_init(&l, 16 << 20);
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(0.5), x = m.t0;
    while (x < end) {
      atomic_store_explicit(&spin_a, 1, memory_order_release);
      while (atomic_load_explicit(&spin_a, memory_order_acquire) != 2) __builtin_ia32_pause();
      uint64_t n = now_ns(); lat_add(&l, n - x); x = n;
    }
    meas_end(&m); atomic_store(&spin_stop, 1); pthread_join(t, NULL);
    meas_emit("w1_call_busyspin", &m, (double)l.n, 0, &l, NULL);
    lat_free(&l);
  }
  if (want("w1_pipelined_1024")) {
    rrt r; rrt_start(&r, 0);
    rop *o = calloc(1024, sizeof *o);
    double n = 0;
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1.5);
    while (now_ns() < end) {
      for (int i = 0; i < 1024; i++) { o[i].kind = OP_NOP; rrt_post(&r, &o[i]); }
      for (int i = 0; i < 1024; i++) rrt_wait(&r, &o[i]);
      n += 1024;
    }
    meas_end(&m); meas_emit("w1_pipelined_1024", &m, n, 0, NULL, NULL);
    rrt_stop(&r); free(o);
  }
}

/* ------------------------------------------------------------ W3 */
static void w3_native(const char *name, size_t size, int conns) {
  if (!want(name)) return;
  int port, lfd = tcp_listen(0, &port);
  pthread_t srv;
  pthread_create(&srv, NULL, conns == 1 ? echo_blocking : echo_epoll, (void *)(intptr_t)lfd);
  lat_t l; meas_t m;
  lat_init(&l, 1 << 20);
  if (conns == 1) {
    int fd = tcp_connect(port);
    char *b = calloc(1, size);
    for (int i = 0; i < 500; i++) { send_all(fd, b, size); recv_all(fd, b, size); }
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1), t = m.t0;
    while (t < end) {
      send_all(fd, b, size); recv_all(fd, b, size);
      uint64_t n = now_ns(); lat_add(&l, n - t); t = n;
    }
    meas_end(&m);
    close(fd); free(b);
  } else {
    typedef struct { int fd; size_t so, ro; uint64_t t; int out; } cc;
    cc *c = calloc((size_t)conns, sizeof *c);
    char *b = calloc(1, size), *rb = malloc(size);
    int ep = epoll_create1(0), live = conns;
    struct epoll_event ev, evs[128];
    for (int i = 0; i < conns; i++) {
      c[i].fd = tcp_connect(port); nonblock(c[i].fd);
      ev.events = EPOLLIN; ev.data.ptr = &c[i];
      epoll_ctl(ep, EPOLL_CTL_ADD, c[i].fd, &ev);
    }
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1);
#define PUMP(k) do { \
      while ((k)->so < size) { ssize_t w = send((k)->fd, b, size - (k)->so, MSG_NOSIGNAL); if (w < 0) break; (k)->so += (size_t)w; } \
      int bl = (k)->so < size; \
      if (bl != (k)->out) { (k)->out = bl; ev.events = EPOLLIN | (bl ? EPOLLOUT : 0); ev.data.ptr = (k); epoll_ctl(ep, EPOLL_CTL_MOD, (k)->fd, &ev); } } while (0)
    for (int i = 0; i < conns; i++) { c[i].t = now_ns(); PUMP(&c[i]); }
    while (live) {
      int n = epoll_wait(ep, evs, 128, -1);
      for (int i = 0; i < n; i++) {
        cc *k = evs[i].data.ptr;
        if (k->so < size) PUMP(k);
        while (k->ro < size) {
          ssize_t r = recv(k->fd, rb, size - k->ro, 0);
          if (r < 0) break;
          k->ro += (size_t)r;
          if (size <= 64) break;
        }
        if (k->ro == size) {
          uint64_t t = now_ns();
          lat_add(&l, t - k->t);
          if (t >= end) { close(k->fd); live--; continue; }
          k->ro = k->so = 0; k->t = t;
          PUMP(k);
        }
      }
    }
    meas_end(&m);
    close(ep); free(b); free(rb); free(c);
  }
  pthread_join(srv, NULL);
  meas_emit(name, &m, (double)l.n, 2.0 * (double)l.n * (double)size, &l, NULL);
  lat_free(&l);
}
static void w3_ffi(const char *name, size_t size, int conns) {
  if (!want(name)) return;
  int port, lfd = tcp_listen(0, &port);
  pthread_t srv;
  pthread_create(&srv, NULL, echo_epoll, (void *)(intptr_t)lfd);
  rrt r; rrt_start(&r, 0);
  rconn *c = calloc((size_t)conns, sizeof *c);
  rop *w = calloc((size_t)conns, sizeof *w), *rd = calloc((size_t)conns, sizeof *rd);
  uint64_t *ts = calloc((size_t)conns, sizeof *ts);
  for (int i = 0; i < conns; i++) {
    c[i].fd = tcp_connect(port); nonblock(c[i].fd);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &c[i]};
    epoll_ctl(r.ep, EPOLL_CTL_ADD, c[i].fd, &ev);
    w[i] = (rop){.kind = OP_WRITE, .c = &c[i], .buf = calloc(1, size), .len = size};
    rd[i] = (rop){.kind = OP_READ, .c = &c[i], .buf = calloc(1, size), .len = size};
  }
  lat_t l; meas_t m;
  lat_init(&l, 1 << 20);
  meas_begin(&m);
  uint64_t end = m.t0 + dur_ns(1), t = m.t0;
  while (t < end) {
    if (conns == 1) {
      rrt_post(&r, &w[0]); rrt_wait(&r, &w[0]);
      rrt_post(&r, &rd[0]); rrt_wait(&r, &rd[0]);
      uint64_t n = now_ns(); lat_add(&l, n - t); t = n;
    } else {
      for (int i = 0; i < conns; i++) { ts[i] = now_ns(); rrt_post(&r, &w[i]); rrt_post(&r, &rd[i]); }
      for (int i = 0; i < conns; i++) { rrt_wait(&r, &w[i]); rrt_wait(&r, &rd[i]); t = now_ns(); lat_add(&l, t - ts[i]); }
    }
  }
  meas_end(&m);
  rrt_stop(&r);
  for (int i = 0; i < conns; i++) { close(c[i].fd); free(w[i].buf); free(rd[i].buf); }
  pthread_join(srv, NULL);
  meas_emit(name, &m, (double)l.n, 2.0 * (double)l.n * (double)size, &l, NULL);
  lat_free(&l); free(c); free(w); free(rd); free(ts);
}
static void W3(void) {
  w3_native("w3_native_64B_1c", 64, 1); w3_native("w3_native_64K_1c", K64, 1);
  w3_native("w3_native_64B_64c", 64, 64); w3_native("w3_native_64K_64c", K64, 64);
  w3_ffi("w3_ffi_64B_1c", 64, 1); w3_ffi("w3_ffi_64K_1c", K64, 1);
  w3_ffi("w3_ffi_64B_64c", 64, 64); w3_ffi("w3_ffi_64K_64c", K64, 64);
}

/* ------------------------------------------------------------ W4 */
static void *sink(void *arg) {
  int lfd = (int)(intptr_t)arg, fd = accept(lfd, NULL, NULL);
  char *b = malloc(K64);
  size_t n = 0;
  ssize_t r;
  while ((r = recv(fd, b, K64, 0)) > 0) n += (size_t)r;
  free(b); close(fd); close(lfd);
  return (void *)n;
}
static void W4(void) {
  size_t total = (size_t)(4.0 * g_scale * (double)(1ull << 30)) / K64 * K64;
  for (int ffi = 0; ffi < 2; ffi++) {
    const char *name = ffi ? "w4_bulk_ffi" : "w4_bulk_native";
    if (!want(name)) continue;
    int port, lfd = tcp_listen(0, &port);
    pthread_t s; void *got;
    pthread_create(&s, NULL, sink, (void *)(intptr_t)lfd);
    int fd = tcp_connect(port);
    char *b = calloc(1, K64);
    meas_t m;
    if (!ffi) {
      meas_begin(&m);
      for (size_t n = 0; n < total; n += K64) if (send_all(fd, b, K64)) break;
      close(fd); pthread_join(s, &got);
      meas_end(&m);
    } else {
      rrt r; rrt_start(&r, 0);
      nonblock(fd);
      rconn c = {.fd = fd};
      struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &c};
      epoll_ctl(r.ep, EPOLL_CTL_ADD, fd, &ev);
      rop o = {.kind = OP_WRITE, .c = &c, .buf = b, .len = K64};
      meas_begin(&m);
      for (size_t n = 0; n < total; n += K64) { rrt_post(&r, &o); rrt_wait(&r, &o); }
      rrt_stop(&r); close(fd); pthread_join(s, &got);
      meas_end(&m);
    }
    if ((size_t)got != total) fprintf(stderr, "%s: short\n", name);
    meas_emit(name, &m, (double)total / K64, (double)total, NULL, NULL);
    free(b);
  }
}

/* ------------------------------------------------------------ W5 */
static int udp_bound(int *port) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in a = lo_addr(0);
  if (bind(fd, (struct sockaddr *)&a, sizeof a)) die("bind");
  socklen_t n = sizeof a;
  getsockname(fd, (struct sockaddr *)&a, &n);
  *port = ntohs(a.sin_port);
  return fd;
}
static void *udp_echo(void *arg) {
  int fd = (int)(intptr_t)arg;
  char b[2048];
  for (;;) {
    struct sockaddr_in a; socklen_t n = sizeof a;
    ssize_t r = recvfrom(fd, b, sizeof b, 0, (struct sockaddr *)&a, &n);
    if (r < 2) return NULL;
    sendto(fd, b, (size_t)r, 0, (struct sockaddr *)&a, n);
  }
}
static _Atomic size_t udp_got;
static void *udp_count(void *arg) {
  int fd = (int)(intptr_t)arg;
  char b[2048];
  size_t n = 0;
  while (recv(fd, b, sizeof b, 0) >= 2) atomic_store_explicit(&udp_got, ++n, memory_order_relaxed);
  return (void *)n;
}
static void W5(void) {
  meas_t m; lat_t l; char b[64] = {0};
  if (want("w5_udp_pingpong_64B")) {
    int p1, p2, s = udp_bound(&p1), c = udp_bound(&p2);
    pthread_t t; pthread_create(&t, NULL, udp_echo, (void *)(intptr_t)s);
    struct sockaddr_in a = lo_addr(p1);
    connect(c, (struct sockaddr *)&a, sizeof a);
    struct timeval tv = {1, 0};
    setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    lat_init(&l, 1 << 20);
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1), x = m.t0;
    while (x < end) {
      send(c, b, 64, 0);
      ssize_t q = recv(c, b, 64, 0); (void)q;
      uint64_t n = now_ns(); lat_add(&l, n - x); x = n;
    }
    meas_end(&m); meas_emit("w5_udp_pingpong_64B", &m, (double)l.n, 0, &l, NULL);
    send(c, b, 1, 0); pthread_join(t, NULL); close(s); close(c); lat_free(&l);
  }
  if (want("w5_udp_oneway_64B")) {
    int p1, p2, s = udp_bound(&p1), c = udp_bound(&p2);
    pthread_t t; void *got; pthread_create(&t, NULL, udp_count, (void *)(intptr_t)s);
    struct sockaddr_in a = lo_addr(p1);
    size_t sent = 0;
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1);
    while ((sent & 63) || now_ns() < end) if (sendto(c, b, 64, 0, (struct sockaddr *)&a, sizeof a) == 64) sent++;
    meas_end(&m);
    usleep(50000);
    for (int i = 0; i < 20; i++) { sendto(c, b, 1, 0, (struct sockaddr *)&a, sizeof a); usleep(1000); }
    pthread_join(t, &got); close(s); close(c);
    char ex[96]; snprintf(ex, sizeof ex, ",\"sent\":%zu", sent);
    meas_emit("w5_udp_oneway_64B", &m, (double)(size_t)got, 0, NULL, ex);
  }
}

#include "protocols.h"

/* ------------------------------------------------------------ W9 */
static void W9(void) {
  if (!want("w9_xthread_fulfill_100k")) return;
  size_t n = scaled(100000), cnt = 0, reps = 10;
  rop *o = calloc(n, sizeof *o);
  rrt r; rrt_start(&r, 0);
  meas_t m;
  meas_begin(&m);
  for (size_t k = 0; k < reps; k++) {
    cnt = 0;
    for (size_t i = 0; i < n; i++) { o[i].kind = OP_COUNT; o[i].buf = (char *)&cnt; o[i].len = n; rrt_post(&r, &o[i]); }
    /* the operation that reaches the count is marked done; it need not be the last posted */
    rrt_wait(&r, &o[n - 1]);
  }
  meas_end(&m);
  meas_emit("w9_xthread_fulfill_100k", &m, (double)(n * reps), 0, NULL, NULL);
  rrt_stop(&r); free(o);
}

#include "beside.h"

int main(int argc, char **argv) {
  g_peer = "raw";
  raise_fds(20000);
  http_prepare();
  if (argc >= 4 && !strcmp(argv[1], "serve-http")) {
    int port, lfd = tcp_listen(atoi(argv[2]), &port);
    printf("READY %d\n", port); fflush(stdout);
    http_forever = 1;
    pthread_t s; pthread_create(&s, NULL, http_server, (void *)(intptr_t)lfd);
    sleep((unsigned)atoi(argv[3]));
    return 0;
  }
  if (argc >= 4 && !strcmp(argv[1], "hold")) { /* PORT N: keeps N idle connections until stdin ends */
    int n = atoi(argv[3]);
    for (int i = 0; i < n; i++) {
      tcp_connect(atoi(argv[2]));
      if (i % 64 == 63) usleep(1000); /* no more than the accept queue takes */
    }
    char b;
    while (read(0, &b, 1) > 0) {}
    return 0;
  }
  const char *w = bench_args(argc, argv);
  if (!strcmp(w, "W1")) W1();
  else if (!strcmp(w, "W3")) W3();
  else if (!strcmp(w, "W4")) W4();
  else if (!strcmp(w, "W5")) W5();
  else if (!strcmp(w, "W6")) W6();
  else if (!strcmp(w, "W8")) W8();
  else if (!strcmp(w, "W9")) W9();
  else if (!strcmp(w, "W11")) W11();
  else { fprintf(stderr, "n/a\n"); return 4; }
  return 0;
}
