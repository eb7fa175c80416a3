//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Administers a Ramal gateway.
///
/// On the gateway itself it uses the local socket; from elsewhere give --url and an API token.
#[derive(Debug, Parser)]
#[command(name = "ramalctl", version)]
pub struct Arguments {
    /// How to reach the gateway.
    #[command(flatten)]
    pub connection: Connection,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How to reach the gateway.
#[derive(Debug, Args)]
pub struct Connection {
    /// Local socket of the gateway.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/run/ramal/api.sock",
        conflicts_with = "url"
    )]
    pub socket: PathBuf,
    /// Address of the gateway, such as https://192.168.1.10.
    #[arg(long, global = true, env = "RAMAL_URL")]
    pub url: Option<String>,
    /// API token.
    #[arg(long, global = true, env = "RAMAL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Certificate (PEM) the gateway must have or have been signed by.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "RAMAL_CA",
        conflicts_with = "insecure"
    )]
    pub ca: Option<PathBuf>,
    /// Accept any certificate: whoever answers at that address gets the token.
    #[arg(long, global = true)]
    pub insecure: bool,
    /// Work on this draft: what is changed is put into it, and what is shown is as it would make it.
    #[arg(long, global = true, value_name = "ID")]
    pub draft: Option<u64>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show version, load, phones and calls.
    Status,
    /// Manage extensions.
    #[command(subcommand)]
    Extension(ExtensionCommand),
    /// Manage SIP trunks.
    #[command(subcommand)]
    Trunk(TrunkCommand),
    /// Show or lift bans: sources of SIP messages that are not listened to.
    #[command(subcommand)]
    Bans(BanCommand),
    /// Show the call history, latest first.
    Calls(CallsArguments),
    /// List, download or delete recordings of calls.
    #[command(subcommand)]
    Recordings(RecordingCommand),
    /// Save or load the whole configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Manage objects of any kind: numbers, menus, queues, users and all others.
    #[command(subcommand)]
    Object(ObjectCommand),
    /// Show or undo saved versions of the configuration.
    #[command(subcommand)]
    Version(VersionCommand),
    /// Manage drafts: changes that become live together.
    #[command(subcommand)]
    Draft(DraftCommand),
    /// Show who did what, and who tried to, latest first.
    Audit(AuditArguments),
    /// Show the database's copies and recoveries.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Have the gateway call itself and count its lines, as it does when an update is checked.
    Check,
    /// Update the gateway, or go back to the version before.
    #[command(subcommand)]
    Update(UpdateCommand),
    /// Make, check and restore backups of the whole gateway.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Show or change the gateway's own network.
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Delete everything that was set up or recorded, as if the gateway came from the box.
    FactoryReset {
        /// Say that you mean it.
        #[arg(long)]
        yes_delete_everything: bool,
    },
}

/// Update the gateway.
#[derive(Debug, Subcommand)]
pub enum UpdateCommand {
    /// Show both systems and how far an update is.
    Show,
    /// Send an update to the gateway, which checks it; nothing is installed.
    Send {
        /// The file, a RAUC bundle.
        file: PathBuf,
    },
    /// Install what was sent; sends it first when a file is given. Waits until it is installed.
    Install {
        /// The file, a RAUC bundle.
        file: Option<PathBuf>,
        /// Install it although this version was tried here and did not work.
        #[arg(long)]
        again: bool,
    },
    /// Start what was installed, as soon as no call is up.
    Restart {
        /// At once: calls are ended.
        #[arg(long)]
        now: bool,
    },
    /// Go back to the version before, as soon as no call is up.
    Back {
        /// At once: calls are ended.
        #[arg(long)]
        now: bool,
    },
    /// Throw away what was sent, or stay with the version that runs although another one is installed.
    Cancel,
    /// Take note of how the last update ended, which ends its alarm.
    Acknowledge,
}

/// Make, check and restore backups.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// List the backups on the gateway.
    List,
    /// Make a backup, which is kept on the gateway.
    Make {
        /// File whose first line is the passphrase; `-` is the input.
        passphrase_file: PathBuf,
        /// With voice messages.
        #[arg(long)]
        voicemail: bool,
        /// With the history of calls.
        #[arg(long)]
        history: bool,
        /// With recordings of calls.
        #[arg(long)]
        recordings: bool,
    },
    /// Save a backup as a file.
    Download {
        /// Its name, from the list.
        backup: String,
        /// Where to.
        file: PathBuf,
    },
    /// Show what a backup holds and what restoring it would change, as JSON.
    Check {
        /// Its name, from the list.
        backup: String,
        /// File whose first line is the passphrase or the secret key; `-` is the input.
        secret_file: PathBuf,
    },
    /// Restore a backup: the gateway starts again with it.
    Restore {
        /// Its name, from the list.
        backup: String,
        /// File whose first line is the passphrase or the secret key; `-` is the input.
        secret_file: PathBuf,
    },
}

/// Show or change the gateway's own network.
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Show settings, addresses and a change on trial, as JSON.
    Show,
    /// Try settings: unless they are confirmed within 90 s they are taken back.
    Try {
        /// File with them as JSON; `-` is the input.
        file: PathBuf,
    },
    /// Keep what is on trial.
    Confirm {
        /// As `try` printed it.
        token: String,
    },
    /// Take back what is on trial at once.
    Revert,
}

