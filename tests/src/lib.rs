//! The test machine, the images and the registry on it, and the acceptance tests of unipod.
//!
//! | module | job |
//! |---|---|
//! | [`images`] | images of the distribution's software, and the registry that serves them |
//! | [`machine`] | real systemd as PID 1 in namespaces: boots in two seconds, leaves nothing |
//! | [`setup`] | a machine with unipod installed |
//! | [`narrator`] | tells a reader what happens in a machine |
//!
//! The programs: `machine` (the launcher, and a shell for developers), `demo`, `bench`.

pub mod images;
pub mod machine;
pub mod narrator;
pub mod setup;
