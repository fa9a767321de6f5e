/**
 * Who can reach what, and what of it is different under another program.
 * @module
 */

import { inhabitantsOf, MESH, type PolicyRoster } from "../compile/mod.ts";
import { isBelow, ProgramEvaluator, qualified } from "../evaluate/mod.ts";
import { PROTOCOL } from "../model/mod.ts";
import { decodeProgram, type Program, TARGET } from "../program/mod.ts";
import { ALL_PORTS, formatPorts, type PortRanges, subtractPorts } from "./port_ranges.ts";

/** What is different from one to another. */
export interface ReachChange {
  readonly network: string;
  /** The member's or endpoint's name. */
  readonly source: string;
  readonly destination: string;
  /** `all`, `tcp/5432`, `icmp`, `service:orders`, …. */
  readonly gained: readonly string[];
  readonly lost: readonly string[];
}

/** What is different for whom, over all pairs of members, and of endpoints of each network that a policy is of. */
export interface ReachDifference {
  readonly pairs: number;
  readonly changed: number;
  readonly gaining: number;
  readonly losing: number;
  /** The first of them. */
  readonly changes: readonly ReachChange[];
  /** Whether there are so many kinds of members, or rules between them, that only the first were compared. */
  readonly isPartial: boolean;
}

/** How much is compared and told. */
export interface ReachOptions {
  /** Changes that are listed: 200 unless given. */
  readonly maxChanges?: number;
}

const MAX_CHANGES = 200;
// Members that neither program tells apart are compared as one: 256 kinds are 65,536 pairs, about a second.
const MAX_KINDS = 256;
// Rules that are asked for in all: about a second. Who runs it answers nobody meanwhile.
const MAX_ASKED = 5_000_000;
const OTHER_PROTOCOL = 253; // RFC 3692 §2.1: for experiments, so that no rule means it by accident.
const OTHER_PATH = "unnamed-by-any-rule";
const NAMES: ReadonlyMap<number, string> = new Map([
  [PROTOCOL.TCP, "tcp"],
  [PROTOCOL.UDP, "udp"],
  [PROTOCOL.ICMP, "icmp"],
  [PROTOCOL.SCTP, "sctp"],
  [OTHER_PROTOCOL, "other protocols"],
]);

/**
 * Compares what members can reach by two programs. Source ports are taken to be what systems choose, 49152.
 * @param before undefined for none: all is allowed
 * @param after likewise
 * @param roster the one that both were compiled with
 * @throws ProgramFormatError when bytes are no program
 */
export function reachDifference(
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
  roster: PolicyRoster,
  options: ReachOptions = {},
): ReachDifference {
  const sides = [before, after].map((bytes) =>
    bytes === undefined ? undefined : new Side(decodeProgram(bytes))
  );
  const names = new Set(sides.flatMap((side) => side?.program.networks.map(({ name }) => name) ?? []));
  const total = { pairs: 0, changed: 0, gaining: 0, losing: 0, isPartial: false };
  const changes: ReachChange[] = [];
  for (const name of names) {
    const comparison = new NetworkComparison(name, roster, sides[0], sides[1]);
    comparison.run((pairs, gained, lost, sources, destinations) => {
      total.pairs += pairs;
      if (gained.length + lost.length === 0) return;
      total.changed += pairs;
      if (gained.length > 0) total.gaining += pairs;
      if (lost.length > 0) total.losing += pairs;
      for (const source of sources) {
        for (const destination of destinations) {
          if (changes.length >= (options.maxChanges ?? MAX_CHANGES)) return;
          if (source.id === destination.id) continue;
          changes.push({ network: name, source: source.name, destination: destination.name, gained, lost });
        }
      }
    });
    total.isPartial ||= comparison.isPartial;
  }
  return { ...total, changes };
}

/** One of the two programs. */
class Side {
  readonly program: Program;
  readonly evaluator: ProgramEvaluator;

  constructor(program: Program) {
    this.program = program;
    this.evaluator = new ProgramEvaluator(program);
  }
}

interface Somebody {
  readonly id: string;
  readonly name: string;
  readonly services: readonly string[];
}

