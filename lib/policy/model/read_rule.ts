/**
 * Reads one rule, in its short form (`allow: {from: role=web, to: role=db, ports: tcp/5432}`) or its long one.
 * @module
 */

import { InvalidSelectorError, Selector } from "../selectors/mod.ts";
import type { ActionParams, DenialAnswer, PolicyRule, RuleType } from "./policy.ts";
import {
  hasPorts,
  parseBurst,
  parseDscp,
  parsePorts,
  parseProtocol,
  parseRate,
  PROTOCOL,
  readServicePath,
  readTarget,
} from "./rule_terms.ts";
import { PlainValue } from "./value_reader.ts";

/** All types, as they are written. */
export const RULE_TYPES: readonly RuleType[] = ["allow", "deny", "redirect", "qos", "limit"];

/** Which parameters each type may have. */
const PARAMS: Readonly<Record<RuleType, readonly (keyof ActionParams)[]>> = {
  allow: [],
  deny: ["answer"],
  redirect: ["via"],
  qos: ["rate", "burst", "dscp"],
  limit: ["rate", "burst"],
};
const SHORT = ["from", "to", "ports", "sourcePorts", "protocol"];
const LONG = [
  "type",
  "sourceSelector",
  "destinationSelector",
  "protocol",
  "sourcePortRange",
  "destinationPortRange",
  "actionParams",
];
const EXAMPLE = "For example: allow: {from: role=web, to: role=db, ports: tcp/5432}.";
const PORTS_EXAMPLE = "For example tcp/5432, tcp/8090-8100, udp/53, tcp/80,443, icmp, call, event.";

/**
 * @returns the rule; several where `ports` names several protocols, or `to` several services or topics
 * @throws InvalidPolicyError
 */
export function readRules(value: PlainValue): readonly PolicyRule[] {
  if (typeof value.value !== "object" || value.value === null) value.fail("is no rule", EXAMPLE);
  if (value.at("type").isGiven) return readLong(value.object(LONG));
  const types = RULE_TYPES.filter((type) => value.at(type).isGiven);
  const [type] = types;
  if (type === undefined || types.length > 1) {
    value.object(RULE_TYPES);
    return value.fail(types.length > 1 ? `is both ${types.join(" and ")}` : "does nothing", EXAMPLE);
  }
  value.object([type]);
  return readShort(type, value.at(type).object([...SHORT, ...PARAMS[type]]));
}

function readLong(value: PlainValue): readonly PolicyRule[] {
  const type = value.at("type").word(RULE_TYPES, "allow");
  const protocol = value.at("protocol");
  const params = value.at("actionParams");
  if (params.isGiven) params.object(PARAMS[type]);
  return finish(value, {
    type,
    sourceSelector: value.at("sourceSelector"),
    destinationSelector: value.at("destinationSelector"),
    protocol: protocol.isGiven ? protocol.text() : "*",
    sourcePorts: value.at("sourcePortRange"),
    destinationPorts: textOf(value.at("destinationPortRange")),
    params: params.isGiven ? readParams(type, params) : {},
  });
}

function readShort(type: RuleType, value: PlainValue): readonly PolicyRule[] {
  const given = value.at("protocol");
  const ports = value.at("ports");
  const params = readParams(type, value);
  const parts = {
    type,
    sourceSelector: value.at("from"),
    destinationSelector: value.at("to"),
    sourcePorts: value.at("sourcePorts"),
    params,
  };
  if (!ports.isGiven) {
    const protocol = given.isGiven ? given.text() : "*";
    return finish(value, { ...parts, protocol, destinationPorts: undefined });
  }
  const byProtocol = new Map<string, string[]>();
  const all = Array.isArray(ports.value) ? ports.list(256) : [ports];
  if (all.length === 0) ports.fail("is empty", PORTS_EXAMPLE);
  for (const one of all) {
    const text = typeof one.value === "number" ? String(one.value) : one.text();
    const slash = text.indexOf("/");
    const isBare = slash < 0 && /^[\d,-]+$/.test(text);
    if (isBare && !given.isGiven) one.fail(`is ${one.shown}: of which protocol?`, PORTS_EXAMPLE);
    const protocol = isBare ? given.text() : slash < 0 ? text : text.slice(0, slash);
    if (!isBare && given.isGiven && given.value !== protocol) {
      one.fail("names another protocol", PORTS_EXAMPLE);
    }
    const known = byProtocol.get(protocol);
    const range = isBare ? text : slash < 0 ? "*" : text.slice(slash + 1);
    if (range === "") one.fail(`is ${one.shown}, without a port`, PORTS_EXAMPLE);
    if (known === undefined) byProtocol.set(protocol, [range]);
    else known.push(range);
  }
  return [...byProtocol].flatMap(([protocol, ranges]) =>
    finish(ports, {
      ...parts,
      protocol,
      destinationPorts: ranges.includes("*") ? undefined : ranges.join(","),
    })
  );
}

interface RuleParts {
  readonly type: RuleType;
  readonly sourceSelector: PlainValue;
  readonly destinationSelector: PlainValue;
  readonly protocol: string;
  readonly sourcePorts: PlainValue;
  readonly destinationPorts: string | undefined;
  readonly params: ActionParams;
}

