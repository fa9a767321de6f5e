/**
 * Asking for endpoints: what can be told at once is told here, and a leader decides.
 * @module
 */

import { sleep, type Timers } from "../../base/mod.ts";
import type {
  EndpointAct,
  EndpointRefusal,
  MemberAnswer,
  MemberRecord,
  MemberRequest,
  NodeId,
} from "../../mesh/mod.ts";
import type { MeshState } from "../../mesh/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import {
  DuplicateEndpointError,
  type EndpointDefinition,
  endpointKey,
  InvalidEndpointError,
  NotPermittedMemberError,
  TooManyEndpointsError,
  UnknownEndpointError,
  UnknownNetworkError,
  type WantedEndpoint,
} from "../../overlay/mod.ts";
import { TooOftenAskedError, UnreachableError } from "../errors.ts";
import type { EndpointServer } from "../leaders/mod.ts";
import { GATEWAY_ENDPOINT, type KnownEndpoint, type KnownNetwork, type NetworkBook } from "./network_book.ts";

/** How long this node waits to hear that what it asked for has happened: so often, so many milliseconds each. */
const [MAX_WAITS, WAIT_MS] = [30, 100];

/** Who is asked, and what is known before. */
export interface EndpointRequestParts {
  readonly mesh: MeshState;
  readonly book: NetworkBook;
  readonly acts: EndpointServer;
  readonly timers: Timers;
  /** @returns the first answer of a leader; undefined when none answers */
  readonly askLeaders: (request: MemberRequest) => Promise<MemberAnswer | undefined>;
}

/** Asks leaders, or does it itself where this node leads. */
export class EndpointRequests {
  readonly #parts: EndpointRequestParts;

  constructor(parts: EndpointRequestParts) {
    this.#parts = parts;
  }

  /**
   * Has an endpoint signed for this node; harmless when it has it.
   * @throws DuplicateEndpointError, NotPermittedMemberError, InvalidEndpointError, TooManyEndpointsError, UnreachableError
   */
  async add(
    network: KnownNetwork,
    wanted: WantedEndpoint,
    underlayAddress: IpAddress | undefined,
  ): Promise<void> {
    const { mesh, book } = this.#parts;
    const what = `make the endpoint ${network.definition.name}/${wanted.name}`;
    if (!book.mayJoin(mesh.record, network.definition)) throw notPermitted(what, network);
    this.#refuseTaken(network, wanted, what);
    const { mac, addresses, allowsForeign } = wanted;
    const place = underlayAddress === undefined ? {} : { underlayAddress };
    await this.#ask(network, wanted.name, {
      kind: "add",
      ...mac && { mac },
      addresses,
      allowsForeign,
      ...place,
    }, what);
  }

  /**
   * Has an endpoint taken back; harmless when it is gone by then, as when the answer of a leader was lost that was asked before.
   * @throws UnknownEndpointError, NotPermittedMemberError, UnreachableError
   */
  async remove(network: KnownNetwork, { definition, owner }: KnownEndpoint): Promise<void> {
    const what = `remove the endpoint ${endpointKey(definition)}`;
    this.#requireRight({ definition, owner }, what);
    try {
      await this.#ask(network, definition.name, { kind: "remove" }, what);
    } catch (error) {
      // A leader that has not heard of it yet knows of none either.
      if (!(error instanceof UnknownEndpointError) || !await this.#isGone(definition)) throw error;
    }
  }

  /** @throws UnknownEndpointError, NotPermittedMemberError, TooManyEndpointsError, UnreachableError */
  async move(network: KnownNetwork, endpoint: KnownEndpoint, to: MemberRecord): Promise<void> {
    const { definition } = endpoint;
    const what = `move the endpoint ${endpointKey(definition)} to ${to.name}`;
    this.#requireRight(endpoint, what);
    if (!this.#parts.book.mayJoin(to, network.definition)) throw notPermitted(what, network, to.name);
    if (definition.name === GATEWAY_ENDPOINT) {
      throw new InvalidEndpointError(`Cannot ${what}: it is the network's gateway`, {
        hint: "`weft network change` gives a network another gateway.",
      });
    }
    const underlay = addressOf(network, to.nodeId);
    const place = underlay === undefined ? {} : { underlayAddress: underlay };
    await this.#ask(network, definition.name, { kind: "move", to: to.nodeId, ...place }, what);
  }

  #refuseTaken({ definition, endpoints }: KnownNetwork, wanted: WantedEndpoint, what: string): void {
    const { identity } = this.#parts.mesh;
    for (const { definition: other, owner } of endpoints.values()) {
      if (owner === undefined) continue;
      if (other.name === wanted.name) {
        if (owner.nodeId === identity.id) continue;
        throw new DuplicateEndpointError(`Cannot ${what}: ${owner.name} has one of this name`, {
          hint: `\`weft endpoint move ${definition.name}/${wanted.name}\` brings it to another node.`,
        });
      }
      const taken = takenOf(other, wanted);
      if (taken === undefined) continue;
      throw new DuplicateEndpointError(`Cannot ${what}: ${endpointKey(other)} has ${taken}`, {
        hint: "Without an address, a free one is chosen.",
      });
    }
  }

  /** Whether this node hears in time that there is no such endpoint any more. */
  async #isGone(definition: EndpointDefinition): Promise<boolean> {
    const { book, timers } = this.#parts;
    for (let waits = 0; waits < MAX_WAITS; waits++) {
      if (book.endpoint(definition) === undefined) return true;
      await sleep(timers, WAIT_MS, new AbortController().signal);
    }
    return false;
  }

  #requireRight({ definition, owner }: KnownEndpoint, what: string): void {
    const { identity, role, roster } = this.#parts.mesh;
    if (role === "leader" || owner?.nodeId === identity.id || definition.nodeId === identity.id) return;
    const name = owner?.name ?? roster.recordById(definition.nodeId as NodeId)?.name;
    throw new NotPermittedMemberError(`Cannot ${what}: it is not this node's`, {
      hint: `Do it on ${name === undefined ? "" : `${name} or `}a leader.`,
    });
  }

  async #ask(network: KnownNetwork, name: string, act: EndpointAct, what: string): Promise<void> {
    const { mesh, acts, askLeaders } = this.#parts;
    const request = { network: network.definition.name, name, act };
    let answer: MemberAnswer | undefined;
    if (mesh.admission === undefined) answer = await askLeaders({ kind: "endpoint", request });
    else {
      const serve = () => acts.serve(mesh.record, request);
      const done = mesh.leadership.audit?.as({ kind: "operator" }, serve) ?? serve();
      answer = done.answer;
      if (done.update !== undefined) mesh.replica.publish(done.update);
    }
    if (answer === undefined) {
      throw new UnreachableError(`Cannot ${what}: no leader answers`, {
        hint: "`weft leader list` shows who leads; run the same again when one of them is back.",
        retryable: true,
      });
    }
    if (answer.kind === "done") return;
    if (answer.retryAfterMs !== undefined) throw new TooOftenAskedError(what, answer.retryAfterMs);
    throw refusalError(answer.reason, what, network);
  }
}

