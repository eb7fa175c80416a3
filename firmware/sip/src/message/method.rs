//! Request methods.

use std::fmt;

use crate::ByteStr;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// The method of a request; compares with case (RFC 3261 §7.1).
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// Any other, as spelled.
            Other(ByteStr),
        }

        impl Method {
            /// The method as in a request line.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// Recognises a method that was checked to be a token; `other` makes the text of an unknown one.
            pub(crate) fn from_token(token: &[u8], other: impl FnOnce() -> ByteStr) -> Self {
                $(
                    if token == $name.as_bytes() {
                        return Self::$variant;
                    }
                )*
                Self::Other(other())
            }
        }
    };
}

methods! {
    /// RFC 3261 §13
    Invite = "INVITE";
    /// RFC 3261 §13
    Ack = "ACK";
    /// RFC 3261 §15
    Bye = "BYE";
    /// RFC 3261 §9
    Cancel = "CANCEL";
    /// RFC 3261 §10
    Register = "REGISTER";
    /// RFC 3261 §11
    Options = "OPTIONS";
    /// RFC 6086
    Info = "INFO";
    /// RFC 3262
    Prack = "PRACK";
    /// RFC 3311
    Update = "UPDATE";
    /// RFC 6665
    Subscribe = "SUBSCRIBE";
    /// RFC 6665
    Notify = "NOTIFY";
    /// RFC 3515
    Refer = "REFER";
    /// RFC 3428
    Message = "MESSAGE";
    /// RFC 3903
    Publish = "PUBLISH";
}

/// Reads a method; characters that are not of a token are left out.
impl From<&str> for Method {
    fn from(name: &str) -> Self {
        Self::from_token(name.as_bytes(), || {
            let token: String = name
                .chars()
                .filter(|c| u8::try_from(*c).is_ok_and(crate::grammar::is_token))
                .collect();
            ByteStr::from(token)
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
