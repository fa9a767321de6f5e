/**
 * The numbers and names that hold when nobody says otherwise.
 * @module
 */

import { Cidr, IpAddress } from "../net/mod.ts";

/** The port of both planes: UDP for datagrams, TCP for channels. */
export const DEFAULT_WG_PORT = 51820;

/** The port of the name server. */
export const DEFAULT_DNS_PORT = 15353;

/** The zone of the network's names; nobody else on the Internet may have it (ICANN resolution 2024.07.29.06). */
export const DEFAULT_DNS_ZONE = "weft.internal.";

/** Where neighbours call out, UDP. */
export const DEFAULT_DISCOVERY_PORT = 45678;

/** The network that a new leader makes: 65,534 addresses. */
export const DEFAULT_OVERLAY_CIDR: Cidr = Cidr.of(IpAddress.fromBytes(Uint8Array.of(10, 200, 0, 0)), 16);

/** The TUN interface. */
export const DEFAULT_INTERFACE_NAME = "weft0";

/** What fits through a path of 1500 bytes over IPv6: 1500 - 40 - 8 - 32 (WireGuard paper §5.4.6). */
export const DEFAULT_MTU_BYTES = 1420;

/** For how long a node may be away that only says that it is ephemeral. */
export const DEFAULT_EPHEMERAL_MS = 600_000;

/** The port of the status page. */
export const DEFAULT_STATUS_PORT = 9180;

/** Where the status page listens: nobody else's machine sees it. */
export const DEFAULT_STATUS_ADDRESS = "loopback" as const;

/** The state of an agent that the system runs. */
export const DEFAULT_STATE_DIR = "/var/lib/weft";

/** How much of the log is shown. */
export const DEFAULT_LOG_LEVEL = "info" as const;

/**
 * Where an agent keeps its state: the system's directory for root, the user's own for anybody else.
 * @param environment `XDG_STATE_HOME` and `HOME` are read (XDG Base Directory Specification §3)
 */
export function defaultStateDir(
  user: { readonly isRoot: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (user.isRoot) return DEFAULT_STATE_DIR;
  const { XDG_STATE_HOME, HOME } = environment;
  // §3: relative paths there are invalid and to be ignored.
  if (XDG_STATE_HOME?.startsWith("/")) return `${XDG_STATE_HOME}/weft`;
  return HOME?.startsWith("/") ? `${HOME}/.local/state/weft` : DEFAULT_STATE_DIR;
}
