//! `unipod login`, `unipod logout`.

use std::io::{BufRead, IsTerminal, Read, Write, stderr, stdin};
use std::path::PathBuf;

use clap::{ArgAction, Args};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::error::CliError;
use super::output;
use unipod::image::auth::Credentials;
use unipod::image::login::{self, LoginOptions};
use unipod::image::registry::TlsOptions;

/// Log in to a registry.
///
/// Example: unipod login --username ann --password-stdin registry.example.com <password.txt
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// The registry, HOST[:PORT][/NAMESPACE]
    registry: String,
    /// The file to keep the credentials in
    #[arg(long, value_name = "PATH", env = "REGISTRY_AUTH_FILE")]
    authfile: Option<PathBuf>,
    /// The directory with certificates for the registry
    #[arg(long, value_name = "PATH")]
    cert_dir: Option<PathBuf>,
    /// Print the name of the user who is logged in
    #[arg(long)]
    get_login: bool,
    /// The password; others can see it in the process list, better use --password-stdin
    #[arg(short, long)]
    password: Option<String>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "password")]
    password_stdin: bool,
    /// Whether the registry must prove who it is
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// The user's name
    #[arg(short, long)]
    username: Option<String>,
}

/// Forget the credentials of a registry.
///
/// Example: unipod logout registry.example.com
#[derive(Debug, Args)]
pub struct LogoutArgs {
    /// The registry
    #[arg(required_unless_present = "all")]
    registry: Option<String>,
    /// Forget the credentials of all registries
    #[arg(short, long, conflicts_with = "registry")]
    all: bool,
    /// The file that the credentials are in
    #[arg(long, value_name = "PATH", env = "REGISTRY_AUTH_FILE")]
    authfile: Option<PathBuf>,
}

impl LoginArgs {
    /// Does it. Returns the exit code.
    pub fn run(self) -> Result<u8, CliError> {
        let tls = TlsOptions {
            verify: self.tls_verify,
            cert_dir: self.cert_dir,
        };
        let options = LoginOptions {
            registry: login::key_of(&self.registry).to_owned(),
            authfile: self.authfile,
            tls,
        };
        if self.get_login {
            return match options.current()? {
                Some(Credentials::Password { user, .. }) => say(&user),
                Some(Credentials::IdentityToken(_)) => say("<token>"),
                None => Err(CliError::new(format!("not logged in to {}", options.registry))),
            };
        }
        let user = match self.username {
            Some(user) => user,
            None if self.password_stdin => return Err(CliError::new("--password-stdin needs --username")),
            None => ask("Username: ")?,
        };
        let password = match self.password {
            Some(password) => password,
            None if self.password_stdin => whole_input()?,
            None => ask_secretly("Password: ")?,
        };
        options.login(&Credentials::Password { user, password })?;
        say("Login Succeeded!")
    }
}

impl LogoutArgs {
    /// Does it. Returns the exit code.
    pub fn run(self) -> Result<u8, CliError> {
        let authfile = self.authfile.as_deref();
        let Some(registry) = self.registry.as_deref().map(login::key_of) else {
            login::logout_all(authfile)?;
            return say("Removed login credentials of all registries");
        };
        if login::logout(registry, authfile)? {
            say(&format!("Removed login credentials for {registry}"))
        } else {
            Err(CliError::new(format!("not logged in to {registry}")))
        }
    }
}

fn say(line: &str) -> Result<u8, CliError> {
    output::print_text(&format!("{line}\n"))?;
    Ok(0)
}

fn whole_input() -> Result<String, CliError> {
    let mut text = String::new();
    stdin().read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask(prompt: &str) -> Result<String, CliError> {
    if !stdin().is_terminal() {
        return Err(CliError::new(
            "standard input is no terminal: give --username and --password-stdin",
        ));
    }
    // Without a prompt the answer is as good.
    let _ = write!(stderr(), "{prompt}");
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks with echo turned off.
fn ask_secretly(prompt: &str) -> Result<String, CliError> {
    let Ok(normal) = tcgetattr(stdin()) else {
        return ask(prompt);
    };
    let mut silent = normal.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(stdin(), SetArg::TCSAFLUSH, &silent)?;
    let answer = ask(prompt);
    tcsetattr(stdin(), SetArg::TCSAFLUSH, &normal)?;
    output::say_line("");
    answer
}
