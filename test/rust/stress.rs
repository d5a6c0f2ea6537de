//! Everything at once: threads that use, combine, cancel and release whatever the others have made.
//!
//! A seed repeats what each thread does, though not how they interleave. `KJA_STRESS_SEED` sets it, and
//! `KJA_STRESS_OPS` how many operations all threads make together; a million take about a second.

use crate::alone::{alone, descriptors, threads};
use crate::c::*;
use crate::gate::*;
use kjasync::ffi::{kja_callback_fn, kja_destroy_fn};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const THREADS: usize = 8;
const RUNTIMES: usize = 3;

type Release = extern "C" fn(u64) -> i32;

/// Handles of one type that all threads share. Whoever overwrites one releases it.
struct Pool {
    slots: Vec<AtomicU64>,
    release: Release,
}

impl Pool {
    fn new(size: usize, release: Release) -> Self {
        Self { slots: (0..size).map(|_| AtomicU64::new(0)).collect(), release }
    }

    /// Some handle: live, stale, none, and now and then a number that never was one.
    fn any(&self, random: &mut Random) -> u64 {
        match random.below(64) {
            0 => random.next(),
            1 => random.next() >> 32,
            _ => self.slots[random.below(self.slots.len())].load(Ordering::SeqCst),
        }
    }

    fn put(&self, random: &mut Random, handle: u64) {
        let old = self.slots[random.below(self.slots.len())].swap(handle, Ordering::SeqCst);
        self.end(random, old);
    }

    fn take(&self, random: &mut Random) -> u64 {
        self.slots[random.below(self.slots.len())].swap(0, Ordering::SeqCst)
    }

    fn end(&self, random: &mut Random, handle: u64) {
        check((self.release)(handle));
        if random.below(8) == 0 {
            assert_eq!((self.release)(handle), KJA_ERR_BAD_HANDLE);
        }
    }
}

struct World {
    promises: Pool,
    fulfillers: Pool,
    executors: Pool,
    runtimes: Pool,
    listeners: Pool,
    connections: Pool,
    addresses: Pool,
    cancelers: Pool,
    tasks: Pool,
    queues: Pool,
    semaphores: Pool,
    permits: Pool,
    events: Pool,
    made: Count,
    destroyed: Count,
    /// Steps that did what they were to do.
    done: Count,
}

impl World {
    fn new() -> Self {
        let pool = |release: Release| Pool::new(16, release);
        Self {
            promises: Pool::new(96, kja_promise_release),
            fulfillers: Pool::new(24, kja_fulfiller_release),
            executors: pool(kja_executor_release),
            runtimes: Pool::new(RUNTIMES, kja_runtime_release),
            listeners: pool(kja_listener_release),
            connections: pool(kja_connection_release),
            addresses: pool(kja_address_release),
            cancelers: pool(kja_canceler_release),
            tasks: pool(kja_task_set_release),
            queues: pool(kja_queue_release),
            semaphores: pool(kja_semaphore_release),
            permits: pool(kja_permit_release),
            events: pool(kja_event_release),
            made: Count::default(),
            destroyed: Count::default(),
            done: Count::default(),
        }
    }

    fn pools(&self) -> [&Pool; 13] {
        [
            &self.promises,
            &self.fulfillers,
            &self.executors,
            &self.listeners,
            &self.connections,
            &self.addresses,
            &self.cancelers,
            &self.tasks,
            &self.queues,
            &self.semaphores,
            &self.permits,
            &self.events,
            &self.runtimes,
        ]
    }

    fn owned(&self) -> (*mut c_void, kja_destroy_fn) {
        self.made.add();
        owned(self.destroyed.on_drop())
    }

    /// A callback that does one of the things that callbacks do, none of which blocks.
    fn callback(self: &Arc<Self>, seed: u64) -> (kja_callback_fn, *mut c_void, kja_destroy_fn) {
        self.made.add();
        let (world, guard) = (Arc::downgrade(self), self.destroyed.on_drop());
        callback(move |call| {
            let _guard = guard;
            if let Some(world) = world.upgrade() {
                world.run(call, &mut Random::new(seed));
            }
        })
    }

