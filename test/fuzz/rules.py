"""What each parameter of the C interface is given by the fuzzer, and which functions have a call of their own, and why."""
import re

# Functions that may not be called with just anything. Each has a call in test/fuzz/own.h, for the reason beside it.
OWN = {
    "kja_runtime_new": "loops and scopes are few, or there would be as many threads",
    "kja_runtime_shutdown": "ends what all others work on, so it is rare",
    "kja_runtime_release": "ends what all others work on, so it is rare, and counted",
    "kja_runtime_run": "takes as long as it is told to",
    "kja_runtime_poll": "turns until nothing is left, which need not come: a pump in a ring for instance",
    "kja_runtime_turn": "as kja_runtime_poll",
    "kja_promise_await": "waits without a bound, so only for what has settled",
    "kja_promise_await_for": "takes as long as it is told to",
    "kja_executor_execute": "waits until that loop turns, so only for loops that do, and with a callback that leaves nothing pending",
    "kja_process_spawn": "starts what ends by itself and touches nothing",
    "kja_process_run_start": "as kja_process_spawn",
    "kja_process_watch": "wants a child of this process",
    "kja_signal_send": "would end this process, or another",
    "kja_filesystem_root": "everything on this machine is below it, so that nothing may be done with it",
    "kja_filesystem_current": "as kja_filesystem_root",
}
# What depends on other processes, threads of the system's, or signals, so that a replay cannot have it. Nor can it have descriptors
# on their way through a socket, which the kernel closes in its own time when nobody takes them, nor TLS, whose signatures are of
# different lengths each time.
# Nor can it have the pool of threads for files, which takes its time.
OUTSIDE = re.compile(r"kja_(process|signal)_|kja_(file|directory|replacer)_\w+_start$|kja_executor_execute$|kja_runtime_release$|kja_connection_(write_with|send)_|"
                     r"kja_tls_context_wrapper$")
# Blocks on purpose for some time, so it is not called where one must not block: in a destructor.
BLOCKS = {"kja_runtime_shutdown", "kja_runtime_release", "kja_runtime_run", "kja_runtime_poll", "kja_runtime_turn",
          "kja_promise_await", "kja_promise_await_for", "kja_executor_execute", "kja_process_spawn", "kja_process_run_start",
          "kja_process_watch"}
# How often a call is chosen; 1 without a line here.
WEIGHTS = {"kja_runtime_poll": 20, "kja_promise_handle": 10, "kja_timer_advance": 4, "kja_promise_await_for": 6,
           "kja_message_take_connection": 2, "kja_connection_write_start": 3, "kja_call_return_promise": 3,
           "kja_fulfiller_handle": 3, "kja_queue_push_handle_start": 3}

# Texts, by the name of the parameter, or of the function and the parameter: an array of test/fuzz/values.h.
TEXTS = [
    (r"kja_(path|directory)_\w+:(text|path|from_path|base|more|head|tail|other|target)", "PATHS"),
    (r"kja_(address|network)_parse\w*:text", "ADDRESSES"), (r"kja_cidr_\w+:(text|ip)", "BLOCKS"), (r"kja_url_\w+:text", "URLS"),
    (r"kja_http_client_\w+:url", "REQUESTS"), (r"\w+:method", "METHODS"), (r"\w+:host", "HOSTS"), (r"\w+:target", "URLS"),
    (r"kja_http_range_parse:value", "RANGES"), (r"kja_http_headers_parse:lines", "FIELDS"), (r"kja_url_\w+:(name|value)", "WORDS"),
    (r"kja_http_headers_\w+:name", "NAMES"), (r"kja_websocket_new:extensions", "EXTENSIONS"), (r"\w+:(reason|text|file)", "WORDS"),
]
# Bytes with a shape, as above; others are arbitrary.
DATA = [
    (r"kja_\w+_from_sockaddr:sockaddr", "SOCKADDRS"), (r"kja_http_head_\w+:data", "HEADS"),
    (r"kja_http_headers_\w+:value", "WORDS"), (r"kja_tls_key_pair_new:certificates", "CERTIFICATES"),
    (r"kja_tls_key_pair_new:key", "KEYS"), (r"kja_tls_key_pair_new:password", "WORDS"), (r"kja_cidr_text_of:ip", "WORDS"),
]
# Numbers, likewise: a macro of test/fuzz/values.h.
NUMBERS = [
    (r"kja_file_\w+:(offset|from_offset|size|limit)", "A_PLACE"), (r"\w+:(mode|how)", "A_MODE"),
    # Virtual time stops at each timer on the way: a long way in short steps is what the caller has asked for.
    (r"kja_timer_advance:nanos", "A_STEP"), (r"\w+:(nanos|mono_nanos|grace_nanos|unit)", "A_TIME"),
    (r"\w+:(count|permits|limit|max_fds|max_connections|capacity|max|min|most|length|size|start|end|offset|total)", "A_SIZE"),
    (r"\w+:backlog", "A_BACKLOG"), (r"\w+:index", "AN_INDEX"), (r"\w+:level", "SOL_SOCKET"), (r"\w+:option", "AN_OPTION"),
    (r"kja_process_kill\w*:signal", "A_KILL"), (r"kja_http_\w+:status", "A_STATUS"),
    # Ports are the system's choice: a fixed one may be another program's.
    (r"\w+:default_port", "NO_PORT"),
    (r"\w+:(code|value|key|id|os_error|line|version|prefix|pid|uid|gid)", "A_NUMBER"),
    (r"\w+:(flags|until|context|kind|what|part|role|set|clock|number)", "A_CHOICE"),
]
# Where a descriptor is written that the caller owns; others stay the library's.
GIVES_FD = {"kja_connection_dup_fd", "kja_message_take_fd"}


def first(rules, function, word):
    return next((given for pattern, given in rules if re.fullmatch(pattern, f"{function}:{word}")), None)
