/**
 * Rules in one line each, as they are shown.
 * @module
 */

import type { PolicyDocument, PolicyRule } from "../../policy/mod.ts";

/** @returns a rule as people read it: `allow role=web → role=db tcp/5432` */
export function ruleText(rule: PolicyRule): string {
  const { type, sourceSelector, destinationSelector, protocol, sourcePortRange, destinationPortRange } = rule;
  const { answer, via, rate, burst, dscp } = rule.actionParams ?? {};
  const what = destinationPortRange === undefined ? protocol : `${protocol}/${destinationPortRange}`;
  const words = [
    type,
    `${sourceSelector} → ${destinationSelector}`,
    what === "*" ? "" : what,
    sourcePortRange === undefined ? "" : `from port ${sourcePortRange}`,
    via === undefined ? "" : `via ${via}`,
    rate === undefined ? "" : `at ${rate}`,
    burst === undefined ? "" : `burst ${burst}`,
    dscp === undefined ? "" : `dscp ${dscp}`,
    answer === undefined ? "" : `(${answer})`,
  ];
  return words.filter((word) => word !== "").join(" ");
}

/** @returns all rules of a document as text, by their names: `web-tier#3` */
export function ruleTexts({ policies }: PolicyDocument): ReadonlyMap<string, string> {
  return new Map(policies.flatMap(({ name, rules }) => {
    return rules.map((rule, i) => [`${name}#${i + 1}`, ruleText(rule)] as const);
  }));
}

/** @returns rules that the first document has and the second has not, wherever they stand in their policy */
export function rulesLacking(
  document: PolicyDocument | undefined,
  other: PolicyDocument | undefined,
): readonly string[] {
  const left = new Map<string, number>();
  for (const { key } of placed(other)) left.set(key, (left.get(key) ?? 0) + 1);
  const lacking: string[] = [];
  for (const { key, name, text } of placed(document)) {
    const count = left.get(key) ?? 0;
    if (count > 0) left.set(key, count - 1);
    else lacking.push(`${name}: ${text}`);
  }
  return lacking;
}

function placed(document: PolicyDocument | undefined): { key: string; name: string; text: string }[] {
  return document?.policies.flatMap(({ name, networkId, priority, rules }) =>
    rules.map((rule, i) => {
      const text = ruleText(rule);
      return { key: `${networkId} ${name} ${priority} ${text}`, name: `${name}#${i + 1}`, text };
    })
  ) ?? [];
}
