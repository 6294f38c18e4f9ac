//! `tmpcopyup`: a tmpfs that begins with what the image has in its place. crun and runc do that; for a runtime that does not
//! know the option it is left out where there is nothing to copy.

use oci_spec::runtime::Mount;

use crate::BundleError;
use crate::root::Root;

const OPTION: &str = "tmpcopyup";

/// Takes the option from all mounts.
///
/// # Errors
/// The image has files where one of them is to lie.
pub fn leave_out(mounts: &mut [Mount], root: &Root) -> Result<(), BundleError> {
    for mount in mounts {
        let asked = |options: &Vec<String>| options.iter().any(|option| option == OPTION);
        if !mount.options().as_ref().is_some_and(asked) {
            continue;
        }
        let place = mount.destination().to_string_lossy().into_owned();
        if !root.is_empty(&place)? {
            let reason = "the OCI runtime cannot copy into the tmpfs what the image has there; take another runtime, or say \
                          notmpcopyup to leave it out";
            return Err(BundleError::invalid("--tmpfs", place, reason));
        }
        if let Some(options) = mount.options_mut() {
            options.retain(|option| option != OPTION);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mounts::oci::mount;

    #[test]
    fn only_what_changes_nothing_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("empty")).unwrap();
        std::fs::create_dir_all(dir.path().join("full/of")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let tmpfs = |place: &str| mount(place, "tmpfs", "tmpfs", &["rw", OPTION]);
        let mut mounts = [tmpfs("/empty"), tmpfs("/missing")];
        leave_out(&mut mounts, &root).unwrap();
        for mount in &mounts {
            assert_eq!(mount.options().as_deref(), Some(&["rw".to_owned()][..]));
        }
        let error = leave_out(&mut [tmpfs("/full")], &root).unwrap_err().to_string();
        assert!(error.contains("/full") && error.contains("notmpcopyup"), "{error}");
        leave_out(&mut [mount("/full", "tmpfs", "tmpfs", &["rw"])], &root).unwrap();
    }
}
