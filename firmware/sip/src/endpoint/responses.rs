//! Received responses.

use std::time::Instant;

use super::Endpoint;
use crate::transaction::key::ClientKey;
use crate::{HeaderName, Response};

impl Endpoint {
    pub(super) fn handle_response(&mut self, now: Instant, response: Response) {
        let counters = &mut self.context.layer.counters;
        counters.received.response(response.status.code());
        // A response with a second Via was meant for somebody behind us (§8.1.3.3).
        let single_via = response.headers.values(&HeaderName::Via).nth(1).is_none();
        let (Ok(via), Ok(cseq), Ok(_), Ok(_), true) = (
            response.headers.via(),
            response.headers.cseq(),
            response.headers.from(),
            response.headers.to(),
            single_via,
        ) else {
            counters.dropped.malformed_responses += 1;
            return;
        };
        let key = via
            .branch()
            .and_then(|branch| ClientKey::of_response(branch, &cseq.method));
        if !key.is_some_and(|key| self.context.layer.response(now, key, response)) {
            self.context.layer.counters.dropped.stray_responses += 1;
        }
    }
}