/** @returns what is said when an endpoint is asked for twice at the same time; `key` is its */
export function alreadyAsked(key: string): DuplicateEndpointError {
  return new DuplicateEndpointError(`Cannot make the endpoint ${key}: somebody is making it now`, {
    hint: "`weft endpoint list` shows what comes of it.",
    retryable: true,
  });
}

function takenOf(other: EndpointDefinition, { mac, addresses }: WantedEndpoint): string | undefined {
  if (mac?.equals(other.mac)) return `the MAC address ${mac}`;
  const address = addresses.find((one) => other.addresses.some((their) => their.equals(one)));
  return address && `the address ${address}`;
}

/** Where a member is in a plain underlay, as its other endpoints say. */
function addressOf({ endpoints }: KnownNetwork, nodeId: NodeId): IpAddress | undefined {
  const other = endpoints.values().find(({ definition }) =>
    definition.nodeId === nodeId && definition.underlayAddress !== undefined
  );
  return other?.definition.underlayAddress;
}

function notPermitted(what: string, { definition: { name, members } }: KnownNetwork, who = "this node") {
  const problem = members === undefined
    ? `${who} can have no endpoints`
    : `${who} is none of the members of ${name}: ${members}`;
  return new NotPermittedMemberError(`Cannot ${what}: ${problem}`, {
    hint: "A leader says whose endpoints a network takes: `weft network change --members`, `weft label`.",
  });
}

function refusalError(reason: EndpointRefusal | undefined, what: string, network: KnownNetwork) {
  switch (reason) {
    case "unknown-network":
      return new UnknownNetworkError(`Cannot ${what}: the leader knows no such network`);
    case "unknown-endpoint":
      return new UnknownEndpointError(`Cannot ${what}: there is none`);
    case "duplicate-endpoint":
      return new DuplicateEndpointError(`Cannot ${what}: another member has one of this name`);
    case "address-taken":
      return new DuplicateEndpointError(`Cannot ${what}: another endpoint has that address`);
    case "address-not-allowed":
      return new InvalidEndpointError(`Cannot ${what}: the network has no such address to give`);
    case "too-many":
      return new TooManyEndpointsError(`Cannot ${what}: there are as many endpoints as there may be`);
    case "no-address":
      return new TooManyEndpointsError(`Cannot ${what}: no address of the network is free`);
    default:
      return notPermitted(what, network);
  }
}
