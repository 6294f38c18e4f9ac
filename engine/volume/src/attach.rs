//! The host path that a container binds, after mounting what the volume's options name.

use std::ffi::OsString;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::detach::is_mount_root;
use super::{Options, Volume, VolumeError};
use unipod_linux::child;
use unipod_store::StoreError;

/// What mount(8) may take: a server that does not answer is asked for two minutes (nfs(5), `retry=`).
const MOUNT_LIMIT: Duration = Duration::from_secs(150);

impl Volume {
    /// The host directory to bind into the container. A volume with a device is mounted there first, by mount(8), which
    /// knows network file systems, labels and loop devices.
    ///
    /// Meant for the private mount namespace of a start, where it goes away with the container: a `tmpfs` volume is
    /// therefore each container's own. For an `image` volume the path is where the caller mounts [`Volume::image`].
    pub fn attach(&self) -> Result<PathBuf, VolumeError> {
        let options = self.parsed_options()?;
        if !options.is_mounted() {
            return Ok(self.mountpoint.clone());
        }
        if let Some(directory) = plain_bind(&options) {
            std::fs::metadata(directory).map_err(|e| self.cannot_mount(directory, None, Some(e)))?;
            return Ok(directory.into());
        }
        if !is_mount_root(&self.mountpoint) {
            self.mount(&options)?;
        }
        Ok(self.mountpoint.clone())
    }

    fn mount(&self, options: &Options) -> Result<(), VolumeError> {
        let fs_type = options.fs_type.as_deref().unwrap_or("auto");
        let device = options.device.as_deref().unwrap_or(fs_type);
        let mut command = Command::new("mount");
        command
            .args(arguments(options, device, &self.mountpoint))
            .env("LC_ALL", "C");
        let output = child::output(&mut command, b"", MOUNT_LIMIT)
            .map_err(|e| self.cannot_mount(device, Some("mount(8) cannot be run"), Some(e)))?;
        if !output.status.success() {
            return Err(self.cannot_mount(device, Some(&child::words(&output.stderr)), None));
        }
        let (uid, gid) = self.owner()?;
        if uid.is_some() || gid.is_some() {
            chown(&self.mountpoint, uid, gid).map_err(StoreError::io("change the owner of", &self.mountpoint))?;
        }
        Ok(())
    }

    fn cannot_mount(&self, device: &str, said: Option<&str>, source: Option<std::io::Error>) -> VolumeError {
        VolumeError::Mount {
            name: self.name.clone(),
            device: device.into(),
            said: said.map(Into::into),
            source,
        }
    }
}

/// A directory that is only bound is used as it is, with no mount of its own.
fn plain_bind(options: &Options) -> Option<&str> {
    let plain = options.mount.iter().all(|o| o == "bind" || o == "rbind");
    options.device.as_deref().filter(|_| options.is_bind() && plain)
}

fn arguments(options: &Options, device: &str, target: &Path) -> Vec<OsString> {
    let mut args = Vec::new();
    let mut mount = options.mount.clone();
    match options.fs_type.as_deref() {
        Some("bind") if !mount.iter().any(|o| o == "rbind" || o == "bind") => mount.insert(0, "bind".into()),
        Some("bind") | None => {}
        Some(fs_type) => args.extend(["-t".into(), fs_type.into()]),
    }
    if !mount.is_empty() {
        args.extend(["-o".into(), mount.join(",").into()]);
    }
    args.extend(["--".into(), device.into(), target.into()]);
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(fs_type: Option<&str>, device: &str, mount: &[&str]) -> Options {
        let mount = mount.iter().map(|m| (*m).to_owned()).collect();
        Options {
            fs_type: fs_type.map(Into::into),
            device: Some(device.into()),
            mount,
            ..Options::default()
        }
    }

    #[test]
    fn what_mount_is_told() {
        let cases = [
            (
                options(Some("nfs"), "host:/x", &["ro", "vers=4"]),
                "-t nfs -o ro,vers=4 -- host:/x /v",
            ),
            (options(Some("bind"), "/srv", &["ro"]), "-o bind,ro -- /srv /v"),
            (options(None, "/dev/sdb1", &[]), "-- /dev/sdb1 /v"),
        ];
        for (options, expected) in cases {
            let args = arguments(&options, options.device.as_deref().unwrap(), Path::new("/v"));
            assert_eq!(args.join(" ".as_ref()).to_str().unwrap(), expected);
        }
    }

    #[test]
    fn a_plain_bind_is_the_directory_itself() {
        assert_eq!(plain_bind(&options(Some("bind"), "/srv", &["rbind"])), Some("/srv"));
        assert_eq!(plain_bind(&options(Some("bind"), "/srv", &["ro"])), None);
    }
}
