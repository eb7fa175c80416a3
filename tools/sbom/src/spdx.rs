//! SPDX 2.3, as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::component::{Component, Kind, digest, uuid_of};

const IMAGE: &str = "SPDXRef-Image";

/// The document. Its namespace is made from its content, and its date is the epoch: two builds of one image have one bill.
pub fn document(version: &str, components: &[Component]) -> Value {
    let mut texts = BTreeMap::new();
    let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", IMAGE)];
    for part in components {
        texts.extend(&part.licence.texts);
        relationships.push(relationship(IMAGE, "CONTAINS", &identifier(&part.purl)));
        for other in &part.depends {
            relationships.push(relationship(
                &identifier(&part.purl),
                "DEPENDS_ON",
                &identifier(other),
            ));
        }
    }
    let mut packages = vec![json!({
        "SPDXID": IMAGE,
        "name": "ramal",
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "MIT OR Apache-2.0",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "FIRMWARE",
    })];
    packages.extend(components.iter().map(package));
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("ramal-{version}"),
        "creationInfo": {
            "created": "1970-01-01T00:00:00Z",
            "creators": [concat!("Tool: ramal-sbom-", env!("CARGO_PKG_VERSION"))],
        },
        "packages": packages,
        "relationships": relationships,
        "hasExtractedLicensingInfos": texts
            .iter()
            .map(|(id, extracted)| json!({ "licenseId": id, "name": extracted.name, "extractedText": extracted.text }))
            .collect::<Vec<_>>(),
    });
    let namespace = format!("urn:uuid:{}", uuid_of(document.to_string().as_bytes()));
    document["documentNamespace"] = json!(namespace);
    document
}

/// SPDX allows letters, digits, `.` and `-` only.
fn identifier(purl: &str) -> String {
    format!("SPDXRef-Package-{}", &digest(purl.as_bytes())[..16])
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

fn package(part: &Component) -> Value {
    let purpose = match part.kind {
        Kind::Application => "APPLICATION",
        Kind::Library => "LIBRARY",
        Kind::OperatingSystem => "OPERATING-SYSTEM",
        Kind::DeviceDriver => "SOURCE",
    };
    let mut out = Map::new();
    let mut set = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    set("SPDXID", json!(identifier(&part.purl)));
    set("name", json!(part.name));
    set("versionInfo", json!(part.version));
    if let Some(supplier) = &part.supplier {
        // SPDX writes an address in round brackets.
        let supplier = supplier.replace('<', "(").replace('>', ")");
        set("supplier", json!(format!("Organization: {supplier}")));
    }
    set("downloadLocation", json!("NOASSERTION"));
    set("filesAnalyzed", json!(false));
    if let Some(sum) = &part.sha256 {
        set(
            "checksums",
            json!([{ "algorithm": "SHA256", "checksumValue": sum }]),
        );
    }
    let source = part
        .source
        .as_ref()
        .map(|(name, version)| format!("built from the source package {name} {version}"));
    let changes = part
        .changed
        .as_ref()
        .map(|(_, patches)| format!("changed by {}", patches.join(", ")));
    if source.is_some() || changes.is_some() {
        let told: Vec<String> = source.into_iter().chain(changes).collect();
        set("sourceInfo", json!(told.join("; ")));
    }
    set("licenseConcluded", json!("NOASSERTION"));
    set(
        "licenseDeclared",
        json!(part.licence.expression.as_deref().unwrap_or("NOASSERTION")),
    );
    set("copyrightText", json!("NOASSERTION"));
    if let Some(description) = &part.description {
        set("summary", json!(description));
    }
    set(
        "externalRefs",
        json!([{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": part.purl }]),
    );
    set("primaryPackagePurpose", json!(purpose));
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relationship_names_a_package_of_the_document() {
        let mut one = Component::new(Kind::Library, "x", "1", "pkg:cargo/x@1".to_owned());
        let other = Component::new(Kind::Library, "y", "1", "pkg:cargo/y@1".to_owned());
        one.depends.insert(other.purl.clone());
        let document = document("1.0.0", &[one, other]);
        let ids: Vec<&Value> = document["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| &part["SPDXID"])
            .collect();
        let relationships = document["relationships"].as_array().unwrap();
        assert_eq!(relationships.len(), 4);
        assert!(
            relationships
                .iter()
                .all(|relation| ids.contains(&&relation["relatedSpdxElement"]))
        );
    }
}
