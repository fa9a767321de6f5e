/**
 * What a host must have before a node is made there: a network that is started, or joined, by a machine that cannot run as
 * its member would be one more that nobody wants.
 * @module
 */

import type { AgentOptions } from "../../config/mod.ts";
import { InterfaceExistsError, Netlink } from "../../host/mod.ts";
import type { Cidr } from "../../net/mod.ts";
import { listenTcp, openUdp } from "../../transport/mod.ts";
import { checkHostNetwork } from "../overlay/mod.ts";

/**
 * Checks that a node that does not exist yet can run here; what is opened for that is closed again.
 *
 * @throws NotPermittedError, NoTunDeviceError, RouteOverlapError, InterfaceExistsError, PortInUseError, SocketError
 */
export function checkNewNode(options: AgentOptions, cidrs: readonly Cidr[]): void {
  const { rootless, interfaceName, port } = options;
  checkHostNetwork(options, cidrs);
  listenTcp({ port }).close();
  if (rootless) return;
  openUdp({ port }).close();
  using netlink = Netlink.open();
  if (netlink.linkExists(interfaceName)) throw new InterfaceExistsError(interfaceName);
}
