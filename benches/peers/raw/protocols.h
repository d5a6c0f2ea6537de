/* raw: W6 and W8, HTTP and TLS. A part of raw.c. */
#include <openssl/err.h>
#include <openssl/ssl.h>

/* ------------------------------------------------------------ W6 */
#define REQ_MAX (1 << 18)
typedef struct { int fd; size_t have, so, sl; char *out; int eo; char in[REQ_MAX]; } hconn;
static char get_resp[1024 + 256];
static size_t get_resp_len;
static int http_forever; /* else the server ends with its last connection */
static void http_prepare(void) {
  char body[1024];
  memset(body, 'x', sizeof body);
  get_resp_len = (size_t)sprintf(get_resp, "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\nContent-Type: text/plain\r\n\r\n");
  memcpy(get_resp + get_resp_len, body, 1024);
  get_resp_len += 1024;
}
/* total length of the first request in b, or 0; *hdr is its head's length, *cl its body's */
static size_t http_len(const char *b, size_t n, size_t *hdr, size_t *cl) {
  const char *e = memmem(b, n, "\r\n\r\n", 4);
  if (!e) return 0;
  *hdr = (size_t)(e - b) + 4;
  *cl = 0;
  const char *c = memmem(b, *hdr, "ontent-", 7);
  while (c) {
    if (!strncasecmp(c, "ontent-length:", 14)) { *cl = strtoul(c + 14, NULL, 10); break; }
    c = memmem(c + 7, *hdr - (size_t)(c + 7 - b), "ontent-", 7);
  }
  return *hdr + *cl <= n ? *hdr + *cl : 0;
}
static void *http_server(void *arg) {
  int lfd = (int)(intptr_t)arg, ep = epoll_create1(0), live = 0, seen = 0;
  nonblock(lfd);
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, evs[128];
  epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev);
  while (http_forever || !seen || live) {
    int n = epoll_wait(ep, evs, 128, 100);
    for (int i = 0; i < n; i++) {
      hconn *c = evs[i].data.ptr;
      if (!c) {
        int fd;
        while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          nodelay(fd);
          c = malloc(sizeof *c);
          c->fd = fd; c->have = c->so = c->sl = 0; c->out = NULL; c->eo = 0;
          live++; seen = 1;
          ev.events = EPOLLIN; ev.data.ptr = c;
          epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
        }
        continue;
      }
      int closed = 0;
      if (c->so == c->sl) {
        ssize_t r = recv(c->fd, c->in + c->have, REQ_MAX - c->have, 0);
        if (r == 0 || (r < 0 && errno != EAGAIN)) closed = 1;
        else if (r > 0) c->have += (size_t)r;
      }
      while (!closed) {
        while (c->so < c->sl) {
          ssize_t w = send(c->fd, c->out + c->so, c->sl - c->so, MSG_NOSIGNAL);
          if (w < 0) { if (errno != EAGAIN) closed = 1; break; }
          c->so += (size_t)w;
        }
        int bl = c->so < c->sl;
        if (bl != c->eo) { c->eo = bl; ev.events = bl ? EPOLLOUT : EPOLLIN; ev.data.ptr = c; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev); }
        if (bl || closed) break;
        if (c->out) { free(c->out); c->out = NULL; }
        size_t h, cl, t = http_len(c->in, c->have, &h, &cl);
        if (!t) break;
        if (cl) {
          c->out = malloc(cl + 128);
          c->sl = (size_t)sprintf(c->out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", cl);
          memcpy(c->out + c->sl, c->in + h, cl);
          c->sl += cl;
        } else {
          c->out = malloc(get_resp_len);
          memcpy(c->out, get_resp, get_resp_len);
          c->sl = get_resp_len;
        }
        c->so = 0;
        memmove(c->in, c->in + t, c->have - t);
        c->have -= t;
      }
      if (closed) { close(c->fd); free(c->out); free(c); live--; }
    }
  }
  close(ep); close(lfd);
  return NULL;
}
static void w6(const char *name, size_t post, int conns) {
  if (!want(name)) return;
  int port, lfd = tcp_listen(0, &port);
  pthread_t s; pthread_create(&s, NULL, http_server, (void *)(intptr_t)lfd);
  char *req = malloc(post + 256);
  size_t rl = post ? (size_t)sprintf(req, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", post)
                   : (size_t)sprintf(req, "GET /k HTTP/1.1\r\nHost: localhost\r\n\r\n");
  memset(req + rl, 'y', post);
  rl += post;
  typedef struct { int fd; size_t so, have; int out; uint64_t t; char in[REQ_MAX]; } cc;
  cc **c = calloc((size_t)conns, sizeof *c);
  int ep = epoll_create1(0), live = conns;
  struct epoll_event ev, evs[128];
  for (int i = 0; i < conns; i++) {
    c[i] = calloc(1, sizeof **c);
    c[i]->fd = tcp_connect(port); nonblock(c[i]->fd);
    ev.events = EPOLLIN; ev.data.ptr = c[i];
    epoll_ctl(ep, EPOLL_CTL_ADD, c[i]->fd, &ev);
  }
  lat_t l; meas_t m;
  lat_init(&l, 1 << 20);
  meas_begin(&m);
  uint64_t end = m.t0 + dur_ns(1.5);
#define HPUMP(k) do { \
    while ((k)->so < rl) { ssize_t w = send((k)->fd, req + (k)->so, rl - (k)->so, MSG_NOSIGNAL); if (w < 0) break; (k)->so += (size_t)w; } \
    int bl = (k)->so < rl; \
    if (bl != (k)->out) { (k)->out = bl; ev.events = EPOLLIN | (bl ? EPOLLOUT : 0); ev.data.ptr = (k); epoll_ctl(ep, EPOLL_CTL_MOD, (k)->fd, &ev); } } while (0)
  for (int i = 0; i < conns; i++) { c[i]->t = now_ns(); HPUMP(c[i]); }
  while (live) {
    int n = epoll_wait(ep, evs, 128, -1);
    for (int i = 0; i < n; i++) {
      cc *k = evs[i].data.ptr;
      if (k->so < rl) HPUMP(k);
      ssize_t r = recv(k->fd, k->in + k->have, REQ_MAX - k->have, 0);
      if (r <= 0) continue;
      k->have += (size_t)r;
      size_t h, cl;
      if (http_len(k->in, k->have, &h, &cl)) {
        uint64_t t = now_ns();
        lat_add(&l, t - k->t);
        if (t >= end) { close(k->fd); live--; continue; }
        k->have = k->so = 0; k->t = t;
        HPUMP(k);
      }
    }
  }
  meas_end(&m);
  pthread_join(s, NULL);
  meas_emit(name, &m, (double)l.n, (double)l.n * (post ? 2.0 * (double)post : 1024.0), &l, NULL);
  for (int i = 0; i < conns; i++) free(c[i]);
  free(c); free(req); lat_free(&l); close(ep);
}
static void W6(void) {
  w6("w6_get1k_1c", 0, 1); w6("w6_get1k_64c", 0, 64); w6("w6_post64k_1c", K64, 1);
}

