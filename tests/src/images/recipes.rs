//! The images of the test registry: the distribution's software, arranged as the public images of the same name are.

use serde_json::{Value, json};

use super::layer::Layer;

/// Numbers of the accounts in every image; the names are those of the public images.
mod account {
    pub const NGINX: u64 = 101;
    pub const REDIS: u64 = 999;
    pub const POSTGRES: u64 = 998;
    pub const MYSQL: u64 = 997;
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
haproxy:x:99:99:haproxy:/:/bin/false
nginx:x:101:101:nginx:/:/bin/false
redis:x:999:999:redis:/data:/bin/false
postgres:x:998:998:postgres:/var/lib/postgresql:/bin/sh
mysql:x:997:997:mysql:/var/lib/mysql:/bin/false
memcache:x:11211:11211:memcache:/:/bin/false
";

const GROUP: &str = "root:x:0:
tty:x:5:
nogroup:x:65534:
haproxy:x:99:
nginx:x:101:
redis:x:999:
postgres:x:998:
mysql:x:997:
memcache:x:11211:
";

const PAGE: &str = "<!doctype html>
<title>Welcome to nginx!</title>
<h1>Welcome to nginx!</h1>
";

const WEB_PAGE: &str = "<!doctype html>
<title>unipod</title>
<h1>@GREETING@</h1>
<p>This page lies in a volume and is served from a container that systemd supervises.</p>
";

/// The program of `examples/pod`.
pub const SHOP_APP: &str = include_str!("../../../examples/pod/app/app.py");

const NGINX_CONF: &str = include_str!("scripts/nginx.conf");
const SERVER: &str = "server { listen 80 default_server; root /usr/share/nginx/html; }\n";

/// How one image is made and what it is called.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Repository and tags in the test registry; a public name stands below its domain.
    pub names: &'static [&'static str],
    /// Packages whose files it has, without the libraries they need: those are found.
    pub packages: &'static [&'static str],
    /// Single programs of other packages.
    pub programs: &'static [&'static str],
    /// What is in its own layer beside them.
    pub files: fn() -> Layer,
    /// The image's configuration (OCI image specification, `config.md`).
    pub config: fn() -> Value,
}

/// All images, by hand.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        names: &[
            "docker.io/library/busybox:latest",
            "docker.io/library/busybox:1.35",
            "busybox:latest",
            "other:latest",
        ],
        packages: &[],
        programs: &[],
        files: Layer::default,
        config: || json!({ "Cmd": ["sh"], "Env": [PATH] }),
    },
    Recipe {
        names: &[
            "docker.io/library/nginx:latest",
            "docker.io/library/nginx:1.22",
            "docker.io/library/nginx:alpine",
        ],
        packages: &["nginx"],
        programs: &[],
        files: || {
            nginx()
                .directory("/etc/nginx/templates", 0o755, 0)
                .link("/var/log/nginx/access.log", "/dev/stdout")
                .link("/var/log/nginx/error.log", "/dev/stderr")
        },
        config: || {
            json!({
                "Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["nginx", "-g", "daemon off;"],
                "Env": [PATH, "NGINX_VERSION=1.22.1"], "ExposedPorts": { "80/tcp": {} }, "StopSignal": "SIGQUIT",
            })
        },
    },
    Recipe {
        names: &["web:latest"],
        packages: &["nginx"],
        programs: &[],
        files: || {
            Layer::default()
                .text("/etc/nginx/nginx.conf", 0o644, include_str!("scripts/web.conf"))
                .directory("/var/log/nginx", 0o755, 0)
                .directory("/var/lib/nginx", 0o755, account::NGINX)
                .text("/usr/share/web/index.html", 0o644, WEB_PAGE)
                .text("/www/about.txt", 0o644, "from the image\n")
                .text("/web.sh", 0o755, include_str!("scripts/web.sh"))
        },
        config: || {
            json!({
                "Cmd": ["/web.sh"], "Env": [PATH], "ExposedPorts": { "80/tcp": {} },
                "StopSignal": "SIGQUIT", "Volumes": { "/www": {} },
            })
        },
    },
    Recipe {
        names: &[
            "docker.io/library/redis:7",
            "docker.io/library/redis:latest",
            "docker.io/library/redis:alpine",
        ],
        packages: &["redis-server", "redis-tools"],
        programs: &["/usr/bin/setpriv"],
        files: || {
            Layer::default().directory("/data", 0o755, account::REDIS).text(
                "/docker-entrypoint.sh",
                0o755,
                include_str!("scripts/redis.sh"),
            )
        },
        config: || {
            json!({
                "Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["redis-server"], "Env": [PATH],
                "WorkingDir": "/data", "Volumes": { "/data": {} }, "ExposedPorts": { "6379/tcp": {} },
            })
        },
    },
    Recipe {
        names: &["docker.io/library/postgres:16", "docker.io/library/postgres:latest"],
        packages: &["postgresql-15", "postgresql-client-15", "tzdata"],
        programs: &["/usr/bin/setpriv"],
        files: || {
            Layer::default()
                .directory("/var/lib/postgresql", 0o755, account::POSTGRES)
                .directory("/var/lib/postgresql/data", 0o700, account::POSTGRES)
                .directory("/run/postgresql", 0o775, account::POSTGRES)
                .directory("/docker-entrypoint-initdb.d", 0o755, 0)
                .text("/docker-entrypoint.sh", 0o755, include_str!("scripts/postgres.sh"))
        },
        config: || {
            json!({
                "Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["postgres"],
                "Env": [
                    "PATH=/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    "PGDATA=/var/lib/postgresql/data", "LANG=C.UTF-8"
                ],
                "Volumes": { "/var/lib/postgresql/data": {} }, "ExposedPorts": { "5432/tcp": {} },
                "StopSignal": "SIGINT",
            })
        },
    },
    Recipe {
        names: &["docker.io/library/mariadb:10.11", "docker.io/library/mariadb:latest"],
        packages: &["mariadb-server-core", "mariadb-client-core"],
        programs: &["/usr/bin/setpriv"],
        files: || {
            Layer::default()
                .directory("/var/lib/mysql", 0o755, account::MYSQL)
                .directory("/run/mysqld", 0o755, account::MYSQL)
                .text("/docker-entrypoint.sh", 0o755, include_str!("scripts/mariadb.sh"))
        },
        config: || {
            json!({
                "Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["mariadbd"], "Env": [PATH],
                "Volumes": { "/var/lib/mysql": {} }, "ExposedPorts": { "3306/tcp": {} },
            })
        },
    },
    Recipe {
        names: &["docker.io/library/memcached:1", "docker.io/library/memcached:latest"],
        packages: &["memcached"],
        programs: &[],
        files: Layer::default,
        config: || {
            json!({
                "Cmd": ["memcached"], "User": "memcache", "Env": [PATH], "ExposedPorts": { "11211/tcp": {} },
            })
        },
    },
    Recipe {
        names: &["docker.io/library/haproxy:2.6", "docker.io/library/haproxy:latest"],
        packages: &["haproxy"],
        programs: &[],
        files: || Layer::default().directory("/usr/local/etc/haproxy", 0o755, 0),
        config: || {
            json!({
                "Cmd": ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
                "User": "haproxy", "Env": [PATH], "StopSignal": "SIGUSR1",
            })
        },
    },
    shop_app(&["ghcr.io/example/shop-app:1"], || shop_config(1)),
    shop_app(&["ghcr.io/example/shop-app:2"], || shop_config(2)),
    Recipe {
        names: &["tools:latest"],
        packages: &[],
        programs: &[
            "/usr/bin/systemd-notify",
            "/usr/bin/socat",
            "/usr/sbin/capsh",
            "/usr/bin/getent",
        ],
        files: Layer::default,
        config: || json!({ "Cmd": ["sh"], "Env": [PATH] }),
    },
    Recipe {
        names: &["big:latest"],
        packages: &[],
        programs: &[],
        files: || Layer::default().bytes("/noise", 0o644, noise(24 << 20)),
        config: || json!({ "Cmd": ["sh"], "Env": [PATH] }),
    },
];

