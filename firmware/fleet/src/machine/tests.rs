//! The client against figures of servers, in no time.

use serde_json::json;

use super::*;
use crate::ddi::Finished;

const BASE: &str = "http://f/t/controller/v1/RML1";

struct Talk {
    machine: Machine,
    now: Instant,
    kept: Record,
}

impl Talk {
    fn new(record: Record, policy: Policy) -> Self {
        let now = Instant::now();
        let mut machine = Machine::new(
            BASE.into(),
            policy,
            "1.0.0".into(),
            "RML1",
            record.clone(),
            now,
        );
        machine.hurry(now);
        Self {
            machine,
            now,
            kept: record,
        }
    }

    /// The next step that is not writing down.
    fn next(&mut self) -> Step {
        loop {
            match self.machine.next(self.now) {
                Step::Keep(record) => self.kept = record,
                step => return step,
            }
        }
    }

    /// What is written down, once everything is that comes first.
    fn kept(&mut self) -> Record {
        while let Some(Step::Keep(record)) = self.machine.steps.front() {
            self.kept = record.clone();
            self.machine.steps.pop_front();
        }
        self.kept.clone()
    }

    fn news(&mut self, news: News) {
        self.machine.news(news, self.now);
    }

    fn answer(&mut self, asked: Asked, document: Value) {
        self.news(News::Answer(asked, document));
    }

    /// Lets time pass until it asks again.
    fn until_due(&mut self) {
        if let Step::Wait(until) = self.next() {
            self.now = until;
        }
    }

    /// Answers the question for what there is.
    fn poll(&mut self, links: Value) {
        loop {
            match self.next() {
                Step::Get(Asked::Base, url) => {
                    assert_eq!(url, BASE);
                    break;
                }
                Step::Post(asked, ..) => self.answer(asked, Value::Null),
                Step::Put(asked, ..) => self.answer(asked, Value::Null),
                Step::Wait(until) => self.now = until,
                step => panic!("{step:?}"),
            }
        }
        self.answer(
            Asked::Base,
            json!({ "config": { "polling": { "sleep": "00:01:00" } }, "_links": links }),
        );
    }

    /// What is told next of an action: execution, result, words.
    fn told(&mut self) -> (String, Finished, String) {
        loop {
            match self.next() {
                Step::Post(asked, url, body) => {
                    assert!(url.ends_with("/feedback"), "{url}");
                    self.answer(asked, Value::Null);
                    let status = &body["status"];
                    let finished =
                        serde_json::from_value(status["result"]["finished"].clone()).unwrap();
                    let words = status["details"].as_array().unwrap();
                    let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
                    return (
                        status["execution"].as_str().unwrap().into(),
                        finished,
                        words.join(" "),
                    );
                }
                Step::Put(asked, ..) => self.answer(asked, Value::Null),
                Step::Wait(_) => panic!("nothing is told"),
                Step::Get(Asked::Base, _) => self.answer(Asked::Base, json!({})),
                step => panic!("{step:?}"),
            }
        }
    }

    /// Up to the moment when the roll-out `id` is being downloaded.
    fn roll_out(&mut self, id: &str, update: &str) {
        self.poll(
            json!({ "deploymentBase": { "href": format!("http://f/deploymentBase/{id}?c=1") } }),
        );
        loop {
            match self.next() {
                Step::Put(asked, ..) => self.answer(asked, Value::Null),
                Step::Get(Asked::Deployment, url) => {
                    assert!(url.ends_with("?c=1"), "the link is taken as it is");
                    break;
                }
                step => panic!("{step:?}"),
            }
        }
        self.answer(Asked::Deployment, deployment(id, update));
    }
}

fn deployment(id: &str, update: &str) -> Value {
    json!({
        "id": id,
        "deployment": { "download": "attempt", "update": update, "chunks": [{
            "part": "os", "version": "2.0.0", "name": "ramal",
            "artifacts": [{
                "filename": "a.raucb", "size": 10, "hashes": { "sha256": "aa" },
                "_links": { "download": { "href": "http://f/a" } },
            }],
        }] },
    })
}

fn success() -> Fate {
    Fate::Success {
        version: "2.0.0".into(),
        from: "1.0.0".into(),
    }
}

