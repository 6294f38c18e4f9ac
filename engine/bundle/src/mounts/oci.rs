//! Mounts in the form of the OCI runtime specification.

use std::path::{Path, PathBuf};

use oci_spec::runtime::Mount;

/// A bind mount.
pub(super) fn bind(source: &Path, destination: &str, options: &[&str]) -> Mount {
    let options: Vec<&str> = ["bind", "rprivate"].iter().chain(options).copied().collect();
    let mut oci = mount(destination, "bind", "", &options);
    oci.set_source(Some(source.to_path_buf()));
    oci
}

/// One mount in the form of the OCI runtime specification.
pub fn mount(destination: impl Into<PathBuf>, typ: &str, source: &str, options: &[&str]) -> Mount {
    let mut oci = Mount::default();
    oci.set_destination(destination.into())
        .set_typ(Some(typ.to_owned()))
        .set_source(Some(source.into()))
        .set_options(Some(options.iter().map(ToString::to_string).collect()));
    oci
}
