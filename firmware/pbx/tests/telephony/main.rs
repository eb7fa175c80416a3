//! A whole PBX in this process, with real storage and media, and phones on loopback around it.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod calls;
mod conferences;
mod connections;
mod consulting;
mod failover;
mod feature_codes;
mod gateway;
mod hearing;
mod line_alarms;
mod lines;
mod music;
mod name_server;
mod outgoing;
mod parking;
mod pickups;
mod queues;
mod raw;
mod recordings;
mod registrations;
mod rfc5359;
mod secure_trunks;
mod self_check;
mod servers;
mod sounds;
mod supervision;
mod telephones;
mod tolls;
mod transfers;
mod voicemail;
mod watching;
