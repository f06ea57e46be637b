//! What is measured too often to be an event.

use std::fmt::Debug;
use std::time::Duration;

use super::Limit;
use crate::dial::Origin;

/// Told of every wait, every answer and every limit reached; quick, and without calling the pool back.
pub(crate) trait Observer: Debug + Send + Sync {
    /// A caller that found no free connection at once waited so long, served or not.
    fn waited(&self, host: &Origin, time: Duration);

    /// The head of an answer arrived so long after its request.
    fn answered(&self, host: &Origin, time: Duration);

    /// A limit stood in the way of something, of no one host's where none is named.
    fn limit_reached(&self, host: Option<&Origin>, limit: Limit);
}
