//! Trunks over TLS, to a carrier that another gateway plays: registered by name, with calls both ways.

use std::path::Path;

use ramal_model::{Actor, Extension, OutboundPrefix, Secret, TrunkInput, TrunkTransport};
use ramal_pbx::{PbxConfig, TrunkFault, TrunkState, TrunkStatus};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use sipphone::{Call, Phone, PhoneConfig};

use crate::gateway::{Gateway, SOON, encrypted, incoming};
use crate::name_server::{NameServer, Zone};

/// A carrier with an account.
struct Carrier {
    gateway: Gateway,
    account: Extension,
    secret: Secret,
    dns: NameServer,
}

impl Carrier {
    async fn start() -> Self {
        let gateway = Gateway::start_with(|config, folder| encrypted(config, folder, None)).await;
        let (account, secret) = gateway.extension("5133334").await;
        let port = gateway.pbx.sip_tls_address().unwrap().port();
        let loopback = [127, 0, 0, 1].into();
        let dns = Zone::default()
            .srv("_sips._tcp.ramal.local", 1, port, "sbc.carrier.test")
            .srv("_sips._tcp.other.test", 1, port, "sbc.carrier.test")
            .address("sbc.carrier.test", loopback)
            .serve()
            .await;
        Self {
            gateway,
            account,
            secret,
            dns,
        }
    }

    /// What its certificate is, in PEM.
    fn certificate(&self) -> String {
        std::fs::read_to_string(self.gateway.certificate()).unwrap()
    }

    fn fingerprint(&self) -> String {
        let der = CertificateDer::from_pem_slice(self.certificate().as_bytes()).unwrap();
        let octets = Sha256::digest(der);
        let digits: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
        digits.join(":")
    }

    /// A gateway that looks names up here.
    async fn customer(&self) -> Gateway {
        let name_servers = vec![self.dns.address];
        Gateway::start_with(move |config, folder: &Path| PbxConfig {
            name_servers,
            ..encrypted(config, folder, None)
        })
        .await
    }

    /// The trunk of a customer.
    fn trunk(&self, host: &str, trusted: &str) -> TrunkInput {
        TrunkInput {
            name: Some("Carrier".into()),
            hosts: Some(vec![host.into()]),
            user: Some(self.account.number.clone()),
            from_user: Some(self.account.number.clone()),
            password: Some(self.secret.clone()),
            transport: Some(TrunkTransport::Tls),
            trusted_certificate: Some(trusted.into()),
            options_interval: Some(0),
            ..TrunkInput::default()
        }
    }
}

/// Makes the trunk and waits until it is in a state.
async fn settled(gateway: &Gateway, trunk: TrunkInput, state: TrunkState) -> TrunkStatus {
    let made = gateway.store.create_trunk(&Actor::System, trunk).await;
    let made = made.unwrap();
    let live = gateway
        .wait("the state of the trunk", |live| {
            let ours = live.trunks.iter().find(|one| one.id == made.id);
            ours.is_some_and(|one| one.state == state)
        })
        .await;
    live.trunks
        .into_iter()
        .find(|one| one.id == made.id)
        .unwrap()
}

async fn talk(mut out: Call, callee: &Phone) {
    let mut inn = incoming(callee).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    for call in [&out, &inn] {
        call.audio().send(sipphone::Source::Silence);
        let packets = |report: &sipphone::AudioReport| report.received >= 25;
        call.audio()
            .wait(SOON, "25 packets", packets)
            .await
            .unwrap();
    }
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_with_authorities_of_its_own_is_registered_with_and_called_both_ways() {
    let carrier = Carrier::start().await;
    let gateway = carrier.customer().await;
    let (ana, secret) = gateway.extension("2001").await;
    let phone = Phone::start(PhoneConfig {
        // What comes from the carrier's address is the carrier's.
        local: ([127, 0, 0, 2], 0).into(),
        ..gateway.config(&ana, &secret)
    });
    let phone = phone.await.unwrap();
    phone.register(600).await.unwrap();
    let trunk = TrunkInput {
        inbound_default: Some(Some(ana.id)),
        outbound: Some(vec![OutboundPrefix {
            prefix: "5125".into(),
            strip: 4,
        }]),
        ..carrier.trunk("ramal.local", &carrier.certificate())
    };
    settled(&gateway, trunk, TrunkState::Registered).await;
    let registered = carrier.gateway.pbx.live().registrations;
    assert_eq!(registered[0].transport, "tls", "{registered:?}");

    // Out: what the carrier's own subscriber has.
    let subscriber = carrier.gateway.phone("554444").await;
    let out = phone.call("05125554444").await.unwrap();
    talk(out, &subscriber).await;
    // In: over the connection that the trunk has registered over.
    let out = subscriber.call("5133334").await.unwrap();
    talk(out, &phone).await;
    let connections = gateway.pbx.counters().await.unwrap().sip.connections;
    assert_eq!(connections, 1, "one connection carries everything");
    // What is agreed over TLS is encrypted by default.
    for side in [&gateway, &carrier.gateway] {
        side.wait("the end of the calls", |live| live.calls.is_empty())
            .await;
        let records = side.store.calls(Default::default()).await.unwrap();
        assert_eq!(records.len(), 2);
        for record in records {
            let encrypted = record.legs.iter().filter(|leg| leg.encryption.is_some());
            assert_eq!(encrypted.count(), 1, "{record:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_is_known_by_its_fingerprint_whatever_its_name() {
    let carrier = Carrier::start().await;
    let gateway = carrier.customer().await;
    let trunk = carrier.trunk("other.test", &carrier.fingerprint());
    settled(&gateway, trunk, TrunkState::Registered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_is_not_believed_gets_no_registration() {
    let carrier = Carrier::start().await;
    let stranger = Carrier::start().await;
    for (host, trusted) in [
        ("ramal.local", String::new()),
        ("ramal.local", stranger.certificate()),
        ("ramal.local", stranger.fingerprint()),
        // Another name than the certificate's.
        ("other.test", carrier.certificate()),
    ] {
        let gateway = carrier.customer().await;
        let trunk = carrier.trunk(host, &trusted);
        let status = settled(&gateway, trunk, TrunkState::Unreachable).await;
        assert_eq!(
            status.fault,
            Some(TrunkFault::NotTrusted),
            "{host} {trusted}"
        );
    }
    assert!(carrier.gateway.pbx.live().registrations.is_empty());
}
