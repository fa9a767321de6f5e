/**
 * Random rosters, documents and attempts, the same for the same seed. What is drawn comes from small pools, so that rules meet each other.
 * @module
 */

import { randomFraction, SeededRandom } from "../../base/mod.ts";
import { Cidr, IpAddress } from "../../net/mod.ts";
import type { PolicyRoster, RosterMember } from "../compile/mod.ts";
import type { NetworkPolicy, PolicyDocument, PolicyRule, RuleType } from "../model/mod.ts";
import type { OracleAttempt } from "./policy_oracle.ts";

const SELECTORS = [
  "*",
  "role=web",
  "role=db",
  "role in (web, api)",
  "role!=web",
  "tier",
  "!tier",
  "name=m1",
  "name in (m2, m3, m4)",
  "10.200.0.0/30",
  "10.200.0.5",
  "!10.200.0.0/29",
  "192.168.0.0/16",
  "192.168.1.0/24",
  "192.168.1.64/26 && role=web",
  "203.0.113.0/24",
  "0.0.0.0/0 && !10.0.0.0/8",
  "fd00::/64",
  "::/0",
  "service:orders",
  "!service:orders",
  "role:leader",
  "group:front",
  "group:front && tier || 203.0.113.128/25",
  "!(role=db || 203.0.113.0/24)",
  "network:blue",
  "network:blue && role!=web",
  "!network:green",
  "role=nobody",
];
const PATHS = ["orders", "orders/refund", "orders/refund/all", "shop:orders/x", "users", "users/list"];
const TOPICS = ["metrics/>", "metrics/*", "metrics/cpu", "{any}/cpu", ">", "shop:a/>", "*/*/load"];
const PROTOCOLS = [
  "*",
  "*",
  "tcp",
  "tcp",
  "tcp",
  "udp",
  "icmp",
  "sctp",
  "47",
  "58",
  "call",
  "event",
  "ethertype:0x88b5",
];
const PORTS = [
  "22",
  "80,443",
  "1000-2000",
  "1500-3000",
  "0-65535",
  "1-1023",
  "443,8000-8100",
  "65535",
  "0",
  "22,23,24-30",
];
const TRIED_PORTS = [
  0,
  1,
  21,
  22,
  23,
  30,
  31,
  80,
  443,
  999,
  1000,
  1500,
  2000,
  2001,
  3000,
  3001,
  8050,
  65_534,
  65_535,
];
const TRIED_ADDRESSES = [
  "10.200.0.1",
  "10.200.0.3",
  "10.200.0.5",
  "10.200.0.200",
  "192.168.1.1",
  "192.168.1.70",
  "192.168.2.1",
  "192.168.9.9",
  "203.0.113.1",
  "203.0.113.200",
  "8.8.8.8",
  "224.0.0.5",
  "fd00::1",
  "fd00::99",
  "fd01::1",
];

/** Draws from one seed. */
export class PolicyDraw {
  readonly #random: SeededRandom;

  /** @param seed any integer */
  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** @returns an integer below `bound` */
  below(bound: number): number {
    return Math.floor(randomFraction(this.#random) * bound);
  }

  /** @returns one of a list that is not empty */
  one<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined) throw new RangeError("there is nothing to draw from");
    return found;
  }

  /** Draws eight members, some with networks behind them, and an overlay network of four endpoints. */
  roster(): PolicyRoster {
    const members = Array.from({ length: 8 }, (_, i): RosterMember => ({
      id: `id-${this.below(1_000_000)}-${i}`,
      name: `m${i}`,
      labels: { role: this.one(["web", "db", "api"]), ...(this.below(2) === 0 ? { tier: "x" } : {}) },
      addresses: [ip(`10.200.0.${i}`), ...(this.below(2) === 0 ? [ip(`fd00::${i}`)] : [])],
      services: this.below(3) === 0 ? ["orders"] : this.below(3) === 0 ? ["users/list"] : [],
      roles: i === 0 ? ["leader", "member"] : ["member"],
      blocks: i === 6
        ? [block("192.168.1.0/24")]
        : i === 7
        ? [block("192.168.1.64/27"), block("192.168.2.0/24")]
        : [],
    }));
    const endpoints = Array.from({ length: 4 }, (_, i) => ({
      name: `m${i}`,
      member: members[i]?.id ?? "",
      labels: { role: this.one(["web", "db"]) },
      addresses: [ip(`10.200.0.${i}`)],
      services: [],
      roles: [],
    }));
    return { members, networks: [{ name: "blue", endpoints }] };
  }