/* ------------------------------------------------------------ W8 */
static SSL_CTX *ctx_s, *ctx_c;
static void tls_setup(void) {
  const char *cert = getenv("PEERS_CERT"), *key = getenv("PEERS_KEY");
  if (!cert || !key) { fprintf(stderr, "PEERS_CERT/PEERS_KEY not set\n"); exit(3); }
  ctx_s = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(ctx_s, TLS1_3_VERSION);
  if (SSL_CTX_use_certificate_chain_file(ctx_s, cert) != 1 || SSL_CTX_use_PrivateKey_file(ctx_s, key, SSL_FILETYPE_PEM) != 1) die("cert");
  ctx_c = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(ctx_c, TLS1_3_VERSION);
  SSL_CTX_load_verify_locations(ctx_c, cert, NULL);
  SSL_CTX_set_verify(ctx_c, SSL_VERIFY_PEER, NULL);
}
static void *tls_hs_server(void *arg) {
  int lfd = (int)(intptr_t)arg;
  for (;;) {
    int fd = accept(lfd, NULL, NULL);
    nodelay(fd);
    SSL *s = SSL_new(ctx_s);
    SSL_set_fd(s, fd);
    char b = 0;
    int stop = SSL_accept(s) != 1 || SSL_write(s, "k", 1) != 1 || SSL_read(s, &b, 1) != 1 || b == 'q';
    SSL_free(s); close(fd);
    if (stop) return NULL;
  }
}
static void *tls_sink(void *arg) {
  int lfd = (int)(intptr_t)arg, fd = accept(lfd, NULL, NULL);
  SSL *s = SSL_new(ctx_s);
  SSL_set_fd(s, fd);
  size_t n = 0; int r;
  char *b = malloc(K64);
  if (SSL_accept(s) == 1) while ((r = SSL_read(s, b, K64)) > 0) n += (size_t)r;
  SSL_free(s); close(fd); close(lfd); free(b);
  return (void *)n;
}
static SSL *tls_dial(int port, int *fd) {
  *fd = tcp_connect(port);
  SSL *s = SSL_new(ctx_c);
  SSL_set_fd(s, *fd);
  SSL_set_tlsext_host_name(s, "localhost");
  SSL_set1_host(s, "localhost");
  if (SSL_connect(s) != 1) { ERR_print_errors_fp(stderr); exit(3); }
  return s;
}
static void W8(void) {
  tls_setup();
  meas_t m; lat_t l;
  if (want("w8_tls_handshake")) {
    int port, lfd = tcp_listen(0, &port);
    pthread_t t; pthread_create(&t, NULL, tls_hs_server, (void *)(intptr_t)lfd);
    lat_init(&l, 1 << 16);
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(2), x = m.t0;
    for (;;) {
      int fd; char b;
      SSL *s = tls_dial(port, &fd);
      SSL_read(s, &b, 1);
      uint64_t n = now_ns(); lat_add(&l, n - x);
      int last = n >= end;
      SSL_write(s, last ? "q" : "k", 1);
      SSL_free(s); close(fd);
      if (last) break;
      x = now_ns();
    }
    meas_end(&m); pthread_join(t, NULL); close(lfd);
    meas_emit("w8_tls_handshake", &m, (double)l.n, 0, &l, NULL);
    lat_free(&l);
  }
  if (want("w8_tls_bulk")) {
    size_t total = (size_t)(2.0 * g_scale * (double)(1ull << 30)) / K64 * K64;
    int port, lfd = tcp_listen(0, &port), fd; void *got;
    pthread_t t; pthread_create(&t, NULL, tls_sink, (void *)(intptr_t)lfd);
    SSL *s = tls_dial(port, &fd);
    char *b = calloc(1, K64);
    meas_begin(&m);
    for (size_t n = 0; n < total; n += K64) if (SSL_write(s, b, K64) != K64) break;
    SSL_shutdown(s);
    while (SSL_read(s, b, K64) > 0) {} /* session tickets left unread would reset the connection */
    SSL_free(s); close(fd); pthread_join(t, &got);
    meas_end(&m);
    if ((size_t)got != total) fprintf(stderr, "w8 short\n");
    meas_emit("w8_tls_bulk", &m, (double)total / K64, (double)total, NULL, NULL);
    free(b);
  }
}
