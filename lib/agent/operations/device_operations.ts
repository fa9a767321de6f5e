/**
 * What may be asked of a running agent about plain WireGuard devices, done.
 * @module
 */

import type { AddedDevice, DeviceControl, DeviceRequest } from "../../api/mod.ts";
import { PresharedKey, PublicKey } from "../../crypto/mod.ts";
import {
  type AdmissionRefusal,
  deviceNetworkProblem,
  isNodeName,
  isReservedName,
  type Member,
  type MemberRecord,
  networksInUse,
  type NewDevice,
  NO_UPDATE,
  type NodeId,
  nodeIdOf,
  type RecordEntry,
} from "../../mesh/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import type { Agent } from "../agent.ts";
import { InvalidRequestError } from "../errors.ts";
import { ADMISSION_REFUSALS, asInvalid, asOperator, leaderPart, memberOf } from "./membership_operations.ts";
import { configurationOf, hasPacketPlane, hubOf, overlayOf } from "../plain_devices.ts";

const HUB_HINT =
  "--hub NODE names a member with an interface; --direct makes every such member a peer of it.";

/** @returns the operations about devices, as `agent` does them */
export function deviceOperations(agent: Agent): DeviceControl {
  const { mesh, secrets } = agent;
  return {
    addDevice(request) {
      const admission = leaderPart(mesh, mesh.admission);
      const { persistentKeepaliveSeconds } = request;
      const name = requireName(request.name);
      const publicKey = parsed("public key", request.publicKey, (text) => PublicKey.parse(text));
      const presharedKey = optional(
        "preshared key",
        request.presharedKey,
        (text) => PresharedKey.parse(text),
      );
      const endpoint = optional("endpoint", request.endpoint, reachableEndpoint);
      const allowedIps = (request.allowedIps ?? []).map((text) => parsed("allowed IP", text, Cidr.parse));
      const hub = chosenHub(request, publicKey);
      if (presharedKey !== undefined && hub !== undefined && hub !== mesh.identity.id) {
        throw new InvalidRequestError(`Cannot add ${name} with a preshared key: it stays on this node`, {
          hint:
            "Add the device on the node that is to be its hub, if that is a leader, or without such a key.",
        });
      }
      const nodeId = nodeIdOf(publicKey);
      const former = secrets.get(nodeId);
      // Before the record: a device that is a peer without its preshared key would be one that nobody asked for.
      secrets.set(nodeId, presharedKey);
      const device = { name, publicKey, endpoint, allowedIps, persistentKeepaliveSeconds, hub };
      let enrolled: RecordEntry | AdmissionRefusal | undefined;
      try {
        enrolled = asOperator(mesh, () => asInvalid(() => admission.addDevice(device)));
      } finally {
        if (typeof enrolled !== "object") secrets.set(nodeId, former);
      }
      if (typeof enrolled === "string") throw refusal(enrolled, device);
      mesh.replica.publish({ ...NO_UPDATE, records: [enrolled.signed] });
      return configurationOf(enrolled.record, mesh, agent.status());
    },

    changeHub(text, hubText) {
      const admission = leaderPart(mesh, mesh.admission);
      const { record } = memberOf(agent, text);
      if (record.verifyingKey !== undefined) {
        throw new InvalidRequestError(
          `Cannot give ${record.name} a hub: it runs weft, and has peers itself`,
          {
            hint: "`weft peers` shows who is a plain WireGuard device.",
          },
        );
      }
      const hub = requireHub(memberOf(agent, hubText));
      // It would be known to one end alone.
      if (hub !== mesh.identity.id) secrets.set(record.nodeId, undefined);
      const signed = asOperator(mesh, () => asInvalid(() => admission.amend(record, { hub })));
      if (typeof signed === "string") {
        throw new InvalidRequestError(`Cannot give ${record.name} a hub: ${ADMISSION_REFUSALS[signed]}`);
      }
      mesh.replica.publish({ ...NO_UPDATE, records: [signed.signed] });
      return configOf(signed.record);
    },

    deviceConfig(text) {
      const { record } = memberOf(agent, text);
      if (record.verifyingKey === undefined) return configOf(record);
      throw new InvalidRequestError(
        `Cannot print a configuration for ${record.name}: it runs weft, and needs none`,
        {
          hint: "`weft peers` shows who is a plain WireGuard device.",
        },
      );
    },
  };

  function configOf(record: MemberRecord): AddedDevice {
    const hasPresharedKey = secrets.get(record.nodeId) !== undefined;
    return { ...configurationOf(record, mesh, agent.status()), ...hasPresharedKey && { hasPresharedKey } };
  }

  /** What is said goes; then what the device has; then this node. */
  function chosenHub({ hub, isDirect = false }: DeviceRequest, publicKey: PublicKey): NodeId | undefined {
    if (isDirect && hub !== undefined) {
      throw new InvalidRequestError("Cannot use both a hub and direct peers", { hint: HUB_HINT });
    }
    if (isDirect) return undefined;
    if (hub !== undefined) return requireHub(memberOf(agent, hub));
    const known = mesh.roster.recordByKey(publicKey);
    if (known === undefined) return requireHub({ record: mesh.record });
    if (known.hub === undefined) return undefined;
    const former = hubOf(mesh, known);
    if (former !== undefined) return requireHub(former);
    throw new InvalidRequestError(
      `Cannot add ${known.name} again: the member that was its hub is none any more`,
      {
        hint: HUB_HINT,
      },
    );
  }

  function requireHub(member: Member): NodeId {
    const { nodeId, name, verifyingKey } = member.record;
    const isSelf = nodeId === mesh.identity.id;
    const isFit = isSelf ? agent.status().dataplane.kind !== "rootless" : hasPacketPlane(member);
    if (isFit) return nodeId;
    const problem = verifyingKey === undefined ? "it is a plain device itself" : "it has no interface";
    throw new InvalidRequestError(`Cannot make ${name} a hub: ${problem}`, { hint: HUB_HINT });
  }

  function refusal(
    why: AdmissionRefusal,
    { name, publicKey, allowedIps = [] }: NewDevice,
  ): InvalidRequestError {
    if (why === "refused:name-taken") {
      const holder = mesh.roster.holderOfName(name);
      const whose = holder === undefined
        ? ""
        : `: it is ${holder.nodeId.slice(0, 8)}'s at ${holder.addresses[0]}`;
      return new InvalidRequestError(`Cannot add ${name}: the name is taken${whose}`, {
        hint:
          `Choose another, or make it free with \`weft peer rename ${name} NEW\` or \`weft peer remove ${name}\`.`,
      });
    }
    if (why === "refused:network") {
      const inUse = networksInUse(mesh.roster, overlayOf(mesh), publicKey);
      const problem = allowedIps.map((network) => deviceNetworkProblem(network, inUse)).find(Boolean);
      return new InvalidRequestError(`Cannot let packets of that network come from ${name}: ${problem}`, {
        hint: "Name the private network that stands behind the device, as in --allowed-ip 192.168.7.0/24.",
      });
    }
    return new InvalidRequestError(`Cannot add ${name}: ${ADMISSION_REFUSALS[why]}`, {
      ...why === "refused:other-identity" &&
        { hint: "A device has keys of its own; --wireguard makes them." },
    });
  }
}

