/**
 * Starting a node by the same command as the first time: what exists is resumed.
 * @module
 */

import type { AgentOptionsInput } from "../config/mod.ts";
import { AlreadyInitializedError, JoinToken } from "../mesh/mod.ts";
import { OverlayBootstrap, type OverlayPorts } from "./overlay_bootstrap.ts";

/**
 * Starts a network, or resumes the one that this node leads.
 * @throws AlreadyInitializedError when the node is a member of a network and leads none
 * @throws whatever `OverlayBootstrap.initLeader` and `load` do
 */
export async function leadOrResume(
  input: AgentOptionsInput,
  ports?: OverlayPorts,
): Promise<OverlayBootstrap> {
  try {
    return await OverlayBootstrap.initLeader(input, ports);
  } catch (error) {
    if (!(error instanceof AlreadyInitializedError)) throw error;
    return await resumed(input, ports, (node) => node.role === "leader");
  }
}

/**
 * Joins the network that `token` invites to, or resumes as its member, whatever has become of the token since.
 * @throws AlreadyInitializedError when the node belongs to another network
 * @throws whatever `OverlayBootstrap.join` and `load` do
 */
export async function joinOrResume(
  token: string,
  input: AgentOptionsInput,
  ports?: OverlayPorts,
): Promise<OverlayBootstrap> {
  try {
    return await OverlayBootstrap.join(token, input, ports);
  } catch (error) {
    if (!(error instanceof AlreadyInitializedError)) throw error;
    const invitation = JoinToken.parse(token);
    return await resumed(
      input,
      ports,
      (node) => invitation instanceof JoinToken && invitation.networkId === node.networkId,
    );
  }
}

async function resumed(
  input: AgentOptionsInput,
  ports: OverlayPorts | undefined,
  isMeant: (node: OverlayBootstrap) => boolean,
): Promise<OverlayBootstrap> {
  const node = await OverlayBootstrap.load(input, ports);
  if (isMeant(node)) return node;
  await node.stop();
  throw new AlreadyInitializedError();
}
