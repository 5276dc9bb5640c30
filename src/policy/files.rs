//! Reading files, and which of them make up the policies: files as named, folders with all their YAML, ConfigMap mounts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostics::Diagnostics;
use super::source::Source;

/// The largest file that is read: a ConfigMap holds 1 MiB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Reads all files, in the order in which they were named, those of a folder by name. What cannot be read is reported.
pub(crate) fn read(paths: &[PathBuf], problems: &mut Diagnostics) -> Vec<Source> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        let found = if path.is_dir() { folder(path, problems) } else { vec![path.clone()] };
        files.extend(found.into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>());
    }
    files.iter().filter_map(|file| text(file, problems)).collect()
}

/// The YAML files of a folder. A ConfigMap mount has each file as a link through the hidden folder `..data`, which is
/// swapped as a whole: hidden entries are passed over, links are followed.
fn folder(path: &Path, problems: &mut Diagnostics) -> Vec<PathBuf> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            problems.file_error(&path.display().to_string(), format!("this folder cannot be read: {error}"));
            return Vec::new();
        }
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|file| is_policy_file(file)).collect();
    files.sort();
    if files.is_empty() {
        problems.file_error(
            &path.display().to_string(),
            "this folder has no policy: put files that end in .yaml or .yml there".to_owned(),
        );
    }
    files
}

fn is_policy_file(file: &Path) -> bool {
    let hidden = file.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let yaml = file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    yaml && !hidden && !file.is_dir()
}

/// Reads one file. What cannot be read is reported.
pub(crate) fn text(file: &Path, problems: &mut Diagnostics) -> Option<Source> {
    let name: Arc<str> = file.display().to_string().into();
    let why = match fs::metadata(file) {
        Ok(about) if about.len() > LARGEST => {
            "this file is too large: policies can stand in files of their own".to_owned()
        }
        Ok(_) => match fs::read(file).map(String::from_utf8) {
            Ok(Ok(text)) => return Some(Source::new(name, text)),
            Ok(Err(_)) => "this file is not UTF-8: save it as UTF-8".to_owned(),
            Err(error) => format!("this file cannot be read: {error}"),
        },
        Err(error) => format!("this file cannot be read: {error}"),
    };
    problems.file_error(&name, why);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[PathBuf]) -> (Vec<String>, Diagnostics) {
        let mut problems = Diagnostics::default();
        let sources = read(paths, &mut problems);
        let name = |source: &Source| Path::new(&*source.name).file_name().unwrap().to_string_lossy().into_owned();
        (sources.iter().map(name).collect(), problems)
    }

    #[cfg(unix)]
    #[test]
    fn a_configmap_mount_is_read_once_through_its_links() {
        let mount = tempfile::tempdir().unwrap();
        let version = mount.path().join("..2026_11_21");
        fs::create_dir(&version).unwrap();
        for name in ["b.yaml", "a.yml", ".hidden.yaml", "notes.txt"] {
            fs::write(version.join(name), "x: 1").unwrap();
        }
        std::os::unix::fs::symlink("..2026_11_21", mount.path().join("..data")).unwrap();
        for name in ["b.yaml", "a.yml", "notes.txt"] {
            std::os::unix::fs::symlink(Path::new("..data").join(name), mount.path().join(name)).unwrap();
        }
        let folder = mount.path().to_path_buf();
        let (found, problems) = names(&[folder.join("b.yaml"), folder]);
        assert_eq!(found, ["b.yaml", "a.yml"], "each once, as named, then by name");
        assert!(problems.is_empty(), "{problems}");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("latin.txt"), [b'a', 0xe9]).unwrap();
        let paths = [folder.path().to_path_buf(), folder.path().join("gone.yaml"), folder.path().join("latin.txt")];
        let (found, problems) = names(&paths);
        assert!(found.is_empty());
        let said = problems.to_string();
        for part in ["has no policy", "cannot be read: No such file", "not UTF-8"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
