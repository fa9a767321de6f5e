/**
 * What leaders do about servers of collections: they say which members run them, take that back, and keep it from expiring.
 * @module
 */

import { type Clock, encodeHex, randomBytes, type RandomSource } from "../../base/mod.ts";
import {
  MAX_ENTRY_LIFETIME_MS,
  type MemberRecord,
  type MeshState,
  NO_UPDATE,
  sealFor,
} from "../../mesh/mod.ts";
import type { DataServers } from "./data_servers.ts";
import { secretLabel } from "./host_server.ts";
import {
  encodeServers,
  FORMER_KEY,
  KEEPS_BYTES,
  SECRET_BYTES,
  SERVERS_KEY,
  SERVERS_KIND,
  type ServersDecision,
} from "./server_entry.ts";

/** What leaders' acts need. */
export interface ServerActParts {
  readonly mesh: MeshState;
  readonly servers: Pick<DataServers, "decision" | "former" | "look">;
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

  /**
   * Has members run servers with a new secret, which is sealed to each of them.
   * @param former those that have what these go on with; undefined to begin with nothing
   */
  start(hosts: readonly ChosenHost[], program: string | undefined, former?: ServersDecision): void {
    const { mesh, random } = this.#parts;
    const members = hosts.map(({ record: { name } }) => name).join(" ");
    mesh.leadership.audit?.append({ kind: "data-servers-started", detail: { members } });
    const keeps = former === undefined ? encodeHex(randomBytes(random, KEEPS_BYTES)) : former.keeps;
    this.#decide(hosts, program, keeps);
    this.#write(FORMER_KEY, undefined);
  }

  /** Has them run on other members: who was a host and is none any more knows nothing of what lets in afterwards. */
  replace(hosts: readonly ChosenHost[], program: string | undefined, lost: string, by: string): void {
    const { mesh, servers } = this.#parts;
    mesh.leadership.audit?.append({ kind: "data-server-replaced", detail: { lost, by } });
    this.#decide(hosts, program, servers.decision?.keeps);
  }

  /** Has them stopped. @param isKept whether who is to run them next is to know that they have something */
  stop(isKept: boolean): void {
    const { mesh, servers: { decision } } = this.#parts;
    mesh.leadership.audit?.append({ kind: "data-servers-stopped" });
    if (isKept && decision !== undefined) this.#write(FORMER_KEY, encodeServers(withoutSecret(decision)));
    this.#write(SERVERS_KEY, undefined);
  }

  /** Signs anew what is about to expire; on the elected leader. */
  lookAfter(): void {
    const { decision, former: { decision: former } } = this.#parts.servers;
    // Unless they are about to expire, that writes nothing.
    if (decision !== undefined) this.#write(SERVERS_KEY, encodeServers(decision));
    if (former !== undefined) this.#write(FORMER_KEY, encodeServers(former));
  }

  #decide(hosts: readonly ChosenHost[], program: string | undefined, keeps: string | undefined): void {
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
      ...keeps !== undefined && { keeps },
    });
    secret.fill(0);
    this.#write(SERVERS_KEY, body);
  }

  #write(key: string, body: Uint8Array | undefined): void {
    const { mesh: { network: { signingKey }, replica, replica: { entries } }, servers } = this.#parts;
    if (signingKey === undefined) return;
    const entry = { kind: SERVERS_KIND, key, body, lifetimeMs: MAX_ENTRY_LIFETIME_MS };
    const signed = entries.write(entries.networkOrigin(SERVERS_KIND, key), signingKey, entry);
    if (signed === undefined) return;
    replica.publish({ ...NO_UPDATE, entries: [signed] });
    void servers.look();
  }
}

function withoutSecret(decision: ServersDecision): ServersDecision {
  const hosts = decision.hosts.map((host) => ({ ...host, sealed: new Uint8Array(0) }));
  return { ...decision, hosts };
}
