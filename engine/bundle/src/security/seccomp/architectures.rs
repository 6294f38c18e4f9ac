//! The architectures that a machine executes.

use oci_spec::runtime::Arch;

/// The architectures whose programs this kernel runs beside its own.
pub(super) fn architectures(arch: &str) -> Vec<Arch> {
    match arch {
        "x86_64" => vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
        "aarch64" => vec![Arch::ScmpArchAarch64, Arch::ScmpArchArm],
        "s390x" => vec![Arch::ScmpArchS390x, Arch::ScmpArchS390],
        _ => vec![Arch::ScmpArchNative],
    }
}
