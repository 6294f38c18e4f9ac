//! `--tz`: the container's `/etc/localtime`, a link into the zones of the image, localtime(5). An image without the zone gets
//! a copy of the host's rules. Nothing is mounted over what is a link in the image: that would change a zone for whoever asks
//! for it by name.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Uid, chownat, symlinkat, unlinkat};
use rustix::io::Errno;

use crate::mounts::volumes;
use crate::mounts::volumes::MountRequest;
use crate::root::Root;
use crate::{BundleError, BundleRequest};

const LOCALTIME: &str = "/etc/localtime";
const ZONES: &str = "/usr/share/zoneinfo";

/// Sets the container's zone. Returns what is to be mounted at `/etc/localtime` if there can be no link.
///
/// # Errors
/// Neither the image nor the host has the zone; or `/etc` of the container cannot be written.
pub(crate) fn set(
    request: &BundleRequest<'_>,
    root: &Root,
    owner: Option<(u32, u32)>,
) -> Result<Option<Vec<u8>>, BundleError> {
    let zone = request.options.timezone.as_deref();
    let Some(path) = path_of(zone)? else { return Ok(None) };
    // A mount there is as good as it is, and one over /etc hides what is below.
    let covered = |path: &Path| path == Path::new("/etc") || path == Path::new(LOCALTIME);
    let asked = volumes::parse(request.options, &[])?;
    if asked
        .iter()
        .any(|MountRequest { destination, .. }| covered(destination))
    {
        return rules(zone);
    }
    // On the host it is a link, too: only the name of its target means anything in the container.
    let path = fs::canonicalize(&path).unwrap_or(path);
    let has_zone = path.starts_with(ZONES) && root.has_file(&path)?;
    // Before the link goes: who asks for what is nowhere keeps what the image has.
    let copy = if has_zone { None } else { rules(zone)? };
    let io = |e: Errno| BundleError::io("set the time zone at", request.rootfs.join("etc/localtime"))(e);
    let etc = match root.open_dir("/etc") {
        Ok(etc) => etc,
        Err(Errno::NOENT) => return copy.map_or_else(|| rules(zone), |copy| Ok(Some(copy))),
        Err(e) => return Err(io(e)),
    };
    if !has_zone && copy.is_none() {
        return Ok(None);
    }
    match unlinkat(&etc, "localtime", AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => return Err(io(e)),
    }
    if has_zone {
        let relative = Path::new("..").join(path.strip_prefix("/").unwrap_or(&path));
        symlinkat(&relative, &etc, "localtime").map_err(io)?;
        if let Some((uid, gid)) = owner {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            chownat(&etc, "localtime", Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).map_err(io)?;
        }
    }
    Ok(copy)
}

/// Checks that the host has the zone, as far as it is needed.
///
/// # Errors
/// The name means nothing, or names nothing.
pub(crate) fn check(zone: Option<&str>) -> Result<(), BundleError> {
    rules(zone).map(drop)
}

/// Where the host has the zone.
fn path_of(zone: Option<&str>) -> Result<Option<PathBuf>, BundleError> {
    Ok(Some(match zone {
        None | Some("") => return Ok(None),
        Some("local") => LOCALTIME.into(),
        Some(name) if name.starts_with('/') || name.split('/').any(|part| part == "..") => {
            return Err(BundleError::invalid(
                "--tz",
                name,
                "expected a name such as Europe/Berlin, UTC or local",
            ));
        }
        Some(name) => Path::new(ZONES).join(name),
    }))
}

/// The rules of a zone of the host.
fn rules(zone: Option<&str>) -> Result<Option<Vec<u8>>, BundleError> {
    let Some(path) = path_of(zone)? else { return Ok(None) };
    match fs::read(&path) {
        Ok(rules) => Ok(Some(rules)),
        // A host without the file is on UTC, which is what a container has anyway.
        Err(_) if zone == Some("local") => Ok(None),
        Err(e) => Err(BundleError::invalid(
            "--tz",
            zone.unwrap_or_default(),
            format!("{}: {e}", path.display()),
        )),
    }
}
