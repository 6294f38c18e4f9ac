//! Two containers, one after the other, share a volume; both are gone afterwards, and so is the volume.
//!
//! ```text
//! cargo run -p unipod --example volume -- docker.io/library/busybox
//! ```

use std::error::Error;

use unipod::volume::Wanted;
use unipod::{Engine, EngineError, NewContainer};

fn main() -> Result<(), Box<dyn Error>> {
    let image = std::env::args().nth(1).ok_or("usage: volume IMAGE")?;
    let engine = Engine::open()?;
    let volume = engine.volumes().create(&Wanted {
        name: Some("library-example".to_owned()),
        ..Wanted::default()
    })?;

    let mount = format!("{}:/data", volume.name);
    run(&engine, &image, &mount, "echo kept >/data/note")?;
    print!("{}", run(&engine, &image, &mount, "cat /data/note")?);

    match engine.volumes().get("no-such-volume") {
        Err(EngineError::Volume(error)) => println!("{error}"),
        other => return Err(format!("a volume that nobody made: {other:?}").into()),
    }
    engine.volumes().remove(&volume.name)?;
    Ok(())
}

/// Runs a script to its end; what it wrote.
fn run(engine: &Engine, image: &str, mount: &str, script: &str) -> Result<String, Box<dyn Error>> {
    let mut new = NewContainer::of(image, &["sh", "-c", script]);
    new.options.volumes.push(mount.to_owned());
    let container = engine.containers().create(new)?;
    container.start()?;
    container.wait()?;
    let output = container.output()?;
    container.remove()?;
    Ok(output)
}
