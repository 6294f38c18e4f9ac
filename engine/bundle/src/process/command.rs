//! What a container executes, as whom and where: the options over what the image says.

use oci_spec::image::Config;

use crate::{BundleRequest, ContainerOptions};

fn config<'a>(request: &BundleRequest<'a>) -> Option<&'a Config> {
    request.image.and_then(|image| image.config().as_ref())
}

/// The user as given, or the image's.
pub(crate) fn user_name<'a>(request: &BundleRequest<'a>) -> &'a str {
    let of_image = || config(request).and_then(|config| config.user().as_deref());
    request.options.user.as_deref().or_else(of_image).unwrap_or_default()
}

/// The working directory: the option, the image's, or the root.
pub fn workdir<'a>(request: &BundleRequest<'a>) -> &'a str {
    let of_image = || config(request).and_then(|config| config.working_dir().as_deref());
    let chosen = request.options.workdir.as_deref().or_else(of_image);
    chosen.filter(|dir| !dir.is_empty()).unwrap_or("/")
}

/// The words of the command, without an init before them; none if nobody names one.
pub fn command(request: &BundleRequest<'_>) -> Vec<String> {
    command_of(request.options, config(request))
}

/// The words that these options and this image make. An entry point given on the command line discards the image's command
/// as well. One that is a single empty word is none, as in podman and docker.
pub fn command_of(options: &ContainerOptions, image: Option<&Config>) -> Vec<String> {
    let of = |list: Option<&Option<Vec<String>>>| list.cloned().flatten().unwrap_or_default();
    let mut words = options
        .entrypoint
        .clone()
        .unwrap_or_else(|| of(image.map(Config::entrypoint)));
    if words.iter().eq([""]) {
        words.clear();
    }
    if !options.command.is_empty() {
        words.extend(options.command.iter().cloned());
    } else if options.entrypoint.as_ref().is_none_or(Vec::is_empty) {
        words.extend(of(image.map(Config::cmd)));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_points_and_commands() {
        let words = |text: &[&str]| text.iter().map(ToString::to_string).collect::<Vec<_>>();
        let of = |entrypoint: Option<&[&str]>, command: &[&str], image: [&[&str]; 2]| {
            let options = ContainerOptions {
                entrypoint: entrypoint.map(words),
                command: words(command),
                ..ContainerOptions::default()
            };
            let mut config = Config::default();
            config.set_entrypoint(Some(words(image[0])));
            config.set_cmd(Some(words(image[1])));
            command_of(&options, Some(&config)).join(" ")
        };
        assert_eq!(of(None, &[], [&["run"], &["it"]]), "run it");
        assert_eq!(of(None, &["that"], [&["run"], &["it"]]), "run that");
        assert_eq!(of(None, &[], [&[""], &["echo", "hi"]]), "echo hi");
        assert_eq!(of(None, &["that"], [&[""], &[]]), "that");
        assert_eq!(of(Some(&[]), &[], [&["run"], &["it"]]), "it");
        assert_eq!(of(Some(&["do"]), &[], [&["run"], &["it"]]), "do");
        assert_eq!(of(Some(&[""]), &["that"], [&["run"], &["it"]]), "that");
    }
}
