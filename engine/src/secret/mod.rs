//! Floor 3: secrets.
