//! What is to be installed: files, directories, addresses, and files that hold several unit files.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use unipod_generator::UnitType;

use super::super::error::CliError;
use super::application::is_plain;
use super::units::not_a_quadlet;
use unipod::image::fetch::fetch;
use unipod::store::StoreError;

/// The extension of a file that holds several unit files.
const SEVERAL: &str = ".quadlets";

/// A file that is to be installed.
#[derive(Debug)]
pub struct File {
    /// What the user called it.
    pub from: String,
    /// Its name in the installation directory.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl File {
    /// Whether it is a unit file, as opposed to what unit files need.
    pub fn is_unit(&self) -> bool {
        UnitType::of(&self.name).is_some()
    }
}

/// Files that belong together.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The list of the application, `.NAME.app`.
    pub application: String,
    /// Its files.
    pub files: Vec<File>,
    /// What cannot be installed, and why.
    pub refused: Vec<(String, String)>,
}

impl Bundle {
    /// Reads everything that the words of a command line name. The first one gives the application its name.
    pub fn read(words: &[String]) -> Result<Self, CliError> {
        let mut bundle = Self::default();
        let (first, others) = words.split_first().ok_or_else(|| CliError::new("nothing to install"))?;
        if !is_url(first) && stat(first)?.is_dir() {
            bundle.directory(first)?;
        } else {
            bundle.add(first);
            bundle.name_after(first);
        }
        for word in others {
            bundle.add(word);
        }
        Ok(bundle)
    }

    /// Everything right in a directory, but what version control keeps there.
    fn directory(&mut self, path: &str) -> Result<(), CliError> {
        let read = |path: &Path| -> std::io::Result<Vec<PathBuf>> {
            let entries: Vec<DirEntry> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
            let is_hidden = |entry: &DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
            let wanted = entries
                .iter()
                .filter(|entry| !(is_hidden(entry) && entry.path().is_dir()));
            Ok(wanted.map(DirEntry::path).collect())
        };
        let mut paths = read(path.as_ref()).map_err(StoreError::io("read", path.as_ref()))?;
        paths.sort();
        for path in &paths {
            self.add(&path.to_string_lossy());
        }
        if self.refused.is_empty() && !self.files.iter().any(File::is_unit) {
            return Err(CliError::new(format!("there is no Quadlet in {path}")));
        }
        let whole = fs::canonicalize(path).map_err(StoreError::io("find", path.as_ref()))?;
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        self.application = format!(".{name}.app");
        Ok(())
    }

    /// The first of several files is a unit file; what comes with it may be anything.
    fn name_after(&mut self, word: &str) {
        let Some(first) = self.files.first() else { return };
        let name = if word.ends_with(SEVERAL) {
            base_name(word).trim_end_matches(SEVERAL)
        } else {
            first.name.as_str()
        };
        self.application = format!(".{name}.app");
        if !first.is_unit() {
            self.refused.push((word.to_owned(), not_a_quadlet(&first.name)));
        }
    }

    fn add(&mut self, word: &str) {
        match read(word) {
            Ok(mut files) => self.files.append(&mut files),
            Err(reason) => self.refused.push((word.to_owned(), reason)),
        }
    }
}

/// The files behind one word.
fn read(word: &str) -> Result<Vec<File>, String> {
    let (name, content) = if is_url(word) {
        let fetched = fetch(word).map_err(|error| CliError::from(error).message)?;
        (fetched.name, fetched.content)
    } else {
        if !stat(word).map_err(|error| error.message)?.is_file() {
            return Err(format!("quadlet to install {word:?} is not a file"));
        }
        let content = fs::read(word).map_err(|error| format!("it cannot be read: {error}"))?;
        (base_name(word).to_owned(), content)
    };
    if name.ends_with(SEVERAL) {
        return split(word, &String::from_utf8_lossy(&content));
    }
    if !is_plain(&name) {
        return Err(format!("{name:?} is no name for a file"));
    }
    let from = word.to_owned();
    Ok(vec![File { from, name, content }])
}

/// The unit files of a `.quadlets` file: `---` between them, each with `# FileName=NAME`.
fn split(from: &str, text: &str) -> Result<Vec<File>, String> {
    let mut sections = vec![String::new()];
    for line in text.lines() {
        if line.trim() == "---" {
            sections.push(String::new());
        } else if let Some(section) = sections.last_mut() {
            section.push_str(line);
            section.push('\n');
        }
    }
    let sections = sections
        .iter()
        .map(|section| section.trim())
        .filter(|section| !section.is_empty());
    let files = sections.enumerate().map(|(index, section)| {
        let file = |name| File {
            from: from.to_owned(),
            name,
            content: format!("{section}\n").into_bytes(),
        };
        file_name(section)
            .map(file)
            .map_err(|reason| format!("section {}: {reason}", index + 1))
    });
    let files: Vec<File> = files.collect::<Result<_, _>>()?;
    if files.is_empty() {
        return Err(format!("no valid quadlet sections found in file {from}"));
    }
    Ok(files)
}

/// The name that a section asks for, with the extension of its type.
fn file_name(section: &str) -> Result<String, String> {
    let header = |line: &str| Some(line.trim().strip_prefix('[')?.strip_suffix(']')?.to_owned());
    let unit_type = section.lines().filter_map(header).find_map(|header| {
        let is_it = |unit_type: &UnitType| unit_type.section().eq_ignore_ascii_case(&header);
        UnitType::ALL.into_iter().find(is_it)
    });
    let sections = UnitType::ALL
        .map(|unit_type| format!("[{}]", unit_type.section()))
        .join(", ");
    let unit_type =
        unit_type.ok_or_else(|| format!("no recognized quadlet section found (expected one of {sections})"))?;
    let given = |line: &str| {
        Some(
            line.trim()
                .strip_prefix('#')?
                .trim()
                .strip_prefix("FileName=")?
                .trim()
                .to_owned(),
        )
    };
    let name = section.lines().find_map(given);
    let name = name.ok_or("missing required '# FileName=<name>' comment at the beginning of quadlet section")?;
    if !is_plain(&name) || name.contains('\\') {
        return Err(format!("FileName={name} is no name for a file"));
    }
    if UnitType::of(&name) == Some(unit_type) {
        return Ok(name);
    }
    Ok(format!("{name}.{}", unit_type.extension()))
}

fn is_url(word: &str) -> bool {
    word.starts_with("http://") || word.starts_with("https://")
}

fn base_name(path: &str) -> &str {
    Path::new(path)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or(path)
}

fn stat(path: &str) -> Result<fs::Metadata, CliError> {
    fs::metadata(path).map_err(|error| CliError::new(format!("unable to stat Quadlet path {path}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_several_is_split() {
        let text =
            "# FileName=web\n[Container]\nImage=x\n ---\t\n\n---\n[Unit]\nX=y\n# FileName=data.volume\n[volume]\n";
        let files = split("shop.quadlets", text).expect("is well formed");
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["web.container", "data.volume"]);
        assert_eq!(files[0].content, b"# FileName=web\n[Container]\nImage=x\n");
    }

    #[test]
    fn what_is_wrong_with_a_section_is_told() {
        for (text, says) in [
            ("", "no valid quadlet sections"),
            ("[Container]\n", "section 1: missing required '# FileName="),
            (
                "# FileName=a\n[Container]\n---\n# FileName=b\n[Service]\n",
                "section 2: no recognized quadlet section",
            ),
            ("# FileName=../a\n[Container]\n", "no name for a file"),
            ("# FileName=\n[Container]\n", "no name for a file"),
        ] {
            let error = split("x.quadlets", text).expect_err(text);
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
