/**
 * Whether rules leave anything open between two: of what each allows, what was denied before it is taken off.
 * @module
 */

import { PROTOCOL } from "../model/mod.ts";
import { type ProgramRule, TARGET } from "../program/mod.ts";
import { isBelow } from "./topic_match.ts";

/** Source ports and destination ports, first and last of each. */
type Box = readonly [number, number, number, number];

const MAX_PORT = 65_535;
const ALL_PORTS = [0, MAX_PORT];
// What is cut into more pieces than that counts as open: a policy that means to close it all says so in fewer rules.
const MAX_BOXES = 1_024;

/**
 * Whether anything is allowed between two that are restricted.
 * @param places of the rules that mean both, those for services among them, in the order in which they are asked
 */
export function leavesOpen(rules: readonly ProgramRule[], places: readonly number[]): boolean {
  const denials: ProgramRule[] = [];
  for (const place of places) {
    const rule = rules[place];
    if (rule === undefined || rule.type === "limit" || rule.type === "qos") continue;
    if (isDenial(rule)) denials.push(rule);
    else if (isOpen(rule, denials)) return true;
    // What is denied as a whole is denied to all rules after it.
    if (isDenial(rule) && rule.target === TARGET.SUBJECTS && rule.protocol === PROTOCOL.ANY) return false;
  }
  return false;
}

function isDenial({ type, via, viaService, protocol, target }: ProgramRule): boolean {
  if (type !== "redirect") return type === "deny";
  const isOfPackets = target === TARGET.SUBJECTS && protocol >= 0 &&
    protocol !== PROTOCOL.CALL && protocol !== PROTOCOL.EVENT;
  return via.length === 0 && (viaService === "" || isOfPackets);
}

function isOpen(rule: ProgramRule, denials: readonly ProgramRule[]): boolean {
  if (rule.target === TARGET.SERVICE) {
    return !denials.some((denial) =>
      denial.target === TARGET.SERVICE ? isBelow(rule.path, denial.path) : denial.protocol === PROTOCOL.CALL
    );
  }
  // Those of all protocols have ended the search; those of some never close all of them.
  if (rule.protocol === PROTOCOL.ANY) return true;
  let open: readonly Box[] = boxesOf(rule);
  for (const denial of denials) {
    if (denial.target !== TARGET.SUBJECTS || denial.protocol !== rule.protocol) continue;
    for (const box of boxesOf(denial)) open = open.flatMap((piece) => [...without(piece, box)]);
    if (open.length > MAX_BOXES) return true;
  }
  return open.length > 0;
}

function boxesOf({ sourcePorts, destinationPorts }: ProgramRule): readonly Box[] {
  const [sources, destinations] = [sourcePorts, destinationPorts].map((ports) =>
    ports.length === 0 ? ALL_PORTS : [...ports]
  );
  const boxes: Box[] = [];
  for (let i = 0; i < (sources?.length ?? 0); i += 2) {
    for (let j = 0; j < (destinations?.length ?? 0); j += 2) {
      boxes.push([
        sources?.[i] ?? 0,
        sources?.[i + 1] ?? 0,
        destinations?.[j] ?? 0,
        destinations?.[j + 1] ?? 0,
      ]);
    }
  }
  return boxes;
}

/** What of a box is outside another: left and right of it, and above and below what is left. */
function* without([a, b, c, d]: Box, [e, f, g, h]: Box): Generator<Box> {
  if (e > b || f < a || g > d || h < c) return yield [a, b, c, d];
  if (a < e) yield [a, e - 1, c, d];
  if (f < b) yield [f + 1, b, c, d];
  const [left, right] = [Math.max(a, e), Math.min(b, f)];
  if (c < g) yield [left, right, c, g - 1];
  if (h < d) yield [left, right, h + 1, d];
}
