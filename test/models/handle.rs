//! The handle table: one id used, released and overtaken by its slot's next tenant.

use super::*;
use crate::ffi::handle;

fn runtime() -> Arc<Shared> {
    crate::runtime::model::with_handles(handle::end_all_of)
}

fn settled(shared: &Arc<Shared>, number: u64) -> Promise {
    Promise::settled(shared.clone(), Ok(Value::U64(number)))
}

fn value(id: u64) -> Option<u64> {
    let promise = handle::get_promise(id).ok()?;
    promise.outcome().and_then(|outcome| number(&outcome))
}

fn insert(promise: Promise) -> u64 {
    handle::insert(promise).expect("memory for a handle")
}

fn release(id: u64) -> bool {
    handle::take_promise(id).is_ok()
}

#[test]
fn one_release_succeeds_and_a_stale_id_finds_nothing() {
    explore(3, || {
        let shared = runtime();
        let id = insert(settled(&shared, 1));
        let releaser = loom::thread::spawn(move || release(id));
        let user = loom::thread::spawn(move || value(id));
        let own = release(id);
        let next = insert(settled(&shared, 2));
        assert!(own != releaser.join().unwrap());
        // Its last clone may have been the one that reads: then the value went first.
        assert!(matches!(user.join().unwrap(), None | Some(1)));
        assert_ne!(next, id);
        assert_eq!((value(id), value(next)), (None, Some(2)));
        assert!(release(next));
        assert_eq!(handle::count(), 0);
    });
}

#[test]
fn nothing_is_left_of_what_is_made_while_the_runtime_ends() {
    explore(3, || {
        let shared = runtime();
        let drops = Drops::new();
        let (making, guard) = (shared.clone(), drops.clone());
        let maker = loom::thread::spawn(move || {
            if making.check_live().is_ok() {
                let promise = Readiness::new().promise(&making, &guard);
                assert!(value(insert(promise)).is_none());
                1
            } else {
                0
            }
        });
        crate::runtime::model::shut_down(&shared);
        let made = maker.join().unwrap();
        assert_eq!(handle::count(), 0);
        assert_eq!(drops.get(), made);
    });
}

#[test]
fn a_release_and_an_ending_runtime_share_its_list() {
    explore(3, || {
        let (ending, other) = (runtime(), runtime());
        let drops = Drops::new();
        // In one shard, beside a handle of another runtime.
        let ids: Vec<u64> = (0..2).map(|_| insert(Readiness::new().promise(&ending, &drops))).collect();
        let kept = insert(settled(&other, 1));
        let released = ids.clone();
        let releaser = loom::thread::spawn(move || released.iter().filter(|id| release(**id)).count());
        crate::runtime::model::shut_down(&ending);
        releaser.join().unwrap();
        assert_eq!((drops.get(), value(ids[0]), value(ids[1]), value(kept)), (2, None, None, Some(1)));
        assert!(release(kept));
        assert_eq!(handle::count(), 0);
    });
}
