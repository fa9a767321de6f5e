/**
 * The configuration of a member's nats-server.
 * @module
 */

import type { ServerPasswords } from "./server_entry.ts";

/** Where programs reach a server, at its member's address in the mesh. */
export const CLIENT_PORT = 24_222;
/** Where servers reach each other, at the same address. */
export const CLUSTER_PORT = 26_222;
/** Whom programs log in as. */
export const CLIENT_USER = "weft";

/** Who says who belongs to the cluster. */
export const SYSTEM_USER = "system";

const CLUSTER_USER = "server";
/**
 * Who has not answered two of these is gone: servers otherwise wait for up to 90 s until they connect to each other anew,
 * and what a partition has held up comes as late.
 */
const PING_INTERVAL = "4s";
/** The first version that can put on disk what it answers before it does. */
const SYNC_SINCE = [2, 10] as const;

/** What one server is to be. */
export interface ServerPlan {
  /** The server's own name, which stays for good: the others know its copies by it. */
  readonly serverName: string;
  /** Names the cluster. */
  readonly network: string;
  /** Of this host in the mesh, or of loopback where it is alone. */
  readonly address: string;
  readonly clientPort: number;
  /** Of the other members in the mesh. */
  readonly others: readonly string[];
  readonly storeDir: string;
  readonly passwords: ServerPasswords;
  /** As `nats-server --version` says it: `2.10.7`. */
  readonly version: string;
}

/** @returns the text of a file that its owner alone may read */
export function serverConfig(plan: ServerPlan): string {
  const { serverName, network, address, clientPort, others, storeDir, passwords, version } = plan;
  const host = hostText(address);
  const lines = [
    `server_name: ${quoted(serverName)}`,
    `listen: ${quoted(`${host}:${clientPort}`)}`,
    `authorization { users: [ ${userText(CLIENT_USER, passwords.client)} ] }`,
    "jetstream {",
    `  store_dir: ${quoted(storeDir)}`,
    ...isAtLeast(version, SYNC_SINCE) ? ["  sync_interval: always"] : [],
    "}",
  ];
  if (others.length > 0) {
    const login = `${CLUSTER_USER}:${passwords.cluster}`;
    lines.push(
      `ping_interval: "${PING_INTERVAL}"`,
      "ping_max: 2",
      `accounts { $SYS { users: [ ${userText(SYSTEM_USER, passwords.system)} ] } }`,
      "cluster {",
      `  name: ${quoted(`weft-${network}`)}`,
      `  listen: ${quoted(`${host}:${CLUSTER_PORT}`)}`,
      "  no_advertise: true",
      `  authorization { user: ${quoted(CLUSTER_USER)}, password: ${quoted(passwords.cluster)} }`,
      `  routes: [${
        others.map((other) => quoted(`nats-route://${login}@${hostText(other)}:${CLUSTER_PORT}`)).join(", ")
      }]`,
      "}",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** @returns an address as URLs have it */
export function hostText(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** @returns the version in what `nats-server --version` prints; undefined when that is none of it */
export function parseVersion(text: string): string | undefined {
  return /^nats-server: v(\d{1,4}\.\d{1,4}\.\d{1,6}(?:-[A-Za-z0-9.]{1,32})?)\s*$/.exec(text)?.[1];
}

/** Whether a version is one, or a later one. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function userText(user: string, password: string): string {
  return `{ user: ${quoted(user)}, password: ${quoted(password)} }`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
