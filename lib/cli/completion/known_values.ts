/**
 * Words that the agent of this machine knows. It is asked for a moment; without an answer, whatever the reason, there are
 * none.
 * @module
 */

import type { AgentControl, OperationName } from "../../api/mod.ts";
import { ControlClient } from "../control_client.ts";
import type { Candidate, ValueKind, Values } from "./expected.ts";

/** Somebody waits with a finger on the key. */
const BOUND_MS = 300;

/** More are no help to anybody. */
const MAX_CANDIDATES = 1_000;

/** See `Values`. */
export class KnownValues implements Values {
  readonly #stateDir: () => Promise<string>;

  /** @param stateDir finds the state directory of the agent; may fail */
  constructor(stateDir: () => Promise<string>) {
    this.#stateDir = stateDir;
  }

  async of(kind: ValueKind, before: readonly string[]): Promise<readonly Candidate[]> {
    try {
      using client = new ControlClient(await this.#stateDir(), { boundMs: BOUND_MS });
      const found = await READERS[kind]((name, ...args) => client.ask(name, ...args), before);
      const unique = new Map(found.filter(({ word }) => word !== "").map((one) => [one.word, one]));
      return [...unique.values()].slice(0, MAX_CANDIDATES);
    } catch {
      return [];
    }
  }
}

type Ask = <Name extends OperationName>(
  name: Name,
  ...args: Parameters<AgentControl[Name]>
) => Promise<Awaited<ReturnType<AgentControl[Name]>>>;

type Reader = (ask: Ask, before: readonly string[]) => Promise<readonly Candidate[]>;

const READERS: Readonly<Record<ValueKind, Reader>> = {
  members: async (ask) =>
    (await ask("members", {})).map(({ name, roles, addresses }) => ({
      word: name,
      description: [roles.includes("leader") ? "leader" : roles[0], addresses[0]].filter(Boolean).join(", "),
    })),
  waiting: async (ask) =>
    (await ask("listPending")).flatMap(({ name, id, from }) => [
      { word: name, description: `from ${from}` },
      { word: id, description: `${name}, from ${from}` },
    ]),
  // What tokens are told apart by; the tokens themselves are kept nowhere.
  tokens: async (ask) =>
    (await ask("listTokens")).map(({ id, state, used }) => ({
      word: id,
      description: `${state}, ${used} joined`,
    })),
  services: async (ask) =>
    (await ask("listServices")).map(({ path, description }) => ({
      word: path,
      description: description ?? "",
    })),
  actions: async (ask) =>
    (await ask("listServices")).flatMap(({ path, actions }) =>
      actions.map(({ name }) => ({ word: `${path}/${name}`, description: "" }))
    ),
  topics: async (ask) =>
    (await ask("listServices")).flatMap(({ path, events }) =>
      events.map((event) => ({ word: `${path}/${event}`, description: "" }))
    ),
  names: async (ask) => names(await ask("listNames")),
  addedNames: async (ask) =>
    names((await ask("listNames")).filter(({ source }) => source === "custom" || source === "leader")),
  labels: async (ask, [node = ""]) => {
    const [member] = await ask("members", { node });
    return Object.entries(member?.labels ?? {}).map(([key, value]) => ({
      word: `${key}-`,
      description: `take ${key}=${value} away`,
    }));
  },
  networks: async (ask) =>
    (await ask("listNetworks")).map(({ name, type, cidrs }) => ({
      word: name,
      description: [type, ...cidrs].join(", "),
    })),
  endpoints: async (ask) =>
    (await endpointsOf(ask)).map((one) => ({ ...one, word: `${one.network}/${one.word}` })),
  revisions: async (ask) =>
    (await ask("policyStatus")).history.map(({ revision, appliedBy, rules }) => ({
      word: revision,
      description: `${rules} rules, applied by ${appliedBy}`,
    })),
  routes: async (ask) =>
    (await ask("listRoutes")).map(({ network, node, state }) => ({
      word: network,
      description: `${state}, ${node}`,
    })),
  exits: async (ask) =>
    (await ask("listRoutes")).filter(({ isExit, state }) => isExit && state === "approved")
      .map(({ network, node }) => ({ word: node, description: network })),
  endpointNames: async (ask, [network]) => (await endpointsOf(ask)).filter((one) => one.network === network),
};

async function endpointsOf(ask: Ask): Promise<readonly (Candidate & { readonly network: string })[]> {
  return (await ask("listNetworks")).flatMap(({ endpoints }) =>
    endpoints.map(({ network, name, node, ipAddresses }) => ({
      network,
      word: name,
      description: [node, ...ipAddresses].join(", "),
    }))
  );
}

function names(records: readonly { readonly name: string; readonly type: string; readonly data: string }[]) {
  return records.map(({ name, type, data }) => ({ word: name, description: `${type} ${data}` }));
}
