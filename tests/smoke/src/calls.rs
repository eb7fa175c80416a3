//! The calls of the smoke run.

use crate::Failure;
use crate::api::Extension;
use peers::sipp::{Run, start};
use peers::{Account, Baresip};
use sipphone::{
    Call, CallEvent, EndReason, Phone, PhoneConfig, Protocol, Source, level_dbm0, strongest,
};
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
/// Until one end's hanging up must have reached the other.
const AT_ONCE: Duration = Duration::from_secs(3);
/// How long the measured talk lasts.
const TALK: Duration = Duration::from_secs(10);

/// Two baresip telephones: each must hear the other's tone for ten seconds, without a lost packet.
pub async fn talk(sip: SocketAddr, ana: &Extension, bruno: &Extension) -> Result<(), Failure> {
    let account = |e: &Extension| Account {
        server: sip,
        user: e.number.clone(),
        secret: e.secret.clone(),
        transport: peers::Transport::Udp,
        srtp: false,
        when_asked: false,
    };
    let mut answering = Baresip::start(&account(bruno), 1100.0, None).await?;
    answering.wait_registered(SOON).await?;
    let mut calling = Baresip::start(&account(ana), 600.0, Some(&bruno.number)).await?;
    calling.wait_established(SOON).await?;
    tokio::time::sleep(TALK).await;
    calling.quit().await?;
    answering.wait_output("terminated", AT_ONCE).await?;
    answering.quit().await?;
    for (name, phone, frequency) in [("caller", &calling, 1100.0), ("called", &answering, 600.0)] {
        let figures = phone.statistics()?;
        let heard = phone.heard()?;
        let seconds = heard.len() / 8000;
        let (strongest, level) = strongest(
            &heard[heard.len().saturating_sub(8 * 8000)..],
            200.0,
            3400.0,
            10.0,
        );
        println!(
            "           {name} heard {strongest:.0} Hz at {level:.1} dBm0 for {seconds} s; sent {}, received {}, lost {}",
            figures.sent, figures.received, figures.lost
        );
        if figures.lost > 0
            || figures.received < 450
            || (strongest - frequency).abs() > 15.0
            || level < -12.0
        {
            return Err(format!("the {name} should have heard {frequency} Hz without loss").into());
        }
    }
    Ok(())
}

/// SIPp registers as `callee` and plays `answering`, while another calls with `calling`.
pub async fn sipp(
    sip: SocketAddr,
    calling: &str,
    caller: &Extension,
    answering: &str,
    callee: &Extension,
) -> Result<(), Failure> {
    let port = std::net::UdpSocket::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let run = |scenario,
               extension: &'_ Extension,
               target: &'_ str,
               port|
     -> Result<peers::sipp::Scenario, Failure> {
        let (user, secret) = (extension.number.as_str(), extension.secret.as_str());
        Ok(start(&Run {
            scenario,
            server: sip,
            user,
            secret,
            target,
            calls: 1,
            rate: 1,
            port,
        })?)
    };
    run("register", callee, "", port)?.finish(SOON * 2).await?;
    let waiting = run(answering, callee, "", port)?;
    run(calling, caller, &callee.number, 0)?
        .finish(SOON * 2)
        .await?;
    waiting.finish(SOON * 2).await?;
    Ok(())
}

async fn phone(
    sip: SocketAddr,
    extension: &Extension,
    protocol: Protocol,
) -> Result<Phone, Failure> {
    let config = PhoneConfig {
        protocol,
        ..PhoneConfig::new(sip, &extension.number, &extension.secret)
    };
    let phone = Phone::start(config).await?;
    phone.register(300).await?;
    Ok(phone)
}

async fn hears(call: &Call, frequency: f64) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let heard = call.audio().last(Duration::from_millis(500));
        let level = level_dbm0(&heard, frequency);
        if heard.len() == 4000 && (level + 10.0).abs() < 1.0 {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            return Err(format!("{frequency} Hz was not heard ({level:.1} dBm0)").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `*43` gives back what it is sent.
pub async fn echo(sip: SocketAddr, extension: &Extension) -> Result<(), Failure> {
    let phone = phone(sip, extension, Protocol::Udp).await?;
    let mut call = phone.call("*43").await?;
    call.wait_answered(SOON).await?;
    call.audio().send(Source::Tone {
        frequency: 850.0,
        dbm0: -10.0,
    });
    hears(&call, 850.0).await?;
    call.hang_up();
    call.wait_ended(SOON).await?;
    Ok(())
}

/// A service number that speaks.
pub async fn speech(sip: SocketAddr, extension: &Extension, code: &str) -> Result<(), Failure> {
    let phone = phone(sip, extension, Protocol::Udp).await?;
    let mut call = phone.call(code).await?;
    call.wait_answered(SOON).await?;
    call.audio()
        .wait(SOON, "two seconds of speech", |r| r.received >= 100)
        .await?;
    let heard = call.audio().heard();
    let power = heard.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / heard.len() as f64;
    if power.sqrt() < 500.0 {
        return Err(format!("no speech was heard (RMS {:.0})", power.sqrt()).into());
    }
    call.hang_up();
    call.wait_ended(SOON).await?;
    Ok(())
}

/// Digits both ways, hold, resume, and the called side hangs up.
pub async fn digits_and_hold(
    sip: SocketAddr,
    eva: &Extension,
    fabio: &Extension,
) -> Result<(), Failure> {
    let caller = phone(sip, eva, Protocol::Tcp).await?;
    let called = phone(sip, fabio, Protocol::Tcp).await?;
    let mut out = caller.call(&fabio.number).await?;
    let incoming = tokio::time::timeout(SOON, called.next_call()).await?;
    let mut inn = incoming.ok_or("the called phone stopped")?;
    inn.ring();
    out.wait_ringing(SOON).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    inn.wait_answered(SOON).await?;
    out.audio().send_digits("12*#");
    inn.audio()
        .wait(SOON, "four digits", |r| r.digits == "12*#")
        .await?;
    inn.audio().send_digits("987");
    out.audio()
        .wait(SOON, "three digits", |r| r.digits == "987")
        .await?;
    out.hold();
    inn.wait(SOON, |e| *e == CallEvent::Held).await?;
    out.resume();
    inn.wait(SOON, |e| *e == CallEvent::Resumed).await?;
    inn.hang_up();
    match out.wait_ended(SOON).await? {
        EndReason::RemoteHangUp => Ok(()),
        other => Err(format!("the caller saw {other:?}").into()),
    }
}