/// Manage objects of any kind.
#[derive(Debug, Subcommand)]
pub enum ObjectCommand {
    /// List the kinds of objects.
    Kinds,
    /// List the objects of a kind.
    List {
        /// Kind, such as numbers.
        kind: String,
    },
    /// Show an object as JSON.
    Get {
        /// Kind, such as numbers.
        kind: String,
        /// Its name, number or id.
        object: String,
    },
    /// Make an object, or change one.
    Put {
        /// Kind, such as numbers.
        kind: String,
        /// File with its settings as JSON; `-` is the input. What `get` shows will do.
        file: PathBuf,
        /// Name, number or id of the object to change; without it a new one is made.
        object: Option<String>,
    },
    /// Delete an object.
    Delete {
        /// Kind, such as numbers.
        kind: String,
        /// Its name, number or id.
        object: String,
    },
}

/// Show or undo saved versions.
#[derive(Debug, Subcommand)]
pub enum VersionCommand {
    /// List versions, latest first.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show what a version changed, as JSON.
    Show {
        /// Its number.
        version: u64,
    },
    /// Make what a version changed as it was before.
    Undo {
        /// Its number.
        version: u64,
    },
}

/// Manage drafts.
#[derive(Debug, Subcommand)]
pub enum DraftCommand {
    /// List drafts.
    List,
    /// Begin a draft.
    Add {
        /// What it is for.
        name: String,
    },
    /// Show what a draft changes, as JSON.
    Show {
        /// Its id.
        id: u64,
    },
    /// Make a draft live.
    Activate {
        /// Its id.
        id: u64,
    },
    /// Throw a draft away.
    Discard {
        /// Its id.
        id: u64,
    },
}

/// Which entries of the audit log to show.
#[derive(Debug, Args)]
pub struct AuditArguments {
    /// How many.
    #[arg(long, default_value_t = 20)]
    pub limit: u32,
    /// Only what was refused.
    #[arg(long)]
    pub refused: bool,
}

/// Show the database's copies and recoveries.
#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// List copies and recoveries.
    Show,
    /// Copy the settings now.
    Backup,
    /// Take note of a recovery, which ends its alarm.
    Acknowledge {
        /// Its id.
        recovery: i64,
    },
}

/// Manage extensions.
#[derive(Debug, Subcommand)]
pub enum ExtensionCommand {
    /// Make an extension; prints the secret for its phone, this once.
    Add {
        /// Number, 2-7 digits.
        number: String,
        /// Caller name inside the company.
        #[arg(long)]
        name: Option<String>,
        /// Language of prompts: pt-BR, es, id or en.
        #[arg(long)]
        language: Option<String>,
    },
    /// List extensions.
    List,
    /// Delete an extension.
    Remove {
        /// Its number.
        number: String,
    },
}

/// Manage SIP trunks.
#[derive(Debug, Subcommand)]
pub enum TrunkCommand {
    /// Make a trunk.
    Add(NewTrunk),
    /// List trunks.
    List,
    /// Delete a trunk.
    Remove {
        /// Its name.
        name: String,
    },
}

/// A new trunk.
#[derive(Debug, Args)]
pub struct NewTrunk {
    /// Name, 1-40 characters.
    pub name: String,
    /// Host of the carrier, name[:port]; up to four, tried in order.
    #[arg(required = true)]
    pub host: Vec<String>,
    /// User of the account.
    #[arg(long)]
    pub user: Option<String>,
    /// Read the password of the account from the input.
    #[arg(long)]
    pub password_stdin: bool,
    /// Pilot number or account.
    #[arg(long)]
    pub line: Option<String>,
    /// udp, tcp or tls.
    #[arg(long)]
    pub transport: Option<String>,
    /// register, ip or none; ip when a source is given, else register.
    #[arg(long)]
    pub auth: Option<String>,
    /// Network that calls come from, such as 192.0.2.0/24; may be given several times.
    #[arg(long)]
    pub source: Vec<String>,
    /// Extension that incoming calls lead to.
    #[arg(long, value_name = "EXTENSION")]
    pub inbound: Option<String>,
}

/// Show or lift bans.
#[derive(Debug, Subcommand)]
pub enum BanCommand {
    /// List the bans in force.
    List,
    /// End the bans of an address.
    Lift {
        /// The address; an IPv6 one stands for its network.
        address: std::net::IpAddr,
    },
}

/// List, download or delete recordings of calls.
#[derive(Debug, Subcommand)]
pub enum RecordingCommand {
    /// List recordings, latest first.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Save a recording as a WAV file.
    Download {
        /// Its id, from the list.
        id: i64,
        /// Where to.
        file: PathBuf,
    },
    /// Delete the sound of a recording.
    Delete {
        /// Its id, from the list.
        id: i64,
    },
}

/// Which calls to show.
#[derive(Debug, Args)]
pub struct CallsArguments {
    /// How many.
    #[arg(long, default_value_t = 20)]
    pub limit: u32,
    /// Only calls from or to this number.
    #[arg(long)]
    pub number: Option<String>,
    /// Only calls that ended like this, such as answered or no_answer.
    #[arg(long)]
    pub result: Option<String>,
}

/// Save or load the whole configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Write the configuration to FILE, or to the output. Keep it like a password.
    Export {
        /// The file; written readable for its owner only.
        file: Option<PathBuf>,
    },
    /// Replace the configuration by FILE's, whole or not at all.
    Import {
        /// The file; `-` reads the input.
        file: PathBuf,
    },
}

/// Manage API tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; prints its secret, this once.
    Add {
        /// What it is for.
        name: String,
    },
    /// List tokens.
    List,
    /// Delete a token.
    Remove {
        /// Its id or name.
        token: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