    /// One of a sequence, which mostly goes on.
    fn repeated(self: &Arc<Self>, seed: u64) -> (kja_callback_fn, *mut c_void, kja_destroy_fn) {
        self.made.add();
        let (world, guard, mut random) = (Arc::downgrade(self), self.destroyed.on_drop(), Random::new(seed));
        repeated(move |call| {
            let _guard = &guard;
            let Some(world) = world.upgrade() else { return };
            match random.below(4) {
                0 => world.run(call, &mut random),
                1 => check(world.write_now(&mut random)),
                _ => check(kja_call_status(call)),
            }
        })
    }

    fn run(self: &Arc<Self>, call: u64, random: &mut Random) {
        check(match random.below(10) {
            0 => kja_call_return_promise(call, self.fresh(random)),
            1 => kja_promise_cancel(self.promises.any(random)),
            2 => kja_promise_release(self.promises.take(random)),
            // SAFETY: null with a length of 0 is an empty text.
            3 => unsafe { kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, null_mut(), 0) },
            4 => kja_fulfiller_u64(self.fulfillers.any(random), 1),
            5 => self.timer_and_more(random),
            6 => panic!("a callback may"),
            7 => kja_promise_await_for(self.promises.any(random), 1),
            8 => kja_connection_close(self.connections.any(random)),
            _ => kja_call_return_u64(call, 1),
        });
    }

    fn write_now(&self, random: &mut Random) -> i32 {
        let (data, mut written) = ([7u8; 4096], 0);
        let connection = self.connections.any(random);
        // SAFETY: as much data as said, and `written` is a local.
        unsafe { kja_connection_write_now(connection, data.as_ptr().cast(), data.len(), &mut written) }
    }
}

/// Any error is an answer, except that the library itself has failed.
fn check(status: i32) {
    // A promise may carry the panic of a callback; what the library panics with has no such text.
    if status == KJA_ERR_PANIC {
        let mut text = [0u8; 128];
        // SAFETY: the buffer is a local of that size.
        let length = unsafe { kja_last_error_text(text.as_mut_ptr().cast(), text.len()) };
        let text = String::from_utf8_lossy(&text[..length.min(127)]).into_owned();
        assert!(text.contains("a callback may"), "{text}");
    }
}

impl World {
    /// Keeps what a call has made, if it has made something.
    fn keep(&self, pool: &Pool, random: &mut Random, call: impl FnOnce(*mut u64) -> i32) -> i32 {
        let mut handle = 0;
        let status = call(&mut handle);
        assert_eq!(status == KJA_OK, handle != 0, "status {status}");
        if handle != 0 {
            pool.put(random, handle);
        }
        status
    }

    /// A promise that nothing else knows of. One that others know of might wait for what it becomes the result of:
    /// such a ring is nobody's to free.
    fn fresh(&self, random: &mut Random) -> u64 {
        let mut promise = 0;
        // SAFETY: `promise` is a local.
        check(unsafe { kja_timer_sleep_start(self.runtimes.any(random), random.next() % 1_000_000, &mut promise) });
        promise
    }

    fn several(&self, random: &mut Random) -> Vec<u64> {
        (0..random.below(4)).map(|_| self.promises.any(random)).collect()
    }

    fn timer_and_more(&self, random: &mut Random) -> i32 {
        let runtime = self.runtimes.any(random);
        let nanos = random.next() % (200_000 << (random.below(3) * 12));
        // SAFETY: `out` is a local of `keep`.
        self.keep(&self.promises, random, |out| unsafe {
            match nanos % 5 {
                0 => kja_promise_new_never(runtime, out),
                1 => kja_promise_new_u64(runtime, nanos, out),
                2 => kja_timer_yield_start(runtime, out),
                3 => kja_timer_yield_until_would_sleep_start(runtime, out),
                _ => kja_timer_sleep_start(runtime, nanos, out),
            }
        })
    }

