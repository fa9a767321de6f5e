/**
 * What others do on this host that stands in weft's way, and the command that mends each.
 * @module
 */

import { shellWord } from "../../../base/mod.ts";
import type { StatusReport, TokenReport } from "../../../api/mod.ts";
import { Cidr } from "../../../net/mod.ts";
import { counted, formatBytes, formatRemaining } from "../../output/mod.ts";
import type { Finding } from "../finding.ts";
import { Firewall } from "./firewall.ts";
import type { HostFacts } from "./host_facts.ts";

const MAIN_TABLE = 254;
/** The state grows by some hundred kilobytes at once. */
const LEAST_BYTES = 16 << 20;
const FEW_BYTES = 256 << 20;
const DAY_MS = 86_400_000;
/** Interfaces of other VPNs, by the names that they give themselves. */
const OTHER_VPN = /^(?:tailscale|wg|nebula|utun|zt|nordlynx|proton|mullvad|tun|ppp|wt|netmaker|easytier)\w*$/;

/** What the checks go by. */
export interface HostFindingsInput {
  readonly facts: HostFacts;
  /** Of the agent that runs. */
  readonly status: StatusReport | undefined;
  readonly port: number;
  readonly rootless: boolean;
  /** Of this program. */
  readonly version: string;
  readonly stateDir: string;
  /** What the agent has changed of this host, in words. */
  readonly changes: readonly string[];
  /** Of a leader that runs. */
  readonly tokens: readonly TokenReport[] | undefined;
  readonly wallMs: number;
}

/** @returns what came of each check by its name; nothing of what can't be told */
export function hostFindings(input: HostFindingsInput): ReadonlyMap<string, Finding> {
  const all: readonly (readonly [string, Finding | undefined])[] = [
    ["disk", diskFinding(input)],
    ["routes", input.rootless ? undefined : routesFinding(input)],
    ["other VPN", input.rootless ? undefined : vpnFinding(input)],
    ["firewall", firewallFinding(input)],
    ["rp_filter", input.rootless ? undefined : reversePathFinding(input)],
    ["forwarding", input.rootless ? undefined : forwardingFinding(input)],
    ["IPv6", input.rootless ? undefined : ipv6Finding(input)],
    ["versions", versionsFinding(input)],
    ["unit", unitFinding(input)],
    ["tokens", tokensFinding(input)],
  ];
  return new Map(all.flatMap(([name, finding]) => finding === undefined ? [] : [[name, finding] as const]));
}

function diskFinding({ facts: { freeBytes }, stateDir }: HostFindingsInput): Finding | undefined {
  if (freeBytes === undefined) return undefined;
  const detail = `${formatBytes(freeBytes)} are free where ${stateDir} is`;
  const hint = `\`df -h ${
    shellWord(stateDir)
  }\` and \`du -xh / | sort -h | tail\` show what takes the room; delete what nobody needs.`;
  if (freeBytes < LEAST_BYTES) return { kind: "problem", detail: `the disk is nearly full: ${detail}`, hint };
  return freeBytes < FEW_BYTES ? { kind: "warning", detail, hint } : { kind: "ok", detail };
}

/** What is more specific than the overlay's route takes a part of it away. */
function routesFinding({ facts: { routes }, status }: HostFindingsInput): Finding | undefined {
  const own = status?.dataplane.interfaceName;
  const block = status && Cidr.parse(status.network.cidr);
  if (routes === undefined || own === undefined || block === undefined) return undefined;
  const stolen = routes.filter(({ cidr, interfaceName, table }) =>
    table === MAIN_TABLE && interfaceName !== own && cidr.prefixBits >= block.prefixBits &&
    block.contains(cidr.address)
  );
  const [first] = stolen;
  if (first !== undefined) {
    const to = first.interfaceName ?? "nowhere";
    return {
      kind: "problem",
      detail: `${first.cidr} of the network goes to ${to}, not to ${own}, by a route that is more specific`,
      hint: `\`ip route del ${first.cidr}${
        first.interfaceName === undefined ? "" : ` dev ${to}`
      }\` takes it away until whatever made it runs again; or give the network another block.`,
    };
  }
  const isThere = routes.some(({ cidr, interfaceName }) => cidr.equals(block) && interfaceName === own);
  if (!isThere) {
    return {
      kind: "problem",
      detail: `somebody has taken away the route of ${block} to ${own}`,
      hint: `\`ip route add ${block} dev ${own}\` puts it back; look who manages this host's routes.`,
    };
  }
  return { kind: "ok", detail: `${block} goes to ${own}, all of it` };
}

