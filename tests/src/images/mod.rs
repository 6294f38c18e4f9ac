//! The images the tests run, and the registry they come from. Nothing is downloaded: the software is the distribution's.
//!
//! | module | job |
//! |---|---|
//! | [`recipes`] | what the images are |
//! | [`packages`] | files of packages with the libraries they need |
//! | [`layer`] | files into a layer |
//! | [`layout`] | layers into an OCI image layout |
//! | [`build`] | all recipes into one layout, pushed to a registry, kept for the next run |
//! | [`registry`], `server` | the registry inside a test machine, with all images; its program |

pub mod build;
mod digest;
pub mod layer;
pub mod layout;
pub mod packages;
pub mod recipes;
pub mod registry;
mod server;
