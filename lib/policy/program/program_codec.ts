/**
 * Programs as bytes, for another thread.
 *
 * ```text
 *   "WPOL" 1   revision (text)   hides names (0, 1)
 *   rules: count, then each: name, type, source, target, destination, path, protocol + 1, ports ×2, answer, via, service, shape
 *   networks: count, then each: name, first rule, rules, ids, owners, classes, class count, sets, prefixes
 * ```
 *
 * @module
 */

import { Cidr, IpAddress } from "../../net/mod.ts";
import type { RuleType } from "../model/mod.ts";
import type { Program, ProgramNetwork, ProgramPrefix, ProgramRule, ProgramSet } from "./program.ts";
import { ProgramFormatError, ProgramReader, ProgramWriter } from "./program_bytes.ts";

const MAGIC = 0x57_50_4f_4c;
const VERSION = 1;
const MAX_NUMBER = 0xffff_ffff;
const TYPES: readonly RuleType[] = ["allow", "deny", "redirect", "qos", "limit"];
/** How a set is written: those in it or those not in it, as a list or as a bit for each class. */
const FORM = { MEMBERS: 0, OTHERS: 1, BITS: 2, OTHERS_BITS: 3 } as const;

/** @returns the program as bytes; `decodeProgram` reads them */
export function encodeProgram(program: Program): Uint8Array {
  const out = new ProgramWriter();
  out.number(MAGIC);
  out.number(VERSION);
  out.text(program.revision);
  out.number(program.hidesNames ? 1 : 0);
  out.number(program.rejects ? 1 : 0);
  out.number(program.rules.length);
  for (const rule of program.rules) writeRule(out, rule);
  out.number(program.networks.length);
  for (const network of program.networks) writeNetwork(out, network);
  return out.finish();
}

/**
 * Reads a program.
 * @throws ProgramFormatError when the bytes are none
 */
export function decodeProgram(bytes: Uint8Array): Program {
  const reader = new ProgramReader(bytes);
  if (reader.number(MAX_NUMBER) !== MAGIC || reader.number(MAX_NUMBER) !== VERSION) {
    throw new ProgramFormatError("the bytes are no program of this version");
  }
  const revision = reader.text();
  const hidesNames = reader.number(1) === 1;
  const rejects = reader.number(1) === 1;
  const rules = Array.from({ length: reader.count(10) }, () => readRule(reader));
  const networks: ProgramNetwork[] = [];
  let firstRule = 0;
  for (let left = reader.count(); left > 0; left--) {
    const network = readNetwork(reader, rules, firstRule);
    networks.push(network);
    firstRule += network.ruleCount;
  }
  if (!reader.isAtEnd || firstRule !== rules.length) throw new ProgramFormatError("something is left over");
  return { revision, hidesNames, rejects, rules, networks };
}

function writeRule(out: ProgramWriter, rule: ProgramRule): void {
  out.text(rule.name);
  out.number(TYPES.indexOf(rule.type));
  out.number(rule.source);
  out.number(rule.target);
  out.number(rule.destination);
  out.text(rule.path);
  out.number(rule.protocol + 1);
  out.numbers(rule.sourcePorts);
  out.numbers(rule.destinationPorts);
  out.number(rule.isRejected ? 1 : 0);
  out.rising(rule.via);
  out.text(rule.viaService);
  const isShape = rule.type === "limit" || rule.type === "qos";
  if (!isShape) return;
  out.double(rule.bytesPerSecond);
  out.double(rule.itemsPerSecond);
  out.double(rule.burst);
  out.number(rule.dscp);
}

function readRule(reader: ProgramReader): ProgramRule {
  const name = reader.text();
  const type = TYPES[reader.number(TYPES.length - 1)] ?? "deny";
  const isShape = type === "limit" || type === "qos";
  return {
    name,
    type,
    source: reader.number(MAX_NUMBER),
    target: reader.number(2),
    destination: reader.number(MAX_NUMBER),
    path: reader.text(),
    protocol: reader.number(0x1_ffff + 1) - 1,
    sourcePorts: readPorts(reader),
    destinationPorts: readPorts(reader),
    isRejected: reader.number(1) === 1,
    via: reader.rising(MAX_NUMBER),
    viaService: reader.text(),
    bytesPerSecond: isShape ? reader.double() : 0,
    itemsPerSecond: isShape ? reader.double() : 0,
    burst: isShape ? reader.double() : 0,
    dscp: isShape ? readDscp(reader) : NO_DSCP,
  };
}

const NO_DSCP = 255;

