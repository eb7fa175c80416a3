//! F169, F172: phones register with MD5 and SHA-256, over UDP and TCP, several on one extension.

use flow_tests::SOON;
use gateway_under_test::{Gateway, GatewayError};
use sipphone::{EndReason, Phone, PhoneError, Protocol};

type Result = std::result::Result<(), GatewayError>;

#[tokio::test]
async fn md5_and_sha256_udp_and_tcp() -> Result {
    let gateway = Gateway::start().await?;
    let extension = gateway.extension("2001").await?;
    for (md5_only, protocol) in [
        (true, Protocol::Udp),
        (false, Protocol::Udp),
        (true, Protocol::Tcp),
        (false, Protocol::Tcp),
    ] {
        let mut config = gateway.phone_config(&extension);
        config.md5_only = md5_only;
        config.protocol = protocol;
        let phone = Phone::start(config).await?;
        assert_eq!(phone.register(300).await?.expires, 300);
        assert_eq!(phone.register(0).await?.expires, 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_secret_is_refused() -> Result {
    let gateway = Gateway::start().await?;
    let mut config = gateway.phone_config(&gateway.extension("2001").await?);
    config.secret.push('x');
    let refused = Phone::start(config).await?.register(300).await;
    assert!(
        matches!(
            refused,
            Err(PhoneError::Refused {
                status: 401 | 403,
                ..
            })
        ),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn two_phones_of_an_extension_ring_and_one_wins() -> Result {
    let gateway = Gateway::start().await?;
    let caller = gateway.phone("2002").await?;
    let extension = gateway.extension("2001").await?;
    let desk = Phone::start(gateway.phone_config(&extension)).await?;
    let soft = Phone::start(gateway.phone_config(&extension)).await?;
    desk.register(300).await?;
    assert_eq!(soft.register(300).await?.contacts.len(), 2);

    let mut out = caller.call("2001").await?;
    let (at_desk, at_soft) = (desk.next_call().await, soft.next_call().await);
    let (Some(mut at_desk), Some(mut at_soft)) = (at_desk, at_soft) else {
        return Err(GatewayError::Late("both phones ringing"));
    };
    at_desk.ring();
    at_soft.ring();
    out.wait_ringing(SOON).await?;
    at_soft.answer();
    at_soft.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    match at_desk.wait_ended(SOON).await? {
        EndReason::Cancelled(Some(reason)) => assert!(reason.contains("cause=200"), "{reason}"),
        other => panic!("the other phone must be told who answered, not {other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn unregistering_one_phone_leaves_the_other() -> Result {
    let gateway = Gateway::start().await?;
    let extension = gateway.extension("2001").await?;
    let desk = Phone::start(gateway.phone_config(&extension)).await?;
    let soft = Phone::start(gateway.phone_config(&extension)).await?;
    desk.register(300).await?;
    soft.register(300).await?;
    assert_eq!(soft.register(0).await?.contacts.len(), 1);
    let removed = desk
        .register_with(&[("Contact", "*".into()), ("Expires", "0".into())])
        .await?;
    assert_eq!(removed.contacts.len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_short_expiry_is_refused_with_the_minimum() -> Result {
    let gateway = Gateway::start().await?;
    let phone = Phone::start(gateway.phone_config(&gateway.extension("2001").await?)).await?;
    let refused = phone.register(5).await;
    assert!(
        matches!(refused, Err(PhoneError::Refused { status: 423, .. })),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_deleted_extension_is_gone_at_once() -> Result {
    let gateway = Gateway::start().await?;
    let caller = gateway.phone("2002").await?;
    let extension = gateway.extension("2001").await?;
    let phone = Phone::start(gateway.phone_config(&extension)).await?;
    phone.register(300).await?;
    gateway
        .api()
        .delete(&format!("/api/v1/extensions/{}", extension.id))
        .await?
        .expect(204)?;
    assert_eq!(
        caller.call("2001").await?.wait_ended(SOON).await?,
        EndReason::Refused(404)
    );
    assert!(phone.register(300).await.is_err());
    Ok(())
}
