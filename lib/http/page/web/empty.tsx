/**
 * What stands in place of the map while a network has one machine.
 * @module
 */

import type { VNode } from "preact";
import type { LiveStore } from "./live_store.ts";
import { Command, Copied } from "./parts.tsx";

/** How to bring the next machine in. */
export function Empty({ store }: { readonly store: LiveStore }): VNode | null {
  const own = store.one("node");
  if (own === undefined) return null;
  const { node, network } = own;
  const isLeader = node.role === "leader";
  return (
    <section class="empty" aria-labelledby="empty-title">
      <div class="empty-picture" aria-hidden="true">
        <i />
        <i />
      </div>
      <h2 id="empty-title">{node.name} is alone in {network.cidr}</h2>
      <p>Bring the next machine in:</p>
      <ol>
        <li>
          {isLeader ? "Make a token on this machine" : "Make a token on a leader"}
          <Command text="weft token create" />
        </li>
        <li>
          On the other machine, join with it. It asks for the token, which then is in no history of a shell.
          <Command text="weft --join -" />
        </li>
        <li>
          It appears here by itself, and reaches this one at{" "}
          {node.addresses.map((address) => <Copied text={address} label="the address" key={address} />)}
        </li>
      </ol>
      <p class="quiet">
        Without root on the other machine, <code>weft --join - --rootless</code>{" "}
        brings its programs and services in.
      </p>
    </section>
  );
}
