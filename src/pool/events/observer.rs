//! What is measured too often to be an event.

use std::fmt::Debug;
use std::time::Duration;

use crate::dial::Origin;

/// Told of every wait and every answer; quick, and without calling the pool back.
pub(crate) trait Observer: Debug + Send + Sync {
    /// A caller that found no free connection at once waited so long, served or not.
    fn waited(&self, host: &Origin, time: Duration);

    /// The head of an answer arrived so long after its request.
    fn answered(&self, host: &Origin, time: Duration);
}
