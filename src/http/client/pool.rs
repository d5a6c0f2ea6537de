//! Connections that wait for another request, by host. (HCLI-08, HCLI-10)

use super::ClientOptions;
use super::link::ClientLink;
use super::proxy::Proxy;
use super::slots::Slots;
use crate::promise::Promise;
use crate::runtime::{Belonging, Entry, Shared, Timer};
use crate::sync::Lock;
use crate::value::Value;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

/// Where requests go: scheme, host and port; nothing if all go to one place.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) scheme: String,
    pub(super) host: String,
    /// What leads there. Requests for any `http` URL share the connections to their proxy, without a host.
    pub(super) proxy: Option<Arc<Proxy>>,
}

struct Idle {
    number: u64,
    link: ClientLink,
    /// Ends it when its time is over or the server closes it.
    _watch: Promise,
}

#[derive(Default)]
struct Idles {
    last: u64,
    by_origin: HashMap<Origin, Vec<Idle>>,
}

/// The line of each host that has requests.
#[derive(Default)]
struct Lines {
    by_origin: HashMap<Origin, Weak<Slots>>,
    /// With so many, those that nobody is in are removed.
    crowded: usize,
}

pub(super) struct Pool {
    runtime: Arc<Shared>,
    idle_nanos: u64,
    most: usize,
    most_at_once: Option<usize>,
    most_waiting: usize,
    lines: Lock<Lines>,
    idles: Lock<Idles>,
    entry: Entry,
}

impl Pool {
    pub(super) fn new(runtime: &Arc<Shared>, options: &ClientOptions) -> Arc<Self> {
        let this = Arc::new(Self {
            runtime: runtime.clone(),
            idle_nanos: options.idle_nanos,
            most: options.max_idle_per_host,
            most_at_once: options.max_per_host,
            most_waiting: options.max_waiting_per_host,
            lines: Lock::new(Lines::default()),
            idles: Lock::new(Idles::default()),
            entry: Entry::default(),
        });
        this.entry.enter(runtime, &this);
        this
    }

    /// The line for the connections to a host, if their number is limited.
    pub(super) fn slots_of(&self, origin: &Origin) -> Option<Arc<Slots>> {
        let most = self.most_at_once?;
        let mut lines = self.lines.lock();
        if let Some(slots) = lines.by_origin.get(origin).and_then(Weak::upgrade) {
            return Some(slots);
        }
        if lines.by_origin.len() >= lines.crowded {
            lines.by_origin.retain(|_, slots| slots.strong_count() > 0);
            lines.crowded = 2 * lines.by_origin.len() + 16;
        }
        let slots = Slots::new(&self.runtime, most, self.most_waiting);
        lines.by_origin.insert(origin.clone(), Arc::downgrade(&slots));
        Some(slots)
    }

    /// The connection that was used last and still lives.
    pub(super) fn take(&self, origin: &Origin) -> Option<ClientLink> {
        loop {
            let idle = {
                let mut idles = self.idles.lock();
                let of_origin = idles.by_origin.get_mut(origin)?;
                let idle = of_origin.pop();
                if of_origin.is_empty() {
                    idles.by_origin.remove(origin);
                }
                idle?
            };
            if idle.link.is_alive() {
                return Some(idle.link);
            }
        }
    }

    /// Keeps a connection whose last response has been read.
    pub(super) fn put(this: &Weak<Self>, origin: Origin, link: ClientLink) {
        let Some(pool) = this.upgrade().filter(|pool| pool.idle_nanos > 0 && pool.most > 0) else { return };
        if !link.is_alive() || pool.runtime.check_live().is_err() {
            return;
        }
        let number = {
            let mut idles = pool.idles.lock();
            idles.last += 1;
            idles.last
        };
        let (mut ended, mut timer) = (link.ended(), Timer::after(&pool.runtime, pool.idle_nanos));
        let (weak, of) = (this.clone(), origin.clone());
        let watch = Promise::start(pool.runtime.clone(), "http idle connection", async move {
            std::future::poll_fn(|cx| match Future::poll(Pin::new(&mut timer), cx) {
                Poll::Pending if !ended.poll_settled(cx) => Poll::Pending,
                _ => Poll::Ready(()),
            })
            .await;
            if let Some(pool) = weak.upgrade() {
                pool.remove(&of, number);
            }
            Ok(Value::Unit)
        });
        let over = {
            let mut idles = pool.idles.lock();
            let of_origin = idles.by_origin.entry(origin).or_default();
            of_origin.push(Idle { number, link, _watch: watch });
            if of_origin.len() > pool.most { Some(of_origin.remove(0)) } else { None }
        };
        drop(over);
    }

    fn remove(&self, origin: &Origin, number: u64) {
        let removed = {
            let mut idles = self.idles.lock();
            let Some(of_origin) = idles.by_origin.get_mut(origin) else { return };
            let at = of_origin.iter().position(|idle| idle.number == number);
            let removed = at.map(|at| of_origin.remove(at));
            if of_origin.is_empty() {
                idles.by_origin.remove(origin);
            }
            removed
        };
        drop(removed);
    }

    /// How many connections wait.
    pub(super) fn len(&self) -> usize {
        self.idles.lock().by_origin.values().map(Vec::len).sum()
    }
}

impl Belonging for Pool {
    /// Closes all that wait.
    fn end(&self) {
        let all = std::mem::take(&mut self.idles.lock().by_origin);
        drop(all);
    }
}
