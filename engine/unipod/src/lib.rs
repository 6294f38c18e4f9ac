//! A container engine whose only supervisor is systemd, as a library.

pub use unipod_bundle as bundle;
pub use unipod_config as config;
pub use unipod_container as container;
pub use unipod_image as image;
pub use unipod_network as network;
pub use unipod_runtime as runtime;
pub use unipod_secret as secret;
pub use unipod_store as store;
pub use unipod_systemd as systemd;
pub use unipod_volume as volume;
