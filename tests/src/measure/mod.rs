//! Measuring in a machine: the same thing done in several ways, many times, medians and ratios.
//!
//! | module | job |
//! |---|---|
//! | [`subject`] | the ways: a hand-written unit, unipod, podman where it is installed |
//! | [`pod`] | the same for a pod of three containers |
//! | [`pins`] | the floor of a pod |
//! | [`clock`] | runs a step many times inside the machine and takes the time there |
//! | [`disk`] | what they write to |
//! | [`table`] | medians, ratios and goals in one table |

pub mod clock;
pub mod disk;
pub mod pins;
pub mod pod;
pub mod subject;
pub mod table;
