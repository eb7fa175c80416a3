//! RAUC over D-Bus. A connection is made when there is something to ask and given up after it.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use rauc::{InspectBundleArgs, InstallBundleArgs, InstallationResult, InstallerProxy, Operation};
use tokio::time::{MissedTickBehavior, interval, timeout};
use zbus::Connection;
use zbus::proxy::CacheProperties;

use crate::boot::Slot;
use crate::refusal::Refusal;

/// Within this time RAUC starts and answers.
const ANSWER: Duration = Duration::from_secs(30);
/// Verifying reads the signature only.
const INSPECTION: Duration = Duration::from_secs(120);
/// Ask for progress so often.
const PROGRESS: Duration = Duration::from_secs(1);
/// So many times RAUC may be idle without having said how an installation ended.
const SILENT: u32 = 5;

/// What RAUC knows of a system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) version: Option<String>,
    pub(crate) at: Option<String>,
}

/// What a verified bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspected {
    pub(crate) compatible: String,
    pub(crate) version: String,
    pub(crate) manifest_hash: String,
}

/// RAUC's answers.
pub(crate) struct Rauc(InstallerProxy<'static>);

impl Rauc {
    pub(crate) async fn connect() -> Result<Self, Refusal> {
        let connect = async {
            let bus = Connection::system().await?;
            InstallerProxy::builder(&bus)
                .cache_properties(CacheProperties::No)
                .build()
                .await
        };
        in_time(ANSWER, connect).await.map(Self)
    }

    /// What lies in both systems.
    pub(crate) async fn systems(&self) -> Result<[Installed; 2], Refusal> {
        let slots = in_time(ANSWER, self.0.get_slot_status()).await?;
        let mut found: [Installed; 2] = Default::default();
        for (_, status) in slots {
            let place = match status.bootname.as_deref() {
                Some(name) if name == Slot::A.name() => &mut found[0],
                Some(name) if name == Slot::B.name() => &mut found[1],
                _ => continue,
            };
            *place = Installed {
                version: status.bundle_version,
                at: status.installed_timestamp,
            };
        }
        Ok(found)
    }

    /// What this gateway is.
    pub(crate) async fn compatible(&self) -> Result<String, Refusal> {
        in_time(ANSWER, self.0.compatible()).await
    }

    /// Verifies the signature of a bundle and reads its manifest.
    pub(crate) async fn inspect(&self, bundle: &Path) -> Result<Inspected, Refusal> {
        let path = bundle.display().to_string();
        let args = InspectBundleArgs::default();
        let info = in_time(INSPECTION, self.0.inspect_bundle(&path, args)).await?;
        Ok(Inspected {
            compatible: info.update.compatible,
            version: info.update.version.unwrap_or_default(),
            manifest_hash: info.manifest_hash,
        })
    }

    /// Writes a bundle over the system that does not run. `progress` hears how far it is, 0 to 100.
    pub(crate) async fn install(
        &self,
        bundle: &Path,
        progress: impl Fn(u8),
    ) -> Result<(), Refusal> {
        // Before the installation begins, or its end might be missed.
        let mut completed = in_time(ANSWER, self.0.receive_completed()).await?;
        // It verifies everything again: RAUC 1.13 cannot be told by D-Bus which manifest is meant.
        let args = InstallBundleArgs::default();
        let path = bundle.display().to_string();
        in_time(ANSWER, self.0.install_bundle(&path, args)).await?;
        let mut ticks = interval(PROGRESS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        loop {
            tokio::select! {
                signal = completed.next() => {
                    let signal = signal.ok_or_else(|| Refusal::Rauc("RAUC has ended".to_owned()))?;
                    let result = signal.args().map_err(said)?.result;
                    return match result {
                        InstallationResult::Success => Ok(()),
                        InstallationResult::Failure(_) => Err(self.last_error().await),
                    };
                }
                _ = ticks.tick() => {
                    match self.progress().await? {
                        Some(percent) => {
                            silent = 0;
                            progress(percent);
                        }
                        None => silent += 1,
                    }
                    if silent >= SILENT {
                        return Err(self.last_error().await);
                    }
                }
            }
        }
    }

    /// How far an installation is, 0 to 100; none when there is none.
    pub(crate) async fn progress(&self) -> Result<Option<u8>, Refusal> {
        if in_time(ANSWER, self.0.operation()).await? == Operation::Idle {
            return Ok(None);
        }
        let now = in_time(ANSWER, self.0.progress()).await?;
        Ok(Some(percent(now.percentage)))
    }

    async fn last_error(&self) -> Refusal {
        match in_time(ANSWER, self.0.last_error()).await {
            Ok(text) if text.is_empty() => Refusal::Rauc("RAUC gives no reason".to_owned()),
            Ok(text) => Refusal::from_rauc(&text),
            Err(refusal) => refusal,
        }
    }
}

fn percent(told: i32) -> u8 {
    u8::try_from(told.clamp(0, 100)).unwrap_or_default()
}

async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = zbus::Result<T>>,
) -> Result<T, Refusal> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(said),
        Err(_) => Err(Refusal::Rauc("RAUC does not answer".to_owned())),
    }
}

/// RAUC's own sentence out of what came over D-Bus.
fn said(error: zbus::Error) -> Refusal {
    match error {
        zbus::Error::MethodError(_, Some(text), _) => Refusal::from_rauc(&text),
        error => Refusal::Rauc(error.to_string()),
    }
}
