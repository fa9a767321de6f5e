/**
 * What an explanation is made of: what was found out, and what it says.
 * @module
 */

import type {
  DnsAnswerReport,
  FoundMember,
  OfferReport,
  PolicyExplanation,
  RouteReport,
  StatusReport,
} from "../../../api/mod.ts";
import type { ServiceReport } from "../../../service/mod.ts";

/** The steps, in their order. */
export type StepName = "name" | "address" | "member" | "path" | "policy" | "offer" | "health" | "services";

/** What came of a step: it holds, holds with something to know, does not hold, or could not be asked. */
export interface ExplanationStep {
  readonly step: StepName;
  readonly state: "ok" | "warning" | "broken" | "skipped";
  readonly detail: string;
  /** What mends it; of what is not ok. */
  readonly hint?: string;
  /** More lines about it. */
  readonly more?: readonly string[];
}

/** All of it. */
export interface Explanation {
  /** The member's name, or what was asked for. */
  readonly name: string;
  /** Of an address that is no member's, who leads there; what is behind that one answers for itself. */
  readonly by?: string;
  /** Whether every step holds. */
  readonly isReachable: boolean;
  /** The first that does not; null where all hold. */
  readonly broken: StepName | null;
  readonly steps: readonly ExplanationStep[];
}

/** A question that has failed: an agent of a former release, or a name that is ambiguous. */
export interface Unanswered {
  readonly problem: string;
  readonly hint?: string;
}

/** A network with the address that was asked for, and who leads there. */
export type RouteThere = Pick<RouteReport, "network" | "node" | "state" | "use" | "isExit" | "problem">;

/** What is known, as whoever asks has found it out. */
export interface ExplanationFacts {
  /** As it was typed, without a port. */
  readonly text: string;
  /** What is reached there, `5432`, `udp/53`, `icmp`; as it was typed. */
  readonly target: string;
  readonly status: StatusReport;
  readonly member: FoundMember | Unanswered;
  /** How an address that is no member's is reached; undefined where nobody leads there. */
  readonly route: RouteThere | undefined;
  /** What this node's name server answers for the name; undefined when it serves none, or an address was typed. */
  readonly resolved: DnsAnswerReport | undefined;
  /** What programs of this host are given for the name; undefined when that was not asked. */
  readonly hostAddresses: readonly string[] | undefined;
  /** By which interface this host would send to the member's address, or the one behind it; undefined when that is not known. */
  readonly routedBy: string | undefined;
  readonly policy: {
    readonly there: PolicyExplanation | Unanswered;
    readonly back: PolicyExplanation | Unanswered;
  } | undefined;
  readonly services: readonly ServiceReport[];
  /** Ports that members offer; undefined when that could not be asked. */
  readonly offers: readonly OfferReport[] | undefined;
}
