/**
 * Policies as people read them in a terminal: what is in force, what a document would change, why something passes.
 * @module
 */

import type {
  PolicyCounters,
  PolicyDifference,
  PolicyExplanation,
  PolicyFailure,
  PolicyLogLine,
  PolicyMember,
  PolicyRevision,
  PolicyStatus,
} from "../../api/mod.ts";
import { showUnprintable } from "../../base/mod.ts";
import { paint, type Terminal } from "../terminal.ts";
import { counted, formatBytes, formatSpan } from "./human_units.ts";
import { type Cell, type Fact, factLines, paintedCell, tableText } from "./table.ts";

/** Of a difference, and of members. */
const MAX_SHOWN = 12;
/** Of warnings, and of tests that fail. */
const MAX_LINES = 24;
/** Of the terms of one change. */
const MAX_TERMS = 6;

/** @returns what is in force, its rules as they are counted here, and who enforces another one */
export function policyStatusText(
  status: PolicyStatus,
  rules: PolicyCounters["rules"],
  terminal: Terminal,
  nowMs: number,
): string {
  const { enforced, trial, here, members, failures, warnings, history } = status;
  const hereText = here.problem ?? (here.isStale ? "another one is in force here" : "in force here");
  const facts: readonly Fact[] = [
    [
      "policy",
      enforced === null ? "none: everybody may reach everything" : revisionCell(enforced, terminal),
      enforced === null ? "" : `, ${revisionText(enforced, nowMs)}`,
    ],
    ...trial === null ? [] : [
      ["trial", revisionCell(trial, terminal), `, ${revisionText(trial, nowMs)}; it denies nothing`] as const,
    ],
    ...enforced === null && !here.isStale ? [] : [
      ["here", paintedCell(terminal, here.isStale ? "bad" : "good", hereText)] as const,
    ],
    ...enforced === null && status.stale === 0
      ? []
      : [["members", enforcersCell(members, terminal)] as const],
    ...history.length === 0 ? [] : [
      [
        "before",
        history.map(({ revision, appliedAt }) => `${revision} (${formatSpan(nowMs - appliedAt)} ago)`).join(
          ", ",
        ),
      ] as const,
    ],
  ];
  const blocks = [
    factLines(facts, terminal),
    ...rules.length === 0
      ? []
      : [tableText(["RULE", "WHAT"], rules.map(({ rule, text }) => [rule, text]), terminal)],
    ...stalePart(members, terminal),
    ...warnings.length + failures.length === 0
      ? []
      : [warningLines(warnings, terminal) + failureLines(failures, terminal)],
  ];
  return blocks.join("\n");
}

/** @returns who enforces it, in one line */
export function enforcersText(members: readonly PolicyMember[]): string {
  const stale = members.filter(({ isStale }) => isStale);
  const names = stale.slice(0, MAX_SHOWN).map(({ name }) => name).join(", ");
  const more = stale.length > MAX_SHOWN ? `, ${stale.length - MAX_SHOWN} more` : "";
  const all = `${members.length - stale.length} of ${counted(members.length, "member")} enforce it`;
  return stale.length === 0 ? all : `${all}; not ${names}${more}`;
}

/** @returns what tests fail, one a line; empty for none */
export function failureLines(failures: readonly PolicyFailure[], terminal: Terminal): string {
  return firstLines(failures, ({ network, message }) => {
    const where = network === "mesh" ? "" : `${network}: `;
    return `${paint(terminal, "bad", "fails")}  ${showUnprintable(where + message)}\n`;
  });
}

/** @returns what an author should know, one a line; empty for nothing */
export function warningLines(warnings: readonly string[], terminal: Terminal): string {
  return firstLines(
    warnings,
    (text) => `${paint(terminal, "strong", "warning")}  ${showUnprintable(text)}\n`,
  );
}

