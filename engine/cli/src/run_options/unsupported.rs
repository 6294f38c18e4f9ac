//! What podman's `run` has and unipod's does not.

use crate::foreign::{Foreign, Table, option, switch};

/// The options.
pub(super) struct Unsupported;

impl Table for Unsupported {
    const OPTIONS: &'static [Foreign] = &[
        switch("disable-content-trust"),
        option("blkio-weight-device").refused("set IODeviceWeight= in the unit"),
        option("chrootdirs").refused("not supported; mount the files with --volume"),
        option("cpu-rt-period").refused("control groups have had no such limit since version 2"),
        option("cpu-rt-runtime").refused("control groups have had no such limit since version 2"),
        option("decryption-key").refused("encrypted images are not supported"),
        option("device-read-bps").refused("set IOReadBandwidthMax= in the unit"),
        option("device-read-iops").refused("set IOReadIOPSMax= in the unit"),
        option("device-write-bps").refused("set IOWriteBandwidthMax= in the unit"),
        option("device-write-iops").refused("set IOWriteIOPSMax= in the unit"),
        option("personality").refused("set Personality= in the unit"),
        option("preserve-fd").refused("socket activation passes descriptors on by itself"),
        option("rdt-class").refused("not supported"),
        option("seccomp-policy").refused("name the profile with --security-opt seccomp=FILE"),
        option("shm-size-systemd").refused("set the size of each mount with --tmpfs"),
    ];
}
