//! Who rings when, for how long, and where a call goes that nobody takes: AT-22, AT-23, AT-24, AT-28, AT-32. Times are the
//! shortest that may be set; that others pass as well is tried out in `ramal-pbx`, where no real time passes.

mod row;
mod timeouts;

use std::time::Duration;

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, rings};
use serde_json::{Value, json};
use sipphone::{Call, Phone};

/// People with an extension and a phone each, registered in this order of their numbers.
struct People {
    bench: Bench,
    /// The users, by number.
    users: Vec<i64>,
    /// The extensions, by number.
    extensions: Vec<i64>,
    /// The phones, by number.
    phones: Vec<Phone>,
}

impl People {
    /// 2001, 2002 and 2003; `order` says who comes online when.
    async fn in_order(order: [usize; 3]) -> Result<Self> {
        let bench = Bench::start().await?;
        let (mut users, mut extensions, mut phones) = (Vec::new(), Vec::new(), Vec::new());
        for (number, login) in [
            ("2001", "ana.lima"),
            ("2002", "bruno.sa"),
            ("2003", "carla.reis"),
        ] {
            let extension = bench.gateway.extension(number).await?;
            let user = json!({
                "login": login, "role": "user", "password": "vermelho-cadeira-42", "extension": extension.id,
            });
            users.push(bench.add("users", user).await?);
            phones.push(Phone::start(bench.gateway.phone_config(&extension)).await?);
            extensions.push(extension.id);
        }
        for index in order {
            phones[index].register(300).await?;
            // Times are kept in milliseconds: no two of these are the same.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(Self {
            bench,
            users,
            extensions,
            phones,
        })
    }

    /// All of them, as targets that ring.
    fn targets(&self) -> Value {
        let target = |id| json!({ "ring": "user", "id": id });
        self.users.iter().map(target).collect()
    }

    /// Whose phone rings next.
    async fn rings(&self) -> Result<(usize, Call)> {
        let (who, call) = rings(&self.phones).await?;
        call.ring();
        Ok((who, call))
    }

    /// These ring one after the other, each because the one before did not take the call.
    async fn ring_in_turn(&self, expected: &[usize]) -> Result {
        for (place, expected) in expected.iter().enumerate() {
            let (who, call) = self.rings().await?;
            assert_eq!(who, *expected, "in place {place}");
            call.reject(486);
        }
        Ok(())
    }

    /// This one takes the next call, and talks to the caller; both hang up.
    async fn takes(&self, wanted: usize) -> Result {
        let mut out = self.bench.carrier.call(NUMBER).await?;
        let mut call = loop {
            let (who, call) = self.rings().await?;
            if who == wanted {
                break call;
            }
            call.reject(486);
        };
        call.answer();
        call.wait_answered(SOON).await?;
        out.wait_answered(SOON).await?;
        out.hang_up();
        call.wait_ended(SOON).await?;
        out.wait_ended(SOON).await?;
        self.rest().await
    }

    /// Waits until no call is going on.
    async fn rest(&self) -> Result {
        let gateway = &self.bench.gateway;
        let none = |calls: &Value| *calls == json!([]);
        gateway.wait("/api/v1/calls/active", "rest", none).await?;
        Ok(())
    }

    /// An announcement of this tone; where it is.
    async fn announcement(&self, frequency: f64) -> Result<Value> {
        let file = self.bench.tone(frequency, 1.0).await?;
        let announcement = json!({ "name": "Ninguém", "files": [file] });
        let id = self.bench.add("announcements", announcement).await?;
        Ok(flow_tests::bench::to("announcement", id))
    }
}
