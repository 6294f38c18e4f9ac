//! What a conversion may know about the machine.

use std::path::PathBuf;

/// The largest number of a user or group that the engine takes, too.
pub(crate) const LARGEST_ID: u32 = 2_147_483_647;

/// What a conversion may know about the machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// The program word of every generated command.
    pub engine: String,
    /// Whether the services are for a user manager.
    pub user_mode: bool,
    /// The directory that absolute paths are looked up in; `/` in real life.
    pub root: PathBuf,
}

impl Host {
    /// Whether the services run Podman, as `PODMAN=` may have it, and not unipod.
    pub fn drives_podman(&self) -> bool {
        let program = self.engine.rsplit('/').next().unwrap_or_default();
        program.starts_with("podman")
    }

    /// Whether a path surely does not exist: one that is only out of sight may be there.
    pub fn lacks(&self, path: &str) -> bool {
        let path = self.root.join(path.trim_start_matches('/'));
        std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// The id of a user or group of the host, from 0 to `LARGEST_ID`; `accounts` is the file that lists them, passwd(5) or group(5).
    pub fn id_of(&self, accounts: &str, name: &str) -> Option<u32> {
        let text = std::fs::read_to_string(self.root.join(accounts.trim_start_matches('/'))).ok()?;
        let mut lines = text.lines().map(|line| line.split(':'));
        let mut fields = lines.find(|fields| fields.clone().next() == Some(name))?;
        // 4294967295 is -1 to the kernel, which then leaves the user as it is: root.
        fields.nth(2)?.parse().ok().filter(|id| *id <= LARGEST_ID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_account_files_have_a_range() {
        let root = std::env::temp_dir().join(format!("unipod-accounts-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let text = "web:x:33:33::/:\nlast:x:2147483647:1::/:\nall:x:4294967295:1::/:\nodd:x:-1:1::/:\n";
        std::fs::write(root.join("passwd"), text).unwrap();
        let host = Host {
            engine: String::new(),
            user_mode: false,
            root: root.clone(),
        };
        let ids = ["web", "last", "all", "odd", "nobody"].map(|name| host.id_of("/passwd", name));
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(ids, [Some(33), Some(2_147_483_647), None, None, None]);
    }
}