#[test]
fn an_update_is_a_success_only_after_its_checks() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.roll_out("6", "forced");
    assert_eq!(talk.told().0, "proceeding");
    assert!(matches!(talk.next(), Step::Download(_)));
    talk.news(News::Downloaded(Ok(())));
    assert_eq!(
        talk.told(),
        (
            "proceeding".into(),
            Finished::None,
            "Downloaded 100%".into()
        )
    );
    assert_eq!(talk.next(), Step::Install { install: true });
    assert_eq!(
        talk.kept().action.as_ref().unwrap().phase,
        Phase::Installing
    );
    talk.news(News::Installed(Ok("2.0.0".into())));
    let (execution, finished, _) = talk.told();
    assert_eq!(
        (execution.as_str(), finished),
        ("proceeding", Finished::None)
    );
    assert_eq!(
        talk.kept.action.as_ref().unwrap().phase,
        Phase::Restarting,
        "before the restart"
    );
    assert_eq!(talk.next(), Step::Restart);

    // The machine starts again.
    let mut talk = Talk::new(talk.kept(), Policy::Install);
    assert_eq!(talk.machine.awaited(), Some("2.0.0"));
    talk.news(News::Fate(Fate::Open));
    assert!(
        matches!(talk.next(), Step::Get(Asked::Base, _)),
        "nothing is told"
    );
    talk.answer(
        Asked::Base,
        json!({ "_links": { "deploymentBase": { "href": "http://f/deploymentBase/6?c=1" } } }),
    );
    talk.news(News::Fate(success()));
    let (execution, finished, words) = talk.told();
    assert_eq!(
        (execution.as_str(), finished),
        ("closed", Finished::Success)
    );
    assert!(
        words.contains("2.0.0") && words.contains("1.0.0"),
        "{words}"
    );
    assert_eq!(talk.kept().report, None);
    assert_eq!(talk.kept().ended.as_deref(), Some("6"));
}

#[test]
fn a_fall_back_is_a_failure_with_both_versions() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.roll_out("6", "forced");
    talk.told();
    talk.next();
    talk.news(News::Downloaded(Ok(())));
    talk.told();
    talk.next();
    talk.news(News::Installed(Ok("2.0.0".into())));
    talk.told();
    let mut talk = Talk::new(talk.kept(), Policy::Install);
    talk.news(News::Fate(Fate::Failure {
        version: "2.0.0".into(),
        from: "1.0.0".into(),
        reason: "it hangs".into(),
    }));
    let (execution, finished, words) = talk.told();
    assert_eq!(
        (execution.as_str(), finished),
        ("closed", Finished::Failure)
    );
    assert_eq!(
        words,
        "Version 2.0.0 did not work (it hangs); version 1.0.0 runs again."
    );
}

#[test]
fn the_end_is_told_until_the_server_takes_it() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.roll_out("6", "forced");
    talk.told();
    talk.next();
    talk.news(News::Downloaded(Err(DownloadFault::OtherHash("SHA-256"))));
    let Step::Post(Asked::Report, url, body) = talk.next() else {
        panic!("the end is told")
    };
    talk.news(News::Refused(Asked::Report, 500, None));
    assert!(talk.kept().report.is_some());
    // Also after a restart.
    let mut talk = Talk::new(talk.kept(), Policy::Install);
    assert_eq!(talk.next(), Step::Post(Asked::Report, url, body));
    talk.answer(Asked::Report, Value::Null);
    assert!(matches!(talk.next(), Step::Get(Asked::Base, _)));
    assert_eq!(talk.kept().report, None);
}

#[test]
fn an_action_that_is_gone_is_nobodys_any_more() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.roll_out("6", "forced");
    let Step::Post(Asked::Progress, ..) = talk.next() else {
        panic!("progress is told")
    };
    talk.news(News::Refused(Asked::Progress, 410, None));
    assert!(matches!(talk.next(), Step::Download(_)));
    assert_eq!(talk.next(), Step::Abort);
    assert_eq!(talk.kept().action, None);
}

#[test]
fn a_cancellation_is_taken_until_it_is_too_late() {
    let cancel = json!({ "cancelAction": { "href": "http://f/cancelAction/9" } });
    let document = json!({ "id": "9", "cancelAction": { "stopId": "6" } });
    let ask = |talk: &mut Talk| {
        talk.poll(cancel.clone());
        loop {
            match talk.next() {
                Step::Put(asked, ..) => talk.answer(asked, Value::Null),
                Step::Get(Asked::Cancel, _) => break,
                step => panic!("{step:?}"),
            }
        }
        talk.answer(Asked::Cancel, document.clone());
    };
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.roll_out("6", "forced");
    talk.told();
    talk.next();
    talk.until_due();
    ask(&mut talk);
    assert_eq!(talk.next(), Step::Abort);
    assert_eq!(talk.told().0, "closed");
    assert_eq!(talk.kept().action, None);

    // While it is written.
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.roll_out("6", "forced");
    talk.told();
    talk.next();
    talk.news(News::Downloaded(Ok(())));
    talk.told();
    talk.next();
    talk.until_due();
    ask(&mut talk);
    assert_eq!(talk.told().0, "rejected");
    assert!(talk.kept().action.is_some());

    // When it is installed and the machine has not started again.
    talk.news(News::Installed(Ok("2.0.0".into())));
    talk.told();
    talk.next();
    talk.until_due();
    ask(&mut talk);
    assert_eq!(talk.next(), Step::Discard);
    talk.news(News::Discarded(Ok(())));
    assert_eq!(talk.told().0, "closed");
    assert_eq!(talk.kept().action, None);
}

