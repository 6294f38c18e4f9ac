//! Two containers in a pod: one is a web server, the other asks it on localhost. Both are gone afterwards, and so is the pod.
//!
//! ```text
//! cargo run -p unipod --example pod -- docker.io/library/busybox
//! ```

use std::error::Error;
use std::time::Duration;

use unipod::pod::service::Removal;
use unipod::{Engine, NewContainer, NewPod};

const SERVER: &str = "mkdir /www; echo from the neighbour >/www/index.html; exec httpd -f -h /www";
const CLIENT: &str = "until wget -qO- localhost 2>/dev/null; do sleep 0.1; done; exec sleep 1000";

fn main() -> Result<(), Box<dyn Error>> {
    let image = std::env::args().nth(1).ok_or("usage: pod IMAGE")?;
    let engine = Engine::open()?;
    let pod = engine.pods().create(NewPod::named("library-example"))?;
    println!("{:?}", pod.state()?);

    let member = |script| NewContainer::of(&image, &["sh", "-c", script]);
    engine.containers().create(member(SERVER).in_pod(&pod)?)?;
    let client = engine.containers().create(member(CLIENT).in_pod(&pod)?)?;
    pod.start()?;
    let mut answer = String::new();
    while answer.is_empty() {
        answer = client.output()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    print!("{answer}");

    println!("{:?}", pod.state()?);
    pod.pause()?;
    println!("{:?}", pod.state()?);
    pod.unpause()?;
    println!("{:?}", pod.state()?);
    pod.stop(Some(0))?;
    println!("{:?}", pod.state()?);
    pod.remove_with(Removal::default())?;
    Ok(())
}
