//! The rooms of an engine, one for each kind of thing in its store.

use crate::{Containers, Engine, Images, Networks, Pods, Secrets, Volumes};

impl Engine {
    /// Its containers.
    pub fn containers(&self) -> Containers<'_> {
        Containers::of(self)
    }

    /// Its pods.
    pub fn pods(&self) -> Pods<'_> {
        Pods::of(self)
    }

    /// Its images.
    pub fn images(&self) -> Images<'_> {
        Images::of(self.store())
    }

    /// Its volumes.
    pub fn volumes(&self) -> Volumes<'_> {
        Volumes::of(self.store())
    }

    /// Its networks.
    pub fn networks(&self) -> Networks<'_> {
        Networks::of(self.store())
    }

    /// Its secrets.
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets::of(self.store())
    }
}