    fn combine(self: &Arc<Self>, random: &mut Random) -> i32 {
        let promise = self.promises.any(random);
        let (runtime, several, seed) = (self.runtimes.any(random), self.several(random), random.next());
        let (data, count) = (several.as_ptr(), several.len());
        let choice = random.below(14);
        let (run, ctx, destroy) = if choice < 4 { self.callback(seed) } else { (None, null_mut(), None) };
        let (value, free) = if choice == 4 { self.owned() } else { (null_mut(), None) };
        // SAFETY: contexts come with their functions, `data` has `count` elements, `out` is a local of `keep`.
        self.keep(&self.promises, random, |out| unsafe {
            match choice {
                0 => kja_promise_then(promise, run, ctx, destroy, out),
                1 => kja_promise_catch(promise, run, ctx, destroy, out),
                2 => kja_promise_handle_both(promise, run, ctx, destroy, out),
                3 => kja_promise_finally(promise, run, ctx, destroy, out),
                4 => kja_promise_attach(promise, value, free, out),
                5 => kja_promise_fork(promise, out),
                6 => kja_promise_timeout(promise, seed % 300_000, out),
                7 => kja_promise_all(runtime, data, count, out),
                8 => kja_promise_race(runtime, data, count, out),
                9 => kja_promise_join(runtime, data, count, out),
                10 => kja_promise_any(runtime, data, count, out),
                11 => kja_promise_all_settled(runtime, data, count, out),
                12 => kja_canceler_wrap(self.cancelers.slots[0].load(Ordering::SeqCst), promise, out),
                _ => kja_promise_timeout(promise, 3600 * SECOND, out),
            }
        })
    }

    fn settle(self: &Arc<Self>, random: &mut Random) -> i32 {
        let fulfiller = self.fulfillers.any(random);
        match random.below(5) {
            0 => kja_fulfiller_unit(fulfiller),
            1 => kja_fulfiller_promise(fulfiller, self.fresh(random)),
            2 => {
                let (value, free) = self.owned();
                // SAFETY: `owned` made both for each other.
                unsafe { kja_fulfiller_opaque(fulfiller, value, free) }
            }
            3 => kja_fulfiller_release(self.fulfillers.take(random)),
            _ => {
                let (mut made, mut promise) = (0, 0);
                // SAFETY: both out-parameters are locals.
                let status = unsafe { kja_fulfiller_new(self.runtimes.any(random), &mut made, &mut promise) };
                if status == KJA_OK {
                    self.fulfillers.put(random, made);
                    self.promises.put(random, promise);
                }
                status
            }
        }
    }

    fn call(self: &Arc<Self>, random: &mut Random) -> i32 {
        let (executor, runtime) = (self.executors.any(random), self.runtimes.any(random));
        let choice = random.below(8);
        let (run, ctx, destroy) = if choice > 0 { self.callback(random.next()) } else { (None, null_mut(), None) };
        // SAFETY: contexts come with their functions, `out` is a local of `keep`.
        unsafe {
            match choice {
                0 => self.keep(&self.executors, random, |out| kja_runtime_executor(runtime, out)),
                // A callback may return a promise that nobody settles: it is for the shutdown to end that.
                1 => kja_promise_detach(self.promises.take(random), run, ctx, destroy),
                _ => self
                    .keep(&self.promises, random, |out| kja_executor_execute_start(executor, run, ctx, destroy, out)),
            }
        }
    }

    /// Two connected sockets, or two ends of a pipe in this process.
    fn pair(&self, random: &mut Random) -> i32 {
        let (runtime, mut one, mut other) = (self.runtimes.any(random), 0, 0);
        // SAFETY: the out-parameters are locals.
        let status = unsafe {
            match random.below(3) {
                0 => kja_pipe_new_two_way(runtime, &mut one, &mut other),
                _ => kja_pipe_new_os_two_way(runtime, &mut one, &mut other),
            }
        };
        if status == KJA_OK {
            self.connections.put(random, one);
            self.connections.put(random, other);
        }
        status
    }

    /// A listener, and its address to connect to.
    fn listen(&self, random: &mut Random) -> i32 {
        let (runtime, mut parsing, mut address) = (self.runtimes.any(random), 0, 0);
        // SAFETY: the text is as long as said and the out-parameters are locals.
        unsafe {
            let status = kja_address_parse_start(runtime, c"127.0.0.1:0".as_ptr(), 11, 0, &mut parsing);
            check(kja_promise_handle(parsing, &mut address));
            check(kja_promise_release(parsing));
            let mut listener = 0;
            if kja_address_listen(address, 4, &mut listener) == KJA_OK {
                check(self.keep(&self.addresses, random, |out| kja_listener_local_address(listener, out)));
                self.listeners.put(random, listener);
            }
            check(kja_address_release(address));
            status
        }
    }