/// The application of `examples/pod`, as its Containerfile makes it.
const fn shop_app(names: &'static [&'static str], config: fn() -> Value) -> Recipe {
    Recipe {
        names,
        packages: &[
            "python3-minimal",
            "python3.11-minimal",
            "libpython3.11-minimal",
            "libpython3.11-stdlib",
            "python3-psycopg2",
        ],
        programs: &[],
        files: || Layer::default().text("/app.py", 0o644, SHOP_APP),
        config,
    }
}

fn shop_config(version: u32) -> Value {
    let version = format!("SHOP_VERSION={version}");
    json!({ "Cmd": ["python3", "-u", "/app.py"], "Env": [PATH, version] })
}

/// The search path of every image.
pub const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The layer below all others: busybox with all its names, accounts, and the directories everybody expects.
pub fn base(busybox: Vec<u8>, applets: &str) -> Layer {
    let mut layer = Layer::default()
        .bytes("/usr/bin/busybox", 0o755, busybox)
        .text("/etc/passwd", 0o644, PASSWD)
        .text("/etc/group", 0o644, GROUP)
        .text(
            "/etc/nsswitch.conf",
            0o644,
            "passwd: files\ngroup: files\nhosts: files dns\n",
        )
        .directory("/root", 0o700, 0)
        .directory("/tmp", 0o1777, 0)
        .directory("/run", 0o755, 0)
        .directory("/var/tmp", 0o1777, 0)
        .link("/var/run", "/run");
    for name in ["bin", "sbin", "lib", "lib64"] {
        layer = layer
            .directory(&format!("/usr/{name}"), 0o755, 0)
            .link(&format!("/{name}"), &format!("usr/{name}"));
    }
    for dir in ["/dev", "/proc", "/sys", "/mnt", "/home", "/srv"] {
        layer = layer.directory(dir, 0o755, 0);
    }
    // An applet named dpkg or init would only mislead.
    for applet in applets
        .lines()
        .filter(|name| !["busybox", "dpkg", "dpkg-deb", "init", "rpm"].contains(name))
    {
        layer = layer.link(&format!("/usr/bin/{applet}"), "busybox");
    }
    layer
}

fn nginx() -> Layer {
    Layer::default()
        .text("/etc/nginx/nginx.conf", 0o644, NGINX_CONF)
        .text("/etc/nginx/conf.d/default.conf", 0o644, SERVER)
        .text("/usr/share/nginx/html/index.html", 0o644, PAGE)
        .text("/docker-entrypoint.sh", 0o755, include_str!("scripts/nginx.sh"))
        .directory("/var/cache/nginx", 0o755, account::NGINX)
        .directory("/var/lib/nginx", 0o755, account::NGINX)
        // As the public image has it: the files lead to the container's own output.
        .link("/var/log/nginx/access.log", "/dev/stdout")
        .link("/var/log/nginx/error.log", "/dev/stderr")
}

/// Bytes that no compression makes smaller, the same ones every time (xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}
