//! Floor 2: systemd. Notifications, socket activation, transient units.
