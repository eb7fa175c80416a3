//! Licences: Debian's names (copyright-format 1.0) and those of crates and npm packages, as SPDX expressions.

use std::collections::{BTreeMap, BTreeSet};

use crate::component::digest;

/// What a component may be used under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Licence {
    /// SPDX expression; none where the maker's words are for people only.
    pub expression: Option<String>,
    /// Texts of the licences in it that SPDX has no name for, by their `LicenseRef-`.
    pub texts: BTreeMap<String, Extracted>,
}

/// A licence that SPDX has no name for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    /// What its user calls it.
    pub name: String,
    /// Its words.
    pub text: String,
}

impl Licence {
    /// The licence that an expression names; none when it is no SPDX expression, not even in the old spelling `MIT/Apache-2.0`.
    pub fn expression(text: &str) -> Self {
        let lax = spdx::ParseMode::LAX;
        let expression = spdx::Expression::canonicalize(text)
            .ok()
            .flatten()
            .unwrap_or_else(|| text.to_owned());
        Self {
            expression: spdx::Expression::parse_mode(&expression, lax)
                .ok()
                .map(|_| expression),
            texts: BTreeMap::new(),
        }
    }

    /// What a `copyright` file of Debian says, where a machine can read it. All its paragraphs count: they tell of the source,
    /// and not which of its files a binary package was made from.
    pub fn of_debian(copyright: &str) -> Self {
        let paragraphs = paragraphs(copyright);
        if !paragraphs
            .first()
            .is_some_and(|head| head.contains_key("format"))
        {
            return Self::default();
        }
        let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        for paragraph in &paragraphs {
            let Some(licence) = paragraph.get("license") else {
                continue;
            };
            let (name, text) = licence.split_once('\n').unwrap_or((licence, ""));
            let name = name.trim();
            if !text.trim().is_empty() {
                texts.entry(name).or_insert(text);
            }
            if paragraph.contains_key("files") && !name.is_empty() {
                wanted.insert(name);
            }
        }
        let mut licence = Self::default();
        let mut parts = BTreeSet::new();
        for name in wanted {
            let part = licence.converted(name, &texts);
            parts.insert(part);
        }
        licence.expression = (!parts.is_empty()).then(|| {
            let alone = parts.len() == 1;
            let joined: Vec<String> = parts
                .into_iter()
                .map(|part| {
                    if !alone && part.contains(" OR ") {
                        format!("({part})")
                    } else {
                        part
                    }
                })
                .collect();
            joined.join(" AND ")
        });
        licence
    }

    /// One licence field. `and` binds closer than `or`; a comma binds least (copyright-format 1.0, "License syntax").
    fn converted(&mut self, field: &str, texts: &BTreeMap<&str, &str>) -> String {
        let clauses: Vec<String> = field
            .split(',')
            .map(str::trim)
            .filter(|clause| !clause.is_empty())
            .map(|clause| {
                let clause = clause.strip_prefix("and ").unwrap_or(clause);
                let choices: Vec<String> = clause
                    .split(" or ")
                    .map(|choice| {
                        let all: Vec<String> = choice
                            .split(" and ")
                            .map(|name| self.named(name.trim(), texts))
                            .collect();
                        all.join(" AND ")
                    })
                    .collect();
                choices.join(" OR ")
            })
            .collect();
        if let [only] = clauses.as_slice() {
            return only.clone();
        }
        // ", or" separates choices, any other comma adds.
        let operator = if field.contains(", or ") {
            " OR "
        } else {
            " AND "
        };
        let bracketed: Vec<String> = clauses
            .iter()
            .map(|clause| clause.strip_prefix("or ").unwrap_or(clause))
            .map(|clause| {
                if clause.contains(' ') {
                    format!("({clause})")
                } else {
                    clause.to_owned()
                }
            })
            .collect();
        bracketed.join(operator)
    }

