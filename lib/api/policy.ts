/**
 * What may be asked about policies: who may reach whom, and how.
 * @module
 */

import type { Denial, PolicyDocument } from "../policy/mod.ts";

/** A document, given in one of two ways. */
export interface PolicyInput {
  /** As people write it, in YAML or JSON, with errors that name line and column. */
  readonly text?: string;
  /** As an object, in the long or the short form. */
  readonly document?: unknown;
}

/** A document that is to take effect. */
export interface PolicyApplyRequest extends PolicyInput {
  /** Whether it decides nothing: what it would deny is logged, beside the one that is in force. */
  readonly dryRun?: boolean;
  /** Whether it takes effect although it cuts off the way of whoever asks. */
  readonly yes?: boolean;
  /**
   * Where whoever asks has logged in from, an address, and at which port of this node: a way that is not to be cut off
   * unasked. `SSH_CONNECTION` has both.
   */
  readonly fromAddress?: string;
  /** 22 unless told. */
  readonly atPort?: number;
  /** The revision that it is to replace; when another one is in force meanwhile, nothing happens. Empty for none. */
  readonly expectedRevision?: string;
}

/** A document to be tested; the one in force when none is given. */
export type PolicyTestRequest = PolicyInput;

/** Two documents to be compared. */
export interface PolicyDiffRequest extends PolicyInput {
  /** A former revision that is compared in place of a document. Leaders only. */
  readonly revision?: string;
}

/** One attempt to be explained. */
export interface PolicyQuestion extends PolicyInput {
  /** A member's name, id or address; in an overlay network an endpoint's name or address. */
  readonly source: string;
  /** `db-1:5432`, `db-1:udp/53`, `db-1:icmp`, `db-1`, `service:orders/refund`, `topic:metrics/cpu`. */
  readonly destination: string;
  /** The name of an overlay network; `mesh` unless told. */
  readonly network?: string;
}

/** Which former document is to be in force again. */
export interface PolicyRollbackRequest {
  /** 16 hexadecimal digits, or as many of the first as tell it; the one before unless told. */
  readonly revision?: string;
  /** Whether it takes effect although it cuts off the way of whoever asks. */
  readonly yes?: boolean;
  /** As `PolicyApplyRequest` has it. */
  readonly fromAddress?: string;
  /** As `PolicyApplyRequest` has it. */
  readonly atPort?: number;
}

/** What is to be taken back. */
export interface PolicyRemoval {
  /** Whether the trial is meant, and not the policy in force. */
  readonly trial?: boolean;
}

/** A document that the network's key has signed. */
export interface PolicyRevision {
  /** 16 hexadecimal digits. */
  readonly revision: string;
  /** Milliseconds since 1970. */
  readonly appliedAt: number;
  /** The name of the leader. */
  readonly appliedBy: string;
  /** How many policies it has. */
  readonly policies: number;
  /** How many rules they have together. */
  readonly rules: number;
}

/** Which policy a member enforces, as it says itself. */
export interface PolicyMember {
  /** The member's name. */
  readonly name: string;
  /** Null when it enforces none. */
  readonly revision: string | null;
  /** Whether that is another one than the network's key says. */
  readonly isStale: boolean;
  /** Milliseconds since 1970, since when; absent when it has said nothing yet. */
  readonly since?: number;
  /** Why it is stale, in words; absent when it is not known. */
  readonly problem?: string;
}

/** What is in force, here and elsewhere. */
export interface PolicyStatus {
  /** What the network's key says is in force; null for none: then all passes. */
  readonly enforced: PolicyRevision | null;
  /** What is tried beside it; null for nothing. */
  readonly trial: PolicyRevision | null;
  /** What this node enforces. */
  readonly here: Omit<PolicyMember, "name">;
  /** The document in force on this node, in the long form; null for none. */
  readonly document: PolicyDocument | null;
  /** The document that is tried on this node; null for none. */
  readonly trialDocument: PolicyDocument | null;
  /** What its author should know: selectors that mean nobody, rules that never match. */
  readonly warnings: readonly string[];
  /** Tests of the document that fail with the members that there are now. */
  readonly failures: readonly PolicyFailure[];
  /** All members that run weft, sorted by name. */
  readonly members: readonly PolicyMember[];
  /** How many of them enforce another one. */
  readonly stale: number;
  /** Former documents that this leader keeps, the last one first; empty on others. */
  readonly history: readonly PolicyRevision[];
}

/** A test that does not hold. */
export interface PolicyFailure {
  /** `mesh`, or an overlay network's name. */
  readonly network: string;
  /** The member's or endpoint's name. */
  readonly source: string;
  /** As the test says it. */
  readonly destination: string;
  /** What the test wants. */
  readonly expected: "accept" | "deny";
  /** The rule that decided otherwise, `web-tier#3`; `default` where none matched, or where no policy is. */
  readonly rule: string;
  /** The same in one sentence. */
  readonly message: string;
}

/** What somebody may reach, in one line. */
export interface PolicyChange {
  /** `mesh`, or an overlay network's name. */
  readonly network: string;
  /** The member's or endpoint's name. */
  readonly source: string;
  /** Likewise. */
  readonly destination: string;
  /** What it gains: `all`, `tcp/5432`, `icmp`, `service:orders`, `topic:metrics/>`. */
  readonly gained: readonly string[];
  /** What it loses, likewise. */
  readonly lost: readonly string[];
}

