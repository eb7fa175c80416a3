//! The commands about trunks.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::arguments::TrunkCommand;
use crate::commands::{Extension, Gateway, pretty, understood};
use crate::failure::{Failure, Problem};
use crate::table::table;

#[derive(Deserialize)]
struct Trunk {
    id: i64,
    name: String,
    hosts: Vec<String>,
    auth: String,
    user: String,
    enabled: bool,
    status: Option<Status>,
    calls: u64,
}

#[derive(Deserialize)]
struct Status {
    state: String,
    fault: Option<String>,
    status: Option<u16>,
}

impl Status {
    /// `rejected (403)`.
    fn words(&self) -> String {
        match (self.status, &self.fault) {
            (Some(status), _) => format!("{} ({status})", self.state),
            (None, Some(fault)) => format!("{} ({})", self.state, fault.replace('_', " ")),
            (None, None) => self.state.clone(),
        }
    }
}

impl Gateway {
    pub(crate) async fn trunk(&self, command: TrunkCommand) -> Result<String, Failure> {
        match command {
            TrunkCommand::Add(new) => {
                let mut body = Map::from_iter([
                    ("name".to_owned(), json!(new.name)),
                    ("hosts".to_owned(), json!(new.host)),
                ]);
                let mut put = |name: &str, value: Option<Value>| {
                    body.extend(value.map(|value| (name.to_owned(), value)));
                };
                put("user", new.user.map(Value::from));
                put("line", new.line.map(Value::from));
                put("transport", new.transport.map(Value::from));
                if new.password_stdin {
                    put("password", Some(first_line()?.into()));
                }
                put(
                    "auth",
                    new.auth.map(Value::from).or_else(|| {
                        // Whoever names addresses means them.
                        (!new.source.is_empty()).then(|| "ip".into())
                    }),
                );
                put("sources", Some(json!(new.source)));
                if let Some(number) = new.inbound {
                    let id = self.extension_id(&number).await?;
                    put("inbound_default", Some(id.into()));
                }
                let made = self.client.post("/trunks", &Value::Object(body)).await?;
                if self.json {
                    return Ok(pretty(&made));
                }
                Ok(format!("Trunk {} is ready.\n", new.name))
            }
            TrunkCommand::List => {
                let listed: Value = self.client.get("/trunks").await?;
                if self.json {
                    return Ok(pretty(&listed));
                }
                let trunks: Vec<Trunk> = understood(listed)?;
                let row = |trunk: &Trunk| {
                    vec![
                        trunk.name.clone(),
                        trunk.hosts.join(", "),
                        trunk.auth.clone(),
                        trunk.user.clone(),
                        match (&trunk.status, trunk.enabled) {
                            (Some(status), _) => status.words(),
                            (None, true) => "-".into(),
                            (None, false) => "disabled".into(),
                        },
                        trunk.calls.to_string(),
                    ]
                };
                let rows: Vec<_> = trunks.iter().map(row).collect();
                Ok(table(
                    &["NAME", "HOSTS", "AUTH", "USER", "STATE", "CALLS"],
                    &rows,
                ))
            }
            TrunkCommand::Remove { name } => {
                let trunks: Vec<Trunk> = self.client.get("/trunks").await?;
                let found = trunks
                    .iter()
                    .find(|trunk| trunk.name.to_lowercase() == name.to_lowercase());
                let missing =
                    || Failure::Refused(Problem::found(format!("There is no trunk {name}.")));
                self.client
                    .delete(&format!("/trunks/{}", found.ok_or_else(missing)?.id))
                    .await?;
                Ok(self.done(format!("Trunk {name} is deleted.")))
            }
        }
    }

    async fn extension_id(&self, number: &str) -> Result<i64, Failure> {
        let extensions: Vec<Extension> = self.client.get("/extensions").await?;
        extensions
            .iter()
            .find(|extension| extension.number == number)
            .map(|extension| extension.id)
            .ok_or_else(|| {
                Failure::Refused(Problem::found(format!("There is no extension {number}.")))
            })
    }
}

/// A password from the input: in the command line, everybody on the machine could read it.
fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::Usage(format!("cannot read the password: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
