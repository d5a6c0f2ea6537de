/* As every_function.h, for HTTP and URLs. */
#ifndef KJASYNC_TEST_EVERY_HTTP_FUNCTION_H
#define KJASYNC_TEST_EVERY_HTTP_FUNCTION_H

static inline void http_client_refuses(uint64_t h) {
  uint64_t handle = 0;
  size_t size = 0;
  REFUSED(kja_http_client_new(h, NULL, &handle));
  REFUSED(kja_http_client_request_start(h, "x", 1, "x", 1, h, "x", 1, &handle));
  REFUSED(kja_http_client_request_stream_start(h, "x", 1, "x", 1, h, 0, &handle, &handle));
  REFUSED(kja_http_client_idle_connections(h, &size));
  REFUSED(kja_http_client_release(h));
}

static inline void http_headers_refuses(uint64_t h) {
  uint64_t handle = 0;
  size_t size = 0;
  bool yes = false;
  REFUSED(kja_http_headers_clone(h, &handle));
  REFUSED(kja_http_headers_set(h, "x", 1, "x", 1));
  REFUSED(kja_http_headers_append(h, "x", 1, "x", 1));
  REFUSED(kja_http_headers_remove(h, "x", 1, &size));
  REFUSED(kja_http_headers_get(h, "x", 1, NULL, 0, &size, &yes));
  REFUSED(kja_http_headers_count(h, &size));
  REFUSED(kja_http_headers_at(h, 0, NULL, 0, &size, NULL, 0, &size));
  REFUSED(kja_http_headers_bytes(h, &handle));
  REFUSED(kja_http_headers_is_websocket(h, &yes));
  REFUSED(kja_http_headers_clear(h));
  REFUSED(kja_http_headers_release(h));
}

static inline void http_request_refuses(uint64_t h) {
  uint64_t handle = 0;
  size_t size = 0;
  uint32_t number = 0;
  uint64_t wide = 0;
  REFUSED(kja_http_request_method(h, NULL, 0, &size));
  REFUSED(kja_http_request_target(h, NULL, 0, &size));
  REFUSED(kja_http_request_version(h, &number));
  REFUSED(kja_http_request_headers(h, &handle));
  REFUSED(kja_http_request_head(h, &handle));
  REFUSED(kja_http_request_body_length(h, &wide));
  REFUSED(kja_http_request_body(h, &handle));
  REFUSED(kja_http_request_trailers(h, &handle));
  REFUSED(kja_http_request_connection(h, &handle));
  REFUSED(kja_http_request_respond(h, 200, "x", 1, h, "x", 1));
  REFUSED(kja_http_request_respond_stream(h, 200, "x", 1, h, 0, &handle));
  REFUSED(kja_http_request_respond_error(h, 200, "x", 1));
  REFUSED(kja_http_request_accept_tunnel(h, 200, "x", 1, h, &handle));
  REFUSED(kja_http_request_release(h));
}

static inline void http_response_refuses(uint64_t h) {
  uint64_t handle = 0;
  size_t size = 0;
  uint32_t number = 0;
  uint64_t wide = 0;
  REFUSED(kja_http_response_status(h, &number));
  REFUSED(kja_http_response_reason(h, NULL, 0, &size));
  REFUSED(kja_http_response_version(h, &number));
  REFUSED(kja_http_response_headers(h, &handle));
  REFUSED(kja_http_response_head(h, &handle));
  REFUSED(kja_http_response_body_length(h, &wide));
  REFUSED(kja_http_response_body(h, &handle));
  REFUSED(kja_http_response_trailers(h, &handle));
  REFUSED(kja_http_response_release(h));
}

static inline void http_server_refuses(uint64_t h) {
  uint64_t handle = 0;
  size_t size = 0;
  REFUSED(kja_http_server_new(h, NULL, never_called, CTX, &handle));
  REFUSED(kja_http_server_listen_start(h, h, &handle));
  REFUSED(kja_http_server_serve_start(h, h, &handle));
  REFUSED(kja_http_server_serve_until_drained_start(h, h, &handle));
  REFUSED(kja_http_server_drain_start(h, &handle));
  REFUSED(kja_http_server_connections(h, &size));
  REFUSED(kja_http_server_release(h));
}

static inline void url_refuses(uint64_t h) {
  uint64_t handle = 0;
  size_t size = 0;
  bool yes = false;
  REFUSED(kja_url_parse_relative(h, "x", 1, &handle));
  REFUSED(kja_url_clone(h, &handle));
  REFUSED(kja_url_text(h, 0, NULL, 0, &size));
  REFUSED(kja_url_get(h, 0, NULL, 0, &size, &yes));
  REFUSED(kja_url_set(h, 0, "x", 1));
  REFUSED(kja_url_path_count(h, &size));
  REFUSED(kja_url_path_at(h, 0, NULL, 0, &size));
  REFUSED(kja_url_path_append(h, "x", 1));
  REFUSED(kja_url_path_clear(h));
  REFUSED(kja_url_trailing_slash(h, &yes));
  REFUSED(kja_url_set_trailing_slash(h, true));
  REFUSED(kja_url_query_count(h, &size));
  REFUSED(kja_url_query_at(h, 0, NULL, 0, &size, NULL, 0, &size, &yes));
  REFUSED(kja_url_query_append(h, "x", 1, "x", 1));
  REFUSED(kja_url_query_clear(h));
  REFUSED(kja_url_release(h));
}

static inline void every_http_function_refuses(uint64_t h) {
  http_client_refuses(h);
  http_headers_refuses(h);
  http_request_refuses(h);
  http_response_refuses(h);
  http_server_refuses(h);
  url_refuses(h);
}

#endif
