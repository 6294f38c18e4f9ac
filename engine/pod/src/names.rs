//! What the units of a pod of the command line are called.

/// The service that is the pod of this name.
pub fn service(pod: &str) -> String {
    format!("unipod-pod-{pod}.service")
}

/// The slice of the pod of this name: below one for all of them. A dash in the name would be a further level (systemd.slice(5)).
pub fn slice(pod: &str) -> String {
    format!("unipod-pod-{}.slice", pod.replace('-', "\\x2d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_no_further_slice() {
        assert_eq!(slice("my-shop"), "unipod-pod-my\\x2dshop.slice");
    }
}
