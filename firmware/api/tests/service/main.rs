//! The web service as its clients see it: a real server on loopback, a real TLS client, a real PBX and store.
//!
//! Every answer that any test receives is compared with the OpenAPI document: path, method, status, media type, and the
//! form of the body.

#![cfg(test)]

mod access;
mod bad_input;
mod bans;
mod bounds;
mod calendars;
mod calls;
mod catalogue;
mod client;
mod companies;
mod contract;
mod document;
mod doors;
mod e1_trunks;
mod events;
mod feature_codes;
mod fleet;
mod gateway;
mod lines;
mod permissions;
mod queues;
mod recordings;
mod refusals;
mod sounds;
mod storage;
mod supervision;
mod tables;
mod update;
mod versions;
mod voicemail;
mod websocket;