function vpnFinding({ facts: { interfaces, routes = [] }, status }: HostFindingsInput): Finding | undefined {
  const own = status?.dataplane.interfaceName;
  const others = interfaces.filter((name) => name !== own && OTHER_VPN.test(name));
  if (others.length === 0) return undefined;
  const all = routes.find(({ cidr, interfaceName, table }) =>
    interfaceName !== undefined && others.includes(interfaceName) && cidr.prefixBits <= 1 &&
    table === MAIN_TABLE
  );
  if (all !== undefined) {
    return {
      kind: "warning",
      detail: `${all.interfaceName} takes everything (${all.cidr}): weft's own packets go through it, too`,
      hint:
        "Leave its exit off, or tell it to leave the endpoints of members out; `weft netcheck` shows what it does to the way.",
    };
  }
  return { kind: "ok", detail: `${others.join(", ")} of another VPN, which takes no packets of weft's` };
}

function firewallFinding({ facts, status, port, rootless }: HostFindingsInput): Finding | undefined {
  const { ruleset, outside = "eth0" } = facts;
  if (ruleset === undefined) return undefined;
  const firewall = new Firewall(ruleset);
  const protocols = rootless ? ["tcp"] as const : ["udp", "tcp"] as const;
  for (const protocol of protocols) {
    const dropped = firewall.dropped({ hook: "input", protocol, port, interfaceName: outside });
    if (dropped === undefined) continue;
    return {
      kind: "problem",
      detail:
        `the chain ${dropped.chain} of nftables drops what comes to ${protocol.toUpperCase()} port ${port}${
          dropped.isPolicy ? " by its policy" : ""
        }`,
      hint:
        `\`nft insert rule ${dropped.chain} ${protocol} dport ${port} accept\` lets it in; keep that where your rules are kept.`,
    };
  }
  const own = status?.dataplane.interfaceName;
  const inside = own === undefined
    ? undefined
    : firewall.dropped({ hook: "input", protocol: "tcp", port: 65_000, interfaceName: own });
  if (inside !== undefined) {
    return {
      kind: "warning",
      detail: `the chain ${inside.chain} of nftables drops what members send to this host by ${own}`,
      hint:
        `\`nft insert rule ${inside.chain} iifname ${own} accept\` lets it in; a policy of weft's can say who may.`,
    };
  }
  const out = firewall.dropped({ hook: "output", protocol: "udp", port, interfaceName: outside });
  if (out !== undefined && !rootless) {
    return {
      kind: "problem",
      detail: `the chain ${out.chain} of nftables drops the datagrams that weft sends`,
      hint: `\`nft insert rule ${out.chain} udp sport ${port} accept\` lets them out.`,
    };
  }
  return { kind: "ok", detail: `no rule of nftables is seen that drops port ${port}` };
}

/** With strict filters the kernel drops what comes in by another interface than its answer would leave by (RFC 3704 §2.2). */
function reversePathFinding({ facts, status }: HostFindingsInput): Finding | undefined {
  const own = status?.dataplane.interfaceName;
  if (own === undefined) return undefined;
  const value = (name: string): number => Number(facts.sysctl(`net/ipv4/conf/${name}/rp_filter`) ?? 0);
  const block = Cidr.parse(status?.network.cidr ?? "");
  const beyond = status?.peers.some(({ allowedIps }) =>
    allowedIps.some((text) => {
      const cidr = Cidr.parse(text);
      return cidr !== undefined && cidr.address.family === 4 && block?.contains(cidr.address) === false;
    })
  ) ?? false;
  // The greater of both counts (ip-sysctl.rst).
  if (Math.max(value("all"), value(own)) !== 1 || !beyond) return undefined;
  return {
    kind: "warning",
    detail:
      `rp_filter is strict on ${own}: of networks behind members, packets are dropped that this host answers elsewhere`,
    hint:
      `\`sysctl -w net.ipv4.conf.${own}.rp_filter=2\`; the greater of this and net.ipv4.conf.all.rp_filter counts.`,
  };
}