/** What is different for whom, counted over those that there are. */
export interface PolicyDifference {
  /** What is in force; null for none. */
  readonly from: string | null;
  /** What is compared; null for none. */
  readonly to: string | null;
  /** Pairs of a source and a destination for which something is different. */
  readonly changed: number;
  /** Those that gain something. */
  readonly gaining: number;
  /** Those that lose something. */
  readonly losing: number;
  /** All pairs that there are. */
  readonly pairs: number;
  /** The first 200 of them. */
  readonly changes: readonly PolicyChange[];
  /** Whether there are so many kinds of members that only the first of them were compared. */
  readonly isPartial: boolean;
  /** Rules that are new, as `web-tier#3: allow role=web → role=db tcp/5432`. */
  readonly addedRules: readonly string[];
  /** Rules that are gone. */
  readonly removedRules: readonly string[];
}

/** What came of tests. */
export interface PolicyTestReport {
  /** What the document would be called. */
  readonly revision: string;
  /** How many tests it has. */
  readonly tests: number;
  /** Those that fail. */
  readonly failures: readonly PolicyFailure[];
  /** What its author should know. */
  readonly warnings: readonly string[];
}

/** What was applied, or taken back. */
export interface PolicyApplyReport extends PolicyTestReport {
  /** Whether it is a trial. */
  readonly isTrial: boolean;
  /** Whether it was in force already. */
  readonly isSame: boolean;
  /** What is different for whom; with a trial, what would be. */
  readonly difference: PolicyDifference;
  /** How long what is signed is, in bytes. */
  readonly sizeBytes: number;
}

/** A rule that was asked. */
export interface PolicyStep {
  /** `web-tier#3`. */
  readonly rule: string;
  /** As it is written, in one line. */
  readonly text: string;
  /** Whether it matched. */
  readonly isMatch: boolean;
  /** What of it does not match: `source`, `destination`, `protocol`, `port`; absent when it matches. */
  readonly reason?: string;
}

/** Why something passes, or does not. */
export interface PolicyExplanation {
  /** `mesh`, or an overlay network's name. */
  readonly network: string;
  /** Whom the text means, by name. */
  readonly source: string;
  /** Likewise; with port or path. */
  readonly destination: string;
  /** Whether it passes. */
  readonly isAllowed: boolean;
  /** Which rule says so; `default` where none matched, or where no policy is. */
  readonly rule: string;
  /** The decision in one sentence. */
  readonly message: string;
  /** How a denial is answered; absent when it passes. */
  readonly answer?: "drop" | "reject";
  /** By whom it goes, by name; absent for the straight way. */
  readonly via?: readonly string[];
  /** The rules that shape it; absent for none. */
  readonly limit?: string;
  /** Likewise. */
  readonly qos?: string;
  /** The rules that were asked, in order, up to the one that decided. */
  readonly steps: readonly PolicyStep[];
  /** Whether the ends decide by it: names of those that enforce another revision now. */
  readonly stale: readonly string[];
}

/** What a rule has decided on this node since its revision came into force here. */
export interface PolicyRuleCounters {
  /** `web-tier#3`. */
  readonly rule: string;
  /** As it is written, in one line. */
  readonly text: string;
  /** Packets or frames. */
  readonly packets: number;
  /** Of these. */
  readonly bytes: number;
  /** New flows, calls and events. */
  readonly flows: number;
}

/** What rules have decided on this node. */
export interface PolicyCounters {
  /** Null for none. */
  readonly revision: string | null;
  /** In the order in which they are asked. */
  readonly rules: readonly PolicyRuleCounters[];
  /** Flows that are remembered. */
  readonly flows: number;
  /** Denials since the agent started. */
  readonly denied: number;
}

/** Which denials are wanted. */
export interface PolicyLogRequest {
  /** Whether those that come are told, too, until the reader goes. */
  readonly follow?: boolean;
}

/** A denial, and where it was logged; or how many were left out before it because nobody read them. */
export type PolicyLogLine = Denial | { readonly dropped: number };

/** What may be asked of a running agent about policies. */
export interface PolicyControl {
  /** What is in force, and who enforces it. */
  policyStatus(): PolicyStatus;
  /**
   * Has a document take effect, after its tests. Leaders only.
   * @throws WeftError with code `InvalidPolicy`, `PolicyTestFailed`, `PolicyTooLarge`, `PolicyCutsOff`, `PolicyConflict`, `NotLeader`
   */
  applyPolicy(request: PolicyApplyRequest): Promise<PolicyApplyReport>;
  /** Runs the tests of a document. @throws WeftError with code `InvalidPolicy`, `NoPolicy` */
  testPolicy(request: PolicyTestRequest): Promise<PolicyTestReport>;
  /** What a document would change. @throws WeftError with code `InvalidPolicy`, `UnknownRevision` */
  diffPolicy(request: PolicyDiffRequest): Promise<PolicyDifference>;
  /** Why something passes or not. @throws WeftError with code `InvalidPolicy`, `UnknownPeer`, `InvalidRequest` */
  explainPolicy(request: PolicyQuestion): Promise<PolicyExplanation>;
  /** What rules have decided on this node. */
  policyCounters(): PolicyCounters;
  /** The last denials of this node, and with `follow` those that come. */
  policyLog(request: PolicyLogRequest, signal: AbortSignal): AsyncIterable<PolicyLogLine>;
  /** Has a former document take effect again. Leaders only. @throws WeftError as `applyPolicy`, and `UnknownRevision` */
  rollbackPolicy(request: PolicyRollbackRequest): PolicyApplyReport;
  /** Takes the policy back, so that all passes, or the trial. Leaders only. @throws WeftError with code `NoPolicy` */
  removePolicy(request: PolicyRemoval): PolicyApplyReport;
}
