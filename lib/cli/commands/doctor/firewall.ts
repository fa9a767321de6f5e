/**
 * What this host's nftables does with a packet that begins a connection, as far as the rules can be read: those of
 * `nft -j list ruleset` (libnftables-json(5)), in which iptables has its rules, too.
 *
 * A rule that asks for something that is not known here is passed over: what is found to be dropped is dropped for all that
 * is read, and what is not found may be dropped all the same.
 * @module
 */

/** A packet that comes in, or goes out. */
export interface ProbePacket {
  readonly hook: "input" | "output";
  readonly protocol: "udp" | "tcp";
  /** Where it is sent. */
  readonly port: number;
  readonly interfaceName: string;
}

/** Where it ends. */
export interface Dropped {
  /** `inet filter input`. */
  readonly chain: string;
  readonly family: string;
  readonly table: string;
  readonly chainName: string;
  /** Whether it is the chain's policy, and no rule. */
  readonly isPolicy: boolean;
}

interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
}

interface Rule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly expr: readonly Readonly<Record<string, unknown>>[];
}

type Verdict = "accept" | "drop" | "return" | undefined;

/** Jumps go no deeper (NFT_JUMP_STACK_SIZE). */
const MAX_DEPTH = 16;
const IPV4_FAMILIES: ReadonlySet<string> = new Set(["ip", "inet"]);

/** @param ruleset as `nft -j list ruleset` prints it; what can't be read has no rules */
export class Firewall {
  readonly #chains: readonly Chain[];
  readonly #rules: readonly Rule[];

  constructor(ruleset: string) {
    let items: unknown;
    try {
      items = JSON.parse(ruleset).nftables;
    } catch {
      items = undefined;
    }
    const all = Array.isArray(items) ? items as readonly Record<string, unknown>[] : [];
    this.#chains = all.flatMap(({ chain }) => chain === undefined ? [] : [chain as Chain]);
    this.#rules = all.flatMap(({ rule }) =>
      rule !== undefined && Array.isArray((rule as Rule).expr) ? [rule as Rule] : []
    );
  }

  /** @returns the chain that drops it, or undefined when none is found that does */
  dropped(packet: ProbePacket): Dropped | undefined {
    const bases = this.#chains.filter(({ hook, family }) => hook === packet.hook && IPV4_FAMILIES.has(family))
      .toSorted((a, b) => (a.prio ?? 0) - (b.prio ?? 0));
    for (const base of bases) {
      const verdict = this.#walk(base, packet, 0);
      const isDropped = verdict === "drop" || (verdict !== "accept" && base.policy === "drop");
      if (!isDropped) continue;
      const { family, table, name } = base;
      const chain = `${family} ${table} ${name}`;
      return { chain, family, table, chainName: name, isPolicy: verdict !== "drop" };
    }
    return undefined;
  }

  #walk({ family, table, name }: Chain, packet: ProbePacket, depth: number): Verdict {
    if (depth > MAX_DEPTH) return undefined;
    for (const rule of this.#rules) {
      if (rule.family !== family || rule.table !== table || rule.chain !== name) continue;
      const verdict = this.#judge(rule, packet, depth);
      if (verdict === "return") return undefined;
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  #judge({ family, table, expr }: Rule, packet: ProbePacket, depth: number): Verdict {
    for (const step of expr) {
      const [[kind = "", value] = []] = Object.entries(step);
      if (kind === "match") {
        if (matches(value as Match, packet) !== true) return undefined;
      } else if (kind === "accept" || kind === "drop" || kind === "return") return kind;
      else if (kind === "reject") return "drop";
      else if (kind === "jump" || kind === "goto") {
        const { target } = value as { readonly target: string };
        const to = this.#chains.find((one) =>
          one.family === family && one.table === table && one.name === target
        );
        const verdict = to && this.#walk(to, packet, depth + 1);
        if (verdict !== undefined) return verdict;
        if (kind === "goto") return "return";
      } else if (!HARMLESS.has(kind)) return undefined;
    }
    return undefined;
  }
}

/** What only counts, marks or logs. */
const HARMLESS: ReadonlySet<string> = new Set(["counter", "log", "comment", "mangle"]);

interface Match {
  readonly op: string;
  readonly left: unknown;
  readonly right: unknown;
}

/** @returns undefined where it asks for something that is not known */
function matches({ op, left, right }: Match, packet: ProbePacket): boolean | undefined {
  const is = subject(left, packet);
  if (is === undefined) return undefined;
  const found = includes(right, is);
  if (found === undefined) return undefined;
  return op === "!=" ? !found : op === "==" || op === "in" ? found : undefined;
}

function subject(
  left: unknown,
  { hook, protocol, port, interfaceName }: ProbePacket,
): string | number | undefined {
  const { meta, payload, ct } = (left ?? {}) as {
    readonly meta?: { readonly key: string };
    readonly payload?: { readonly protocol: string; readonly field: string };
    readonly ct?: { readonly key: string };
  };
  if (ct?.key === "state") return "new";
  if (meta?.key === "l4proto") return protocol;
  if (meta?.key === "iifname" || meta?.key === "iif") return hook === "input" ? interfaceName : "";
  if (meta?.key === "oifname" || meta?.key === "oif") return hook === "output" ? interfaceName : "";
  if (payload === undefined) return undefined;
  if (payload.protocol === "ip" && payload.field === "protocol") return protocol;
  if (payload.field !== "dport") return undefined;
  // What asks for a port of another protocol does not match.
  return payload.protocol === protocol || payload.protocol === "th" ? port : -1;
}

function includes(right: unknown, is: string | number): boolean | undefined {
  if (typeof right === "number") return right === is;
  if (typeof right === "string") {
    if (right.startsWith("@")) return undefined;
    return right.endsWith("*") ? String(is).startsWith(right.slice(0, -1)) : right === is;
  }
  if (Array.isArray(right)) return right.some((one) => includes(one, is) === true);
  const { set, range } = (right ?? {}) as {
    readonly set?: unknown;
    readonly range?: readonly [unknown, unknown];
  };
  if (set !== undefined) return includes(set, is);
  if (range === undefined) return undefined;
  return typeof is === "number" && Number(range[0]) <= is && is <= Number(range[1]);
}
