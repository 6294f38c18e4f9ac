//! A pod with one member, and a machine that has its image: what tests of pods begin with.

use crate::machine::Machine;
use crate::setup;

/// The image of the members.
pub const IMAGE: &str = "docker.io/library/busybox:latest";

/// A machine that has the image.
///
/// # Panics
/// It does not boot, or has no registry.
#[track_caller]
pub fn machine() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine
}

/// A pod with one member, which serves; the pod starts it. `pod` are further lines of `[Pod]`, `service` those of `[Service]` of both.
///
/// # Panics
/// The machine does not answer.
#[track_caller]
pub fn shop(machine: &Machine, pod: &str, service: &str) {
    let service = format!("[Service]\n{service}");
    // Neither comes back by itself, which would be in the way of the next blow.
    machine.quadlet(
        "shop.pod",
        &format!("[Unit]\nStartLimitIntervalSec=0\n[Pod]\nPublishPort=8081:80\n{pod}\n{service}\n"),
    );
    machine.quadlet(
        "web.container",
        &format!(
            "[Unit]\nStartLimitIntervalSec=0\n[Container]\nImage={IMAGE}\nPod=shop.pod\nExec=httpd -f -p 80 -h /etc\n{service}\n"
        ),
    );
    machine.reload();
}
