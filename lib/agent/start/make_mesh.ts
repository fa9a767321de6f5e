/**
 * How a node comes to be: with a new network, by a token, or from what an earlier run has kept.
 * @module
 */

import { spokenProtocols } from "../protocol_options.ts";
import { type Environment, type StateStore, traced } from "../../base/mod.ts";
import { type AgentOptions, DEFAULT_OVERLAY_CIDR } from "../../config/mod.ts";
import {
  AlreadyInitializedError,
  JoinToken,
  type MeshOptions,
  MeshState,
  NotInitializedError,
  storedNetworkId,
  toNodeName,
} from "../../mesh/mod.ts";
import { LeaderSearch } from "../discovery/mod.ts";
import { ownStatement } from "../endpoint_selector.ts";
import { InvalidRequestError, InvalidTokenError, JoinRefusedError } from "../errors.ts";
import { joinNetwork } from "../join/mod.ts";
import type { NamedEndpoints } from "../named_endpoints.ts";
import { messagePlaneDial } from "../links/mod.ts";
import { checkNewNode } from "./host_check.ts";

/** A machine that waits for a leader's approval. */
export interface WaitingMachine {
  /** The name that it asks for. */
  readonly name: string;
  /** Its node id. */
  readonly id: string;
}

/** From what, and for what, a node is made. */
export interface MeshParts {
  readonly store: StateStore;
  readonly host: Environment & MeshOptions;
  readonly options: AgentOptions;
  /** The addresses of its endpoints that have names. */
  readonly named: NamedEndpoints;
  /** Keeps what this start says; within the transaction that makes the node. */
  readonly keep: () => void;
  readonly onPending?: ((waiting: WaitingMachine) => void) | undefined;
}

/** Makes or resumes a node. */
export type MakeMesh = (parts: MeshParts) => MeshState | Promise<MeshState>;

/**
 * Starts a network, or resumes the one that this node leads. Until the node has started once, the network is forgotten
 * with the end of the process.
 * @throws AlreadyInitializedError when this node is a member and leads nothing
 */
export function leadMesh({ store, host, options, keep }: MeshParts): MeshState {
  if (options.ephemeral !== "off") {
    throw new InvalidRequestError(
      "Cannot lead as an ephemeral node: a network does not outlive its leaders",
      {
        hint: "Leave --ephemeral out, or say --ephemeral off where it was said before.",
      },
    );
  }
  if (storedNetworkId(store) !== undefined) {
    const mesh = resumeMesh({ store, host, options });
    if (mesh.role === "leader") return mesh;
    throw new AlreadyInitializedError();
  }
  const { name = hostName(), cidr = DEFAULT_OVERLAY_CIDR, labels } = options;
  checkNewNode(options, [cidr]);
  return store.transaction(() => {
    const mesh = MeshState.create(store, { ...host, name, cidr, labels });
    mesh.isUnstarted = true;
    keep();
    return mesh;
  });
}

/**
 * Joins the network of a token, or resumes as its member, whatever has become of the token since.
 * @param text what a leader printed; when it is empty, the node is resumed that is there
 * @throws AlreadyInitializedError when this node belongs to another network
 */
export async function joinMesh(text: string, parts: MeshParts): Promise<MeshState> {
  const { store, host, named, options, keep, onPending } = parts;
  const known = storedNetworkId(store);
  if (known !== undefined && text === "") return resumeMesh(parts);
  const token = parseToken(text);
  if (known !== undefined && token.networkId !== known) throw new AlreadyInitializedError();
  if (known !== undefined) return resumeMesh(parts);
  const now = host.clock.wall();
  if (token.expiresAt <= now) {
    const [until, time] = [token.expiresAt, now].map((at) => new Date(at).toISOString());
    throw new InvalidTokenError(`Cannot use that token: it has expired at ${until}, and it is ${time} here`, {
      hint:
        "`weft token create` on the leader makes a new one; if this machine's clock is wrong, set that, best by NTP.",
    });
  }
  checkNewNode(options, [token.cidr]);
  const identity = MeshState.prepareJoin(store, host.random);
  const { name = hostName(), address, ephemeral } = options;
  const ephemeralMs = ephemeral === "off" ? undefined : ephemeral;
  const search = new LeaderSearch({ ...host, token, identity, options });
  const wanted = { name, address, ephemeralMs, ...ownStatement(options, named) };
  const step = { "weft.network": token.networkId, "weft.node": name };
  const admitted = await traced(host.tracer, "weft.join", step, () =>
    joinNetwork(token, identity, wanted, {
      ...host,
      search,
      dial: messagePlaneDial(),
      protocols: spokenProtocols(options),
      onRefused: () => MeshState.dropJoin(store),
      onPending: () => {
        host.log.info("waiting for the approval of a leader", { name, id: identity.id });
        onPending?.({ name, id: identity.id });
      },
    }), () => ({ "weft.node.id": identity.id })).finally(() => search.close());
  return store.transaction(() => {
    const mesh = MeshState.completeJoin(store, { ...host, admitted, token });
    if (!(mesh instanceof MeshState)) {
      throw new JoinRefusedError(`Cannot join: ${mesh.problem}`, { hint: "Ask for a new token." });
    }
    keep();
    return mesh;
  });
}

/**
 * Resumes what the state holds.
 * @throws NotInitializedError when that is nothing
 * @throws InvalidRequestError when the options ask for another network block than it has
 */
export function resumeMesh(
  { store, host, options }: Pick<MeshParts, "store" | "host" | "options">,
): MeshState {
  if (storedNetworkId(store) === undefined) throw new NotInitializedError();
  const mesh = MeshState.load(store, host);
  if (options.cidr === undefined || options.cidr.equals(mesh.cidr)) return mesh;
  throw new InvalidRequestError(
    `Cannot use the network ${options.cidr}: the one in ${options.stateDir} has ${mesh.cidr}`,
    { hint: "Leave --cidr out to resume it, or choose another directory with --state." },
  );
}

/** @throws InvalidTokenError when it is none */
export function parseToken(text: string): JoinToken {
  const token = JoinToken.parse(text);
  if (token instanceof JoinToken) return token;
  throw new InvalidTokenError(`Cannot use that token: ${token.problem}`, {
    hint: "Copy the whole line that the leader printed.",
  });
}

function hostName(): string {
  try {
    return toNodeName(Deno.hostname());
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "node";
    throw error;
  }
}