    /// One name: SPDX's, or a reference to the text.
    fn named(&mut self, name: &str, texts: &BTreeMap<&str, &str>) -> String {
        if let Some(known) = spdx_name(name) {
            return known;
        }
        let text = texts.get(name).map_or_else(
            || format!("The package's copyright file says: {name}"),
            |text| plain(text),
        );
        let slug: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '.' {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        // Two packages mean different texts by the same name.
        let id = format!("LicenseRef-Debian-{slug}-{}", &digest(text.as_bytes())[..8]);
        self.texts.insert(
            id.clone(),
            Extracted {
                name: name.to_owned(),
                text,
            },
        );
        id
    }
}

/// The text of a field: a line of a single dot stands for an empty one.
fn plain(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .map(|line| {
            if line.trim() == "." {
                ""
            } else {
                line.trim_end()
            }
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// Paragraphs of a control file, their fields by lower-case name. Lines that go on keep their line ends.
pub fn paragraphs(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut all = vec![BTreeMap::<String, String>::new()];
    let mut field: Option<String> = None;
    for line in text.lines() {
        if line.trim().is_empty() {
            field = None;
            if all.last().is_some_and(|last| !last.is_empty()) {
                all.push(BTreeMap::new());
            }
        } else if line.starts_with([' ', '\t']) {
            if let (Some(name), Some(last)) = (&field, all.last_mut())
                && let Some(value) = last.get_mut(name)
            {
                value.push('\n');
                value.push_str(line);
            }
        } else if !line.starts_with('#')
            && let (Some((name, value)), Some(last)) = (line.split_once(':'), all.last_mut())
        {
            let name = name.trim().to_ascii_lowercase();
            last.insert(name.clone(), value.trim().to_owned());
            field = Some(name);
        }
    }
    all.retain(|paragraph| !paragraph.is_empty());
    all
}

/// SPDX's name of a licence that Debian's maintainers name; GNU's with `+` are those "or any later version".
fn spdx_name(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if let Some((base, exception)) = lower.split_once(" with ") {
        let exception = match exception.trim_end_matches(" exception") {
            "libtool" => "Libtool-exception",
            "bison" => "Bison-exception-2.2",
            "linux-syscall-note" => "Linux-syscall-note",
            _ => return None,
        };
        return Some(format!("{} WITH {exception}", spdx_name(base)?));
    }
    if let Some(gnu) = gnu_name(&lower) {
        return Some(gnu);
    }
    let known = match lower.as_str() {
        "expat" | "mit/x11" => "MIT",
        "apache-2" => "Apache-2.0",
        "artistic" => "Artistic-1.0-Perl",
        "bsd-2-clause-netbsd" => "BSD-2-Clause",
        "bsd-4-clause" => "BSD-4-Clause",
        "cc0" => "CC0-1.0",
        "openldap-2.8" => "OLDAP-2.8",
        "unicode" => return None,
        _ => {
            return spdx::identifiers::LICENSES
                .iter()
                .find(|known| known.name.eq_ignore_ascii_case(name))
                .map(|known| known.name.to_owned());
        }
    };
    Some(known.to_owned())
}

/// GNU licences: `GPL-2+`, `GPLv2+`, `LGPL-2.1`, `LGPL-3.0+`, `GPL-2.0-only`, `GFDL-NIV-1.3+`.
fn gnu_name(lower: &str) -> Option<String> {
    let (family, rest) = [
        ("lgpl", "LGPL"),
        ("agpl", "AGPL"),
        ("gpl", "GPL"),
        ("gfdl", "GFDL"),
    ]
    .into_iter()
    .find_map(|(prefix, family)| Some((family, lower.strip_prefix(prefix)?)))?;
    let rest = rest.trim_start_matches(['-', 'v']);
    let (invariants, rest) = match rest.strip_prefix("niv-") {
        Some(rest) => ("-no-invariants", rest),
        None => ("", rest),
    };
    let (version, later) = match rest
        .strip_suffix('+')
        .or_else(|| rest.strip_suffix("-or-later"))
    {
        Some(version) => (version, true),
        None => (rest.strip_suffix("-only").unwrap_or(rest), false),
    };
    let version = if version.contains('.') {
        version.to_owned()
    } else {
        format!("{version}.0")
    };
    let suffix = if later { "or-later" } else { "only" };
    let name = format!("{family}-{version}{invariants}-{suffix}");
    spdx::license_id(&name).map(|known| known.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_debian_become_those_of_spdx() {
        for (debian, spdx) in [
            ("GPL-2+", "GPL-2.0-or-later"),
            ("GPL-2", "GPL-2.0-only"),
            ("LGPLv2.1+", "LGPL-2.1-or-later"),
            ("LGPL-3.0+", "LGPL-3.0-or-later"),
            ("GPL-2.0-only", "GPL-2.0-only"),
            ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
            ("Expat", "MIT"),
            ("BSD-3-clause", "BSD-3-Clause"),
            ("zlib", "Zlib"),
            (
                "GPL-2+ with Libtool exception",
                "GPL-2.0-or-later WITH Libtool-exception",
            ),
        ] {
            assert_eq!(spdx_name(debian).as_deref(), Some(spdx), "{debian}");
        }
        for unknown in [
            "GPL",
            "public-domain",
            "GPL-3+ with Autoconf-data exception",
            "other",
        ] {
            assert_eq!(spdx_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_copyright_file_gives_all_its_licences_and_the_unknown_texts() {
        let file = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
            Upstream-Name: x\n\nFiles: *\nCopyright: A\nLicense: GPL-2+ or Artistic, and Expat\n\n\
            Files: y\nCopyright: B\nLicense: other\n Do as\n .\n you like.\n\n\
            License: Expat\n Permission is hereby granted\n";
        let licence = Licence::of_debian(file);
        let expression = licence.expression.unwrap();
        let (id, extracted) = licence.texts.first_key_value().unwrap();
        assert_eq!(
            expression,
            format!("((GPL-2.0-or-later OR Artistic-1.0-Perl) AND MIT) AND {id}")
        );
        assert_eq!(extracted.text, "Do as\n\nyou like.");
        spdx::Expression::parse(&expression).unwrap();
    }

    #[test]
    fn a_copyright_file_for_people_says_nothing() {
        assert_eq!(
            Licence::of_debian("This is free software.\n"),
            Licence::default()
        );
    }

    #[test]
    fn the_old_spelling_of_crates_is_understood() {
        assert_eq!(
            Licence::expression("MIT/Apache-2.0").expression.as_deref(),
            Some("MIT OR Apache-2.0")
        );
        assert_eq!(Licence::expression("see the file").expression, None);
    }
}
