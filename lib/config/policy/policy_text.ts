/**
 * Policies as text that people go on with: the short form, in YAML.
 * @module
 */

import type { NetworkPolicy, PolicyDocument, PolicyRule, PolicyTest } from "../../policy/mod.ts";

/** What stands beside the document. */
export interface PolicyTextOptions {
  /** Lines above the whole, without `#`. */
  readonly heading?: readonly string[];
}

/** @returns a document in YAML, which `readPolicyFile` reads as the same one */
export async function policyText(document: PolicyDocument, options: PolicyTextOptions = {}): Promise<string> {
  const { Document, isScalar, visit } = await import("yaml");
  const { policies, groups, tests, answer, names } = document;
  const sections: object[] = [
    ...answer === "drop" ? [] : [{ answer }],
    ...names === "show" ? [] : [{ names }],
    ...Object.keys(groups).length === 0 ? [] : [{ groups }],
    { policies: policies.map(shortPolicy) },
    ...tests.length === 0 ? [] : [{ tests: tests.map(shortTest) }],
  ];
  // What YAML takes for the end of a line ends a comment, too.
  const lines = (options.heading ?? []).flatMap((line) => line.split(/[\r\n]/));
  const heading = lines.map((line) => `# ${line}`.trimEnd() + "\n").join("");
  const body = sections.map((section) => {
    const yaml = new Document(section, { aliasDuplicateObjects: false });
    // A rule and a test are a line each, as people write them.
    visit(yaml, {
      Map: (_, node) => void (node.flow = node.has("from")),
      Seq: (_, node) => void (node.flow = node.items.every((item) => isScalar(item))),
    });
    return yaml.toString({ lineWidth: 0 });
  });
  return [...heading === "" ? [] : [heading], ...body].join("\n");
}

function shortPolicy({ id, name, networkId, priority, rules }: NetworkPolicy): object {
  return {
    name,
    ...id !== name && { id },
    ...networkId !== "mesh" && { network: networkId },
    ...priority !== 0 && { priority },
    rules: rules.map(shortRule),
  };
}

function shortRule(rule: PolicyRule): object {
  const { type, sourceSelector, destinationSelector, protocol, sourcePortRange, destinationPortRange } = rule;
  // A number by itself would be a port.
  const isNumber = /^\d+$/.test(protocol) && destinationPortRange === undefined;
  const ports = destinationPortRange === undefined ? protocol : `${protocol}/${destinationPortRange}`;
  return {
    [type]: {
      from: sourceSelector,
      to: destinationSelector,
      ...isNumber ? { protocol } : ports !== "*" && { ports },
      ...sourcePortRange !== undefined && { sourcePorts: sourcePortRange },
      ...rule.actionParams,
    },
  };
}

function shortTest({ networkId, source, accept, deny }: PolicyTest): object {
  return {
    ...networkId !== undefined && { network: networkId },
    from: source,
    ...accept.length > 0 && { accept },
    ...deny.length > 0 && { deny },
  };
}