function finish(value: PlainValue, parts: RuleParts): readonly PolicyRule[] {
  const { type, protocol, destinationPorts, params } = parts;
  const number = parseProtocol(protocol);
  if (number === undefined) {
    return value.fail(`names the protocol ${JSON.stringify(protocol)}, which is none`, PORTS_EXAMPLE);
  }
  const sourcePorts = textOf(parts.sourcePorts);
  for (const ports of [sourcePorts, destinationPorts]) {
    if (ports === undefined) continue;
    if (parsePorts(ports) === undefined) value.fail(`has ${JSON.stringify(ports)} for ports`, PORTS_EXAMPLE);
    if (!hasPorts(number)) value.fail(`has ports, but ${protocol} has none`, PORTS_EXAMPLE);
  }
  const sourceSelector = readSelector(parts.sourceSelector);
  return readDestinations(parts.destinationSelector, number).map((destinationSelector) => ({
    type,
    sourceSelector,
    destinationSelector,
    protocol,
    ...sourcePorts !== undefined && { sourcePortRange: sourcePorts },
    ...destinationPorts !== undefined && { destinationPortRange: destinationPorts },
    ...Object.keys(params).length > 0 && { actionParams: params },
  }));
}

function readParams(type: RuleType, value: PlainValue): ActionParams {
  const [answer, via, rate, burst, dscp] = (["answer", "via", "rate", "burst", "dscp"] as const).map((key) =>
    value.at(key)
  );
  const params: { -readonly [Key in keyof ActionParams]: ActionParams[Key] } = {};
  if (answer?.isGiven) params.answer = answer.word<DenialAnswer>(["drop", "reject"], "drop");
  if (via?.isGiven) params.via = readServicePath(via.text()) === undefined ? readSelector(via) : via.text();
  else if (type === "redirect") value.fail("has no via", "For example: via: name=inspect-1.");
  if (rate?.isGiven) {
    params.rate = rate.text();
    if (parseRate(params.rate) === undefined) {
      rate.fail(`is ${rate.shown}`, "For example 100mbit, 12MB, 500/s.");
    }
  } else if (type === "limit") value.fail("has no rate", "For example: rate: 100mbit.");
  if (burst?.isGiven) {
    params.burst = String(typeof burst.value === "number" ? burst.value : burst.text());
    if (parseBurst(params.burst) === undefined) burst.fail("is no amount", "For example 256KB, 100.");
    if (params.rate === undefined) burst.fail("stands without a rate");
  }
  if (dscp?.isGiven) {
    const mark = typeof dscp.value === "number" ? dscp.value : dscp.text();
    if (parseDscp(mark) === undefined) {
      dscp.fail(`is ${dscp.shown}`, "For example ef, af21, cs1, 46.");
    }
    params.dscp = mark;
  }
  if (type === "qos" && params.rate === undefined && params.dscp === undefined) {
    value.fail("shapes nothing", "It has rate, dscp, or both.");
  }
  return params;
}

/** @returns a selector, several joined by `||`. @throws InvalidPolicyError */
export function readSelector(value: PlainValue): string {
  const texts = Array.isArray(value.value) ? value.list(256).map(selectorText) : [selectorText(value)];
  if (texts.length === 0) value.fail("names nobody", 'For all, write "*".');
  const [only = ""] = texts;
  if (texts.length === 1) return only;
  return selectorText(new PlainValue(texts.map((text) => `(${text})`).join(" || "), value.path));
}

function selectorText(value: PlainValue): string {
  if (!value.isGiven) value.fail("is missing", 'For all, write "*".');
  const text = value.text();
  try {
    return Selector.parse(text, { isOfPolicy: true }).toString();
  } catch (error) {
    if (!(error instanceof InvalidSelectorError)) throw error;
    return value.fail(`is no selector: ${error.message}`, error.hint);
  }
}

/** @returns services and topics one by one, since a selector of several would mean members; those who are meant together */
function readDestinations(value: PlainValue, protocol: number): readonly string[] {
  if (!Array.isArray(value.value)) return [readTargetAlone(value, protocol) ?? readSelector(value)];
  const [alone, members]: [string[], unknown[]] = [[], []];
  for (const one of value.list(256)) {
    const target = readTargetAlone(one, protocol);
    if (target === undefined) members.push(one.value);
    else alone.push(target);
  }
  if (members.length === 0 && alone.length > 0) return alone;
  return [readSelector(alone.length === 0 ? value : new PlainValue(members, value.path)), ...alone];
}

/** @returns a service's path for calls, or topics, as written; undefined where a selector stands */
function readTargetAlone(value: PlainValue, protocol: number): string | undefined {
  if (typeof value.value !== "string") return undefined;
  const text = value.text().trim();
  const { kind } = readTarget(text, protocol);
  if (kind === "topic" && protocol !== PROTOCOL.ANY && protocol !== PROTOCOL.EVENT) {
    value.fail("is for events, which have neither ports nor another protocol");
  }
  return kind === "subjects" ? undefined : text;
}

function textOf(value: PlainValue): string | undefined {
  if (!value.isGiven) return undefined;
  return typeof value.value === "number" ? String(value.value) : value.text();
}
