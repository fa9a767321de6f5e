/**
 * The nftables rules of a site's router.
 *
 * Linux's own NAT keeps a port while it is free and lets in only whom the inside host has called at that very port.
 * Endpoint-independent mapping and the wider kinds of filtering (RFC 4787) are made by rules: the outside port is the inside
 * one exclusive-or a number of the host's own, so it is the same towards everybody, and what is outside of it has a set of
 * callers and a map back.
 * @module
 */

import type { Filtering, Mapping } from "./network.ts";

/** The translation of a router. */
export interface NatBehaviour {
  readonly mapping: Mapping;
  readonly filtering: Filtering;
  /**
   * Whether inside hosts reach each other at their outside endpoints (RFC 4787 §6), from their own; no unless told. Wants
   * endpoint-independent mapping, and filtering that isn't by port.
   */
  readonly hasHairpinning?: boolean;
}

/** What the rules of a site depend on. */
export interface RuleOptions {
  /** Undefined: addresses pass as they are. */
  readonly nat: NatBehaviour | undefined;
  /** What may be begun from inside. */
  readonly outbound: "anything" | "tcp" | "nothing";
  /** Whether others may begin with what isn't translated. */
  readonly isFirewalled: boolean;
  /** Of the link to the Internet, if it is a small one about which no ICMP tells; TCP is told by its options. */
  readonly hiddenMtuBytes: number | undefined;
  readonly hasPortMapping: boolean;
  /** Seconds after which a mapping that nothing has passed is forgotten. */
  readonly mappingSeconds: number;
  /** The inside addresses, in the order in which hosts came; at most 7. */
  readonly insideAddresses: readonly string[];
  /** Its own, where it has one. */
  readonly outsideAddress: string | undefined;
  /** Whether other routers are behind it. */
  readonly isCarrier: boolean;
  /** Counts the reboots: what was known before one counts no longer. Ports repeat after 8. */
  readonly generation: number;
}

/** @returns rules for `nft -f`, with the interfaces `wan` and `lan` */
export function natRules(options: RuleOptions): string {
  const { nat } = options;
  const sections = [zoneTable(options.generation), filterTable(options)];
  if (nat !== undefined) sections.push(natTable(nat, options));
  if (options.hasPortMapping) sections.push(PORT_MAPPING_TABLE);
  return sections.join("\n");
}

/** Another zone knows nothing of the connections of the former. */
function zoneTable(generation: number): string {
  return `table inet zone {
  chain prerouting {
    type filter hook prerouting priority raw
    ct zone set ${generation + 1}
  }
  chain output {
    type filter hook output priority raw
    ct zone set ${generation + 1}
  }
}`;
}

function filterTable({ outbound, isFirewalled, hiddenMtuBytes, hasPortMapping }: RuleOptions): string {
  const passes = { anything: "accept", tcp: "meta l4proto tcp accept", nothing: "drop" }[outbound];
  const forwarded = [
    ...hiddenMtuBytes === undefined ? [] : clampMss(hiddenMtuBytes),
    "iifname lan oifname lan accept",
    `iifname lan oifname wan ${passes}`,
    ...isFirewalled ? ["ct state established,related accept", "ct status dnat accept"] : ["accept"],
    ...hasPortMapping ? ["jump miniupnpd"] : [],
  ];
  // What a router refused with an answer would have a connection of its own, which takes a port from a mapping.
  const taken = isFirewalled
    ? ["iifname wan ct state established,related accept", "iifname wan icmp type echo-request accept"]
    : [];
  // Neighbours are always found.
  const neighbours =
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept";
  return `table inet filter {
${hasPortMapping ? "  chain miniupnpd {\n  }" : ""}
  chain forward {
    type filter hook forward priority filter; policy drop;
    ${forwarded.join("\n    ")}
  }
  chain input {
    type filter hook input priority filter; policy accept;
    ${neighbours}
    ${[...taken, ...isFirewalled ? ["iifname wan drop"] : []].join("\n    ")}
  }
${hiddenMtuBytes === undefined ? "" : KEEP_PATH_MTU_BACK}
}`;
}