function firstLines<T>(items: readonly T[], line: (item: T) => string): string {
  const more = items.length > MAX_LINES ? `${items.length - MAX_LINES} more; --json lists all\n` : "";
  return items.slice(0, MAX_LINES).map(line).join("") + more;
}

/** @returns what is different for whom: figures, then the pairs that lose or gain */
export function differenceText(difference: PolicyDifference, terminal: Terminal): string {
  const { changed, gaining, losing, pairs, changes, isPartial, addedRules, removedRules } = difference;
  const rules = [
    ...removedRules.map((rule) => `${paint(terminal, "bad", "-")} ${showUnprintable(rule)}\n`),
    ...addedRules.map((rule) => `${paint(terminal, "good", "+")} ${showUnprintable(rule)}\n`),
  ];
  const shownRules = rules.length <= 2 * MAX_SHOWN
    ? rules
    : [...rules.slice(0, 2 * MAX_SHOWN), `  ${rules.length - 2 * MAX_SHOWN} more rules\n`];
  const partly = isPartial ? "There is too much to compare: only these pairs were looked at\n" : "";
  if (changed === 0) {
    const whom = isPartial ? "these" : "anybody";
    return `${shownRules.join("")}Nothing changes for ${whom} (${
      counted(pairs, "pair")
    } of members)\n${partly}`;
  }
  // What is taken away is what somebody will ask about.
  const sorted = changes.toSorted((a, b) => Number(b.lost.length > 0) - Number(a.lost.length > 0));
  const rows = sorted.slice(0, MAX_SHOWN).map(({ network, source, destination, gained, lost }) => [
    `${network === "mesh" ? "" : `${network}: `}${source} → ${destination}`,
    paintedCell(terminal, "bad", termsText(lost)),
    paintedCell(terminal, "good", termsText(gained)),
  ]);
  const more = changed > rows.length ? `${changed - rows.length} more; --json lists 200\n` : "";
  const figures = `${changed} of ${
    counted(pairs, "pair")
  } change: ${losing} lose, ${gaining} gain\n${partly}`;
  return `${shownRules.join("")}${figures}${
    tableText(["FROM → TO", "LOSES", "GAINS"], rows, terminal)
  }${more}`;
}

/** @returns the decision, and each rule that was asked */
export function explanationText(explanation: PolicyExplanation, terminal: Terminal): string {
  const { isAllowed, message, answer, via, limit, qos, steps, stale } = explanation;
  const more = [
    ...answer === undefined ? [] : [answer === "reject" ? "it is told at once" : "it is not told"],
    ...via === undefined ? [] : [`by way of ${via.join(" or ")}`],
    ...limit === undefined ? [] : [`limited by ${limit}`],
    ...qos === undefined ? [] : [`shaped by ${qos}`],
  ].join("; ");
  const verdict = paint(terminal, isAllowed ? "good" : "bad", isAllowed ? "allowed" : "denied");
  const rows = steps.map(({ rule, text, isMatch, reason }) => [
    rule,
    paintedCell(
      terminal,
      isMatch ? "strong" : "quiet",
      isMatch ? "decides" : MISMATCHES[reason ?? ""] ?? "no match",
    ),
    text,
  ]);
  const away = stale.length === 0 ? "" : `Not in force yet on ${stale.map(showUnprintable).join(", ")}\n`;
  const table = rows.length === 0 ? "" : `\n${tableText(["RULE", "", "WHAT"], rows, terminal)}`;
  const ends = isAllowed
    ? ""
    : "Both ends decide so: the sender before it sends, the receiver whatever arrives\n";
  return `${verdict}  ${showUnprintable(message)}${
    more === "" ? "" : ` (${showUnprintable(more)})`
  }\n${ends}${away}${table}`;
}

const MISMATCHES: Readonly<Record<string, string>> = {
  source: "not from there",
  destination: "not to there",
  protocol: "another protocol",
  port: "other ports",
};

