/**
 * An honest leader and an honest member in the test's own process, for malicious members to try their tricks on.
 * @module
 */

import assert from "node:assert/strict";
import { OverlayBootstrap } from "../../../mod.ts";
import { createScratch, freePort, waitFor } from "../../lab/mod.ts";
import { MaliciousMember, type Target } from "./malicious_member.ts";

/** All of it ends with the test. */
export class HonestMesh implements AsyncDisposable {
  readonly lead: OverlayBootstrap;
  readonly web: OverlayBootstrap;
  readonly #resources: AsyncDisposableStack;
  readonly #targets: ReadonlyMap<OverlayBootstrap, Target>;

  private constructor(nodes: readonly [OverlayBootstrap, number][], resources: AsyncDisposableStack) {
    const [[lead], [web]] = nodes as [[OverlayBootstrap, number], [OverlayBootstrap, number]];
    this.lead = lead;
    this.web = web;
    this.#targets = new Map(nodes.map(([node, port]) => [
      node,
      { publicKey: node.publicKey(), endpoint: `127.0.0.1:${port}` },
    ]));
    this.#resources = resources;
  }

  static async create(label: string): Promise<HonestMesh> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await createScratch(label));
    const optionsOf = (name: string, port: number) => ({
      name,
      port,
      stateDir: `${path}/${name}`,
      rootless: true,
      discovery: false,
      endpoints: `127.0.0.1:${port}`,
    });
    const nodes: [OverlayBootstrap, number][] = [];
    for (const name of ["lead", "web"]) {
      const port = freePort();
      const [first] = nodes;
      const node = first === undefined
        ? await OverlayBootstrap.initLeader(optionsOf(name, port))
        : await OverlayBootstrap.join(first[0].joinToken(), optionsOf(name, port));
      resources.defer(() => node.stop());
      await node.start();
      nodes.push([node, port]);
    }
    return new HonestMesh(nodes, resources.move());
  }

  get nodes(): readonly OverlayBootstrap[] {
    return [this.lead, this.web];
  }

  target(node: OverlayBootstrap): Target {
    return this.#targets.get(node) ?? assert.fail();
  }

  /** Lets a malicious member in by an ordinary token. */
  async letIn(name: string, token: string = this.lead.joinToken()): Promise<MaliciousMember> {
    const member = await MaliciousMember.join(token, this.target(this.lead), name) ?? assert.fail("refused");
    this.#resources.use(member);
    return member;
  }

  /** What everybody believes of everybody: the same on both, once they agree. */
  async beliefs(): Promise<string> {
    const of = (node: OverlayBootstrap) => {
      const { node: self, peers } = node.control.status();
      const all = [
        { id: self.id, name: self.name, addresses: self.addresses, publicKey: self.publicKey },
        ...peers,
      ];
      return JSON.stringify(
        all.map(({ id, name, addresses, publicKey }) => ({ id, name, addresses, publicKey }))
          .toSorted((a, b) => a.publicKey < b.publicKey ? -1 : 1),
      );
    };
    await waitFor(() => of(this.lead) === of(this.web), 5_000, { what: "both believe the same" });
    return of(this.lead);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
