//! Queues as callers, members and supervisors meet them: AT-04, AT-10, AT-11, U5. What takes minutes or hundreds of calls is
//! tried out in `ramal-pbx`, where time is put forward by hand.

mod agents;
mod callback;
mod lamps;
mod limits;
mod strategies;

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, rings};
use serde_json::{Value, json};
use sipphone::{Call, Phone};

/// A queue with three members, whom callers reach by the number.
struct Desk {
    bench: Bench,
    queue: i64,
    /// The extensions 2001 to 2003.
    members: Vec<i64>,
    phones: Vec<Phone>,
}

/// Members of a queue, in this order.
fn members(extensions: &[i64]) -> Value {
    let member = |id| json!({ "member": "extension", "id": id });
    extensions.iter().map(member).collect()
}

impl Desk {
    async fn open(settings: Value) -> Result<Self> {
        let bench = Bench::start().await?;
        let (mut extensions, mut phones) = (Vec::new(), Vec::new());
        for number in ["2001", "2002", "2003"] {
            let (extension, phone) = bench.extension(number).await?;
            extensions.push(extension);
            phones.push(phone);
        }
        let mut queue = json!({
            "name": "Vendas", "number": "600", "members": members(&extensions), "wrap_up": 0, "announce_every": null,
        });
        if let (Some(queue), Some(settings)) = (queue.as_object_mut(), settings.as_object()) {
            queue.extend(settings.clone());
        }
        let queue = bench.add("queues", queue).await?;
        let number = json!({ "target": "queue", "queue": queue });
        bench.number(number).await?;
        Ok(Self {
            bench,
            queue,
            members: extensions,
            phones,
        })
    }

    async fn change(&self, settings: Value) -> Result {
        self.bench.change("queues", self.queue, settings).await?;
        Ok(())
    }

    /// A caller who waits.
    async fn call(&self) -> Result<Call> {
        let mut call = self.bench.carrier.call(NUMBER).await?;
        call.wait_answered(SOON).await?;
        Ok(call)
    }

    /// The member whose phone rings next.
    async fn rings(&self) -> Result<(usize, Call)> {
        let (member, call) = rings(&self.phones).await?;
        call.ring();
        Ok((member, call))
    }

    /// Waits until the queue looks so.
    async fn wait(&self, what: &'static str, is: impl Fn(&Value) -> bool) -> Result<Value> {
        let gateway = &self.bench.gateway;
        let queues = gateway
            .wait("/api/v1/queue-status", what, |queues| is(&queues[0]))
            .await?;
        Ok(queues[0].clone())
    }

    /// Waits until nobody waits and all members are free.
    async fn settle(&self) -> Result {
        self.wait("rest", |queue| {
            let mut states = queue["members"].as_array().into_iter().flatten();
            queue["waiting"] == json!([]) && states.all(|one| one["state"] == "free")
        })
        .await?;
        Ok(())
    }

    /// A caller is rung for, gives up, and all is as before; whose phone rang.
    async fn gives_up(&self) -> Result<usize> {
        let mut out = self.call().await?;
        let (member, mut call) = self.rings().await?;
        out.hang_up();
        out.wait_ended(SOON).await?;
        call.wait_ended(SOON).await?;
        self.settle().await?;
        Ok(member)
    }
}