/** @returns what rules have decided here */
export function countersText({ revision, rules, flows, denied }: PolicyCounters, terminal: Terminal): string {
  if (revision === null) return "No policy is in force here: everybody may reach everything.\n";
  const rows = rules.map(({ rule, packets, bytes, flows, text }) => [
    rule,
    String(packets),
    formatBytes(bytes),
    String(flows),
    text,
  ]);
  return tableText(["RULE", ">PACKETS", ">BYTES", ">FLOWS", "WHAT"], rows, terminal) +
    `\n${counted(flows, "flow")} open, ${
      counted(denied, "denial")
    } since the agent started; this node alone\n`;
}

/** @returns a denial in one line, without its line feed */
export function denialText(line: PolicyLogLine, terminal: Terminal): string {
  if ("dropped" in line) {
    return paint(terminal, "quiet", `${counted(line.dropped, "denial")} left out: nobody read them`);
  }
  const { at, network, direction, source, destination, protocol, sourcePort, destinationPort, path } = line;
  const hasPorts = /^(tcp|udp|sctp)$/.test(protocol);
  const port = (address: string, number: number) =>
    !hasPorts ? address : address.includes(":") ? `[${address}]:${number}` : `${address}:${number}`;
  const what = path === undefined ? protocol : `${protocol} ${path}`;
  const where = network === "mesh" ? "" : ` in ${network}`;
  const times = line.count > 1 ? `, ${line.count} times` : "";
  const verb = paint(terminal, line.isTrial ? "strong" : "bad", line.isTrial ? "would deny" : "denied");
  const text = `${what} ${port(source, sourcePort)} → ${port(destination, destinationPort)}`;
  return `${new Date(at).toISOString()}  ${verb}  ${
    showUnprintable(`${text}${where}, ${direction}, by ${line.rule}${times}`)
  }`;
}

/** @returns the policy of a status in one line */
export function policyLine({ enforced, trial, stale, members, failures }: PolicyStatus): string {
  const facts = [
    enforced === null
      ? "none: everybody may reach everything"
      : `${enforced.revision}, ${counted(enforced.rules, "rule")}`,
    ...enforced === null || stale === 0 ? [] : [`${stale} of ${counted(members.length, "member")} stale`],
    ...failures.length === 0 ? [] : [`${counted(failures.length, "test")} failing`],
    ...trial === null ? [] : [`trial of ${trial.revision}`],
  ];
  return facts.join(", ");
}

function revisionCell({ revision }: PolicyRevision, terminal: Terminal): Cell {
  return paintedCell(terminal, "strong", revision);
}

function revisionText({ policies, rules, appliedBy, appliedAt }: PolicyRevision, nowMs: number): string {
  const count = policies === 1 ? "1 policy" : `${policies} policies`;
  return `${count}, ${counted(rules, "rule")}, applied by ${appliedBy}, ${
    formatSpan(Math.max(0, nowMs - appliedAt))
  } ago`;
}

function enforcersCell(members: readonly PolicyMember[], terminal: Terminal): Cell {
  const isAll = members.every(({ isStale }) => !isStale);
  return paintedCell(terminal, isAll ? "good" : "bad", enforcersText(members));
}

function stalePart(members: readonly PolicyMember[], terminal: Terminal): readonly string[] {
  const stale = members.filter(({ isStale }) => isStale);
  if (stale.length === 0) return [];
  const rows = stale.slice(0, MAX_SHOWN).map(({ name, revision, problem }) => [
    name,
    revision ?? "none",
    problem ?? "it has not said yet that it enforces this one; it may be away",
  ]);
  return [tableText(["STALE", "ENFORCES", "WHY"], rows, terminal)];
}

function termsText(terms: readonly string[]): string {
  if (terms.length === 0) return "-";
  const shown = terms.slice(0, MAX_TERMS).join(", ");
  return terms.length > MAX_TERMS ? `${shown}, …` : shown;
}
