//! CycloneDX 1.6 (ECMA-424), as JSON.

use serde_json::{Map, Value, json};

use crate::component::{Component, Kind, uuid_of};

/// The document. Its serial number is made from its content: CycloneDX wants one that is new for each bill, and the same bill is not new.
pub fn document(version: &str, components: &[Component]) -> Value {
    let image = format!("pkg:generic/ramal@{version}");
    let mut dependencies = vec![json!({
        "ref": image,
        "dependsOn": components.iter().map(|part| &part.purl).collect::<Vec<_>>(),
    })];
    dependencies.extend(
        components
            .iter()
            .map(|part| json!({ "ref": part.purl, "dependsOn": part.depends })),
    );
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{ "phase": "build" }],
            "component": {
                "type": "firmware",
                "bom-ref": image,
                "name": "ramal",
                "version": version,
                "purl": image,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components.iter().map(component).collect::<Vec<_>>(),
        "dependencies": dependencies,
    });
    let serial = format!("urn:uuid:{}", uuid_of(document.to_string().as_bytes()));
    document["serialNumber"] = json!(serial);
    document
}

fn component(part: &Component) -> Value {
    let mut out = Map::new();
    let kind = match part.kind {
        Kind::Application => "application",
        Kind::Library => "library",
        Kind::OperatingSystem => "operating-system",
        Kind::DeviceDriver => "device-driver",
    };
    out.insert("type".to_owned(), json!(kind));
    out.insert("bom-ref".to_owned(), json!(part.purl));
    if let Some(supplier) = &part.supplier {
        out.insert("publisher".to_owned(), json!(supplier));
    }
    out.insert("name".to_owned(), json!(part.name));
    out.insert("version".to_owned(), json!(part.version));
    if let Some(description) = &part.description {
        out.insert("description".to_owned(), json!(description));
    }
    if let Some(sum) = &part.sha256 {
        out.insert(
            "hashes".to_owned(),
            json!([{ "alg": "SHA-256", "content": sum }]),
        );
    }
    if let Some(expression) = &part.licence.expression {
        out.insert(
            "licenses".to_owned(),
            json!([{ "expression": expression, "acknowledgement": "declared" }]),
        );
    }
    out.insert("purl".to_owned(), json!(part.purl));
    if let Some((origin, patches)) = &part.changed {
        out.insert(
            "pedigree".to_owned(),
            json!({
                "ancestors": [{ "type": "library", "name": part.name, "version": part.version, "purl": origin }],
                "notes": format!("Changed by {}", patches.join(", ")),
            }),
        );
    }
    if let Some((name, version)) = &part.source {
        out.insert(
            "properties".to_owned(),
            json!([{ "name": "ramal:source", "value": format!("{name} {version}") }]),
        );
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serial_number_changes_with_the_content_only() {
        let part = |version: &str| {
            Component::new(
                Kind::Library,
                "x",
                version,
                format!("pkg:cargo/x@{version}"),
            )
        };
        let one = document("1.0.0", &[part("1")]);
        assert_eq!(one, document("1.0.0", &[part("1")]));
        assert_ne!(
            one["serialNumber"],
            document("1.0.0", &[part("2")])["serialNumber"]
        );
        assert_eq!(one["dependencies"][0]["dependsOn"][0], "pkg:cargo/x@1");
    }
}