    fn sockets(self: &Arc<Self>, random: &mut Random) -> i32 {
        let (runtime, seed) = (self.runtimes.any(random), random.next());
        let (listener, connection, address) =
            (self.listeners.any(random), self.connections.any(random), self.addresses.any(random));
        let data = [7u8; 4096];
        let choice = random.below(24);
        let (run, ctx, destroy) =
            if (15..20).contains(&choice) { self.repeated(seed) } else { (None, null_mut(), None) };
        // SAFETY: texts and data are as long as said, contexts come with their functions, `out` is a local of `keep`.
        unsafe {
            let promise = |random: &mut Random, call: &dyn Fn(*mut u64) -> i32| self.keep(&self.promises, random, call);
            match choice {
                0 => promise(random, &|out| kja_address_parse_start(runtime, c"127.0.0.1:0".as_ptr(), 11, 0, out)),
                1 => self.keep(&self.listeners, random, |out| kja_address_listen(address, 4, out)),
                2 => self.keep(&self.addresses, random, |out| kja_listener_local_address(listener, out)),
                3 | 4 => promise(random, &|out| kja_listener_accept_start(listener, out)),
                5 | 6 => promise(random, &|out| kja_address_connect_start(address, out)),
                7 => promise(random, &|out| kja_connection_read_start(connection, 1, 1 + seed as usize % 9000, out)),
                8 => promise(random, &|out| {
                    kja_connection_write_start(connection, data.as_ptr().cast(), data.len(), out)
                }),
                9 => promise(random, &|out| kja_connection_shutdown_write_start(connection, out)),
                10 => promise(random, &|out| {
                    kja_connection_pump_start(connection, self.connections.slots[0].load(Ordering::SeqCst), seed, out)
                }),
                11 => kja_connection_close(connection),
                12 => kja_listener_close(listener),
                13 => kja_connection_abort_read(connection),
                14 | 20 => self.write_now(random),
                21 | 22 => self.pair(random),
                23 => self.listen(random),
                15 | 16 => promise(random, &|out| kja_listener_accept_each_start(listener, run, ctx, destroy, out)),
                _ => promise(random, &|out| {
                    kja_connection_read_each_start(connection, 1, 1 + seed as usize % 9000, run, ctx, destroy, out)
                }),
            }
        }
    }

    fn share(self: &Arc<Self>, random: &mut Random) -> i32 {
        let (runtime, promise) = (self.runtimes.any(random), self.promises.any(random));
        let (queue, semaphore, event) = (self.queues.any(random), self.semaphores.any(random), self.events.any(random));
        let tasks = self.tasks.any(random);
        // SAFETY: `owned` made the contexts, `out` is a local of `keep`.
        unsafe {
            match random.below(15) {
                0 => self.keep(&self.queues, random, |out| kja_queue_new(runtime, 2, out)),
                1 => self.keep(&self.semaphores, random, |out| kja_semaphore_new(runtime, 2, out)),
                2 => self.keep(&self.events, random, |out| kja_event_new(runtime, out)),
                3 => self.keep(&self.cancelers, random, |out| kja_canceler_new(runtime, out)),
                4 => {
                    let (ctx, destroy) = self.owned();
                    self.keep(&self.tasks, random, |out| kja_task_set_new(runtime, 3, Some(nothing), ctx, destroy, out))
                }
                5 => {
                    let (value, free) = self.owned();
                    self.keep(&self.promises, random, |out| kja_queue_push_opaque_start(queue, value, free, out))
                }
                6 | 7 => self.keep(&self.promises, random, |out| kja_queue_pop_start(queue, out)),
                8 => self.keep(&self.promises, random, |out| kja_semaphore_acquire_start(semaphore, 1, out)),
                9 => self.keep(&self.permits, random, |out| kja_semaphore_try_acquire(semaphore, 1, out)),
                10 => self.keep(&self.promises, random, |out| kja_event_wait_start(event, out)),
                11 => kja_event_set(event),
                12 => kja_task_set_add(tasks, promise),
                13 => kja_task_set_clear(tasks),
                _ => kja_canceler_cancel(self.cancelers.any(random), KJA_ERR_DISCONNECTED, 0, null_mut(), 0),
            }
        }
    }