/** What leads out of the network is forwarded by the kernel, and only while that is switched on. */
function forwardingFinding({ facts, status, changes }: HostFindingsInput): Finding | undefined {
  const own = status?.dataplane.interfaceName;
  if (own === undefined || !changes.includes(`the forwarding of IPv4 from ${own}`)) return undefined;
  if (facts.sysctl(`net/ipv4/conf/${own}/forwarding`) !== "0") return undefined;
  return {
    kind: "problem",
    detail: `members reach networks through this node, and somebody has switched forwarding from ${own} off`,
    hint: `\`sysctl -w net.ipv4.conf.${own}.forwarding=1\``,
  };
}

function ipv6Finding({ facts, status }: HostFindingsInput): Finding | undefined {
  const own = status?.dataplane.interfaceName;
  if (own === undefined || !status?.node.addresses.some((address) => address.includes(":"))) return undefined;
  const isOff = (name: string): boolean => facts.sysctl(`net/ipv6/conf/${name}/disable_ipv6`) === "1";
  const which = [own, "all"].find(isOff);
  if (which === undefined) return undefined;
  return {
    kind: "warning",
    detail: `IPv6 is switched off on ${
      which === "all" ? "this host" : own
    }: members are not reached by their IPv6 addresses`,
    hint:
      `\`sysctl -w net.ipv6.conf.${which}.disable_ipv6=0\`, then \`weft down\` and \`weft up\`; IPv4 works without it.`,
  };
}

function versionsFinding({ status, version }: HostFindingsInput): Finding | undefined {
  if (status === undefined) return undefined;
  if (status.version !== version) {
    return {
      kind: "warning",
      detail: `the agent that runs is weft ${status.version}, this program is ${version}`,
      hint: "`weft down` and `weft up`, or `systemctl restart weft`, has the new one run.",
    };
  }
  const others = status.peers.filter((peer) => peer.version !== undefined && peer.version !== version);
  const [first] = others;
  if (first === undefined) return { kind: "ok", detail: `every member that says so runs weft ${version}` };
  return {
    kind: "warning",
    detail: `${counted(others.length, "member")} run another release: ${
      others.slice(0, 3).map((peer) => `${peer.name} ${peer.version}`).join(", ")
    }; here it is ${version}`,
    hint:
      "Bring all to one release: members first, leaders last; what only one side knows is left out until then.",
  };
}

function unitFinding({ facts: { unit } }: HostFindingsInput): Finding | undefined {
  if (unit === undefined) return undefined;
  const [missing] = unit.missing;
  const hint = "`weft install && systemctl daemon-reload` writes it anew.";
  if (missing !== undefined) {
    return { kind: "problem", detail: `${unit.path} starts ${missing}, which is not there any more`, hint };
  }
  if (!unit.text.includes("\nExecReload=")) {
    return { kind: "warning", detail: `${unit.path} is of an earlier release: it can't be reloaded`, hint };
  }
  return { kind: "ok", detail: `${unit.path} starts weft with the host` };
}

/** Who has one of these may come whenever they like. */
function tokensFinding({ tokens, wallMs }: HostFindingsInput): Finding | undefined {
  if (tokens === undefined) return undefined;
  const open = tokens.filter(({ state, usesLeft, needsApproval, expiresAt }) =>
    state === "usable" && usesLeft === null && needsApproval !== true && expiresAt - wallMs > 7 * DAY_MS
  );
  const [first] = open;
  if (first === undefined) {
    return {
      kind: "ok",
      detail: `${counted(tokens.length, "token")}, none of which lets anybody in for long`,
    };
  }
  return {
    kind: "warning",
    detail: `${counted(open.length, "token")} let any number of machines in, one for another ${
      formatRemaining(first.expiresAt - wallMs)
    }`,
    hint:
      `\`weft token revoke ${first.id}\`; tokens of one use, or with --approve, are good for machines that come one by one.`,
  };
}
