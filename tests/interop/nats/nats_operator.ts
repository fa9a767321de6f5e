/**
 * Accounts of a nats-server by signed tokens, as `nsc` makes them (NATS ADR-14): an operator vouches for accounts, and an
 * account for its users.
 * @module
 */

import { nkeys } from "@nats-io/transport-node";

type KeyPair = ReturnType<typeof nkeys.createUser>;

const encoder = new TextEncoder();

/** An operator with an account that may use JetStream. */
export class NatsOperator {
  readonly #operator = nkeys.createOperator();
  readonly #system = nkeys.createAccount();
  readonly #account = nkeys.createAccount();

  /** @returns the lines of a server's configuration that trusts it */
  lines(): readonly string[] {
    const all = {
      subs: -1,
      data: -1,
      payload: -1,
      imports: -1,
      exports: -1,
      wildcards: true,
      conn: -1,
      leaf: -1,
    };
    const stores = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    const system = token(this.#operator, this.#system, { type: "account", limits: all });
    const account = token(this.#operator, this.#account, { type: "account", limits: { ...all, ...stores } });
    return [
      `operator: ${token(this.#operator, this.#operator, { type: "operator" })}`,
      `system_account: ${this.#system.getPublicKey()}`,
      "resolver: MEMORY",
      "resolver_preload {",
      `  ${this.#system.getPublicKey()}: ${system}`,
      `  ${this.#account.getPublicKey()}: ${account}`,
      "}",
    ];
  }

  /** @param lifetimeS how long they let in, in seconds; for good unless given @returns a user's file of credentials */
  credentials(lifetimeS?: number): Uint8Array {
    const user = nkeys.createUser();
    const claims = { type: "user", subs: -1, data: -1, payload: -1 };
    const until = lifetimeS === undefined ? undefined : Math.floor(Date.now() / 1000) + lifetimeS;
    const text = [
      ...["-----BEGIN NATS USER JWT-----", token(this.#account, user, claims, until)],
      ...["------END NATS USER JWT------", ""],
      ...["-----BEGIN USER NKEY SEED-----", new TextDecoder().decode(user.getSeed())],
      ...["------END USER NKEY SEED------", ""],
    ].join("\n");
    return encoder.encode(text);
  }
}

function token(issuer: KeyPair, subject: KeyPair, claims: object, until?: number): string {
  const [iss, sub] = [issuer.getPublicKey(), subject.getPublicKey()];
  const iat = Math.floor(Date.now() / 1000);
  const body = { jti: sub, iat, iss, sub, name: sub, ...until !== undefined && { exp: until } };
  const text = [{ typ: "JWT", alg: "ed25519-nkey" }, { ...body, nats: { version: 2, ...claims } }]
    .map((part) =>
      encoder.encode(JSON.stringify(part)).toBase64({ alphabet: "base64url", omitPadding: true })
    )
    .join(".");
  return `${text}.${
    issuer.sign(encoder.encode(text)).toBase64({ alphabet: "base64url", omitPadding: true })
  }`;
}
