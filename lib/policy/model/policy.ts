/**
 * The objects of a policy, in their long form; what people write is shorter, and is read into these.
 * @module
 */

/**
 * What a rule does. `allow`, `deny` and `redirect` decide whether something passes; `qos` and `limit` shape what does, and
 * make nothing that they match denied or allowed.
 */
export type RuleType = "allow" | "deny" | "redirect" | "qos" | "limit";

/** How somebody learns that it was denied: not at all, or by a reset, ICMP, or an error of the call. */
export type DenialAnswer = "drop" | "reject";

/** What else a rule says; which of them it may say depends on its type. */
export interface ActionParams {
  /** Of `deny`: how it answers, where that differs from the document's. */
  readonly answer?: DenialAnswer | undefined;
  /** Of `redirect`: a selector of the members by one of which it goes, such as `name=inspect-1`; or, for calls, `service:PATH`. */
  readonly via?: string | undefined;
  /** Of `limit` and `qos`: so much a second at most, of each member in each direction: `100mbit`, `12MB`, `500/s` (packets, frames, calls or events). */
  readonly rate?: string | undefined;
  /** So much at once: `256KB`, `100`. Unless given what comes in 100 ms, and one superpacket at least. */
  readonly burst?: string | undefined;
  /** Of `qos`: what packets are marked with: a number of 0 to 63, or `ef`, `af11` to `af43`, `cs0` to `cs7`, `le` (RFC 2474, RFC 8622). */
  readonly dscp?: number | string | undefined;
}

/** One rule. */
export interface PolicyRule {
  /** What it does. */
  readonly type: RuleType;
  /** Who begins. */
  readonly sourceSelector: string;
  /** Who is meant; or `service:PATH`, `topic:PATTERN` for calls and events, wherever they go. */
  readonly destinationSelector: string;
  /** `*`, `tcp`, `udp`, `icmp` (of both families), `sctp`, `call`, `event`, a number of 0 to 255 (IP), or `ethertype:0x88b5` (frames). */
  readonly protocol: string;
  /** `1024-65535`, `53`, `80,443`; all unless given. Of `tcp`, `udp` and `sctp` alone. */
  readonly sourcePortRange?: string | undefined;
  /** Likewise. */
  readonly destinationPortRange?: string | undefined;
  /** What else it says; nothing unless given. */
  readonly actionParams?: ActionParams | undefined;
}

/** Rules of one network. */
export interface NetworkPolicy {
  /** Nobody else's. Rules are named `NAME#3`, counted from 1. */
  readonly id: string;
  /** A DNS label. */
  readonly name: string;
  /** The name of an overlay network, or `mesh`. */
  readonly networkId: string;
  /** The higher one is asked first. -1,000,000 to 1,000,000. */
  readonly priority: number;
  /** In the order of the file. */
  readonly rules: readonly PolicyRule[];
}

/** What must hold before a document takes effect. */
export interface PolicyTest {
  /** `mesh` unless given. */
  readonly networkId?: string | undefined;
  /** A member's name or address, or a selector: then all that it means. */
  readonly source: string;
  /** `db-1:5432`, `db-1:udp/53`, `db-1:icmp`, `service:orders/refund`, `topic:metrics/cpu`. */
  readonly accept: readonly string[];
  /** Likewise. */
  readonly deny: readonly string[];
}

/** All policies of a mesh: it takes effect as a whole. */
export interface PolicyDocument {
  /** In the order of the file. */
  readonly policies: readonly NetworkPolicy[];
  /** Selectors by name, for `group:NAME`. */
  readonly groups: Readonly<Record<string, string>>;
  /** What must hold. */
  readonly tests: readonly PolicyTest[];
  /** How denials are answered; `drop` unless given. */
  readonly answer: DenialAnswer;
  /** Whether names are hidden from those who may reach nothing of whoever has them; `show` unless given. */
  readonly names: "show" | "hide";
}
