/**
 * What the control thread says about overlay networks, as plain data.
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import type { PlaneBinding, PlaneNetwork, PlanePort, PlaneRemote } from "../../frames/mod.ts";
import type { FrameEngine } from "./frame_engine.ts";

/** A call of `FramePlane`; packets are in base64. */
export type FrameCommand =
  | { readonly call: "setOwnAddresses"; readonly addresses: readonly string[] }
  | { readonly call: "setNetwork"; readonly network: PlaneNetwork }
  | { readonly call: "removeNetwork"; readonly network: number }
  | { readonly call: "setPort"; readonly port: PlanePort }
  | { readonly call: "removePort"; readonly port: number }
  | { readonly call: "setRemote"; readonly remote: PlaneRemote }
  | { readonly call: "removeRemote"; readonly port: number }
  | { readonly call: "setBinding"; readonly binding: PlaneBinding }
  | { readonly call: "removeBinding"; readonly network: number; readonly mac: string }
  | { readonly call: "receiveFromChannel"; readonly nodeId: string; readonly packet: string };

/** Does what a command says. */
export function obeyFrameCommand(engine: FrameEngine, now: Millis, command: FrameCommand): void {
  switch (command.call) {
    case "setOwnAddresses":
      return engine.setOwnAddresses(command.addresses);
    case "setNetwork":
      return engine.setNetwork(command.network);
    case "removeNetwork":
      return engine.removeNetwork(command.network);
    case "setPort":
      return engine.setPort(command.port);
    case "removePort":
      return engine.removePort(command.port);
    case "setRemote":
      return engine.setRemote(command.remote);
    case "removeRemote":
      return engine.removeRemote(command.port);
    case "setBinding":
      return engine.setBinding(command.binding);
    case "removeBinding":
      return engine.removeBinding(command.network, command.mac);
    case "receiveFromChannel":
      return engine.receiveFromChannel(now, command.nodeId, Uint8Array.fromBase64(command.packet));
  }
}
