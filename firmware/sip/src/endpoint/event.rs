//! What an endpoint tells its user.

use bytes::Bytes;

use crate::Headers;
use crate::flow::Flow;
use crate::session::{Refer, SessionId};
use crate::subscription::SubscriptionId;
use crate::transaction::TransactionId;
use crate::{Request, Response, StatusCode};

/// News from the endpoint, in the order things happened.
///
/// A session begins with [`Incoming`](Event::Incoming) or with [`Endpoint::invite`](crate::Endpoint::invite) and ends with
/// exactly one [`Rejected`](Event::Rejected) or [`Ended`](Event::Ended), whoever ended it; its id means nothing afterwards.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A request other than those of INVITE sessions (REGISTER, OPTIONS, MESSAGE, SUBSCRIBE …). The user must
    /// [`respond`](crate::Endpoint::respond).
    Request {
        /// To respond by.
        transaction: TransactionId,
        /// How it came.
        flow: Flow,
        /// The session whose dialog it belongs to; `None` outside of dialogs.
        session: Option<SessionId>,
        /// The request; its top Via already says where it came from (`received`, `rport`).
        request: Request,
    },
    /// A response to a request sent by [`Endpoint::request`](crate::Endpoint::request) or
    /// [`Endpoint::request_within`](crate::Endpoint::request_within); provisional ones too.
    Response {
        /// The request's transaction.
        transaction: TransactionId,
        /// The response.
        response: Response,
    },
    /// Nobody answered such a request within 64*T1 (32 s), or its flow failed.
    Timeout {
        /// The request's transaction.
        transaction: TransactionId,
        /// Whether the flow failed, rather than time having passed.
        flow_failed: bool,
    },

    /// A new INVITE; 100 Trying has been sent, unless
    /// [`EndpointConfig::hold_trying`](crate::EndpointConfig::hold_trying) leaves that to the user. The user authenticates it, then rejects, signals progress or accepts.
    Incoming {
        /// The session it begins.
        session: SessionId,
        /// How it came.
        flow: Flow,
        /// The INVITE; its body, if any, is the SDP offer.
        request: Request,
    },
    /// 100 Trying to our INVITE, the first one: somebody has it. Only told where
    /// [`EndpointConfig::tell_trying`](crate::EndpointConfig::tell_trying) asks for it.
    Trying {
        /// The session.
        session: SessionId,
    },
    /// A provisional response (101-199) to our INVITE.
    Progress {
        /// The session.
        session: SessionId,
        /// 180, 183 …
        status: StatusCode,
        /// Early answer: media may be heard before the call is answered. (A peer's early offer comes as
        /// [`Offer`](Event::Offer).)
        sdp: Option<Bytes>,
        /// The whole response.
        response: Response,
    },
    /// Our INVITE was answered with 2xx. The ACK has been sent, unless our INVITE had no offer: then `sdp` is the
    /// offer and the user gives the answer by [`answer_offer`](crate::Endpoint::answer_offer).
    Answered {
        /// The session.
        session: SessionId,
        /// The peer's answer (or offer), also when it was given in a reliable progress already. `None` when offer and
        /// answer went to and fro since then, so that nothing is left to say.
        sdp: Option<Bytes>,
        /// The whole response.
        response: Response,
    },
    /// Our INVITE was refused. The session is over.
    Rejected {
        /// The session.
        session: SessionId,
        /// 300-699; 408 when nobody answered, 503 when the flow failed.
        status: StatusCode,
        /// The response; `None` when nobody answered or the flow failed.
        response: Option<Response>,
    },
    /// The peer acknowledged our 2xx to its INVITE.
    Confirmed {
        /// The session.
        session: SessionId,
        /// The answer, when the offer was in our 2xx.
        sdp: Option<Bytes>,
    },

    /// The peer offers a new session description (re-INVITE, UPDATE or PRACK), or its first one in a reliable
    /// provisional response to our INVITE without offer. The user must
    /// [`answer_offer`](crate::Endpoint::answer_offer) or [`refuse_offer`](crate::Endpoint::refuse_offer).
    Offer {
        /// The session.
        session: SessionId,
        /// The offer; `None` asks the user to make one, which `answer_offer` carries.
        sdp: Option<Bytes>,
    },
    /// The peer took its offer back before it was answered; the session description in force stays.
    OfferWithdrawn {
        /// The session.
        session: SessionId,
    },
    /// The peer answered our offer.
    OfferAnswered {
        /// The session.
        session: SessionId,
        /// The answer.
        sdp: Bytes,
    },
    /// The peer refused our offer, or did not answer it; the session description in force stays.
    OfferRefused {
        /// The session.
        session: SessionId,
        /// 300-699; 408 and 503 as in [`Rejected`](Event::Rejected).
        status: StatusCode,
    },

    /// The peer sent an INFO whose content type is one of
    /// [`EndpointConfig::info_types`](crate::EndpointConfig::info_types); 200 has been sent.
    Info {
        /// The session.
        session: SessionId,
        /// Media type, lower case, without parameters.
        content_type: String,
        /// The body.
        body: Bytes,
    },
    /// The peer asks for somebody else to be called (RFC 3515). The user must
    /// [`accept_refer`](crate::Endpoint::accept_refer) or [`refuse_refer`](crate::Endpoint::refuse_refer).
    Refer {
        /// The session.
        session: SessionId,
        /// What is asked for.
        refer: Box<Refer>,
    },

    /// Somebody wants to be told of a state (RFC 6665); the event package is one of ours and the time asked for is
    /// acceptable. The user authenticates it, then refuses it by [`respond`](crate::Endpoint::respond) or takes it by
    /// [`accept_subscription`](crate::Endpoint::accept_subscription).
    Subscribe {
        /// To respond by.
        transaction: TransactionId,
        /// How it came.
        flow: Flow,
        /// The event package, lower case, without parameters.
        package: String,
        /// The request.
        request: Request,
    },
    /// A subscriber is to be told the state as it is now, by [`notify`](crate::Endpoint::notify).
    NotifyDue {
        /// The subscription.
        subscription: SubscriptionId,
    },
    /// A subscription is over: it expired, was ended by either side, or its subscriber is gone.
    SubscriptionEnded {
        /// The subscription.
        subscription: SubscriptionId,
    },

    /// The session is over; what remains (BYE, CANCEL, late answers) the endpoint does by itself.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        cause: EndCause,
        /// Header fields of the BYE or CANCEL that ended it (`Reason`, RFC 3326), else empty.
        headers: Headers,
    },
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndCause {
    /// The peer sent BYE.
    Bye,
    /// The peer cancelled its INVITE.
    Cancelled,
    /// The user hung up, with [`hang_up`](crate::Endpoint::hang_up).
    HungUp,
    /// The user refused the INVITE, with [`reject`](crate::Endpoint::reject).
    Refused,
    /// The peer never acknowledged our 2xx, or our reliable provisional response.
    AckTimeout,
    /// The peer does not know the dialog any more (481 to a request of ours).
    DialogGone,
    /// The peer did not answer a request within the dialog (408 or silence for 64*T1).
    Timeout,
    /// The flow failed under a request within the dialog.
    FlowFailed,
    /// The session was not refreshed in time (RFC 4028 §10).
    Expired,
}
