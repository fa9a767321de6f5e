/**
 * Nodes of the Mainline DHT on the loopback, of another implementation.
 * @module
 */

import { Client } from "bittorrent-dht";

/** A few nodes that know each other. Disposing it ends them. */
export class DhtNodes implements AsyncDisposable {
  readonly #clients: readonly Client[];

  private constructor(clients: readonly Client[]) {
    this.#clients = clients;
  }

  /** @param count at least 1; the others enter by the first */
  static async start(count: number): Promise<DhtNodes> {
    const first = await listen(false);
    const clients = [first];
    for (let i = 1; i < count; i++) clients.push(await listen([`127.0.0.1:${first.address().port}`]));
    return new DhtNodes(clients);
  }

  /** Where each listens, `127.0.0.1:PORT`. */
  get endpoints(): string[] {
    return this.#clients.map((client) => `127.0.0.1:${client.address().port}`);
  }

  /** Announces that somebody listens on a port of this host. @param infoHash 40 hexadecimal digits */
  async announce(infoHash: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#clients.at(-1)?.announce(infoHash, port, (error: unknown) => error ? reject(error) : resolve());
    });
  }

  /** @returns who was announced, as another program finds it */
  async lookup(infoHash: string): Promise<Set<string>> {
    const client = this.#clients[0];
    const found = new Set<string>();
    const keep = ({ host, port }: { host: string; port: number }): void => void found.add(`${host}:${port}`);
    client?.on("peer", keep);
    await new Promise<void>((resolve) => client?.lookup(infoHash, () => resolve()));
    client?.off("peer", keep);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#clients.map((client) => new Promise<void>((resolve) => client.destroy(() => resolve()))),
    );
  }
}

async function listen(bootstrap: false | string[]): Promise<Client> {
  const client = new Client({ bootstrap, host: false });
  await new Promise<void>((resolve) => client.listen(0, "127.0.0.1", () => resolve()));
  return client;
}
