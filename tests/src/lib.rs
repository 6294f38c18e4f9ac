//! The test machine, the images and the registry on it, and the acceptance tests of unipod.
//!
//! | module | job |
//! |---|---|
//! | [`images`] | images of the distribution's software, and the registry that serves them |
//! | [`machine`] | real systemd as PID 1 in namespaces: boots in two seconds, leaves nothing |
//! | [`setup`] | a machine with unipod installed |
//! | [`pods`] | a pod with one member, on a machine that has its image |
//! | [`quadlet`] | unit files in a machine: dropped in, started, asked about |
//! | [`proxy`] | a bad line to the registry |
//! | [`saboteur`] | kills the engine at a chosen system call |
//! | [`strikes`] | commands that are killed at each of their system calls |
//! | [`measure`] | the same thing done in several ways, and the times |
//! | [`narrator`] | tells a reader what happens in a machine |
//!
//! The programs: `machine` (the launcher, and a shell for developers), `demo`, `bench`.
//!
//! All of it runs on the host's own distribution, or on another one in a directory:
//!
//! ```text
//! debootstrap --variant=minbase \
//!     --include=systemd,dbus,crun,netavark,aardvark-dns,passt,uidmap,iptables,nftables,iproute2,procps,libcap2-bin,catatonit \
//!     trixie /srv/trixie
//! UNIPOD_TEST_ROOT=/srv/trixie cargo nextest run -p unipod-tests
//! ```

pub mod images;
pub mod machine;
pub mod measure;
pub mod narrator;
pub mod pods;
pub mod proxy;
pub mod quadlet;
pub mod saboteur;
pub mod setup;
pub mod strikes;