function readDscp(reader: ProgramReader): number {
  const dscp = reader.number(NO_DSCP);
  if (dscp > 63 && dscp !== NO_DSCP) throw new ProgramFormatError(`${dscp} is no mark`);
  return dscp;
}

/** Ranges are in order and apart from each other: the evaluator searches in them. */
function readPorts(reader: ProgramReader): Uint16Array {
  const ports = Uint16Array.from(reader.numbers(0xffff));
  if (ports.length % 2 === 1) throw new ProgramFormatError("a range of ports has no end");
  for (let i = 1; i < ports.length; i++) {
    const isInOrder = (ports[i - 1] ?? 0) < (ports[i] ?? 0) || i % 2 === 1 && ports[i - 1] === ports[i];
    if (!isInOrder) throw new ProgramFormatError("ranges of ports are not in order");
  }
  return ports;
}

function writeNetwork(out: ProgramWriter, network: ProgramNetwork): void {
  out.text(network.name);
  out.number(network.ruleCount);
  out.number(network.ids.length);
  for (const id of network.ids) out.text(id);
  out.numbers(network.owners);
  out.number(network.classCount);
  out.numbers(network.classes);
  out.number(network.sets.length);
  for (const set of network.sets) writeSet(out, set, network.classCount);
  out.number(network.prefixes.length);
  for (const { block, subject } of network.prefixes) {
    out.bytes(block.address.bytes);
    out.number(block.prefixBits);
    out.number(subject);
  }
}

function readNetwork(
  reader: ProgramReader,
  rules: readonly ProgramRule[],
  firstRule: number,
): ProgramNetwork {
  const name = reader.text();
  const ruleCount = reader.number(rules.length - firstRule);
  const ids = Array.from({ length: reader.count() }, () => reader.text());
  const owners = reader.numbers(MAX_NUMBER);
  const last = owners.length - 1;
  if (ids.length > last || owners.some((owner) => owner > last)) {
    throw new ProgramFormatError("a subject belongs to nobody that is there");
  }
  const classCount = reader.number(owners.length);
  const classes = reader.numbers(classCount - 1);
  if (classes.length !== owners.length) throw new ProgramFormatError("a subject has no class");
  const sets = Array.from({ length: reader.count(2) }, () => readSet(reader, classCount));
  const prefixes = Array.from({ length: reader.count(7) }, () => readPrefix(reader, last));
  for (const { source, destination, via } of rules.slice(firstRule, firstRule + ruleCount)) {
    if (source >= sets.length || destination >= sets.length || (via.at(-1) ?? 0) > last) {
      throw new ProgramFormatError("a rule means a set or a subject that is not there");
    }
  }
  return { name, firstRule, ruleCount, ids, owners, classes, classCount, sets, prefixes };
}

function readPrefix(reader: ProgramReader, lastSubject: number): ProgramPrefix {
  const bytes = reader.bytes();
  if (bytes.length !== 4 && bytes.length !== 16) throw new ProgramFormatError("an address is none");
  const block = Cidr.of(IpAddress.fromBytes(bytes), reader.number(8 * bytes.length));
  return { block, subject: reader.number(lastSubject) };
}

function writeSet(out: ProgramWriter, { isInverted, listed }: ProgramSet, classCount: number): void {
  const bitmapBytes = classCount + 7 >>> 3;
  if (listed.length <= bitmapBytes) {
    out.number(isInverted ? FORM.OTHERS : FORM.MEMBERS);
    return out.rising(listed);
  }
  const bits = new Uint8Array(bitmapBytes);
  for (const member of listed) bits[member >>> 3] = (bits[member >>> 3] ?? 0) | 1 << (member & 7);
  out.number(isInverted ? FORM.OTHERS_BITS : FORM.BITS);
  out.bytes(bits);
}

function readSet(reader: ProgramReader, classCount: number): ProgramSet {
  const form = reader.number(FORM.OTHERS_BITS);
  const isInverted = form === FORM.OTHERS || form === FORM.OTHERS_BITS;
  if (form === FORM.MEMBERS || form === FORM.OTHERS) {
    return { isInverted, listed: reader.rising(classCount - 1) };
  }
  const bits = reader.bytes();
  if (bits.length !== classCount + 7 >>> 3) {
    throw new ProgramFormatError("a set has too many bits, or too few");
  }
  const members: number[] = [];
  for (let i = 0; i < classCount; i++) if ((bits[i >>> 3] ?? 0) >>> (i & 7) & 1) members.push(i);
  return { isInverted, listed: Uint32Array.from(members) };
}
