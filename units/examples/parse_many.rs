//! How long 2,000 unit files take: `cargo run --release -p systemd-unit-parser --example parse_many`.

use std::hint::black_box;
use std::time::Instant;

use systemd_unit_parser::UnitFile;

const FILES: usize = 2_000;

const TEXT: &str = "# A page
[Unit]
Description=A web page
After=network-online.target db.container

[Container]
Image=registry.example.org/library/nginx:1.27
ContainerName=web
PublishPort=8080:80
PublishPort=8443:443
Network=front.network
Volume=web-data.volume:/usr/share/nginx/html:ro
Volume=/srv/conf:/etc/nginx/conf.d:ro
Environment=GREETING=\"hello world\" LEVEL=info \\
  TZ=Europe/Berlin
Label=app=web tier=front
Exec=nginx -g 'daemon off;'
HealthCmd=curl -f http://localhost/

[Service]
Restart=always
TimeoutStartSec=900

[Install]
WantedBy=multi-user.target
";

fn main() {
    let files: Vec<String> = (0..FILES)
        .map(|number| TEXT.replace("web", &format!("web{number}")))
        .collect();
    for _ in 0..3 {
        let begin = Instant::now();
        let parsed: Vec<UnitFile> = files
            .iter()
            .enumerate()
            .map(|(number, text)| UnitFile::parse(format!("/etc/web{number}.container"), text.as_bytes()))
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        println!("{} files read in {:?}", parsed.len(), begin.elapsed());

        let begin = Instant::now();
        for file in &parsed {
            let container = file.lookup("Container");
            black_box((
                container.scalar("Image"),
                container.map("Environment"),
                container.args("Exec"),
            ));
        }
        println!("three keys of each looked up in {:?}", begin.elapsed());

        let begin = Instant::now();
        let bytes: usize = parsed.iter().map(|file| black_box(file.to_bytes()).len()).sum();
        println!("{bytes} bytes written in {:?}\n", begin.elapsed());
    }
}
