//! Numbers, routes, menus and forks as callers of a carrier meet them: AT-08, AT-09, AT-15 to AT-18, AT-21, AT-22, AT-29,
//! AT-31, AT-32, AT-38. Everything is configured through the API; long times are tried out in `ramal-pbx`'s own tests,
//! where no real time passes.

mod callers;
mod forwards;
mod hours;
mod inbound;
mod menus;
mod outbound;
mod verified;
mod whispers;
