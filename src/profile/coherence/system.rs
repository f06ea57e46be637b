//! Operating systems, by what clients and profiles call them.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum System {
    Android,
    AppleMobile,
    ChromeOs,
    Linux,
    MacOs,
    Windows,
}

impl System {
    /// The one that a text names first of all: a `user-agent`, `sec-ch-ua-platform`, or a provenance.
    pub(super) fn named_in(text: &str) -> Option<Self> {
        let mut names = NAMES.iter();
        let named = names.find(|(name, _)| text.contains(name));
        named.map(|(_, system)| *system)
    }
}

/// What is said beside others comes first: an Android says Linux, too, an iPhone `like Mac OS X`.
const NAMES: [(&str, System); 13] = [
    ("Android", System::Android),
    ("iPhone", System::AppleMobile),
    ("iPad", System::AppleMobile),
    ("iOS", System::AppleMobile),
    ("CrOS", System::ChromeOs),
    ("Chrome OS", System::ChromeOs),
    ("Windows", System::Windows),
    ("Macintosh", System::MacOs),
    ("macOS", System::MacOs),
    ("Linux", System::Linux),
    ("Debian", System::Linux),
    ("Ubuntu", System::Linux),
    ("Fedora", System::Linux),
];
