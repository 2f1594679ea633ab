//! What the end of a path says about its last component.
//!
//! The functions that act on a name and not on what it leads to (rename, link, unlink and the like)
//! treat `name`, `name/` and `name/.` differently, and POSIX leaves much of it open. Here it is as on
//! Linux. The sandbox takes `name/` for `name/.`, and in some calls for `name`.

/// What follows the last component that is a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing: the name itself is meant.
    Name,
    /// Slashes: what the name leads to is meant, where the call follows links at all, and it has to be
    /// a directory.
    Slash,
    /// `.` or `..`, with or without slashes: a directory that no name is given for. Also `/` alone.
    Dot,
}

/// Splits trailing slashes off. An [`Ending::Dot`] leaves the path as it is.
pub(super) fn split(path: &str) -> (&str, Ending) {
    let stem = path.trim_end_matches('/');
    let last = stem.rsplit('/').next().unwrap_or(stem);
    match last {
        "." | ".." => (path, Ending::Dot),
        "" if !path.is_empty() => (path, Ending::Dot),
        _ if stem.len() < path.len() => (stem, Ending::Slash),
        _ => (path, Ending::Name),
    }
}

/// The directory that a name without slashes behind it is in.
pub(super) fn parent(stem: &str) -> &str {
    match stem.rfind('/') {
        Some(0) => "/",
        Some(at) => &stem[..at],
        None => ".",
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending::*, parent, split};

    #[test]
    fn only_slashes_behind_a_name_are_split_off() {
        let cases = [
            ("", "", Name),
            ("a", "a", Name),
            ("a/b", "a/b", Name),
            ("a/", "a", Slash),
            ("a/b//", "a/b", Slash),
            ("a/.b/", "a/.b", Slash),
            ("a/...", "a/...", Name),
            (".", ".", Dot),
            ("a/.", "a/.", Dot),
            ("a/./", "a/./", Dot),
            ("a/..//", "a/..//", Dot),
            ("/", "/", Dot),
            ("//", "//", Dot),
        ];
        for (path, stem, ending) in cases {
            assert_eq!(split(path), (stem, ending), "{path:?}");
        }
    }

    #[test]
    fn the_parent_is_everything_before_the_last_slash() {
        for (stem, expected) in [("a", "."), ("a/b", "a"), ("a//b", "a/"), ("/a", "/")] {
            assert_eq!(parent(stem), expected);
        }
    }
}
