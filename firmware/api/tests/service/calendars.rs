//! Holidays: by country, of a year, and out of files.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::gateway::Gateway;

const FILE: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n\
    BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261224\r\nSUMMARY:Véspera\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:2\r\nDTSTART:20261224T100000Z\r\nSUMMARY:Reunião\r\nEND:VEVENT\r\n\
    END:VCALENDAR\r\n";

async fn read(client: &Client, kind: &str, text: &str) -> Answer {
    let headers = [("content-type", kind)];
    let body = Bytes::from(text.to_owned());
    client
        .send(Method::POST, "/calendars/read", &headers, body)
        .await
}

fn day<'a>(days: &'a Value, date: &str) -> Option<&'a Value> {
    days.as_array()
        .unwrap()
        .iter()
        .find(|day| day["date"] == date)
}

#[tokio::test]
async fn f150_a_calendar_has_the_days_of_its_country_and_of_a_file() {
    let (_gateway, admin) = Gateway::set_up().await;
    let countries = admin.get("/holiday-countries").await.json();
    let brazil = countries
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["code"] == "BR");
    assert_eq!(brazil.unwrap()["regions"].as_array().unwrap().len(), 27);

    let file = read(&admin, "text/calendar; charset=utf-8", FILE).await;
    assert_eq!(file.status, 200, "{}", file.json());
    let left_out = json!([{ "name": "Reunião", "reason": "hours" }]);
    assert_eq!(file.json()["left_out"], left_out);
    let settings = json!({
        "name": "Feriados", "country": "BR", "region": "sp", "optional_days": true, "workdays": ["2026-06-04"],
        "holidays": file.json()["holidays"],
    });
    let made = admin.post("/calendars", &settings).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let path = format!("/calendars/{}/days", made.json()["id"]);

    let days = admin.get(&format!("{path}?year=2026")).await.json();
    let of = |date| day(&days, date).map(|day| day["kind"].clone());
    assert_eq!(of("2026-07-09"), Some("regional".into()));
    assert_eq!(of("2026-02-17"), Some("optional".into()));
    assert_eq!(of("2026-04-21"), Some("national".into()));
    assert_eq!(of("2026-12-24"), Some("own".into()));
    assert_eq!(of("2026-06-04"), None);
    let days = admin.get(&format!("{path}?year=2033")).await.json();
    assert_eq!(
        day(&days, "2033-04-15").unwrap()["name"],
        "Sexta-feira Santa"
    );
    // This year.
    assert!(admin.get(&path).await.json().as_array().unwrap().len() >= 11);
}

#[tokio::test]
async fn f150_what_is_no_year_no_file_and_no_country_is_refused() {
    let (_gateway, admin) = Gateway::set_up().await;
    let made = admin
        .post(
            "/calendars",
            &json!({ "name": "Feriados", "country": "BR" }),
        )
        .await;
    let path = format!("/calendars/{}/days", made.json()["id"]);
    for year in ["soon", "0", "99999", "-5"] {
        let refused = admin.get(&format!("{path}?year={year}")).await;
        assert_eq!(refused.status, 422, "{year}");
        assert_eq!(refused.json()["errors"][0]["field"], "year");
    }
    assert_eq!(admin.get("/calendars/999/days").await.status, 404);
    assert_eq!(read(&admin, "text/csv", FILE).await.status, 415);
    assert_eq!(read(&admin, "text/calendar", "date,name").await.status, 422);
    let refused = admin
        .post(
            "/calendars",
            &json!({ "name": "X", "country": "GB", "region": "SCT" }),
        )
        .await;
    assert_eq!(refused.status, 422);
    let fields: Vec<_> = refused.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["field"].clone())
        .collect();
    assert_eq!(fields, ["country", "region"]);
}