#[test]
fn what_must_not_be_installed_yet_waits() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.roll_out("6", "skip");
    talk.told();
    assert!(matches!(talk.next(), Step::Download(_)));
    talk.news(News::Downloaded(Ok(())));
    talk.told();
    talk.until_due();
    talk.roll_out("6", "forced");
    assert_eq!(talk.next(), Step::Install { install: true });
}

#[test]
fn a_version_that_failed_is_not_fetched_again() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.machine
        .set_failed([("2.0.0".to_owned(), "it hangs".to_owned())].into());
    talk.roll_out("7", "forced");
    let (execution, finished, words) = talk.told();
    assert_eq!(
        (execution.as_str(), finished),
        ("closed", Finished::Failure)
    );
    assert!(words.contains("it hangs"), "{words}");
    assert_eq!(talk.kept().action, None);
}

#[test]
fn where_the_server_may_only_offer_somebody_here_installs() {
    let mut talk = Talk::new(Record::default(), Policy::Offer);
    talk.roll_out("6", "forced");
    talk.told();
    talk.next();
    talk.news(News::Downloaded(Ok(())));
    talk.told();
    assert_eq!(talk.next(), Step::Install { install: false });
    talk.news(News::Installed(Ok("2.0.0".into())));
    assert!(talk.told().2.contains("waits for somebody"));
    assert!(matches!(talk.next(), Step::Wait(_)));
}

#[test]
fn progress_is_told_now_and_then() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.roll_out("6", "forced");
    talk.told();
    talk.next();
    let mut told = Vec::new();
    for percent in 0..=100 {
        talk.now += Duration::from_secs(1);
        talk.news(News::Progress(percent));
        while let Step::Post(Asked::Progress, _, body) = talk.machine.next(talk.now) {
            told.push(body["status"]["details"][0].as_str().unwrap().to_owned());
        }
        talk.machine.pace.asked(talk.now);
    }
    assert!((5..=12).contains(&told.len()), "{told:?}");
    assert!(
        told.iter()
            .all(|text| text.starts_with("Downloaded ") && text.ends_with('%'))
    );
}

#[test]
fn a_server_in_trouble_is_left_alone_for_a_while() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    let mut waits = Vec::new();
    for news in [
        News::Refused(Asked::Base, 500, None),
        News::Unreachable(Asked::Base, "no route".into()),
        News::Refused(Asked::Base, 429, Some(600)),
        News::Refused(Asked::Base, 401, None),
    ] {
        assert!(matches!(talk.next(), Step::Get(Asked::Base, _)));
        talk.news(news);
        let Step::Wait(until) = talk.next() else {
            panic!("it waits")
        };
        waits.push((until - talk.now).as_secs());
        talk.now = until;
    }
    assert!(
        waits[0] >= 30 && waits[1] >= 60 && waits[2] >= 600,
        "{waits:?}"
    );
    assert_eq!(talk.machine.status().contact, status::Contact::Refused);
}

#[test]
fn the_gateway_is_told_of_after_every_start_and_when_the_server_asks() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    talk.machine
        .set_inventory([("sw_version".to_owned(), "1.0.0".to_owned())].into());
    talk.poll(json!({}));
    let Step::Put(Asked::ConfigData, url, body) = talk.next() else {
        panic!("it is told")
    };
    assert_eq!(url, format!("{BASE}/configData"));
    assert_eq!(body["data"]["sw_version"], "1.0.0");
    talk.answer(Asked::ConfigData, Value::Null);
    talk.until_due();
    talk.poll(json!({}));
    assert!(matches!(talk.next(), Step::Wait(_)), "once is enough");
    talk.until_due();
    talk.poll(json!({ "configData": { "href": "http://f/else" } }));
    assert!(matches!(talk.next(), Step::Put(Asked::ConfigData, url, _) if url == "http://f/else"));
}

#[test]
fn nonsense_moves_nothing() {
    let mut talk = Talk::new(Record::default(), Policy::Install);
    for document in [
        json!(null),
        json!([]),
        json!("x"),
        json!({ "_links": 5 }),
        json!({ "_links": { "deploymentBase": [] } }),
    ] {
        loop {
            match talk.next() {
                Step::Get(Asked::Base, _) => break,
                Step::Put(asked, ..) => talk.answer(asked, Value::Null),
                Step::Wait(until) => talk.now = until,
                step => panic!("{step:?}"),
            }
        }
        talk.answer(Asked::Base, document);
    }
    talk.poll(json!({ "deploymentBase": { "href": "http://f/deploymentBase/8" } }));
    while !matches!(talk.next(), Step::Get(Asked::Deployment, _)) {}
    talk.answer(
        Asked::Deployment,
        json!({ "id": "8", "deployment": { "chunks": [] } }),
    );
    let (execution, finished, words) = talk.told();
    assert_eq!(
        (execution.as_str(), finished),
        ("closed", Finished::Failure)
    );
    assert!(words.contains("exactly one"), "{words}");
}
