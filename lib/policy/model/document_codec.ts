/**
 * A document as bytes: JSON with its keys in one order, so that the same document is the same bytes everywhere.
 * @module
 */

import { utf8Bytes } from "../../base/mod.ts";
import { MAX_POLICY_BYTES } from "./bounds.ts";
import { InvalidPolicyError } from "./errors.ts";
import type { PolicyDocument, PolicyRule } from "./policy.ts";
import { readPolicyDocument } from "./read_document.ts";

/** @returns the canonical bytes */
export function encodePolicy({ policies, groups, tests, answer, names }: PolicyDocument): Uint8Array {
  const canonical = {
    policies: policies.map(({ id, name, networkId, priority, rules }) => ({
      id,
      name,
      networkId,
      priority,
      rules: rules.map(canonicalRule),
    })),
    groups: Object.fromEntries(Object.entries(groups).sort(([a], [b]) => a < b ? -1 : 1)),
    tests: tests.map(({ networkId, source, accept, deny }) => ({ networkId, source, accept, deny })),
    answer,
    names,
  };
  return utf8Bytes(JSON.stringify(canonical));
}

/** @returns the document, or undefined when the bytes are not what `encodePolicy` makes of one */
export function decodePolicy(bytes: Uint8Array): PolicyDocument | undefined {
  if (bytes.length > MAX_POLICY_BYTES) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const document = readPolicyDocument(JSON.parse(text));
    const again = encodePolicy(document);
    return again.length === bytes.length && again.every((byte, i) => byte === bytes[i])
      ? document
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof InvalidPolicyError) {
      return undefined;
    }
    throw error;
  }
}

function canonicalRule(rule: PolicyRule): PolicyRule {
  const { type, sourceSelector, destinationSelector, protocol, sourcePortRange, destinationPortRange } = rule;
  const { answer, via, rate, burst, dscp } = rule.actionParams ?? {};
  const actionParams = rule.actionParams && { answer, via, rate, burst, dscp };
  return {
    type,
    sourceSelector,
    destinationSelector,
    protocol,
    sourcePortRange,
    destinationPortRange,
    actionParams,
  };
}
