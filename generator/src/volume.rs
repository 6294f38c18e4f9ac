//! `.volume` units: `[Volume]` becomes a one-shot `volume create --ignore`.

use systemd_unit_parser::quote_word;

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::handlers::{self, service};
use crate::keys::{
    Emit::{Always, Elsewhere, Pair, PairEvenEmpty, Verbatim, With},
    Key,
    Kind::{Arguments, Boolean, Scalar},
    key,
};
use crate::shared::shared;

/// The keys of `[Volume]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    shared("ContainersConfModule", "4.8"),
    shared("GlobalArgs", "4.8"),
    key("UID", Scalar, "6.0", Pair("--uid"), "Owner of the volume's root directory"),
    key("GID", Scalar, "6.0", Pair("--gid"), "Group of the volume's root directory"),
    key("Driver", Scalar, "4.8", PairEvenEmpty("--driver"), "Volume driver; image makes a volume from an image"),
    key("Copy", Boolean, "4.4", With(copy), "Whether the image's content is copied into the new volume"),
    key("Device", Scalar, "4.4", Always(device), "What is mounted"),
    key("Type", Scalar, "4.4", Elsewhere, "File system type of Device="),
    key("User", Scalar, "4.4", Always(mount_options), "Owner, as mount option uid="),
    key("Group", Scalar, "4.4", Elsewhere, "Group, as mount option gid="),
    key("Options", Scalar, "4.4", Elsewhere, "Mount options"),
    key("Image", Scalar, "4.8", Always(image), "With Driver=image: the image, or an .image or .build unit"),
    shared("Label", "4.4"),
    key("PodmanArgs", Arguments, "4.6", Verbatim, "Further options of volume create"),
    key("VolumeName", Scalar, "4.7", Elsewhere, "Name of the volume; by default systemd-NAME"),
    shared("ServiceName", "5.3"),
];

/// Converts one `.volume` unit.
pub fn convert(c: &mut Conversion<'_>) {
    let name = c.own_resource();
    service::one_command(c, KEYS, &["volume", "create", "--ignore"], name);
}

/// With the image driver everything about mounting is ignored, as in the reference.
fn from_image(c: &Conversion<'_>) -> bool {
    c.section.scalar("Driver") == Some("image")
}

fn copy(c: &mut Conversion<'_>, command: &mut Command) {
    match c.section.boolean("Copy") {
        Some(copy) if !from_image(c) => command.option("--opt", if copy { "copy" } else { "nocopy" }),
        _ => command,
    };
}

fn device(c: &mut Conversion<'_>, command: &mut Command) {
    if from_image(c) {
        return;
    }
    let (device, kind) = (c.section.nonempty("Device"), c.section.nonempty("Type"));
    if let Some(device) = device {
        command.word("--opt").concatenated(&["device=", device]);
    }
    match (kind, device) {
        (Some(_), None) => c.error_at("Type", "Type= needs Device="),
        (Some(kind), Some(device)) => {
            command.word("--opt").concatenated(&["type=", kind]);
            if kind == "bind" {
                c.add_unit("RequiresMountsFor", quote_word(device));
            }
        }
        (None, _) => {}
    }
}

/// `User=`, `Group=` and `Options=` share one `o=` option. It takes numbers only; where the reference makes every name
/// root, names are looked up.
fn mount_options(c: &mut Conversion<'_>, command: &mut Command) {
    if from_image(c) {
        return;
    }
    let mut parts = Vec::new();
    for (key, option, accounts) in [("User", "uid", "/etc/passwd"), ("Group", "gid", "/etc/group")] {
        if let Some(id) = c.id(key, accounts) {
            parts.push(format!("{option}={id}"));
        }
    }
    parts.extend(c.section.nonempty("Options").map(str::to_owned));
    if !parts.is_empty() {
        command.word("--opt").concatenated(&["o=", &parts.join(",")]);
    }
}

fn image(c: &mut Conversion<'_>, command: &mut Command) {
    if !from_image(c) {
        return;
    }
    let Some(image) = c.section.scalar("Image") else {
        return c.error_at("Driver", "Driver=image needs Image=");
    };
    if let Some(image) = handlers::image(c, "Image", image) {
        command.word("--opt").concatenated(&["image=", image]);
    }
}
