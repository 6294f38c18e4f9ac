//! A loaded unit file, and the eight types there are.

use std::sync::Arc;

use systemd_unit_parser::{UnitFile, UnitName};

use crate::problem::Problem;

/// The type of a unit, told by its file name's extension. The order is the order of conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitType {
    /// `.artifact`
    Artifact,
    /// `.image`
    Image,
    /// `.network`
    Network,
    /// `.volume`
    Volume,
    /// `.build`
    Build,
    /// `.container`
    Container,
    /// `.kube`
    Kube,
    /// `.pod`
    Pod,
}

impl UnitType {
    /// All types.
    pub const ALL: [Self; 8] = [
        Self::Artifact,
        Self::Image,
        Self::Network,
        Self::Volume,
        Self::Build,
        Self::Container,
        Self::Kube,
        Self::Pod,
    ];

    /// The type of a file, if its name is the name of a unit.
    pub fn of(file_name: &str) -> Option<Self> {
        let extension = file_name.rsplit_once('.')?.1;
        Self::ALL
            .into_iter()
            .find(|unit_type| unit_type.extension() == extension)
    }

    /// Whether a text ends like the file name of such a unit, be it loaded or not.
    pub fn ends(self, text: &str) -> bool {
        text.strip_suffix(self.extension())
            .is_some_and(|before| before.ends_with('.'))
    }

    /// The extension, without dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Image => "image",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Build => "build",
            Self::Container => "container",
            Self::Kube => "kube",
            Self::Pod => "pod",
        }
    }

    /// The section that is the type's own.
    pub fn section(self) -> &'static str {
        match self {
            Self::Artifact => "Artifact",
            Self::Image => "Image",
            Self::Network => "Network",
            Self::Volume => "Volume",
            Self::Build => "Build",
            Self::Container => "Container",
            Self::Kube => "Kube",
            Self::Pod => "Pod",
        }
    }

    /// The name of that section in the service, where systemd ignores it.
    pub fn hidden_section(self) -> &'static str {
        match self {
            Self::Artifact => "X-Artifact",
            Self::Image => "X-Image",
            Self::Network => "X-Network",
            Self::Volume => "X-Volume",
            Self::Build => "X-Build",
            Self::Container => "X-Container",
            Self::Kube => "X-Kube",
            Self::Pod => "X-Pod",
        }
    }

    /// What a service's name has behind the unit's: `data.volume` becomes `data-volume.service`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Container | Self::Kube => "",
            Self::Artifact => "-artifact",
            Self::Image => "-image",
            Self::Network => "-network",
            Self::Volume => "-volume",
            Self::Build => "-build",
            Self::Pod => "-pod",
        }
    }

    /// The conversion class: classes are converted one after the other, units of one class in the order of loading.
    pub fn class(self) -> u8 {
        match self {
            Self::Artifact | Self::Image => 1,
            Self::Network | Self::Volume => 2,
            Self::Build => 3,
            Self::Container | Self::Kube => 4,
            Self::Pod => 5,
        }
    }
}

/// How much of a unit file could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All of it.
    Whole,
    /// Lines that are not unit-file syntax are missing from the document; `problems` has them.
    Part,
    /// Nothing.
    Failed,
}

/// A unit file with its drop-ins merged.
#[derive(Debug)]
pub struct Unit {
    /// File name, `web.container`.
    pub name: String,
    /// Its type.
    pub unit_type: UnitType,
    /// Path of the main file, as the administrator knows it.
    pub path: Arc<str>,
    /// Everything that stands in it and its drop-ins.
    pub document: UnitFile,
    /// Whether `document` is complete.
    pub reading: Reading,
    /// What was wrong while reading the file and its drop-ins.
    pub problems: Vec<Problem>,
}

impl Unit {
    /// The parts of its name.
    pub fn parts(&self) -> UnitName<'_> {
        UnitName::new(&self.name)
    }

    /// Whether it is a bare template, `name@.container`.
    pub fn is_template(&self) -> bool {
        self.parts().is_template()
    }

    /// The directory that relative paths in it start from.
    pub fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }
}
