/**
 * What a plain WireGuard device is configured with to be in the network.
 * @module
 */

import type { StatusReport } from "../../api/mod.ts";

/** Most routers forget a flow after 30 s or more. */
const KEEPALIVE_SECONDS = 25;

/** A device that was let in. */
export interface AddedDevice {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** What is known of a device beside its addresses. */
export interface DeviceFacts {
  /** Whether the members know where it is; if not, only it can begin, and has to keep the way back open. */
  readonly hasEndpoint: boolean;
  /** Whether it shares a key with the node that let it in. */
  readonly hasPresharedKey: boolean;
  /** The device's private key in base64, when it was made here. */
  readonly privateKey?: string;
  /** The preshared key in base64, when it is to be shown. */
  readonly presharedKey?: string;
  /** Its resolver while it is connected. */
  readonly dns?: string;
  /** Networks that it is to reach through the node that let it in. */
  readonly allowed?: readonly string[];
}

/**
 * @param status of the node that let the device in
 * @returns a file as wg-quick(8) reads it, with the device's private key only if that was made here: this node and every other member is a
 * peer, because members do not pass on what is not theirs
 */
export function deviceConfig(device: AddedDevice, facts: DeviceFacts, status: StatusReport): string {
  const { node, peers } = status;
  const [endpoint] = node.endpoints;
  const here = { ...node, ...(endpoint === undefined ? {} : { endpoint }) };
  const members = peers.filter((peer) => !peer.roles.includes("wireguard"));
  const keepalive = facts.hasEndpoint ? [] : [`PersistentKeepalive = ${KEEPALIVE_SECONDS}`];
  const lines = [
    `# ${device.name} is ${device.addresses.join(", ")}. Its configuration, for wg-quick:`,
    "",
    "[Interface]",
    facts.privateKey === undefined
      ? "# PrivateKey = the device's own, which stays there"
      : `PrivateKey = ${facts.privateKey}`,
    `Address = ${device.addresses.map(alone).join(", ")}`,
    ...(facts.dns === undefined ? [] : [`DNS = ${facts.dns}`]),
    ...[here, ...members].flatMap((member) => [
      "",
      `# ${member.name}`,
      "[Peer]",
      `PublicKey = ${member.publicKey}`,
      ...(member === here ? presharedKeyLines(facts) : []),
      `AllowedIPs = ${
        [...member.addresses.map(alone), ...(member === here ? facts.allowed ?? [] : [])].join(", ")
      }`,
      ...(member.endpoint === undefined ? [] : [`Endpoint = ${member.endpoint}`, ...keepalive]),
    ]),
    "",
    facts.privateKey === undefined
      ? "# The same command prints the members again when there are more of them."
      : "# Nobody else has this private key, and it is not shown again.",
  ];
  return `${lines.join("\n")}\n`;
}

function presharedKeyLines({ hasPresharedKey, presharedKey }: DeviceFacts): string[] {
  if (!hasPresharedKey) return [];
  return [
    presharedKey === undefined ? "# PresharedKey = the one you gave" : `PresharedKey = ${presharedKey}`,
  ];
}

/** The prefix of one address. */
function alone(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}
