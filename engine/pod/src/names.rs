//! What the units of a pod of the command line are called.

use sha2::{Digest, Sha256};

/// The service that is the pod of this name.
pub fn service(pod: &str) -> String {
    format!("unipod-pod-{pod}.service")
}

/// The slice of the pod of this name: below one for all of them. A dash in the name would be a further level (systemd.slice(5)). A
/// long name with many of them is shortened, and told from others by its digest.
pub fn slice(pod: &str) -> String {
    // Of a unit's name, systemd.unit(5), and of a control group's.
    const LONGEST: usize = 255;
    let whole = format!("unipod-pod-{}.slice", escape(pod));
    if whole.len() <= LONGEST {
        return whole;
    }
    let (begin, digest) = (&pod[..pod.len().min(32)], hex::encode(Sha256::digest(pod)));
    format!("unipod-pod-{}\\x2e{digest}.slice", escape(begin))
}

fn escape(name: &str) -> String {
    name.replace('-', "\\x2d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_no_further_slice() {
        assert_eq!(slice("my-shop"), "unipod-pod-my\\x2dshop.slice");
        let long = format!("a{}", "-".repeat(199));
        let other = format!("{}b", &long[..199]);
        assert!(slice(&long).len() <= 255 && slice(&long) != slice(&other));
    }
}
