//! The commands about bans.

use serde::Deserialize;
use serde_json::Value;

use crate::arguments::BanCommand;
use crate::commands::{Gateway, pretty, understood};
use crate::failure::Failure;
use crate::table::{table, time};

#[derive(Deserialize)]
struct Ban {
    address: String,
    account: Option<String>,
    reason: String,
    until: i64,
    count: u32,
}

impl Gateway {
    pub(crate) async fn bans(&self, command: BanCommand) -> Result<String, Failure> {
        match command {
            BanCommand::List => {
                let listed: Value = self.client.get("/sip/bans").await?;
                if self.json {
                    return Ok(pretty(&listed));
                }
                let bans: Vec<Ban> = understood(listed)?;
                let zone = self.time_zone().await?;
                let row = |ban: &Ban| {
                    vec![
                        ban.address.clone(),
                        ban.account.clone().unwrap_or_else(|| "all".into()),
                        ban.reason.replace('_', " "),
                        time(ban.until, &zone),
                        ban.count.to_string(),
                    ]
                };
                let rows: Vec<_> = bans.iter().map(row).collect();
                Ok(table(
                    &["ADDRESS", "ACCOUNT", "REASON", "UNTIL", "TIMES"],
                    &rows,
                ))
            }
            BanCommand::Lift { address } => {
                self.client.delete(&format!("/sip/bans/{address}")).await?;
                Ok(format!("{address} is heard again.\n"))
            }
        }
    }
}