/** As routers with such links do, or no page would open there: headers are of 20 bytes of TCP and 20 or 40 of IP (RFC 6691). */
function clampMss(mtuBytes: number): readonly string[] {
  return [["ipv4", 40], ["ipv6", 60]].map(([family, headerBytes]) => {
    const mss = mtuBytes - Number(headerBytes);
    const tooMuch = `tcp flags syn tcp option maxseg size > ${mss}`;
    return `meta nfproto ${family} ${tooMuch} tcp option maxseg size set ${mss}`;
  });
}

/** A chain for a table: no word leaves about packets that were too big. */
export const KEEP_PATH_MTU_BACK = `  chain keep_path_mtu_back {
    type filter hook output priority filter; policy accept;
    icmp type destination-unreachable icmp code frag-needed drop
    icmpv6 type packet-too-big drop
  }`;

function natTable({ mapping, filtering, hasHairpinning }: NatBehaviour, options: RuleOptions): string {
  const { mappingSeconds, insideAddresses, generation, outsideAddress } = options;
  const translate = mapping === "endpoint-independent"
    ? insideAddresses.flatMap((address, index) => {
      // Never 0, which would keep the inside port: nobody may get by with guessing it. Two routers never give the same.
      const number = (generation << 4 & 0x70) + (options.isCarrier ? 8 : 0) + index + 1;
      const from = `ip saddr ${address} meta l4proto udp`;
      const port = `:udp sport ^ ${number << 8}`;
      const back = `oifname lan ${from} ct status dnat snat to ${outsideAddress}${port}`;
      return [`oifname wan ${from} masquerade to ${port}`, ...hasHairpinning === true ? [back] : []];
    })
    : [];
  const kept = (type: string) =>
    `    type ${type}
    flags dynamic,timeout
    timeout ${mappingSeconds}s`;
  const admission = {
    "endpoint-independent": "iifname wan meta l4proto udp dnat to udp dport map @mapping",
    "address-dependent": "iifname wan udp dport . ip saddr @called dnat to udp dport map @mapping",
    "address-and-port-dependent": "",
  }[filtering];
  const hairpin = hasHairpinning === true
    ? `iifname lan ip daddr ${outsideAddress} meta l4proto udp dnat to udp dport map @mapping`
    : "";
  return `table ip nat {
  map mapping {
${kept("inet_service : ipv4_addr . inet_service")}
  }
  set called {
${kept("inet_service . ipv4_addr")}
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${admission}
    ${hairpin}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ${translate.join("\n    ")}
    oifname wan masquerade${mapping === "endpoint-independent" ? "" : " fully-random"}
  }
${admission === "" ? "" : NOTE_MAPPINGS}
}`;
}

/** Each datagram that leaves, already translated, keeps the way back open. */
const NOTE_MAPPINGS = `  chain note_mappings {
    type filter hook postrouting priority 150; policy accept;
    oifname wan meta l4proto udp ct direction original update @mapping { udp sport : ct original ip saddr . ct original proto-src }
    oifname wan meta l4proto udp ct direction reply update @mapping { udp sport : ct reply ip saddr . ct reply proto-src }
    oifname wan meta l4proto udp update @called { udp sport . ip daddr }
  }`;

/** Where miniupnpd writes its rules; it wants one table for all. */
const PORT_MAPPING_TABLE = `table inet filter {
  chain prerouting_miniupnpd {
  }
  chain postrouting_miniupnpd {
  }
  chain mapped_in {
    type nat hook prerouting priority dstnat; policy accept;
    jump prerouting_miniupnpd
  }
  chain mapped_out {
    type nat hook postrouting priority srcnat - 1; policy accept;
    jump postrouting_miniupnpd
  }
}`;
