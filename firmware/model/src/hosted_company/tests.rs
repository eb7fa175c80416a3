//! Whose numbers and people are whose.

use std::collections::HashMap;

use serde_json::json;

use super::*;
use crate::{
    Area, Catalogue, NewCompany, Number, People, Role, Scope, Stored, User, Verb,
    code::OTHER_COMPANY,
};

const BETA: i64 = 7;

fn user(id: i64, company: i64, role: Role) -> User {
    let user = json!({
        "id": id, "login": format!("user{id}"), "name": "x", "company": company, "role": role,
        "language": "pt-BR", "active": true,
    });
    serde_json::from_value(user).unwrap()
}

fn number(company: i64, number: &str) -> Number {
    Number {
        label: number.to_owned(),
        number: number.to_owned(),
        company: CompanyId(company),
        ..Number::default()
    }
}

/// The default company in Porto Alegre and another one, with a number, an administrator and an auditor each.
fn configuration(several: bool) -> Configuration {
    let company: NewCompany =
        serde_json::from_value(json!({ "country": "BR", "area_code": "51" })).unwrap();
    let mut catalogue = Catalogue::default();
    if several {
        let settings = HostedCompany {
            name: "Beta".into(),
            ..HostedCompany::default()
        };
        let id = Id::new(BETA);
        catalogue.hosted_companies.insert(Stored { id, settings });
    }
    for (id, settings) in [
        (20, number(0, "555133334444")),
        (21, number(BETA, "+555133335555")),
    ] {
        let id = Id::new(id);
        catalogue.numbers.insert(Stored { id, settings });
    }
    let users = vec![
        user(1, 0, Role::Admin),
        user(2, 0, Role::Supervisor),
        user(3, BETA, Role::Admin),
        user(4, BETA, Role::Auditor),
    ];
    let company = company.validate_set_up().unwrap();
    Configuration::new(1, Some(company), users, Vec::new(), HashMap::new())
        .with_catalogue(catalogue)
}

#[test]
fn f234_a_number_is_known_for_another_companys_in_whatever_way_it_is_written() {
    let configuration = configuration(true);
    let of_others =
        |number: &str, company: i64| configuration.is_number_of_others(number, CompanyId(company));
    for written in ["33334444", "5133334444", "+555133334444", "555133334444"] {
        assert!(of_others(written, BETA), "{written}");
        assert!(!of_others(written, 0), "{written}");
    }
    assert!(of_others("5133335555", 0) && !of_others("5133335555", BETA));
    assert!(!of_others("5133339999", BETA), "nobody's here");
    assert!(!of_others("", BETA));
}

#[test]
fn f247_only_who_looks_after_the_gateway_sees_all_companies() {
    let several = configuration(true);
    let scope = |configuration: &Configuration, id: i64, area, verb| {
        let user = configuration.user(UserId(id)).unwrap();
        configuration.permissions_of(user).scope(area, verb)
    };
    assert_eq!(
        scope(&several, 1, Area::Calls, Verb::View),
        Some(Scope::All)
    );
    for (id, area, verb, expected) in [
        (2, Area::Directory, Verb::View, Some(Scope::Company)),
        (2, Area::Calls, Verb::View, Some(Scope::Team)),
        (3, Area::Calls, Verb::View, Some(Scope::Company)),
        (3, Area::Trunks, Verb::View, Some(Scope::Company)),
        (3, Area::Trunks, Verb::Edit, None),
        (3, Area::Configuration, Verb::Export, None),
        (4, Area::Calls, Verb::View, Some(Scope::Company)),
        (4, Area::Audit, Verb::View, None),
    ] {
        assert_eq!(
            scope(&several, id, area, verb),
            expected,
            "{id} {area}:{verb}"
        );
    }
    let theirs = several.people(Some(UserId(3)), Scope::Company);
    assert!(theirs.include(UserId(4)) && !theirs.include(UserId(1)));
    assert!(theirs.have_company(CompanyId(BETA)) && !theirs.have_company(CompanyId::DEFAULT));
    // With the company lost, its people are not everybody's.
    let lost = configuration(false);
    assert_eq!(scope(&lost, 3, Area::Tokens, Verb::Create), None);
    assert_ne!(
        lost.people(Some(UserId(3)), Scope::Company),
        People::Everybody
    );
    assert_eq!(
        lost.people(Some(UserId(2)), Scope::Company),
        People::Everybody
    );
    assert!(!lost.user(UserId(3)).unwrap().is_active_admin());
}

#[test]
fn f234_a_number_of_everybody_is_its_companys() {
    let configuration = configuration(true);
    let number = number(BETA, "1");
    let assigned: Vec<_> = configuration
        .users()
        .iter()
        .filter(|user| number.is_assigned_to(user))
        .map(|user| user.id.0)
        .collect();
    assert_eq!(assigned, [3, 4]);
    let shown = HostedCompany {
        name: "Gama".into(),
        outbound_number: Some(Id::new(21)),
        ..HostedCompany::default()
    };
    let refused = configuration.checked(Id::new(8), shown).unwrap_err();
    assert!(
        refused.names("outbound_number", OTHER_COMPANY),
        "{refused:?}"
    );
    let own = HostedCompany {
        name: "Beta".into(),
        outbound_number: Some(Id::new(21)),
        ..HostedCompany::default()
    };
    assert!(configuration.checked(Id::new(BETA), own).is_ok());
}
