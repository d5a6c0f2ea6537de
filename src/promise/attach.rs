//! `attach`: something of the caller's that lives as long as the operation.

use super::{Promise, Watch};
use crate::foreign::Opaque;

impl Promise {
    /// The same outcome, with `attachment` freed when the result settles or is dropped, and after the
    /// operation itself. (PROM-17)
    pub fn attach(&self, attachment: Opaque) -> Promise {
        let watch = Watch::new(self.clone());
        Promise::start(self.runtime().clone(), async move {
            // Declared in this order so that the operation goes first however this ends.
            let attachment = attachment;
            let outcome = watch.await;
            drop(attachment);
            outcome
        })
    }
}
