/**
 * The server of this host: which program runs, by which configuration, and by which secret it lets in.
 * @module
 */

import { encodeHex, equalBytes, randomBytes } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import { forgetServers, type JetStreamParts, type NatsServer, reasonOf } from "../../data/mod.ts";
import { openSealed } from "../../mesh/mod.ts";
import { freeTcpPort } from "../../transport/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { ServerStatus } from "./server_calls.ts";
import { CLIENT_PORT, CLIENT_USER, hostText, serverConfig, SYSTEM_USER } from "./server_config.ts";
import { passwordsOf, SECRET_BYTES, type ServersDecision } from "./server_entry.ts";
import { ServerProcess } from "./server_process.ts";
import { findServerProgram, markOf, type ServerProgram } from "./server_program.ts";

/** The servers that keep collections, and what lets in there. */
export type ServersAccess = Pick<JetStreamParts, "server" | "credentials" | "caFile" | "clientCertificate">;

/** What the node lends it. */
export interface HostServerParts extends AgentContext {
  /** Collections are kept by these servers from now on, or by none. */
  readonly share: (access: ServersAccess | undefined) => Promise<void>;
  /** Moves what this node has read of the servers into a folder; only while collections are kept by none. */
  readonly setCopyAside: (folder: string) => Promise<void>;
}

/** What a host is to run. */
export interface HostOrder extends Pick<ServersDecision, "hosts" | "program" | "keeps"> {
  /** The secret of the servers, for this host alone. */
  readonly sealed: Uint8Array;
  /** Where the other hosts are in the mesh. */
  readonly others: readonly string[];
}

/** Where what was decided, the secret and the server's name are kept for the next start. */
export const STORE = "data-servers";
/** Of what a server has in its name by chance. */
const NAME_BYTES = 4;
const encoder = new TextEncoder();

/** From the start of the agent to its end; told what to run, or nothing. */
export class HostServer {
  readonly #parts: HostServerParts;
  #process: ServerProcess | undefined;
  #config = "";
  #isShared = false;
  #server: NatsServer = { servers: [], isEncrypted: false };
  #password = "";
  #systemPassword = "";
  #loopbackPort = 0;
  /** Why this host can't run what it should. */
  #problem: string | undefined;
  #installed: ServerProgram | undefined;
  #isClosed = false;

  constructor(parts: HostServerParts) {
    this.#parts = parts;
  }

