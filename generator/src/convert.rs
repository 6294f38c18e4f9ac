//! The conversion of one unit: what is common to all types, then what its own type does.

use crate::conversion::{Conversion, Converted};
use crate::host::Host;
use crate::names::Registry;
use crate::preamble;

/// Converts one unit; everything that is wrong with it is reported.
pub fn convert<'a>(registry: &'a Registry, index: usize, host: &'a Host, members: Vec<String>) -> Converted<'a> {
    let mut conversion = Conversion::new(registry, index, host, members);
    preamble::prepare(&mut conversion);
    conversion.unit.unit_type.converter()(&mut conversion);
    conversion.finish()
}
