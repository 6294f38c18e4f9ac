//! Floor 3: named volumes.
