//! Files for systemd-networkd (systemd.network(5), systemd.netdev(5)).

use std::fmt::Write;
use std::net::IpAddr;

use crate::settings::{Ipv6Mode, Plan};

/// Names of the files, before those of the image (50-…), which are for ports that nothing is said of.
pub const PORT: &str = "40-ramal.network";
pub const VLAN: &str = "40-ramal-vlan.network";
pub const VLAN_DEVICE: &str = "40-ramal-vlan.netdev";
/// The VLAN's interface.
pub const VLAN_NAME: &str = "vlan0";

/// The files of these settings, by name. A file that is not among them has to go.
pub fn render(plan: &Plan) -> Vec<(&'static str, String)> {
    let matched = match &plan.port {
        Some(port) => format!("Type=ether\nKind=!*\nName={port}\n"),
        None => "Type=ether\nKind=!*\n".into(),
    };
    match plan.vlan {
        None => vec![(PORT, network(plan, &matched))],
        Some(vlan) => {
            let port = format!(
                "[Match]\n{matched}\n[Link]\nRequiredForOnline=no\n\n[Network]\nVLAN={VLAN_NAME}\nLinkLocalAddressing=no\n\
                 IPv6AcceptRA=no\nLLMNR=no\nMulticastDNS=no\n"
            );
            let device = format!("[NetDev]\nName={VLAN_NAME}\nKind=vlan\n\n[VLAN]\nId={vlan}\n");
            let above = network(plan, &format!("Name={VLAN_NAME}\n"));
            vec![(PORT, port), (VLAN_DEVICE, device), (VLAN, above)]
        }
    }
}

fn network(plan: &Plan, matched: &str) -> String {
    let by_server = plan.ipv4.is_none();
    let automatic = plan.ipv6 == Ipv6Mode::Automatic;
    let dhcp = match (by_server, automatic) {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    let link_local = match (by_server, plan.ipv6 == Ipv6Mode::Off) {
        (true, false) => "yes",
        (true, true) => "ipv4",
        (false, false) => "ipv6",
        (false, true) => "no",
    };
    let own_names = plan.name_servers.is_empty();
    let own_times = plan.time_servers.is_empty();
    let mut text = format!(
        "[Match]\n{matched}\n[Link]\nRequiredForOnline=no\n\n[Network]\nDHCP={dhcp}\nLinkLocalAddressing={link_local}\n\
         IPv6AcceptRA={}\nLLMNR=no\nMulticastDNS=yes\n",
        yes(automatic)
    );
    let mut line = |key: &str, value: &dyn std::fmt::Display| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{key}={value}");
    };
    for fixed in [plan.ipv4, plan.ipv6_fixed].into_iter().flatten() {
        line("Address", &fixed.address);
        if let Some(gateway) = fixed.gateway {
            line("Gateway", &gateway);
        }
    }
    for server in &plan.name_servers {
        line("DNS", server);
    }
    for server in &plan.time_servers {
        line("NTP", server);
    }
    for (destination, gateway) in &plan.routes {
        let _ = write!(
            text,
            "\n[Route]\nDestination={destination}\nGateway={gateway}\n{}",
            on_link(*gateway)
        );
    }
    let _ = write!(
        text,
        "\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\nUseDNS={names}\nUseNTP={times}\n\
         \n[DHCPv6]\nDUIDType=link-layer\nUseHostname=no\nUseDNS={names}\nUseNTP={times}\n\
         \n[IPv6AcceptRA]\nUseDNS={names}\n",
        names = yes(own_names),
        times = yes(own_times)
    );
    text
}

/// The kernel knows only that link-local machines are on the link.
fn on_link(gateway: IpAddr) -> &'static str {
    match gateway {
        IpAddr::V6(address) if address.is_unicast_link_local() => "GatewayOnLink=yes\n",
        _ => "",
    }
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}
