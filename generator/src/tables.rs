//! Which table of keys, and which conversion, a type has.

use crate::conversion::Conversion;
use crate::keys::Key;
use crate::unit::UnitType;
use crate::{artifact, build, container, image, kube, network, pod, volume};

impl UnitType {
    /// The table of the type's keys, in the order of their options.
    pub fn keys(self) -> &'static [Key] {
        match self {
            Self::Artifact => artifact::KEYS,
            Self::Image => image::KEYS,
            Self::Network => network::KEYS,
            Self::Volume => volume::KEYS,
            Self::Build => build::KEYS,
            Self::Container => container::KEYS,
            Self::Kube => kube::KEYS,
            Self::Pod => pod::KEYS,
        }
    }

    /// The conversion of the type's own section.
    pub(crate) fn converter(self) -> fn(&mut Conversion<'_>) {
        match self {
            Self::Artifact => artifact::convert,
            Self::Image => image::convert,
            Self::Network => network::convert,
            Self::Volume => volume::convert,
            Self::Build => build::convert,
            Self::Container => container::convert,
            Self::Kube => kube::convert,
            Self::Pod => pod::convert,
        }
    }
}
