//! What this node knows of changes.
