//! Floor 3: containers. What a container is, its lifecycle, its record on disk.
