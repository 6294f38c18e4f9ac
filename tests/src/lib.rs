//! The test machine, the images and the registry on it, and the acceptance tests of unipod.
//!
//! | module | job |
//! |---|---|
//! | [`machine`] | real systemd as PID 1 in namespaces: boots in two seconds, leaves nothing |
//!
//! The programs: `machine` (the launcher, and a shell for developers), `demo`, `bench`.

pub mod machine;
