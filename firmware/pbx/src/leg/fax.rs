//! Calls that become a fax (ITU-T T.38): what the fax machines at both ends have to agree on.

use std::fmt;

/// What a fax machine says of itself, as `T38...` attributes in their order. It is carried, not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fax {
    pub(crate) attributes: Vec<(String, Option<String>)>,
}

/// The far end of a leg wants to fax. Dropping the offer refuses it, and the call stays a voice call.
pub(crate) struct FaxOffer {
    fax: Fax,
    refuse: Option<Box<dyn FnOnce() + Send>>,
}

impl FaxOffer {
    /// `refuse` tells the far end no.
    pub(crate) fn new(fax: Fax, refuse: impl FnOnce() + Send + 'static) -> Self {
        Self {
            fax,
            refuse: Some(Box::new(refuse)),
        }
    }

    /// What is offered.
    pub(crate) fn fax(&self) -> &Fax {
        &self.fax
    }

    /// The offer is answered otherwise.
    pub(crate) fn taken(mut self) {
        self.refuse = None;
    }
}

impl Drop for FaxOffer {
    fn drop(&mut self) {
        if let Some(refuse) = self.refuse.take() {
            refuse();
        }
    }
}

impl fmt::Debug for FaxOffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("FaxOffer").field(&self.fax).finish()
    }
}