    /// Reads what a promise has become.
    fn read(&self, random: &mut Random) -> i32 {
        let promise = self.promises.any(random);
        let (mut handle, mut number) = (0, 0);
        // SAFETY: the out-parameters are locals.
        unsafe {
            if kja_promise_handle(promise, &mut handle) == KJA_OK {
                // A handle of whichever type; only the right pool's release takes it.
                let pools = [&self.connections, &self.addresses, &self.permits];
                if !pools.iter().any(|pool| (pool.release)(handle) == KJA_OK) {
                    assert_eq!(kja_connection_release(handle), KJA_ERR_BAD_HANDLE);
                } else if kja_promise_handle(promise, &mut handle) == KJA_OK {
                    let pool =
                        if kja_address_port(handle, &mut 0) == KJA_OK { &self.addresses } else { &self.connections };
                    pool.put(random, handle);
                }
            }
            kja_promise_u64(promise, &mut number)
        }
    }

    /// Replaces a runtime, whatever the others do with it.
    fn end_a_runtime(&self, random: &mut Random) {
        let runtime = self.runtimes.any(random);
        if random.below(2) == 0 {
            check(kja_runtime_shutdown(runtime));
        }
        self.runtimes.put(random, new_runtime());
    }

    fn step(self: &Arc<Self>, random: &mut Random, scope: u64) {
        let mut turns = 0;
        let status = match random.below(100) {
            0..15 => self.timer_and_more(random),
            15..40 => self.combine(random),
            40..50 => self.settle(random),
            50..60 => self.call(random),
            60..70 => self.sockets(random),
            70..78 => self.share(random),
            78..86 => kja_promise_await_for(self.promises.any(random), random.next() % 30_000),
            86..90 => kja_promise_cancel(self.promises.any(random)),
            90..95 => kja_promise_release(self.promises.take(random)),
            95..97 => self.read(random),
            // SAFETY: the out-parameters are locals.
            97 => unsafe { kja_runtime_poll(scope, 20, &mut turns) },
            // SAFETY: as above.
            98 => self.keep(&self.promises, random, |out| unsafe { kja_timer_sleep_start(scope, 1000, out) }),
            _ if random.below(12) == 0 => {
                self.end_a_runtime(random);
                KJA_OK
            }
            _ => kja_promise_status(self.promises.any(random)),
        };
        check(status);
        if status == KJA_OK {
            self.done.add();
        }
    }
}

unsafe extern "C-unwind" fn nothing(_ctx: *mut c_void, _call: u64) {}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

fn worker(world: &Arc<World>, seed: u64, steps: u64) {
    let random = &mut Random::new(seed);
    let scope = new_runtime_with(|options| options.mode = KJA_RUNTIME_WAIT_SCOPE);
    for _ in 0..steps {
        world.step(random, scope);
    }
    ok(kja_runtime_release(scope));
}

#[test]
fn nothing_breaks_and_nothing_is_left() {
    alone("stress::nothing_breaks_and_nothing_is_left", || {
        let ops = number("KJA_STRESS_OPS", 200_000);
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64);
        let seed = number("KJA_STRESS_SEED", time % 1_000_000_000);
        println!("KJA_STRESS_SEED={seed} KJA_STRESS_OPS={ops}");
        std::panic::set_hook(Box::new(|info| {
            let text = info.to_string();
            if !text.contains("a callback may") {
                println!("{text}");
            }
        }));
        ok(kja_runtime_release(new_runtime()));
        let before = (descriptors(), threads());
        let world = Arc::new(World::new());
        for slot in &world.runtimes.slots {
            slot.store(new_runtime(), Ordering::SeqCst);
        }
        let workers: Vec<_> = (0..THREADS as u64)
            .map(|n| {
                let world = world.clone();
                std::thread::spawn(move || worker(&world, seed * 31 + n, ops / THREADS as u64))
            })
            .collect();
        for worker in workers {
            ends_within(60 + ops / 2000, "a worker", move || worker.join().unwrap());
        }
        for pool in world.pools() {
            for slot in &pool.slots {
                let _ = (pool.release)(slot.swap(0, Ordering::SeqCst));
            }
        }
        println!("{} did something, {} contexts", world.done.get(), world.made.get());
        assert!(world.done.get() as u64 > ops / 4, "too many steps had nothing to work on");
        assert_eq!(kja_handle_count(), 0);
        eventually("every context is destroyed", || world.destroyed.get() == world.made.get());
        eventually("descriptors and threads are back", || (descriptors(), threads()) == before);
    });
}
