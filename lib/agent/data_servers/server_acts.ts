/**
 * What leaders do about servers of collections: they say which members run them, take that back, and keep it from expiring.
 * @module
 */

import { type Clock, randomBytes, type RandomSource } from "../../base/mod.ts";
import {
  MAX_ENTRY_LIFETIME_MS,
  type MemberRecord,
  type MeshState,
  NO_UPDATE,
  sealFor,
} from "../../mesh/mod.ts";
import type { DataServers } from "./data_servers.ts";
import { secretLabel } from "./host_server.ts";
import { encodeServers, SECRET_BYTES, SERVERS_KEY, SERVERS_KIND } from "./server_entry.ts";

/** What leaders' acts need. */
export interface ServerActParts {
  readonly mesh: MeshState;
  readonly servers: Pick<DataServers, "decision" | "look">;
  readonly clock: Pick<Clock, "wall">;
  readonly random: RandomSource;
}

/** A member that is to run one, and whether it has been given what it needs for that. */
export interface ChosenHost {
  readonly record: MemberRecord;
  readonly isGranted: boolean;
}

/** Writes the entry, and tells everybody. */
export class ServerActs {
  readonly #parts: ServerActParts;

  constructor(parts: ServerActParts) {
    this.#parts = parts;
  }

  /** Has members run servers with a new secret, which is sealed to each of them. */
  start(hosts: readonly ChosenHost[], program: string | undefined): void {
    const members = hosts.map(({ record: { name } }) => name).join(" ");
    this.#parts.mesh.leadership.audit?.append({ kind: "data-servers-started", detail: { members } });
    this.#decide(hosts, program);
  }

  /** Has them run on other members: who was a host and is none any more knows nothing of what lets in afterwards. */
  replace(hosts: readonly ChosenHost[], program: string | undefined, lost: string, by: string): void {
    this.#parts.mesh.leadership.audit?.append({ kind: "data-server-replaced", detail: { lost, by } });
    this.#decide(hosts, program);
  }

  /** Has them stopped. */
  stop(): void {
    this.#parts.mesh.leadership.audit?.append({ kind: "data-servers-stopped" });
    this.#write(undefined);
  }

  /** Signs anew what is about to expire; on the elected leader. */
  lookAfter(): void {
    const { decision } = this.#parts.servers;
    // Unless it is about to expire, that writes nothing.
    if (decision !== undefined) this.#write(encodeServers(decision));
  }

  #decide(hosts: readonly ChosenHost[], program: string | undefined): void {
    const { mesh, clock, random } = this.#parts;
    const secret = randomBytes(random, SECRET_BYTES);
    const label = secretLabel(mesh.network.id);
    const body = encodeServers({
      hosts: hosts.map(({ record: { nodeId, publicKey }, isGranted }) => ({
        nodeId,
        sealed: sealFor(publicKey, label, secret, random),
        isGranted,
      })),
      ...program !== undefined && { program },
      decidedBy: mesh.identity.id,
      decidedAt: clock.wall(),
    });
    secret.fill(0);
    this.#write(body);
  }

  #write(body: Uint8Array | undefined): void {
    const { mesh: { network: { signingKey }, replica, replica: { entries } }, servers } = this.#parts;
    if (signingKey === undefined) return;
    const entry = { kind: SERVERS_KIND, key: SERVERS_KEY, body, lifetimeMs: MAX_ENTRY_LIFETIME_MS };
    const signed = entries.write(entries.networkOrigin(SERVERS_KIND, SERVERS_KEY), signingKey, entry);
    if (signed === undefined) return;
    replica.publish({ ...NO_UPDATE, entries: [signed] });
    void servers.look();
  }
}