  /** Draws policies of up to `maxRules` rules each. */
  document(maxRules: number): PolicyDocument {
    const policies = Array.from({ length: 1 + this.below(3) }, (_, i): NetworkPolicy => ({
      id: `p${i}`,
      name: `p${i}`,
      networkId: this.below(4) === 0 ? "blue" : "mesh",
      priority: this.below(3),
      rules: Array.from({ length: 1 + this.below(maxRules) }, () => this.rule()),
    }));
    return {
      policies,
      groups: { front: this.one(["role=web", "name in (m1, m5)", "10.200.0.0/30"]) },
      tests: [],
      answer: this.one(["drop", "reject"]),
      names: "hide",
    };
  }

  /** Draws one rule. */
  rule(): PolicyRule {
    const type = this.one<RuleType>(["allow", "allow", "allow", "deny", "deny", "redirect", "limit", "qos"]);
    const what = this.below(6);
    const protocol = what > 1 ? this.one(PROTOCOLS) : "*";
    const hasPorts = ["tcp", "udp", "sctp"].includes(protocol);
    return {
      type,
      sourceSelector: this.#selector(),
      destinationSelector: what === 0
        ? `service:${this.one(PATHS)}`.replace("shop:", "")
        : what === 1
        ? `topic:${this.one(TOPICS)}`
        : this.#selector(),
      protocol,
      sourcePortRange: hasPorts && this.below(4) === 0 ? this.one(PORTS) : undefined,
      destinationPortRange: hasPorts && this.below(3) > 0 ? this.one(PORTS) : undefined,
      actionParams: this.#paramsOf(type),
    };
  }

  /** @returns the address of somebody or nobody */
  address(): IpAddress {
    return ip(this.below(3) === 0 ? this.one(TRIED_ADDRESSES) : `10.200.0.${this.below(8)}`);
  }

  /** Draws what is tried. */
  attempt(): OracleAttempt {
    switch (this.below(8)) {
      case 0:
        return { kind: "call", path: this.one(PATHS) };
      case 1:
        return {
          kind: "event",
          path: this.one(["metrics/cpu", "metrics/cpu/load", "a", "shop:a/b", "$sys/x", "x/cpu"]),
        };
      case 2:
        return { kind: "frame", etherType: this.one([0x88b5, 0x88cc]) };
      default: {
        const protocol = this.one([6, 6, 6, 17, 1, 58, 132, 47, 50]);
        const [sourcePort, destinationPort] = [6, 17, 132].includes(protocol)
          ? [this.one(TRIED_PORTS), this.one(TRIED_PORTS)]
          : [0, 0];
        return { kind: "packet", protocol, sourcePort, destinationPort };
      }
    }
  }

  /** Everybody every third time: two narrow selectors rarely mean the two that are asked for. */
  #selector(): string {
    return this.below(3) === 0 ? "*" : this.one(SELECTORS);
  }

  #paramsOf(type: RuleType): PolicyRule["actionParams"] {
    if (type === "deny") return this.below(2) === 0 ? undefined : { answer: this.one(["drop", "reject"]) };
    if (type === "limit") return { rate: this.one(["10mbit", "500/s", "1MB"]) };
    if (type === "qos") return { dscp: this.one(["ef", "af21", 7]) };
    if (type !== "redirect") return undefined;
    return {
      via: this.one(["name=m3", "role=db", "name=gone", "service:orders", "service:users/list", "tier"]),
    };
  }
}

function ip(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (address === undefined) throw new TypeError(`${text} is no address`);
  return address;
}

function block(text: string): Cidr {
  const found = Cidr.parse(text);
  if (found === undefined) throw new TypeError(`${text} is no block`);
  return found;
}
