/**
 * Which zones the agents of this host serve, so that the one that the host's resolver asks knows whom to ask for the
 * others: a file each in a directory that only root writes. A resolv.conf knows no zones.
 *
 *     /run/weft/zones/PID-INTERFACE.json   a `ServedZone`, as JSON
 *
 * @module
 */

import { Endpoint } from "../../net/mod.ts";
import { isGone, ownIdentity, type ProcessIdentity } from "./process_identity.ts";

/** Where they stand. */
export const SERVED_ZONES_PATH = "/run/weft/zones";

/** What one is at most, in bytes, and how many are read. */
const MAX_BYTES = 8_192;
const MAX_ZONES = 64;

/** What an agent answers, and where. */
export interface ServedZone {
  /** With their final dots, the zone of names first. */
  readonly zones: readonly string[];
  readonly servers: readonly Endpoint[];
  readonly interfaceName: string;
}

interface KeptZone {
  readonly zones: readonly string[];
  readonly servers: readonly string[];
  readonly interfaceName: string;
  readonly writer: ProcessIdentity;
  readonly networkNamespace: string;
}

/** Lets the other agents of this host know. @returns what takes that back @throws the system's error */
export function publishServedZone(zone: ServedZone, directory: string = SERVED_ZONES_PATH): () => void {
  const path = `${directory}/${Deno.pid}-${zone.interfaceName}.json`;
  const kept: KeptZone = {
    zones: zone.zones,
    servers: zone.servers.map(String),
    interfaceName: zone.interfaceName,
    writer: ownIdentity(),
    networkNamespace: networkNamespace(),
  };
  Deno.mkdirSync(directory, { recursive: true, mode: 0o755 });
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify(kept), { mode: 0o644 });
  Deno.renameSync(`${path}.new`, path);
  return () => remove(path);
}

/** @returns what the other agents that run in this network namespace serve; nothing when that can't be read */
export function servedZones(directory: string = SERVED_ZONES_PATH): readonly ServedZone[] {
  const here = networkNamespace();
  return files(directory).slice(0, MAX_ZONES).flatMap((name) => {
    const path = `${directory}/${name}`;
    const kept = read(path);
    if (kept === undefined || kept.networkNamespace !== here || kept.writer.pid === Deno.pid) return [];
    const servers = kept.servers.flatMap((text) => Endpoint.parse(text) ?? []);
    if (isGone(kept.writer, servers[0]?.address)) {
      remove(path);
      return [];
    }
    return [{ zones: kept.zones, servers, interfaceName: kept.interfaceName }];
  });
}

function files(directory: string): readonly string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name.endsWith(".json"))
      .sort();
  } catch {
    return [];
  }
}

function read(path: string): KeptZone | undefined {
  try {
    if (Deno.statSync(path).size > MAX_BYTES) return undefined;
    const kept = JSON.parse(Deno.readTextFileSync(path));
    const isList = (value: unknown): boolean =>
      Array.isArray(value) && value.every((item) => typeof item === "string");
    return isList(kept.zones) && isList(kept.servers) && typeof kept.writer?.pid === "number"
      ? kept
      : undefined;
  } catch {
    return undefined;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Whoever reads it next tries again.
  }
}

/** Agents of another namespace have other interfaces, and another loopback. */
function networkNamespace(): string {
  try {
    return Deno.readLinkSync("/proc/self/ns/net");
  } catch {
    return "";
  }
}