  /** Has the server run as is decided: what runs already as it should stays. */
  async follow({ hosts, program: named, sealed, others, keeps }: HostOrder): Promise<void> {
    if (keeps !== undefined) await this.#keepOnly(keeps);
    const secret = this.#secret(sealed);
    if (secret === undefined) {
      this.#problem = "the secret of the servers is not for this node's keys";
      return;
    }
    const { options, mesh } = this.#parts;
    const ownAddress = options.rootless ? undefined : mesh.record.addresses[0]?.toString();
    if (ownAddress === undefined && hosts.length > 1) {
      this.#problem = "a node without an interface can't be reached by other servers";
      return;
    }
    try {
      const program = await this.#program(named);
      this.#loopbackPort ||= ownAddress === undefined ? freeTcpPort() : 0;
      const clientPort = ownAddress === undefined ? this.#loopbackPort : CLIENT_PORT;
      const passwords = passwordsOf(secret);
      const folder = this.#folder;
      const text = serverConfig({
        ...{ serverName: this.#serverName(), network: mesh.network.id, address: ownAddress ?? "127.0.0.1" },
        ...{ clientPort, others, storeDir: folder, passwords, version: program.version },
      });
      await this.#run(program, text, folder, Object.values(passwords));
      this.#systemPassword = passwords.system;
      await this.#share([ownAddress ?? "127.0.0.1", ...others], clientPort, passwords.client);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : "it can't be started";
    }
  }

  /** This host runs none any more. */
  async leave(): Promise<void> {
    this.#problem = undefined;
    if (this.#isShared) await this.#parts.share(undefined);
    this.#isShared = false;
    const process = this.#process;
    this.#process = undefined;
    await process?.stop();
  }

  /**
   * This host runs none any more, and another one does in its place: what it keeps is a copy of the past, with which it
   * would be in the others' way if it ever was a host again. Harmless when repeated.
   */
  async retire(): Promise<void> {
    await this.leave();
    const { store, log } = this.#parts;
    // Who has none was never a host.
    if (store.get(STORE, "secret") === undefined) return;
    const aside = await this.#setAside();
    log.info("another member runs a server of collections in place of this one", { copy: aside });
  }

  /** What is called otherwise is put aside. */
  async #keepOnly(keeps: string): Promise<void> {
    const { store, log } = this.#parts;
    const stored = store.get(STORE, "keeps");
    if (stored !== undefined && new TextDecoder().decode(stored) === keeps) return;
    if (store.get(STORE, "secret") !== undefined) {
      await this.leave();
      const aside = await this.#setAside();
      log.info("the server of collections begins with nothing", { copy: aside });
    }
    store.put(STORE, "keeps", encoder.encode(keeps));
  }

  /** @returns the folder in which what was kept is then */
  async #setAside(): Promise<string> {
    const { store, setCopyAside } = this.#parts;
    let aside = `${this.#folder}-replaced`;
    for (let number = 2; await exists(aside); number++) aside = `${this.#folder}-replaced-${number}`;
    if (await exists(this.#folder)) {
      // With what was read of one log no other one can be gone on with.
      await setCopyAside(this.#folder);
      await Deno.rename(this.#folder, aside);
    }
    for (const key of ["keeps", "server", "secret"]) store.delete(STORE, key);
    return aside;
  }

  /**
   * Has the cluster forget servers whose hosts were replaced, if this host's leads it.
   * @param members all servers that belong to it, by their own names
   * @returns whether nothing is left to be done here
   */
  async forgetOthers(members: ReadonlySet<string>): Promise<boolean> {
    const [own] = this.#server.servers;
    if (own === undefined || this.#process?.state !== "running") return false;
    const { log } = this.#parts;
    try {
      const { count, isSettled } = await forgetServers({
        server: { servers: [own], isEncrypted: false },
        credentials: { kind: "password", user: SYSTEM_USER, password: this.#systemPassword },
      }, members);
      if (count > 0) {
        log.info("what a server kept that was replaced is copied to another one", { servers: count });
      }
      return isSettled;
    } catch (error) {
      log.debug("cannot ask which servers belong together", { reason: reasonOf(error) });
      return false;
    }
  }

  /** Ends the server, for good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#process?.stop();
  }

  /** @returns how the server of this host is, as its process says */
  status(): ServerStatus {
    const process = this.#process;
    const serverName = this.#serverName();
    if (process === undefined) {
      return { serverName, state: "failed", ...this.#problem !== undefined && { problem: this.#problem } };
    }
    const { program, state, restarts, reason } = process;
    const installed = this.#installed?.version;
    const problem = this.#problem ?? reason;
    return {
      ...{ serverName, state, version: program.version, sinceMs: process.sinceMs, restarts },
      ...installed !== undefined && installed !== program.version && { installed },
      ...problem !== undefined && state !== "running" && { problem },
    };
  }

  async #run(
    program: ServerProgram,
    config: string,
    folder: string,
    secrets: readonly string[],
  ): Promise<void> {
    const running = this.#process;
    // Another file in the program's place is run from the next start of the agent on: one host after the other.
    if (running !== undefined && this.#config === config && running.program.path === program.path) return;
    await running?.stop();
    this.#process = undefined;
    if (this.#isClosed) return;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const configPath = `${folder}/server.conf`;
    await Deno.remove(configPath).catch(() => {});
    await Deno.writeTextFile(configPath, config, { mode: 0o600, createNew: true });
    this.#config = config;
    this.#process = new ServerProcess({ program, configPath, secrets }, this.#parts);
  }

  async #share(addresses: readonly string[], port: number, password: string): Promise<void> {
    const servers = addresses.map((address, i) => `${hostText(address)}:${i === 0 ? port : CLIENT_PORT}`);
    this.#server = { servers, isEncrypted: false, replicas: addresses.length };
    this.#password = password;
    if (this.#isShared || this.#isClosed) return;
    this.#isShared = true;
    await this.#parts.share({
      server: () => this.#server,
      credentials: () => Promise.resolve({ kind: "password", user: CLIENT_USER, password: this.#password }),
    });
  }

  /** The one that is to be run; looked at again when another file is there. */
  async #program(named: string | undefined): Promise<ServerProgram> {
    const known = this.#installed;
    if (known !== undefined && markOf(known.path) === known.mark && (named ?? known.path) === known.path) {
      // A program that runs is asked for its version no more than it has to be.
      return this.#process === undefined ? known : this.#process.program;
    }
    this.#installed = await findServerProgram(named);
    return this.#process?.program.path === this.#installed.path ? this.#process.program : this.#installed;
  }

  /** Kept, so that it is there also when this node's keys are others. */
  #secret(sealed: Uint8Array): Uint8Array | undefined {
    const { mesh, store } = this.#parts;
    const digest = blake2s(sealed);
    const stored = store.get(STORE, "secret");
    if (
      stored?.length === digest.length + SECRET_BYTES && equalBytes(stored.subarray(0, digest.length), digest)
    ) {
      return stored.subarray(digest.length);
    }
    const secret = openSealed(mesh.identity.privateKey, secretLabel(mesh.network.id), sealed);
    if (secret?.length !== SECRET_BYTES) return undefined;
    const kept = new Uint8Array(digest.length + SECRET_BYTES);
    kept.set(digest);
    kept.set(secret, digest.length);
    store.put(STORE, "secret", kept);
    return secret;
  }

  get #folder(): string {
    const { options, mesh } = this.#parts;
    return `${options.stateDir}/nats-${mesh.network.id}`;
  }

  #serverName(): string {
    const { mesh, store, random } = this.#parts;
    const stored = store.get(STORE, "server");
    if (stored !== undefined) return new TextDecoder().decode(stored);
    // Others know its copies by it, whatever the member is called and whichever keys it has later; who was replaced
    // is somebody else when it is a host again.
    const name = `weft-${mesh.identity.id.slice(0, 16)}-${encodeHex(randomBytes(random, NAME_BYTES))}`;
    store.put(STORE, "server", encoder.encode(name));
    return name;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}

/** @returns under what the secret is sealed: a box of one network is nothing in another one */
export function secretLabel(networkId: string): string {
  return `${networkId} data-servers`;
}
