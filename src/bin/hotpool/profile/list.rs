//! `hotpool profile list`: the profiles that are compiled in.

use hotpool::profile::{Profile, aliases, catalogue};
use serde_json::{Value, json};

use super::{hello, warn_if_expired};
use crate::failure::{Failure, Status};
use crate::output;

pub(super) fn run(json: bool) -> Result<Status, Failure> {
    let aliases = aliases();
    let rows = catalogue()?
        .into_iter()
        .map(|profile| Row::new(profile, &aliases))
        .collect::<Result<Vec<_>, _>>()?;
    if json {
        let objects: Vec<Value> = rows.iter().map(Row::object).collect();
        output::line(&Value::from(objects).to_string())?;
    } else {
        table(&rows)?;
    }
    for row in &rows {
        warn_if_expired(&row.profile);
    }
    Ok(Status::Done)
}

struct Row {
    profile: Profile,
    aliases: Vec<String>,
    ja4: String,
}

impl Row {
    fn new(profile: Profile, all: &[(String, String)]) -> Result<Self, Failure> {
        let own = all.iter().filter(|(_, of)| **of == **profile.name());
        Ok(Self {
            aliases: own.map(|(alias, _)| alias.clone()).collect(),
            ja4: hello::ja4(&profile)?,
            profile,
        })
    }

    fn object(&self) -> Value {
        let from = self.profile.provenance();
        json!({
            "name": &**self.profile.name(),
            "aliases": self.aliases,
            "kind": from.kind.to_string(),
            "client": from.client,
            "version": from.version,
            "os": from.os,
            "date": from.date.to_string(),
            "expires": from.expires.map(|day| day.to_string()),
            "expired": self.profile.is_expired(),
            "ja4": self.ja4,
            "akamai": self.profile.akamai(),
            "kinds": self.profile.request_kinds(),
        })
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let from = self.profile.provenance();
        let expires = from
            .expires
            .map_or_else(|| "-".into(), |day| day.to_string());
        let mark = if self.profile.is_expired() {
            " EXPIRED"
        } else {
            ""
        };
        let aliases = match &*self.aliases {
            [] => "-".into(),
            some => some.join(","),
        };
        [
            self.profile.name().to_string(),
            aliases,
            from.kind.to_string(),
            format!("{} {}", from.client, from.version),
            from.os.clone(),
            from.date.to_string(),
            format!("{expires}{mark}"),
            self.ja4.clone(),
            self.profile.akamai().unwrap_or_else(|| "-".into()),
        ]
    }
}

const COLUMNS: [&str; 9] = [
    "NAME", "ALIASES", "KIND", "CLIENT", "OS", "DATE", "EXPIRES", "JA4", "AKAMAI",
];

fn table(rows: &[Row]) -> Result<(), Failure> {
    let mut lines = vec![COLUMNS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let mut widths = [0; COLUMNS.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for line in lines {
        let padded = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        output::line(padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