/** @returns undefined where it can't be reached, as at port 0 */
function reachableEndpoint(text: string): Endpoint | undefined {
  const endpoint = Endpoint.parse(text);
  return endpoint?.port === 0 ? undefined : endpoint;
}

/** @throws InvalidRequestError when it is none, or means something else */
function requireName(name: string): string {
  if (!isNodeName(name)) {
    throw new InvalidRequestError(`Cannot add ${JSON.stringify(name)}: a name is one DNS label`, {
      hint: "Use lower-case letters, digits and hyphens, at most 63.",
    });
  }
  if (isReservedName(name)) {
    throw new InvalidRequestError(`Cannot add ${name}: the name is reserved`, {
      hint: `It means something else in the zone or to resolvers; host-${name} is free to use.`,
    });
  }
  return name;
}

/** How what people give is written. */
const FORMS: Readonly<Record<string, string>> = {
  "public key": "`wg pubkey` prints it, 44 characters with = at the end.",
  "preshared key": "`wg genpsk` prints it, 44 characters with = at the end.",
  endpoint: "Write 192.0.2.1:51820 or [2001:db8::1]:51820.",
  "allowed IP": "Write 192.168.7.0/24 or fd00:7::/64.",
};

/** @throws InvalidRequestError that does not repeat the text, which may be secret */
function parsed<T>(what: string, text: string, parse: (text: string) => T | undefined): T {
  const value = parse(text);
  if (value !== undefined) return value;
  throw new InvalidRequestError(`Cannot use that ${what}: it is malformed`, {
    hint: FORMS[what] ?? "It is written as `wg` shows it.",
  });
}

function optional<T>(
  what: string,
  text: string | undefined,
  parse: (text: string) => T | undefined,
): T | undefined {
  return text === undefined ? undefined : parsed(what, text, parse);
}
