//! What only shows over many operations or many threads.