type Told = (
  pairs: number,
  gained: readonly string[],
  lost: readonly string[],
  sources: readonly Somebody[],
  destinations: readonly Somebody[],
) => void;

/** What one may and might not, and the other way round. */
interface Comparison {
  readonly gained: readonly string[];
  readonly lost: readonly string[];
}

const NOTHING: ReadonlyMap<string, PortRanges> = new Map();

/** One network of both programs. */
class NetworkComparison {
  isPartial: boolean;
  #left = MAX_ASKED;
  readonly #name: string;
  readonly #before: Side | undefined;
  readonly #after: Side | undefined;
  readonly #kinds: readonly (readonly Somebody[])[];
  readonly #protocols: readonly number[];
  readonly #services: readonly string[];
  readonly #topics: readonly string[];
  readonly #known = new WeakMap<object, Map<object, Comparison>>();

  constructor(name: string, roster: PolicyRoster, before: Side | undefined, after: Side | undefined) {
    this.#name = name;
    this.#before = before;
    this.#after = after;
    const rules = [before, after].flatMap((side) => {
      const network = side?.program.networks.find((one) => one.name === name);
      return side?.program.rules.slice(
        network?.firstRule,
        (network?.firstRule ?? 0) + (network?.ruleCount ?? 0),
      ) ?? [];
    });
    const paths = (
      target: number,
    ) => [...new Set(rules.filter((rule) => rule.target === target).map(({ path }) => path))];
    this.#services = paths(TARGET.SERVICE);
    this.#topics = paths(TARGET.TOPIC);
    this.#protocols = [
      ...new Set([
        ...[PROTOCOL.TCP, PROTOCOL.UDP, PROTOCOL.ICMP],
        ...rules.map((rule) => rule.protocol).filter((protocol) => protocol >= 0),
        OTHER_PROTOCOL,
        ...(name === MESH ? [PROTOCOL.CALL, PROTOCOL.EVENT] : []),
      ]),
    ].filter((protocol) => name === MESH || protocol !== PROTOCOL.CALL && protocol !== PROTOCOL.EVENT);
    const kinds = Map.groupBy(
      inhabitantsOf(roster, name),
      (one) =>
        [before, after].map((side) => side?.evaluator.classOf(name, one.id) ?? 0).join(" ") +
        ` ${one.services.join(" ")}`,
    );
    this.isPartial = kinds.size > MAX_KINDS;
    this.#kinds = [...kinds.values().take(MAX_KINDS)];
  }

  run(tell: Told): void {
    for (const sources of this.#kinds) {
      for (const destinations of this.#kinds) {
        const pairs = sources.length * destinations.length - (sources === destinations ? sources.length : 0);
        const [source, destination] = [sources[0], destinations.find((one) => one !== sources[0])];
        if (pairs === 0 || source === undefined || destination === undefined) continue;
        if (this.#left <= 0) {
          this.isPartial = true;
          return;
        }
        const { gained, lost } = this.#compare(source, destination);
        tell(pairs, gained, lost, sources, destinations);
      }
    }
  }

  /** Pairs that have the same rules before and the same after have changed alike, where no paths are to be asked. */
  #compare(source: Somebody, destination: Somebody): Comparison {
    const known = this.#known.get(this.#rulesOf(this.#before, source, destination)) ??
      new Map<object, Comparison>();
    const after = this.#rulesOf(this.#after, source, destination);
    const same = known.get(after);
    if (same !== undefined && this.#services.length + this.#topics.length === 0) return same;
    this.#left -= this.#rulesBetween(this.#before, source, destination) +
      this.#rulesBetween(this.#after, source, destination);
    const [was, is] = [this.#before, this.#after].map((side) => this.#reach(side, source, destination));
    const comparison = {
      gained: gainOf(was ?? NOTHING, is ?? NOTHING),
      lost: gainOf(is ?? NOTHING, was ?? NOTHING),
    };
    this.#known.set(this.#rulesOf(this.#before, source, destination), known.set(after, comparison));
    return comparison;
  }

  #rulesOf(side: Side | undefined, source: Somebody, destination: Somebody): object {
    const network = side?.evaluator.networkNumber(this.#name);
    if (side === undefined || network === undefined) return NOTHING;
    const { evaluator } = side;
    return evaluator.rulesOf(
      network,
      evaluator.subjectOf(network, source.id),
      evaluator.subjectOf(network, destination.id),
    );
  }

  /** As much work as it is to ask for all protocols and paths. */
  #rulesBetween(side: Side | undefined, source: Somebody, destination: Somebody): number {
    const kinds = this.#protocols.length + this.#services.length + this.#topics.length;
    const network = side?.evaluator.networkNumber(this.#name);
    if (side === undefined || network === undefined) return kinds;
    const { evaluator } = side;
    const [from, to] = [
      evaluator.subjectOf(network, source.id),
      evaluator.subjectOf(network, destination.id),
    ];
    return kinds * (1 + evaluator.rulesBetween(network, from, to));
  }

  /** @returns by what it is called, which ports of it can be reached; all of them where it has none */
  #reach(side: Side | undefined, source: Somebody, destination: Somebody): ReadonlyMap<string, PortRanges> {
    const reach = new Map<string, PortRanges>();
    const { evaluator } = side ?? {};
    const network = evaluator?.networkNumber(this.#name);
    const from = network === undefined ? 0 : evaluator?.subjectOf(network, source.id) ?? 0;
    const to = network === undefined ? 0 : evaluator?.subjectOf(network, destination.id) ?? 0;
    const isOpen = evaluator === undefined || network === undefined;
    const path = (label: string, isAllowed: () => boolean) => {
      if (isOpen || isAllowed()) reach.set(label, ALL_PORTS);
    };
    for (const protocol of this.#protocols) {
      if (protocol === PROTOCOL.CALL) {
        path("other calls", () => evaluator?.decideCall(from, to, OTHER_PATH).isAllowed ?? true);
      } else if (protocol === PROTOCOL.EVENT) {
        path("other events", () => evaluator?.decideEvent(from, to, OTHER_PATH).isAllowed ?? true);
      } else {
        const ranges = isOpen ? ALL_PORTS : evaluator.openPorts(network, from, to, protocol);
        if (ranges.length > 0) reach.set(labelOf(protocol), ranges);
      }
    }
    for (const service of this.#services) {
      const isOffered = destination.services.some((one) => {
        const offered = qualified(one);
        return isBelow(offered, service) || isBelow(service, offered);
      });
      const label = `service:${service.replace(/^mesh:/, "")}`;
      if (isOffered) path(label, () => evaluator?.decideCall(from, to, service).isAllowed ?? true);
    }
    for (const topic of this.#topics) {
      const example = topic.replaceAll(/\*|\{[^}]*\}|>/g, OTHER_PATH);
      const label = `topic:${topic.replace(/^mesh:/, "")}`;
      path(label, () => evaluator?.decideEvent(from, to, example).isAllowed ?? true);
    }
    return reach;
  }
}

function labelOf(protocol: number): string {
  if (protocol < PROTOCOL.ETHERTYPE) return NAMES.get(protocol) ?? `protocol ${protocol}`;
  return `ethertype:0x${(protocol - PROTOCOL.ETHERTYPE).toString(16).padStart(4, "0")}`;
}

/** @returns what is in `is` and was not in `was`, as people say it */
function gainOf(
  was: ReadonlyMap<string, PortRanges>,
  is: ReadonlyMap<string, PortRanges>,
): readonly string[] {
  const gained: string[] = [];
  let isAll = was.size === 0 && is.size > 0;
  for (const [label, ranges] of is) {
    const more = subtractPorts(ranges, was.get(label) ?? []);
    const isWhole = more.length === 2 && more[0] === 0 && more[1] === ALL_PORTS[1];
    isAll &&= isWhole;
    if (isWhole) gained.push(label);
    else gained.push(...formatPorts(more).map((ports) => `${label}/${ports}`));
  }
  return isAll && is.has("tcp") && is.has("udp") && is.has("other protocols") ? ["all"] : gained;
}
