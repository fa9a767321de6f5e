/**
 * Which servers are meant, and what lets in there.
 * @module
 */

import { DataError } from "../errors.ts";

/** Servers of one cluster. */
export interface NatsServer {
  /** Each as `host:port`. */
  readonly servers: readonly string[];
  /** Whether they are to prove who they are. */
  readonly isEncrypted: boolean;
  /** How many of them keep a copy: as many as there are, up to three, unless given. */
  readonly replicas?: number;
}

/** What lets in. Never logged. */
export type NatsCredentials =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  /** The seed of a user's nkey, as `nsc` and `nk` write it. */
  | { readonly kind: "nkey"; readonly seed: Uint8Array }
  /** A file of `nsc`, with a JWT and a seed. */
  | { readonly kind: "file"; readonly bytes: Uint8Array };

/** By which a client proves to servers who it is, in PEM. Never logged. */
export interface ClientCertificate {
  /** With those of the authorities between, if there are any. */
  readonly certificate: string;
  readonly key: string;
}

const DEFAULT_PORT = 4222;
/** Of a user: 32 bytes with their kind and a checksum, in base32; alone, or between the lines that `nsc` puts around it. */
const SEED = /^SU[A-Z2-7]{56}$|(?<=^-+BEGIN USER NKEY SEED-+\s+)SU[A-Z2-7]{56}(?=\s+-+END USER NKEY SEED-+$)/;
const MAX_SERVERS = 16;

/**
 * Reads `nats://HOST[:PORT][,HOST[:PORT]…][?replicas=N]`, or the same with `tls`.
 * @throws DataError with code `Failed`
 */
export function parseNatsServer(text: string): NatsServer {
  const [, scheme, hosts, replicas] = /^(nats|tls):\/\/([^/?#]+)\/?(?:\?replicas=([1-5]))?$/.exec(text) ?? [];
  if (hosts === undefined) {
    throw new DataError("Failed", "Cannot read the address of the servers that keep collections", {
      hint: "It is nats://HOST:PORT, or tls://HOST:PORT, several hosts with commas between.",
    });
  }
  if (hosts.includes("@")) {
    throw new DataError("Failed", "Credentials can't stand in the address of the servers", {
      hint: "Everybody on this machine would see them: put them in a file, USER:PASSWORD or a token.",
    });
  }
  const servers = hosts.split(",").map((host) => {
    const [, name, port] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?$/.exec(host) ?? [];
    if (name === undefined || Number(port ?? DEFAULT_PORT) > 0xffff) {
      throw new DataError(
        "Failed",
        `Cannot read the address of a server: ${JSON.stringify(host.slice(0, 64))}`,
      );
    }
    return `${name}:${port ?? DEFAULT_PORT}`;
  });
  if (servers.length > MAX_SERVERS) {
    throw new DataError("Failed", `Collections are kept by at most ${MAX_SERVERS} servers`);
  }
  return {
    ...{ servers, isEncrypted: scheme === "tls" },
    ...replicas !== undefined && { replicas: Number(replicas) },
  };
}

/**
 * Reads a file of credentials: one of `nsc`, the seed of an nkey, a line `USER:PASSWORD`, or a token.
 * @throws DataError when it is empty
 */
export function parseNatsCredentials(bytes: Uint8Array): NatsCredentials {
  const text = new TextDecoder().decode(bytes).trim();
  if (text === "") {
    throw new DataError("Failed", "The file of credentials for the servers of the collections is empty");
  }
  if (text.includes("BEGIN NATS USER JWT")) return { kind: "file", bytes };
  const [seed] = SEED.exec(text) ?? [];
  if (seed !== undefined) return { kind: "nkey", seed: new TextEncoder().encode(seed.trim()) };
  const colon = text.indexOf(":");
  if (colon < 0) return { kind: "token", token: text };
  return { kind: "password", user: text.slice(0, colon), password: text.slice(colon + 1) };
}
