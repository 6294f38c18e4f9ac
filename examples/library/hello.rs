//! Pulls an image, runs a command in a container, waits for it and prints what it wrote.
//!
//! ```text
//! cargo run -p unipod --example hello -- docker.io/library/busybox echo hello
//! ```

use std::process::ExitCode;

use unipod::{Engine, NewContainer};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let Some(image) = words.next() else {
        return Err("usage: hello IMAGE [COMMAND …]".into());
    };
    let command: Vec<String> = words.collect();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();

    let engine = Engine::open()?;
    let pulled = engine.images().pull(&image)?;
    eprintln!("{} has {} layers", pulled.id, pulled.layers.len());

    let container = engine.containers().create(NewContainer::of(&image, &command))?;
    eprintln!("{} is {:?}", container.name(), container.state()?);
    container.start()?;
    let code = container.wait()?.unwrap_or(125);
    print!("{}", container.output()?);
    container.remove()?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(125)))
}
