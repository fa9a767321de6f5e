/**
 * What the control thread and a sealing worker say to each other, as plain data.
 * @module
 */

import type { CipherChoice } from "../../packet_plane.ts";
import type { Command } from "../worker_protocol.ts";
import type { SealingDrop } from "./sealing_engine.ts";

/** What a sealing worker begins with: no socket, no peers. */
export interface SealingSetup {
  readonly mtuBytes: number;
  readonly sessionLifeMs: number;
  readonly cipher: CipherChoice;
  readonly queueFd: number;
  readonly wakeFd: number;
  readonly firstWakeFd: number;
  readonly worker: number;
  readonly commands: SharedArrayBuffer;
  /** Of `sharedMemory`. */
  readonly shared: SharedArrayBuffer;
  readonly handover: SharedArrayBuffer;
  /** Of `receivingMemory`, and of `receiveHandoverMemory`. */
  readonly receiving: SharedArrayBuffer;
  readonly receiveHandover: SharedArrayBuffer;
  /** Whether the interface takes superpackets of UDP. */
  readonly joinsUdp: boolean;
  /** A 64-bit float for each of `SEALING_DROPS`. */
  readonly drops: SharedArrayBuffer;
}

/** Those commands of the first worker that concern the others too; no secret is among them. */
export type SealingCommand = Extract<
  Command,
  { kind: "update-peer" | "remove-peer" | "set-mtu" | "suspend" | "use-socket" | "stop" }
>;

/** What a sealing worker tells. */
export type SealingReport =
  | { readonly kind: "ready" }
  /** The socket is not used any more by this worker. */
  | { readonly kind: "socket-released"; readonly fd: number }
  | { readonly kind: "ended"; readonly end: "stopped" | "interface-gone" };

const INDIFFERENT: ReadonlySet<Command["kind"]> = new Set([
  "answer-proxy",
  "change-proxy",
  "send-probe",
  "change-probe-ids",
  "initiate",
]);

/** What is counted, in the order of the shared memory. */
export const SEALING_DROPS: readonly SealingDrop[] = [
  "malformed-packet",
  "handover-full",
  "no-route",
  "too-large",
  "socket-full",
  "send-failed",
  "malformed-datagram",
  "unknown-session",
  "expired-session",
  "replayed-datagram",
  "wrong-tag",
  "malformed-inner-packet",
  "source-not-allowed",
  "interface-full",
];

/** Whether sealing goes on as before whatever a command does. */
export function isIndifferent({ kind }: Command): boolean {
  return INDIFFERENT.has(kind);
}

/** @returns what the other workers are told of a command of the first one; undefined when it is none of their business */
export function sealingCommand(command: Command): SealingCommand | undefined {
  switch (command.kind) {
    case "update-peer": {
      const { publicKey, replaceAllowedIps, addAllowedIps, removeAllowedIps } = command.update;
      return {
        ...command,
        update: {
          publicKey,
          ...replaceAllowedIps !== undefined && { replaceAllowedIps },
          ...addAllowedIps !== undefined && { addAllowedIps },
          ...removeAllowedIps !== undefined && { removeAllowedIps },
        },
      };
    }
    case "remove-peer":
    case "set-mtu":
    case "suspend":
    case "use-socket":
    case "stop":
      return command;
    default:
      return undefined;
  }
}
